"""Plain text: no escape code from any file reaches the terminal."""

import os
import time
from pathlib import Path

import pytest

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.contracts.settings import SETTING_KEYS
from cq_tui.ops.render import format_setting, parse_assignments, setting_lines, setting_values, status_lines
from cq_tui.ops.status import read_status
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import write_document
from cq_tui.store.lock import ProcessLock
from cq_tui.store.settings_file import SettingsError, load_settings
from tests.supervisor.pretend import HEALTH

EVIL = "\x1b[31m[red]\r\n\x07\x9b2J\u202e\u2028"
CANARY = "CaNaRy"


def test_no_escape_code_of_a_health_file_or_setting_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in SETTING_KEYS:
        monkeypatch.delenv(key, raising=False)
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    settings = {"SIMULATOR_REPLAY": EVIL, "BINANCE_REST_URL": EVIL, EVIL: EVIL, "BINANCE_API_KEY": EVIL + CANARY}
    write_document(data.settings, settings)
    locks = [ProcessLock(data.lock_of(name), EVIL, EVIL) for name in (*SERVICES, "supervisor")]
    for name in SERVICES:
        fields = {"reason": EVIL, "merkle_root": EVIL, "status": "degraded", "last_update_ts": time.time()}
        write_document(data.health_of(name), HEALTH | {"service": name, "pid": os.getpid()} | fields)
    for lock in locks:
        lock.acquire()
    lines = status_lines(read_status(data)) + setting_lines(load_settings(data.settings))
    write_document(data.settings, settings | {"SYMBOLS": [EVIL]})
    lines += status_lines(read_status(data)) + setting_lines(load_settings(data.settings))
    for lock in locks:
        lock.release()
    assert [line for line in lines if not line.isprintable()] == []
    assert not [line for line in lines if CANARY in line]
    assert any("problem: " in line and "SYMBOLS is" in line for line in lines)


def test_a_problem_of_the_settings_is_told_once_although_every_service_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in SETTING_KEYS:
        monkeypatch.delenv(key, raising=False)
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    write_document(data.settings, {"SYMBOLS": 7})
    problem = read_status(data).loaded.problem
    assert problem is not None
    locks = [ProcessLock(data.lock_of(name), name) for name in SERVICES]
    for name in SERVICES:
        fields = {"reason": problem, "status": "degraded", "last_update_ts": time.time()}
        denied = f"Positions may only be closed (by kim; {problem}). Run `cq-tui resume`"
        blocked = {"blocked_by": [denied]} if name == "trader" else {}
        write_document(data.health_of(name), HEALTH | {"service": name, "pid": os.getpid()} | fields | blocked)
    for lock in locks:
        lock.acquire()
    lines = status_lines(read_status(data))
    for lock in locks:
        lock.release()
    assert [line for line in lines if problem in line] == [f"  settings: {problem}"]
    services = [line for line in lines if "process" not in line and line[2:].startswith(SERVICES)]
    assert len(services) == len(SERVICES)
    assert all("see the settings above" in line for line in services)
    assert any("(by kim; see the settings above). Run" in line for line in services)


def test_every_setting_is_listed_with_its_source(tmp_path: Path) -> None:
    path = tmp_path / "env.json"
    write_document(path, {"PAPER_MODE": True, "BINANCE_API_KEY": CANARY, "later": 1})
    loaded = load_settings(path, {"LOG_LEVEL": "ERROR"})
    lines = {line.split()[0]: line.split()[1:] for line in setting_lines(loaded)}
    assert set(lines) == {*SETTING_KEYS, "warning:"}
    assert " ".join(lines["warning:"]) == "unknown setting later does nothing"
    assert lines["PAPER_MODE"] == ["true", "file"]
    assert lines["LOG_LEVEL"] == ["ERROR", "environment"]
    assert lines["BINANCE_API_KEY"] == ["set", "file"]
    assert lines["BINANCE_API_SECRET"] == ["unset", "default"]
    assert setting_values(loaded)["SYMBOLS"]["source"] == "default"


def test_a_setting_nobody_knows_is_named_with_the_one_that_was_meant(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    write_document(data.settings, {"trading_state": "halted", "TRADER_MAX_POSITION": 3})
    status = read_status(data)
    said = ["unknown setting TRADER_MAX_POSITION: did you mean TRADER_MAX_POSITIONS?",
            "unknown setting trading_state: did you mean TRADING_STATE?"]  # fmt: skip
    assert status.to_json()["unknown_settings"] == said
    assert [line.strip() for line in status_lines(status) if "unknown setting" in line] == [
        f"settings: {each}" for each in said
    ]
    write_document(data.settings, {"BINANCE_API_KEY": f" {CANARY}"})
    status = read_status(data)
    assert status.to_json()["trimmed_settings"] == ["white space around the value of BINANCE_API_KEY"]
    assert "  settings: white space around the value of BINANCE_API_KEY was trimmed" in status_lines(status)
    write_document(data.settings, {f"{number:03}": 1 for number in range(100)})
    assert len([line for line in status_lines(read_status(data)) if "unknown setting" in line]) == 5


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), (None, "unset"), (1.5, "1.5"), (["A", "B"], "A,B"), ("x\x1b", "x␛")],
)
def test_values_are_shown_as_they_are_typed(value: object, text: str) -> None:
    assert format_setting(value) == text


def test_assignments_become_settings_and_secrets_stay_text() -> None:
    asked: list[str] = []

    def ask(key: str) -> str:
        asked.append(key)
        return "12345"

    pairs = ["PAPER_MODE=true", "TRADER_MAX_POSITIONS=5", "SYMBOLS=A,B", "LOG_LEVEL=debug", "BINANCE_API_KEY=123"]
    expected = {"PAPER_MODE": True, "TRADER_MAX_POSITIONS": 5, "SYMBOLS": "A,B", "LOG_LEVEL": "debug"}
    pairs += ["BINANCE_API_SECRET=-", "BINANCE_REST_URL=http://a/?b=c", "SIMULATOR_REPLAY="]
    expected |= {"BINANCE_API_KEY": "123", "BINANCE_API_SECRET": "12345", "BINANCE_REST_URL": "http://a/?b=c"}
    assert parse_assignments(pairs, ask) == expected | {"SIMULATOR_REPLAY": ""}
    assert asked == ["BINANCE_API_SECRET"]


@pytest.mark.parametrize("pair", ["PAPER_MODE", "", "=", "NOPE=1", f"{EVIL}=1", EVIL])
def test_invalid_assignments_are_named_without_escape_codes(pair: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_assignments([pair], lambda _: "")
    assert str(caught.value).isprintable()
