"""The settings in force: the last good ones hold over restarts, on the same account, and open nothing."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from cq_tui.contracts.in_force import Identified
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import ACCOUNT_KEYS, effective_mode
from cq_tui.contracts.settings import SECRET_KEYS, Settings
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import read_json, write_document
from cq_tui.store.settings_file import LoadedSettings, SettingsError, locked_settings
from cq_tui.store.settings_in_force import SettingsInForce, digest_of, read_in_force

CANARY = "canary-55ab"
KEYS = dict.fromkeys(sorted(SECRET_KEYS), CANARY)
TESTNET: dict[str, Any] = {"SIMULATION_MODE": False, "TRADER_ORDER_QUOTE": 70.0, **KEYS}
GOOD_URL = "https://testnet.example"
LIVE = TESTNET | {"BINANCE_USE_TESTNET": False, "TRADING_MODE": "live", "LIVE_TRADING_ENABLED": True}

ACCOUNT: dict[str, Any] = {
    "timestamp": 1.0, "equity": 1.0, "available_balance": 1.0,
    "positions": {"A": {"symbol": "A", "size": 2.0, "entry_price": 3.5, "unrealized_pnl": 0.0, "opened_ts": 1.0}},
    "orders": [
        {"client_order_id": "c", "symbol": "B", "side": "SELL", "order_type": "LIMIT", "leg": "stop", "size": 1.0,
         "status": "new"},
    ],
}  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    return data


def service(data: DataDir, environment: Mapping[str, str] | None = None, fault: str | None = None) -> SettingsInForce:
    """What a service reads that starts now; ``fault`` is that of every address but the good one."""
    faults = {GOOD_URL: None}
    return SettingsInForce(
        data, environment or {}, writes=True, fault=lambda asked: faults.get(str(asked.BINANCE_REST_URL), fault)
    )


def summary(loaded: LoadedSettings) -> tuple[str, str]:
    return effective_mode(loaded.settings).mode, loaded.settings.TRADING_STATE


def _unlink(path: Path) -> None:
    path.unlink()


def _folder(path: Path) -> None:
    path.unlink()
    (path / "inside").mkdir(parents=True)


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _foreign(path: Path) -> None:
    os.chown(path, 54_321, 54_321)


def _content(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content)

    return write


SPOILT: dict[str, Callable[[Path], None]] = {
    "a comma too many": _content(b'{"SIMULATION_MODE": true,\n "PAPER_MODE": false,\n}'),
    "no object": _content(b"[]"),
    "zero bytes": _content(b"\x00" * 100),
    "empty": _content(b""),
    "no UTF-8": _content(b'{"LOG_LEVEL": "\xff"}'),
    "gone": _unlink,
    "folder": _folder,
    "loop": _loop,
    "dangling": _dangling,
    "pipe": _pipe,
    "foreign": _foreign,
}


@pytest.mark.parametrize("kind", SPOILT)
@pytest.mark.parametrize("good", [TESTNET, LIVE], ids=["testnet", "live"])
def test_every_file_that_cannot_be_used_leaves_all_where_they_are(
    data: DataDir, kind: str, good: dict[str, Any]
) -> None:
    if kind == "foreign" and os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    write_document(data.settings, good)
    running = service(data)
    before = running.load()
    assert summary(before)[1] == "active"
    SPOILT[kind](data.settings)
    for loaded in (running.load(), service(data).load(), SettingsInForce(data, {}).load()):
        stays = before.settings.model_copy(update={"TRADING_STATE": "reducing"})
        assert loaded.settings == stays, "the same account with the same keys; nothing is opened"
        assert loaded.problem is not None
        assert "ssot/env.json" in loaded.problem
        assert "the last good settings hold" in loaded.problem
        assert CANARY not in loaded.problem + repr(loaded)
    assert read_json(data.settings_in_force)["in_file"] == good


@pytest.mark.parametrize("wrong", [b'"SIMULATION_MODE": true, "SIMULATION_MODE": false', b'"SIMULATION_MODE": []'])
@pytest.mark.parametrize("good", [TESTNET, LIVE], ids=["testnet", "live"])
def test_beside_a_wrong_account_the_other_settings_are_in_effect_and_the_account_stays(
    data: DataDir, wrong: bytes, good: dict[str, Any]
) -> None:
    write_document(data.settings, good)
    running = service(data)
    before = running.load()
    data.settings.write_bytes(b'{"LOG_LEVEL": "ERROR", "BINANCE_API_KEY": "another", ' + wrong + b"}")
    for loaded in (running.load(), service(data).load(), SettingsInForce(data, {}).load()):
        assert loaded.settings.LOG_LEVEL == "ERROR"
        assert summary(loaded) == (summary(before)[0], "reducing")
        for key in ACCOUNT_KEYS:
            assert getattr(loaded.settings, key) == getattr(before.settings, key), "the same account with the same keys"
        assert "SIMULATION_MODE" in (loaded.problem or "")
        assert "their last good values hold" in (loaded.problem or "")
        assert CANARY not in (loaded.problem or "") + repr(loaded)


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder of a user who may not read everything, and this process as that user."""
    user = os.geteuid() or 65_534
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.chown(folder, user, -1)
        os.seteuid(user)
        try:
            yield Path(folder)
        finally:
            os.seteuid(os.getuid())


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_may_not_be_read_leaves_all_where_they_are(unprivileged: Path, what: str) -> None:
    data = DataDir(unprivileged / "data")
    prepare_data_directory(data)
    write_document(data.settings, TESTNET)
    service(data).load()
    closed = data.settings if what == "file" else data.settings.parent
    closed.chmod(0)
    try:
        prepare_data_directory(data)
        loaded = service(data).load()
    finally:
        closed.chmod(0o700)
    assert (summary(loaded), loaded.settings.has_keys) == (("testnet", "reducing"), True)
    assert "env.json: cannot be read (Permission denied)" in (loaded.problem or "")


def test_a_file_that_is_right_again_holds_at_once(data: DataDir) -> None:
    write_document(data.settings, TESTNET)
    running = service(data)
    running.load()
    data.settings.unlink()
    assert running.load().problem
    write_document(data.settings, TESTNET | {"TRADER_ORDER_QUOTE": 80.0})
    loaded = running.load()
    assert (loaded.problem, loaded.settings.TRADER_ORDER_QUOTE, *summary(loaded)) == (None, 80.0, "testnet", "active")
    data.settings.unlink()
    assert service(data).load().settings.TRADER_ORDER_QUOTE == 80.0


def test_defaults_hold_where_there_was_no_file_and_after_braces(data: DataDir) -> None:
    for _ in range(2):
        loaded = service(data).load()
        assert (loaded.settings, loaded.problem) == (Settings(), None)
    write_document(data.settings, TESTNET)
    assert summary(service(data).load())[0] == "testnet"
    data.settings.unlink()
    problem = service(data).load().problem
    assert problem is not None
    assert "write {} for the defaults" in problem
    data.settings.write_text("{}")
    loaded = service(data).load()
    assert (loaded.settings, loaded.problem) == (Settings(), None)
    data.settings.unlink()
    assert "is gone" in (service(data).load().problem or ""), "there was one, if an empty one"


def test_the_record_is_private_and_written_only_by_who_acts(data: DataDir) -> None:
    write_document(data.settings, TESTNET)
    SettingsInForce(data, {}).load()
    assert not data.settings_in_force.exists()
    service(data).load()
    assert data.settings_in_force.stat().st_mode & 0o777 == 0o600


def test_a_new_directory_with_a_broken_file_has_defaults_that_open_nothing(data: DataDir) -> None:
    data.settings.write_text("{")
    loaded = service(data).load()
    assert summary(loaded) == ("simulation", "reducing")
    assert "the defaults hold" in (loaded.problem or "")
    assert not data.settings_in_force.exists(), "nobody knows yet where the services belong"
    write_document(data.settings, {"SIMULATION_MODE": False})
    assert summary(service(data).load()) == ("testnet", "active")


def test_an_earlier_version_s_record_of_the_settings_tells_at_least_the_mode(data: DataDir) -> None:
    recorded = {"SIMULATION_MODE": False, "TRADER_ORDER_QUOTE": 70.0, "BINANCE_API_KEY": "set"}
    write_document(data.settings_record, {"recorded": recorded})
    loaded = service(data).load()
    assert summary(loaded) == ("testnet", "reducing")
    assert (loaded.settings.TRADER_ORDER_QUOTE, loaded.settings.BINANCE_API_KEY) == (70.0, None)
    assert "is gone" in (loaded.problem or "")
    assert read_in_force(data) is None, "without keys it is nothing to restore"
    write_document(data.settings, TESTNET)
    assert (service(data).load().problem, summary(service(data).load())) == (None, ("testnet", "active"))


@pytest.mark.parametrize("recorded_quote", [70.0, 71.0])
def test_a_key_twice_that_an_earlier_version_took_keeps_its_account(data: DataDir, recorded_quote: float) -> None:
    """Where memory recorded exactly what the last one says; else what it recorded holds for that key."""
    recorded = {
        "SIMULATION_MODE": False,
        "TRADER_ORDER_QUOTE": recorded_quote,
        **dict.fromkeys(sorted(SECRET_KEYS), "set"),
    }
    write_document(data.settings_record, {"recorded": recorded})
    content = orjson.dumps(TESTNET)
    data.settings.write_bytes(b'{"TRADER_ORDER_QUOTE": 60.0, ' + content[1:])
    loaded = service(data).load()
    assert summary(loaded) == ("testnet", "reducing")
    assert "has 'TRADER_ORDER_QUOTE' twice" in (loaded.problem or "")
    assert recorded_quote == loaded.settings.TRADER_ORDER_QUOTE
    assert loaded.settings.has_keys


REFUSALS: list[tuple[dict[str, Any], str | None, str]] = [
    ({"TRADING_MODE": "live", "BINANCE_USE_TESTNET": False, "LIVE_TRADING_ENABLED": True} , None, "live needs BINANCE"),
    ({"TRADING_MODE": "live", "BINANCE_USE_TESTNET": False, **KEYS}, None, "LIVE_TRADING_ENABLED is false"),
    (LIVE | {"DISABLE_ORDER_GUARDRAILS": True}, None, "the guardrails are off"),
    (LIVE, "live needs a usable address", "live needs a usable address"),
    (TESTNET | {"BINANCE_REST_URL": "bad"}, "testnet needs a usable address", "testnet needs a usable address"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "fault", "why"), REFUSALS)
def test_a_refused_switch_leaves_the_services_on_their_account_and_reducing(
    data: DataDir, asked: dict[str, Any], fault: str | None, why: str
) -> None:
    write_document(data.settings, TESTNET | {"BINANCE_REST_URL": GOOD_URL})
    running = service(data, fault=fault)
    before = running.load().settings
    write_document(data.settings, {"SIMULATION_MODE": False, "TRADER_ORDER_QUOTE": 90.0} | asked)
    for each in (running.load(), service(data, fault=fault).load(), SettingsInForce(data, {}).load()):
        assert summary(each) == ("testnet", "reducing")
        assert each.settings.BINANCE_API_SECRET == before.BINANCE_API_SECRET
        assert each.settings.BINANCE_REST_URL == GOOD_URL
        assert each.settings.DISABLE_ORDER_GUARDRAILS is False
        assert asked.get("TRADER_ORDER_QUOTE", 90.0) == each.settings.TRADER_ORDER_QUOTE, "all else applies"
        assert why in (each.problem or "")
        assert "the services stay in testnet, reducing" in (each.problem or "")
        assert (
            effective_mode(each.requested) != effective_mode(each.settings) or each.requested.BINANCE_REST_URL == "bad"
        )
    write_document(data.settings, {"SIMULATION_MODE": False, "TRADING_STATE": "halted"} | asked)
    assert summary(running.load()) == ("testnet", "halted")
    data.settings.write_text("{")
    assert summary(service(data, fault=fault).load()) == ("testnet", "halted")
    write_document(data.settings, TESTNET)
    loaded = service(data).load()
    assert (loaded.problem, summary(loaded)) == (None, ("testnet", "active"))


def test_an_account_in_use_is_no_switch_whatever_is_wrong_with_it(data: DataDir) -> None:
    write_document(data.settings, TESTNET)
    service(data).load()
    write_document(data.settings, TESTNET | {"LOG_LEVEL": "DEBUG"})
    loaded = service(data, fault="testnet needs its key file").load()
    assert (loaded.problem, summary(loaded)) == (None, ("testnet", "active"))


def test_a_reader_refuses_nothing_by_itself_and_follows_a_corrected_file(data: DataDir) -> None:
    reader = SettingsInForce(data, {})
    without_keys: dict[str, Any] = {"SIMULATION_MODE": False}
    for values, mode in (({}, "simulation"), (without_keys, "testnet"), (TESTNET, "testnet")):
        write_document(data.settings, values)
        assert (summary(reader.load()), reader.load().problem) == ((mode, "active"), None)
    write_document(data.settings, TESTNET)
    running = service(data, fault="live needs something")
    running.load()
    write_document(data.settings, LIVE)
    running.load()
    assert summary(reader.load()) == ("testnet", "reducing")
    write_document(data.settings, {})
    assert (summary(reader.load()), reader.load().problem) == (("simulation", "active"), None)


def test_a_file_that_changes_meanwhile_is_looked_at_again_before_anything_is_stored(data: DataDir) -> None:
    write_document(data.settings, {})
    service(data).load()

    def change(asked: Settings) -> None:
        if asked.LOG_LEVEL == "INFO":
            write_document(data.settings, TESTNET | {"LOG_LEVEL": "DEBUG"})

    running = SettingsInForce(data, {}, writes=True, fault=change)
    write_document(data.settings, TESTNET)
    running.load()
    stored = read_in_force(data)
    assert stored is not None
    assert (stored.in_file, running.is_unsettled) == ({}, True)
    assert running.load().settings.LOG_LEVEL == "DEBUG"
    assert read_json(data.settings_in_force)["in_file"] == TESTNET | {"LOG_LEVEL": "DEBUG"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_record_of_another_owner_is_ignored(data: DataDir) -> None:
    write_document(data.settings, TESTNET)
    service(data).load()
    _foreign(data.settings_in_force)
    data.settings.write_text("{")
    assert summary(service(data).load()) == ("simulation", "reducing")


@pytest.mark.parametrize("by", ["file", "environment"])
@pytest.mark.parametrize("spoilt", ["", "damaged", "gone"])
def test_no_edit_and_no_environment_leaves_what_is_open(data: DataDir, by: str, spoilt: str) -> None:
    write_document(data.settings, TESTNET)
    running = service(data)
    running.load()
    write_document(data.account, ACCOUNT | {"mode": "testnet"})
    if spoilt == "damaged":
        data.account.write_bytes(b"{")
    if spoilt == "gone":
        data.account.unlink()
        book = {"positions": [{"symbol": "A", "state": "protected"}]}
        write_document(data.state_of("trader"), {"seq": 1, "books": {}, "accounts": {"testnet:1": book}})
    environment = {"SIMULATION_MODE": "true"} if by == "environment" else {}
    write_document(data.settings, TESTNET | {"SIMULATION_MODE": by == "file"})
    restarted = service(data, environment)
    for loaded in (restarted.load(), SettingsInForce(data, environment).load()):
        assert summary(loaded) == ("testnet", "reducing")
        assert loaded.settings.has_keys
        known = "A: 2 held, entry price 3.5; B: SELL stop order new"
        why = {"damaged": "cannot read what is open", "gone": "account.json is missing"}.get(spoilt, known)
        assert f"simulation waits until nothing is open in testnet ({why}" in (loaded.problem or "")
    if by == "file":
        assert summary(running.load()) == ("testnet", "reducing")
    write_document(data.account, ACCOUNT | {"mode": "testnet", "positions": {}, "orders": []})
    assert (summary(restarted.load()), restarted.load().problem) == (("simulation", "active"), None)


def test_a_change_in_the_same_mode_waits_for_nothing_that_is_open(data: DataDir) -> None:
    write_document(data.settings, TESTNET)
    service(data).load()
    write_document(data.account, ACCOUNT | {"mode": "testnet"})
    write_document(data.settings, TESTNET | {"TRADING_MODE": "live", "TRADER_ORDER_QUOTE": 80.0})
    loaded = service(data).load()
    assert (loaded.problem, loaded.settings.TRADER_ORDER_QUOTE) == (None, 80.0)


def test_who_left_by_a_document_from_before_an_entry_comes_back(data: DataDir) -> None:
    write_document(data.settings, TESTNET)
    trader, feeder = service(data), service(data)
    assert summary(trader.load()) == summary(feeder.load()) == ("testnet", "active")
    write_document(data.settings, TESTNET | {"SIMULATION_MODE": True})
    assert summary(feeder.load()) == ("simulation", "active")
    write_document(data.account, ACCOUNT | {"mode": "testnet"})
    for loaded in (trader.load(), feeder.load(), trader.load(), SettingsInForce(data, {}).load()):
        assert summary(loaded) == ("testnet", "reducing")
        assert "simulation waits until nothing is open in testnet" in (loaded.problem or "")
    write_document(data.account, ACCOUNT | {"mode": "testnet", "positions": {}, "orders": []})
    assert summary(trader.load()) == summary(feeder.load()) == ("simulation", "active")


def test_only_the_trader_has_others_come_back_to_its_account(data: DataDir) -> None:
    write_document(data.settings, TESTNET)
    trader, feeder, ares = service(data), service(data), service(data)
    trader.trades = True
    for each in (trader, feeder, ares):
        each.load()
    write_document(data.settings, NEW_KEYS)
    feeder.load()
    write_document(data.account, ACCOUNT | {"mode": "testnet", "account": "testnet:1"})
    assert _key(ares.load()) == "new-key", "whose the position is, it does not know"
    for loaded in (trader.load(), feeder.load(), ares.load(), trader.load(), SettingsInForce(data, {}).load()):
        assert (summary(loaded), _key(loaded)) == (("testnet", "reducing"), CANARY)
    trader.identified = Identified(credentials=digest_of(trader.load().requested), account="testnet:1")
    for each in (trader, feeder, ares, trader, feeder, trader):
        assert (summary(each.load()), _key(each.load())) == (("testnet", "active"), "new-key")


def test_without_keys_nobody_leaves_the_simulation(data: DataDir) -> None:
    service(data).load()
    write_document(data.settings, {"SIMULATION_MODE": False})
    running = service(data)
    assert summary(running.load()) == ("simulation", "reducing")
    write_document(data.settings, TESTNET)
    assert (summary(running.load()), running.load().problem) == (("testnet", "active"), None)


def test_keys_that_are_taken_away_in_the_same_mode_are_not_used_again(data: DataDir) -> None:
    write_document(data.settings, TESTNET)
    running = service(data)
    running.load()
    write_document(data.settings, {"SIMULATION_MODE": False})
    loaded = running.load()
    assert (summary(loaded), loaded.settings.has_keys) == (("testnet", "active"), False)
    assert CANARY not in data.settings_in_force.read_text()


def test_live_that_loses_its_consent_stays_live_with_its_guardrails_and_reduces(data: DataDir) -> None:
    write_document(data.settings, LIVE)
    assert summary(service(data).load()) == ("live", "active")
    for change in ({"LIVE_TRADING_ENABLED": False}, {"DISABLE_ORDER_GUARDRAILS": True}):
        write_document(data.settings, LIVE | change)
        loaded = service(data).load()
        assert summary(loaded) == ("live", "reducing")
        assert loaded.settings.DISABLE_ORDER_GUARDRAILS is False


def test_no_fallback_leads_to_live(data: DataDir) -> None:
    write_document(data.settings, LIVE | {"LIVE_TRADING_ENABLED": False})
    assert summary(service(data).load()) == ("paper", "active"), "in a new directory, as ever"
    write_document(data.settings, LIVE)
    running = service(data, fault="live needs something")
    assert summary(running.load()) == ("paper", "reducing")
    data.settings.write_text("{")
    assert summary(service(data, fault="live needs something").load()) == ("paper", "reducing")


def test_secrets_of_the_environment_are_not_stored(data: DataDir) -> None:
    environment = {"BINANCE_API_KEY": CANARY, "BINANCE_API_SECRET": CANARY, "SIMULATION_MODE": "false"}
    assert summary(service(data, environment).load()) == ("testnet", "active")
    assert CANARY not in data.settings_in_force.read_text()
    live = environment | {"TRADING_MODE": "live", "BINANCE_USE_TESTNET": "false"}
    loaded = service(data, live).load()
    assert summary(loaded) == ("testnet", "reducing")
    assert loaded.settings.has_keys, "those that the environment still holds"
    write_document(data.settings, LIVE | {"LIVE_TRADING_ENABLED": False})
    loaded = service(data).load()
    assert summary(loaded) == ("testnet", "reducing")
    assert not loaded.settings.has_keys, "those in the file are another account's"


def test_what_cannot_be_stored_holds_in_this_process_and_is_stored_later(data: DataDir) -> None:
    write_document(data.settings, TESTNET)
    service(data).load()
    running = service(data)
    running.load()
    with locked_settings(data.settings):
        write_document(data.settings, TESTNET | {"TRADER_ORDER_QUOTE": 80.0})
        assert (running.load().settings.TRADER_ORDER_QUOTE, running.is_unsettled) == (80.0, True)
        data.settings.write_text("{")
        assert running.load().settings.TRADER_ORDER_QUOTE == 80.0, "newer than what is stored"
    running.load()
    assert not running.is_unsettled
    stored = read_in_force(data)
    assert stored is not None
    assert (stored.in_file or {})["TRADER_ORDER_QUOTE"] == 80.0


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"in_file": {"PAPER_MODE": 7}}', b'{"account": {"A": []}, "in_file": 5}']
)
def test_a_damaged_record_is_written_again_and_hurts_nobody_who_knows(data: DataDir, content: bytes) -> None:
    write_document(data.settings, TESTNET)
    running = service(data)
    running.load()
    data.settings_in_force.write_bytes(content)
    data.settings.write_text("{")
    assert summary(running.load()) == ("testnet", "reducing")
    assert summary(service(data).load()) == ("testnet", "reducing")
    data.settings_in_force.write_bytes(content)
    write_document(data.settings, TESTNET)
    assert summary(service(data).load()) == ("testnet", "active")
    assert read_json(data.settings_in_force)["in_file"] == TESTNET


def test_the_same_files_are_not_read_again(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    write_document(data.settings, TESTNET)
    running = service(data)
    running.load()
    first = running.load()
    assert running.load() is first
    write_document(data.settings, TESTNET | {"LOG_LEVEL": "DEBUG"})
    assert running.load().settings.LOG_LEVEL == "DEBUG"


def test_what_cannot_be_seen_is_looked_at_each_time(data: DataDir) -> None:
    running = service(data)
    assert [running.load().problem for _ in range(2)] == [None, None]
    data.settings.symlink_to(data.settings)
    assert "Too many levels of symbolic links" in (running.load().problem or "")


def test_an_environment_against_the_rules_is_an_error(data: DataDir) -> None:
    write_document(data.settings, TESTNET)
    service(data).load()
    with pytest.raises(SettingsError, match="the environment: PAPER_MODE"):
        service(data, {"PAPER_MODE": "perhaps"}).load()


# Other keys in the same mode


NEW_KEYS = TESTNET | dict.fromkeys(sorted(SECRET_KEYS), "new-key")


def _key(loaded: LoadedSettings) -> str | None:
    key = loaded.settings.BINANCE_API_KEY
    return None if key is None else key.get_secret_value()


@pytest.fixture
def held(data: DataDir) -> DataDir:
    """Services on testnet:1, with something open, whose file names other keys now."""
    write_document(data.settings, TESTNET)
    service(data).load()
    write_document(data.account, ACCOUNT | {"mode": "testnet", "account": "testnet:1"})
    write_document(data.settings, NEW_KEYS)
    return data


@pytest.mark.parametrize("asked", [NEW_KEYS, TESTNET | {"BINANCE_REST_URL": GOOD_URL}], ids=["keys", "address"])
def test_other_keys_wait_for_what_is_open_on_every_side(held: DataDir, asked: dict[str, Any]) -> None:
    write_document(held.settings, asked)
    running = service(held)
    for loaded in (running.load(), service(held).load(), SettingsInForce(held, {}).load()):
        assert (summary(loaded), _key(loaded)) == (("testnet", "reducing"), CANARY)
        assert loaded.settings.BINANCE_REST_URL is None
        assert "A: 2 held" in (loaded.problem or "")
        assert "take the change back" in (loaded.problem or "")
    write_document(held.account, ACCOUNT | {"mode": "testnet", "account": "testnet:1", "positions": {}, "orders": []})
    assert summary(running.load()) == ("testnet", "active")
    assert digest_of(running.load().settings) == digest_of(Settings.model_validate(asked))


def test_keys_of_the_same_account_are_followed_by_all_also_after_a_restart(held: DataDir) -> None:
    trader, feeder = service(held), service(held)
    asked = trader.load().requested
    feeder.load()
    trader.identified = Identified(credentials=digest_of(asked), account="testnet:1")
    for each in (trader, feeder, service(held), SettingsInForce(held, {})):
        assert (summary(each.load()), _key(each.load()), each.load().problem) == (
            ("testnet", "active"), "new-key", None,
        )  # fmt: skip
    trader.load()
    record = read_in_force(held)
    assert record is not None
    assert (record.account["BINANCE_API_KEY"], record.identified, record.refused) == ("new-key", None, None)


def test_what_the_exchange_said_survives_others_that_write_and_restarts(held: DataDir) -> None:
    trader, feeder = service(held), service(held)
    asked = trader.load().requested
    feeder.load()
    trader.identified = Identified(credentials=digest_of(asked), account="testnet:2")
    trader.load()
    write_document(held.settings, NEW_KEYS | {"LOG_LEVEL": "DEBUG"})
    for each in (feeder, trader, service(held), SettingsInForce(held, {})):
        assert "leads to testnet:2, which waits until nothing is open here (A: 2 held" in (each.load().problem or "")
        assert (summary(each.load()), _key(each.load())) == (("testnet", "reducing"), CANARY)
    assert "new-key" not in digest_of(asked)
    write_document(held.settings, TESTNET)
    assert (feeder.load().problem, _key(feeder.load())) == (None, CANARY)
    write_document(held.settings, NEW_KEYS | {"BINANCE_API_SECRET": "third"})
    assert "until the exchange says whose account it leads to" in (feeder.load().problem or ""), "not of those keys"


def test_keys_that_come_after_none_wait_too(held: DataDir) -> None:
    write_document(held.settings, {"SIMULATION_MODE": False})
    assert service(held).load().settings.has_keys is False
    for keys, account, is_followed in ((NEW_KEYS, "testnet:2", False), (TESTNET, "testnet:1", True)):
        write_document(held.settings, keys)
        running = service(held)
        asked = running.load()
        assert (asked.settings.has_keys, summary(asked)) == (False, ("testnet", "reducing"))
        running.identified = Identified(credentials=digest_of(asked.requested), account=account)
        assert running.load().settings.has_keys is is_followed
        assert (running.load().problem is None) is is_followed


def test_a_reader_with_another_environment_says_what_the_services_do(held: DataDir) -> None:
    environment = {"BINANCE_REST_URL": GOOD_URL, "BINANCE_API_KEY": "env", "BINANCE_API_SECRET": "env"}
    write_document(held.settings, {"SIMULATION_MODE": False})
    held.settings_in_force.unlink()
    assert service(held, environment).load().problem is None
    assert SettingsInForce(held, {}).load().problem is None
