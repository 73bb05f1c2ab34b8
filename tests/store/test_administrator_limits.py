"""Limits of an administrator: settings only tighten them, and a file that cannot be used opens nothing."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.limits import AMOUNTS, LIMIT_KEYS, Stricter, stricter_value
from cq_tui.contracts.mode import effective_mode
from cq_tui.contracts.settings import SETTING_KEYS, Settings
from cq_tui.ops.settings import set_settings
from cq_tui.store import administrator_limits
from cq_tui.store.administrator_limits import LIMITS_VARIABLE, read_limits
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import read_json, write_document
from cq_tui.store.settings_file import SettingsError
from cq_tui.store.settings_in_force import SettingsInForce
from cq_tui.trading.limits.table import LIMITS

LIMITED = """
TRADER_MAX_POSITIONS = 3
TRADER_ORDER_COOLDOWN = 5
DISABLE_ORDER_GUARDRAILS = false
"""
LOOSE: dict[str, Any] = {"TRADER_MAX_POSITIONS": 10, "TRADER_ORDER_COOLDOWN": 0.5, "DISABLE_ORDER_GUARDRAILS": True}


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    return data


@pytest.fixture
def limits(tmp_path: Path) -> Path:
    return tmp_path / "limits.toml"


def named(limits: Path, **more: str) -> dict[str, str]:
    return {LIMITS_VARIABLE: str(limits), **more}


CASES: list[tuple[str, Any, Any, Any]] = [
    ("TRADER_MAX_POSITIONS", 10, 3, 3),
    ("TRADER_MAX_POSITIONS", 2, 3, 2),
    ("TRADER_ORDER_COOLDOWN", 1.0, 5.0, 5.0),
    ("TRADER_ORDER_COOLDOWN", 9.0, 5.0, 9.0),
    ("LIVE_TRADING_ENABLED", True, False, False),
    ("LIVE_TRADING_ENABLED", False, True, False),
    ("TRADER_MAX_POSITIONS", None, 3, 3),
    ("TRADER_MAX_POSITIONS", 10, None, 10),
    ("TRADER_QUOTE", "BTC", "USDT", "USDT"),
]


@pytest.mark.parametrize(("key", "wanted", "limit", "held"), CASES)
def test_the_stricter_one_holds(key: str, wanted: Any, limit: Any, held: Any) -> None:
    assert stricter_value(key, wanted, limit) == held


def test_every_setting_of_a_limit_on_entries_can_be_limited() -> None:
    assert {key for limit in LIMITS for key in limit.settings} <= LIMIT_KEYS.keys()
    assert LIMIT_KEYS.keys() <= set(SETTING_KEYS)
    assert {LIMIT_KEYS[key] for key in AMOUNTS} == {Stricter.LOWER}


@pytest.mark.parametrize("by", ["file", "environment"])
def test_settings_only_tighten(data: DataDir, limits: Path, by: str) -> None:
    limits.write_text(LIMITED)
    held = {key: str(value).lower() for key, value in LOOSE.items()} if by == "environment" else {}
    write_document(data.settings, LOOSE if by == "file" else {})
    loaded = SettingsInForce(data, named(limits, **held)).load()
    found = loaded.settings
    assert (found.TRADER_MAX_POSITIONS, found.TRADER_ORDER_COOLDOWN, found.DISABLE_ORDER_GUARDRAILS) == (3, 5.0, False)
    assert {loaded.sources[key] for key in LOOSE} == {"limits"}
    assert (loaded.problem, found.TRADING_STATE) == (None, "active")
    write_document(data.settings, {"TRADER_MAX_POSITIONS": 2, "TRADER_ORDER_COOLDOWN": 9.0})
    loaded = SettingsInForce(data, named(limits)).load()
    assert (loaded.settings.TRADER_MAX_POSITIONS, loaded.settings.TRADER_ORDER_COOLDOWN) == (2, 9.0)
    assert loaded.sources["TRADER_MAX_POSITIONS"] == "file"


def test_defaults_are_within_the_limits_too(data: DataDir, limits: Path) -> None:
    limits.write_text("TRADER_MAX_POSITIONS = 1")
    assert SettingsInForce(data, named(limits)).load().settings.TRADER_MAX_POSITIONS == 1
    assert SettingsInForce(data, {}).load().settings == Settings()


@pytest.mark.parametrize(
    ("limit", "mode", "held"),
    [(0.5, "simulation", None), (1.5, "simulation", 1.5), (1.5, "paper", None), (3, "paper", 3)],
)
def test_a_limit_that_holds_unset_is_not_loosened(
    data: DataDir, limits: Path, limit: float, mode: str, held: float | None
) -> None:
    limits.write_text(f"TRADER_MIN_TARGET_COSTS = {limit}")
    write_document(data.settings, {"SIMULATION_MODE": mode == "simulation", "PAPER_MODE": True})
    assert held == SettingsInForce(data, named(limits)).load().settings.TRADER_MIN_TARGET_COSTS


def test_the_share_at_risk_is_limited_unless_it_is_off(data: DataDir, limits: Path) -> None:
    for limit, wanted, held in ((0.01, 0.0, 0.01), (0.01, 0.05, 0.01), (0.01, 0.005, 0.005), (0.0, 0.05, 0.05)):
        limits.write_text(f"TRADER_RISK_FRACTION = {limit}")
        write_document(data.settings, {"TRADER_RISK_FRACTION": wanted})
        assert held == SettingsInForce(data, named(limits)).load().settings.TRADER_RISK_FRACTION


def test_they_are_read_again_when_they_change(data: DataDir, limits: Path) -> None:
    limits.write_text("TRADER_MAX_POSITIONS = 3")
    services = SettingsInForce(data, named(limits), writes=True)
    assert services.load().settings.TRADER_MAX_POSITIONS == 3
    write_document(data.settings, {"TRADER_QUOTE": "USDT"})
    services.load()
    assert services.load() is services.load(), "what has not changed is not read again"
    limits.write_text("TRADER_MAX_POSITIONS = 20000")
    loaded = services.load()
    assert "TRADER_MAX_POSITIONS is 20000" in (loaded.problem or "")
    assert (loaded.settings.TRADER_MAX_POSITIONS, loaded.settings.TRADING_STATE) == (3, "reducing")
    limits.write_text("TRADER_MAX_POSITIONS = 4\n")
    loaded = services.load()
    assert (loaded.problem, loaded.settings.TRADER_MAX_POSITIONS, loaded.settings.TRADING_STATE) == (None, 4, "active")
    assert read_json(data.settings_in_force)["in_file"] == {"TRADER_QUOTE": "USDT"}, "what the file says is kept"


@pytest.mark.parametrize(
    "wrong", ['TRADER_MAX_ORDERS_DAY = "many"', "TRADER_MAX_ORDERS_DAY = nan", "TRADER_MAX_ORDER_DAY = 7"]
)
def test_a_wrong_limit_voids_no_other(limits: Path, wrong: str) -> None:
    limits.write_bytes(f"\ufeffTRADER_MAX_POSITIONS = 3\r\n{wrong}\r\n".encode())
    found = read_limits(named(limits), {str(limits): {"TRADER_MAX_ORDERS_DAY": 9, "TRADER_MAX_POSITIONS": 8}})
    assert wrong.split()[0] in (found.problem or "")
    assert {key: limit.value for key, limit in found.limits.items()} == {
        "TRADER_MAX_ORDERS_DAY": 9, "TRADER_MAX_POSITIONS": 3,
    }, "what it said last of the wrong one"  # fmt: skip


def test_both_files_count(tmp_path: Path, limits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = tmp_path / "system.toml"
    monkeypatch.setattr(administrator_limits, "SYSTEM_LIMITS", system)
    limits.write_text("TRADER_MAX_POSITIONS = 3\nTRADER_ORDER_COOLDOWN = 2")
    assert read_limits(named(limits)).problem is None, "there need not be one for the system"
    system.write_text("TRADER_MAX_POSITIONS = 4\nTRADER_ORDER_COOLDOWN = 5")
    found = read_limits(named(limits)).limits
    assert {key: (limit.value, limit.path) for key, limit in found.items()} == {
        "TRADER_MAX_POSITIONS": (3, limits),
        "TRADER_ORDER_COOLDOWN": (5.0, system),
    }
    system.write_text("nonsense")
    found_now = read_limits(named(limits), {str(system): {"TRADER_MAX_POSITIONS": 1}, "elsewhere": {"SYMBOLS": 1}})
    assert str(system) in (found_now.problem or "")
    assert {key: limit.value for key, limit in found_now.limits.items()} == {
        "TRADER_MAX_POSITIONS": 1, "TRADER_ORDER_COOLDOWN": 2.0,
    }, "what the other one says holds, and of this one what it said last"  # fmt: skip


def _write(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content)

    return write


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _gone(path: Path) -> None:
    path.unlink()


SPOILT: dict[str, tuple[Callable[[Path], None], str]] = {
    "no TOML": (_write(b"TRADER_MAX_POSITIONS: 3"), "not valid TOML"),
    "no UTF-8": (_write(b"\xff"), "not valid TOML"),
    "deep": (_write(b"a=" + b"[" * 30_000), "not valid TOML"),
    "too large": (_write(b"#" * 70_000), "the limit is"),
    "empty": (_write(b""), "is empty"),
    "unknown": (_write(b"SYMBOLS = ['BTCUSDT']"), "'SYMBOLS' is no limit. It may have ARES_FRESHNESS"),
    "wrong value": (_write(b"TRADER_MAX_EXPOSURE = 2.0"), "TRADER_MAX_EXPOSURE is 2.0: Input should be less"),
    "no number": (_write(b"TRADER_MAX_EXPOSURE = nan"), "TRADER_MAX_EXPOSURE is nan"),
    "no unit": (_write(b"TRADER_ORDER_QUOTE = 50"), "TRADER_ORDER_QUOTE is an amount of TRADER_QUOTE. Add it"),
    "folder": (_replace_by_folder, "is not a regular file"),
    "gone": (_gone, "is gone, which CQ_LIMITS_FILE names"),
}  # fmt: skip


@pytest.mark.parametrize("kind", SPOILT)
def test_a_file_that_cannot_be_used_opens_nothing_and_leads_nowhere(data: DataDir, limits: Path, kind: str) -> None:
    spoil, why = SPOILT[kind]
    write_document(data.settings, {"TRADER_MAX_POSITIONS": 10})
    limits.write_text("TRADER_MAX_POSITIONS = 3")
    running = SettingsInForce(data, named(limits), writes=True)
    running.load()
    spoil(limits)
    loaded = running.load()
    assert (loaded.settings.TRADING_STATE, loaded.settings.TRADER_MAX_POSITIONS) == ("reducing", 3)
    problem = loaded.problem or ""
    assert str(limits) in problem
    assert why in problem
    assert "the services stay in simulation, reducing" in problem
    write_document(data.settings, {"SIMULATION_MODE": False, "PAPER_MODE": True, "TRADER_MAX_POSITIONS": 10})
    restarted = SettingsInForce(data, named(limits), writes=True)
    for each in (running, restarted, SettingsInForce(data, named(limits))):
        assert effective_mode(each.load().settings).mode == "simulation", "what is allowed there is not known"
        assert (each.load().settings.TRADING_STATE, each.load().settings.TRADER_MAX_POSITIONS) == ("reducing", 3)
    assert data.settings_in_force.stat().st_mode & 0o777 == 0o600


def test_a_system_file_that_vanished_still_holds_and_a_comment_ends_it(
    data: DataDir, limits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(administrator_limits, "SYSTEM_LIMITS", limits)
    write_document(data.settings, {"TRADER_MAX_POSITIONS": 10})
    running = SettingsInForce(data, {}, writes=True)
    assert running.load().settings.TRADER_MAX_POSITIONS == 10, "there need not be one"
    limits.write_text("TRADER_MAX_POSITIONS = 3")
    assert running.load().settings.TRADER_MAX_POSITIONS == 3
    limits.unlink()
    for each in (running, SettingsInForce(data, {}, writes=True), SettingsInForce(data, {})):
        loaded = each.load()
        assert (loaded.settings.TRADING_STATE, loaded.settings.TRADER_MAX_POSITIONS) == ("reducing", 3)
        assert f"{limits} is gone, which had limits. Restore it; a file with only a comment" in (loaded.problem or "")
    limits.write_text("# no limits from 1 December on")
    for each in (running, SettingsInForce(data, {})):
        assert (each.load().problem, each.load().settings.TRADER_MAX_POSITIONS) == (None, 10)
    limits.unlink()
    for each in (running, SettingsInForce(data, {}, writes=True)):
        assert (each.load().problem, each.load().settings.TRADING_STATE) == (None, "active")


def test_processes_with_other_environments_keep_each_other_s_limits(data: DataDir, limits: Path) -> None:
    limits.write_text("TRADER_MAX_POSITIONS = 3")
    services, other = SettingsInForce(data, named(limits), writes=True), SettingsInForce(data, {}, writes=True)
    for each in (services, other, services, other):
        each.load()
    written = data.settings_in_force.stat().st_mtime_ns
    for each in (services, other):
        each.load()
    assert data.settings_in_force.stat().st_mtime_ns == written, "they do not write in turns"
    assert other.load().settings.TRADER_MAX_POSITIONS != 3
    limits.unlink()
    assert SettingsInForce(data, named(limits)).load().settings.TRADER_MAX_POSITIONS == 3


@pytest.mark.parametrize("kept", [{"TRADER_MAX_POSITIONS": "many"}, {"OF_ANOTHER_VERSION": 1}, {}])
def test_what_was_kept_and_makes_no_sense_opens_nothing_all_the_same(
    data: DataDir, limits: Path, kept: dict[str, Any]
) -> None:
    SettingsInForce(data, {}, writes=True).load()
    write_document(data.settings_in_force, read_json(data.settings_in_force) | {"limits": {str(limits): kept}})
    loaded = SettingsInForce(data, named(limits), writes=True).load()
    assert loaded.settings.TRADING_STATE == "reducing"
    assert "is gone" in (loaded.problem or "")


def test_amounts_keep_their_unit(data: DataDir, limits: Path) -> None:
    limits.write_text('TRADER_ORDER_QUOTE = 50\nTRADER_QUOTE = "USDT"')
    write_document(data.settings, {"TRADER_ORDER_QUOTE": 70.0, "TRADER_QUOTE": "BTC"})
    loaded = SettingsInForce(data, named(limits)).load()
    assert (loaded.settings.TRADER_ORDER_QUOTE, loaded.settings.TRADER_QUOTE) == (50.0, "USDT")


def test_a_looser_value_is_refused_by_name(data: DataDir, limits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits.write_text(LIMITED)
    monkeypatch.setenv(LIMITS_VARIABLE, str(limits))
    for key, value in LOOSE.items():
        with pytest.raises(SettingsError, match=f"{key} = .* is looser than the limit .* in {limits}"):
            set_settings(data, {"LOG_LEVEL": "DEBUG", key: value}, "cli")
    assert not data.settings.exists()
    set_settings(data, {"TRADER_MAX_POSITIONS": 3, "TRADER_ORDER_COOLDOWN": 5}, "cli")
    set_settings(data, {"TRADER_MAX_POSITIONS": 1}, "room")


# Whose file it is


#: Tells another user what holds for him.
OTHER = """
import os
import sys
from pathlib import Path
from cq_tui.contracts.layout import DataDir
from cq_tui.store.settings_in_force import SettingsInForce
SettingsInForce(DataDir(Path("/nowhere")), {"CQ_LIMITS_FILE": sys.argv[2]}).load()
os.setgroups([])
os.setgid(65534)
os.setuid(65534)

loaded = SettingsInForce(DataDir(Path(sys.argv[1])), {"CQ_LIMITS_FILE": sys.argv[2]}).load()
print(loaded.settings.TRADER_MAX_POSITIONS, loaded.settings.TRADING_STATE, len(loaded.weak_limits), loaded.problem)
"""


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everybody can reach, and only we can write."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def told_another_user(root: Path, limits: Path) -> str:
    return subprocess.run(
        [sys.executable, "-c", OTHER, str(root), str(limits)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
    ).stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_for_another_user_they_hold_and_what_he_can_change_is_named(shared: Path) -> None:
    root, limits = shared / "data", shared / "limits.toml"
    prepare_data_directory(DataDir(root))
    write_document(DataDir(root).settings, {"TRADER_MAX_POSITIONS": 10})
    for path in [root, *root.rglob("*")]:
        os.chown(path, 65534, 65534)
    limits.write_text("TRADER_MAX_POSITIONS = 3")
    limits.chmod(0o644)
    assert told_another_user(root, limits) == "3 active 0 None\n"
    limits.chmod(0o646)
    assert told_another_user(root, limits) == "3 active 1 None\n", "he can write it"
    limits.chmod(0o644)
    shared.chmod(0o757)
    assert told_another_user(root, limits) == "3 active 1 None\n", "he can replace it"
    shared.chmod(0o1757)
    assert told_another_user(root, limits) == "3 active 0 None\n", "where the sticky bit keeps others' files, he cannot"
    os.chown(limits, 65534, 65534)
    assert told_another_user(root, limits) == "3 active 1 None\n", "it is his own"
    os.chown(limits, 0, 0)
    shared.chmod(0o755)
    limits.chmod(0o600)
    told = told_another_user(root, limits)
    assert told.startswith("10 reducing 0 "), "nobody opens what may be forbidden"
    assert f"{limits}: cannot be read (Permission denied)" in told


def test_one_s_own_file_holds_and_is_named_as_no_defense(data: DataDir, limits: Path) -> None:
    limits.write_text("TRADER_MAX_POSITIONS = 3")
    loaded = SettingsInForce(data, named(limits)).load()
    assert loaded.settings.TRADER_MAX_POSITIONS == 3
    (weak,) = loaded.weak_limits
    assert f"{limits} belongs to " in weak
