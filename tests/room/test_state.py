"""The read model: files become rows and alerts, and every problem of a file is reported."""

import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from cq_tui.contracts.health import ServiceState
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.tickers import Ticker, tickers_to_bytes
from cq_tui.room.alerts import all_alerts, room_alerts
from cq_tui.room.changes import Topic
from cq_tui.room.file_contents import read_klines
from cq_tui.room.service_rows import service_rows
from cq_tui.room.state import RoomState
from cq_tui.store.document import write_document
from cq_tui.store.reserve import RESERVE_BYTES
from cq_tui.store.settings_in_force import SettingsInForce
from tests.room.stage import NOW, Stage, staged_holder

Spoil = Callable[[Path], object]


def _huge(path: Path) -> None:
    path.write_bytes(b"x")
    os.truncate(path, 100 * 1024 * 1024)


def _folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


SPOILS: dict[str, Spoil] = {
    "missing": lambda path: path.unlink(missing_ok=True),
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: path.write_bytes(b'{"service": "feeder", "sta'),
    "binary": lambda path: path.write_bytes(bytes(range(256)) * 40),
    "huge": _huge,
    "list": lambda path: path.write_bytes(b"[1, 2]\n"),
    "wrong types": lambda path: path.write_bytes(
        b'{"service": 7, "status": [], "last_update_ts": "now", "tickers": {"A": 1}, "timestamp": 1, "equity": "", '
        b'"LOG_LEVEL": 5}\n'
    ),
    "folder": _folder,
}

FILES = (
    "health/feeder.json", "health/ares.json", "health/trader.json", "health/memory.json", "health/exchange.json",
    "health/supervisor.json", "market/tickers.json", "state/account.json", "memory/hash_chain.json",
    "memory/event_chain.ndjson", "ssot/env.json",
)  # fmt: skip


def read_all(data: DataDir) -> RoomState:
    state = RoomState(data, {}, staged_holder)
    state.poll_files()
    while state.seed_prices(8):
        pass
    return state


def test_a_complete_directory_is_read(stage: Stage) -> None:
    state = read_all(stage.data)
    assert state.overall(NOW) == "ok"
    assert state.file_problems == {}
    assert state.mode.mode == "simulation"
    assert state.symbols[0] == "BTCUSDT"
    assert len(state.symbols) == 14
    assert len(state.event_tail.events) == 13
    assert state.chain is not None
    assert state.chain.chain_length == 14
    assert [signal.outcome for signal in state.trades.signals.values()] == [
        "not traded: Account has insufficient balance", "not traded: nothing held", "filled",
    ]  # fmt: skip


def test_the_mode_is_that_of_the_services_whatever_the_file_says(stage: Stage) -> None:
    stage.data.settings.write_text('{"SIMULATION_MODE": true,}')
    stage.health(stage.trader().model_copy(update={"mode": "testnet"}))
    state = read_all(stage.data)
    assert state.mode.mode == "testnet"
    assert state.mode.reasons == ("services: testnet", "settings: simulation, SIMULATION_MODE is true")
    assert "exchange" not in state.required_services()
    assert "services: testnet; settings: simulation, SIMULATION_MODE is true" in [
        alert.text for alert in room_alerts(state, NOW)
    ]
    assert state.file_problems["settings"].startswith("ssot/env.json: is not valid JSON (trailing comma")
    stage.health(stage.trader().model_copy(update={"mode": "live", "pid": 1}))
    assert read_all(stage.data).mode.mode == "simulation", "the report of another process than the one that runs"


def test_a_new_room_shows_the_last_good_settings_and_a_refused_switch(stage: Stage) -> None:
    keys = {"BINANCE_API_KEY": "key", "BINANCE_API_SECRET": "secret"}
    write_document(stage.data.settings, {"SIMULATION_MODE": False, "TRADER_MAX_POSITIONS": 3, **keys})
    services = SettingsInForce(stage.data, {}, writes=True)
    services.load()
    stage.data.settings.write_text("{")
    state = read_all(stage.data)
    assert (state.mode.mode, state.settings.TRADING_STATE) == ("testnet", "reducing")
    assert state.settings.TRADER_MAX_POSITIONS == 3
    write_document(
        stage.data.settings, {"SIMULATION_MODE": False, "TRADING_MODE": "live", "BINANCE_USE_TESTNET": False}
    )
    services.load()
    state.poll_files()
    assert (state.mode.mode, state.settings.TRADING_STATE) == ("testnet", "reducing")
    assert "LIVE_TRADING_ENABLED is false" in state.file_problems["settings"]
    assert any("the services stay in testnet" in alert.text for alert in all_alerts(state, NOW))


def test_an_empty_directory_is_read(tmp_path: Path) -> None:
    state = read_all(DataDir(tmp_path / "nowhere"))
    assert state.overall(NOW) == "error"
    assert state.file_problems == {}
    assert {verdict.word for verdict in state.verdicts(NOW).values()} == {"stopped"}


@pytest.mark.parametrize("spoil", SPOILS)
@pytest.mark.parametrize("name", FILES)
def test_no_bad_file_ever_raises(stage: Stage, name: str, spoil: str) -> None:
    state = read_all(stage.data)
    path = stage.data.root / name
    if spoil == "folder":
        path.unlink(missing_ok=True)
    SPOILS[spoil](path)
    state.read_changed_files([path])
    fresh = read_all(stage.data)
    for each in (state, fresh):
        service_rows(each, NOW)
        all_alerts(each, NOW)
        assert len(each.verdicts(NOW)) == 5
        problems = " ".join(each.file_problems.values())
        if spoil == "missing" or (name.endswith("ndjson") and spoil in ("empty", "half")):
            # A journal's torn tail is not reported: its writer is in the middle of a line.
            assert problems == ""
        else:
            assert name in problems or name.rpartition("/")[2] in problems, each.file_problems


def test_one_bad_file_leaves_the_others(stage: Stage) -> None:
    state = read_all(stage.data)
    stage.data.health_of("ares").write_bytes(b"{")
    changes = state.read_changed_files([stage.data.health_of("ares")])
    assert changes.topics == {Topic.SERVICES}
    assert state.verdict("ares", NOW).word == "unreadable"
    assert "health/ares.json is not valid JSON" in state.verdict("ares", NOW).reason
    assert state.verdict("trader", NOW).word == "ok"


def test_a_corrected_file_is_good_again(stage: Stage) -> None:
    state = read_all(stage.data)
    stage.data.tickers.write_bytes(b"{")
    assert state.read_changed_files([stage.data.tickers]).topics == {Topic.PRICES}
    assert state.tickers["BTCUSDT"].price == 67412.10
    stage.tickers(prices={"BTCUSDT": 70000.0})
    assert state.read_changed_files([stage.data.tickers]).symbols == {"BTCUSDT"}
    assert state.file_problems == {}
    assert state.tickers["BTCUSDT"].price == 70000.0


def test_only_changes_are_reported(stage: Stage) -> None:
    state = read_all(stage.data)
    assert not state.poll_files()
    assert not state.read_changed_files([stage.data.root / "memory" / "somebody_elses.file"])
    stage.tickers()
    assert not state.read_changed_files([stage.data.tickers])
    stage.account(equity=9000.0)
    assert state.poll_files().topics == {Topic.ACCOUNT}


def test_a_bad_settings_file_keeps_the_last_good_ones(stage: Stage) -> None:
    stage.data.settings.write_text('{"DISABLE_ORDER_GUARDRAILS": true}')
    state = read_all(stage.data)
    assert not state.guardrails
    stage.data.settings.write_text('{"LOG_LEVEL": "LOUD",}')
    assert Topic.SETTINGS in state.read_changed_files([stage.data.settings]).topics
    assert not state.guardrails
    assert "not valid JSON" in str(state.settings_problem)
    # One wrong value voids no other.
    stage.data.settings.write_text('{"LOG_LEVEL": "LOUD", "DISABLE_ORDER_GUARDRAILS": false}')
    assert Topic.SETTINGS in state.read_changed_files([stage.data.settings]).topics
    assert state.settings.DISABLE_ORDER_GUARDRAILS is False
    assert "LOG_LEVEL is 'LOUD'" in str(state.settings_problem)


def test_a_bad_environment_is_a_problem_too(stage: Stage) -> None:
    state = RoomState(stage.data, {"SIMULATION_MODE": "perhaps"})
    state.poll_files()
    assert "SIMULATION_MODE" in str(state.settings_problem)
    assert state.mode.mode == "simulation"


def test_a_report_from_the_future_is_not_trusted(stage: Stage) -> None:
    stage.health(stage.trader(last_update_ts=NOW + 500))
    verdict = read_all(stage.data).verdict("trader", NOW)
    assert verdict.word == "stale"
    assert verdict.reason == "the last report is 500 s ahead: check the clock"


def test_silent_services_are_hung_whatever_their_last_report(stage: Stage) -> None:
    state = read_all(stage.data)
    assert state.overall(NOW + 120) == "error"
    assert {row.verdict.word for row in service_rows(state, NOW + 120).values()} == {"hung"}


def test_a_service_that_was_stopped_on_purpose_is_no_alarm(stage: Stage) -> None:
    stage.supervisor(ares=ServiceState(state="stopped", wanted="stopped"))
    stage.data.lock_of("ares").unlink()
    verdict = read_all(stage.data).verdict("ares", NOW)
    assert (verdict.level, verdict.word) == ("idle", "stopped")


def test_a_service_that_gave_up_says_why(stage: Stage) -> None:
    stage.supervisor(ares=ServiceState(state="gave_up", reason="5 crashes in 60 s"))
    stage.data.lock_of("ares").unlink()
    verdict = read_all(stage.data).verdict("ares", NOW)
    assert (verdict.level, verdict.word, verdict.reason) == ("bad", "gave up", "5 crashes in 60 s")


def test_testnet_needs_no_exchange_service(stage: Stage) -> None:
    stage.data.settings.write_text('{"SIMULATION_MODE": false}')
    assert "exchange" not in read_all(stage.data).required_services()


def test_a_halt_is_seen_at_once_with_who_and_why(stage: Stage) -> None:
    state, path = read_all(stage.data), stage.data.stop_of("halted")
    assert path.parent in state.watched_folders
    path.parent.mkdir(exist_ok=True)
    path.write_text("kim, 2030-03-17T17:46:00Z, halt: active to halted (cli-0123abcd): news\n")
    assert Topic.SETTINGS in state.read_changed_files([path]).topics
    assert read_all(stage.data).settings.TRADING_STATE == "halted"
    told = "trading is halted by kim since 2030-03-17 17:46 UTC: news"
    assert told in [alert.text for alert in room_alerts(state, NOW)]
    path.unlink()
    state.poll_files()
    assert state.settings.TRADING_STATE == "active"


def test_the_worst_alert_comes_first(stage: Stage) -> None:
    stage.health(stage.memory(integrity_ok=False, faults=["block 12 does not match its event"]))
    stage.data.settings.write_text('{"TRADING_STATE": "halted"}')
    alerts = all_alerts(read_all(stage.data), NOW)
    assert alerts[0].text == "history: DAMAGED, 1 fault of events or blocks: block 12 does not match its event"
    assert [item.level for item in alerts] == sorted((item.level for item in alerts), key=["bad", "look"].index)


def test_recorded_klines_fill_the_sparklines(stage: Stage) -> None:
    values = read_all(stage.data).price_history.sample("ETHUSDT", NOW, 20)
    assert None not in values
    assert len(set(values)) > 5


def test_symbols_cannot_leave_the_kline_folder(stage: Stage) -> None:
    assert read_klines(stage.data, "../../etc/passwd", "1s", 60) == []
    assert read_klines(stage.data, "a\0b", "1s", 60) == []


def test_the_read_model_does_not_import_textual() -> None:
    modules = "state", "alerts", "service_rows", "details", "log_tail"
    imports = "; ".join(f"import cq_tui.room.{module}" for module in modules)
    check = f"import sys; {imports}; sys.exit('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_the_frame_is_painted_without_the_contracts() -> None:
    heavy = ("pydantic", "httpx", "cryptography", "talib", "psutil", "cq_tui.supervisor", "cq_tui.room.state")
    check = f"import sys, cq_tui.room.app; sys.exit(', '.join(m for m in {heavy!r} if m in sys.modules) or 0)"
    done = subprocess.run([sys.executable, "-c", check], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_alerts_report_missing_events_and_checkpoints(stage: Stage) -> None:
    stage.health(stage.memory_from_history(missing_count=3, anchor_problem="no space left"))
    texts = [item.text for item in all_alerts(read_all(stage.data), NOW)]
    assert texts[0].startswith("history: INCOMPLETE by 3, anchored to 11, anchoring problem")
    assert "checkpoints: no space left" in texts


def test_a_full_disk_is_an_alert_until_the_reserve_is_whole(stage: Stage) -> None:
    state = read_all(stage.write_all().data)
    stage.data.reserve.write_bytes(b"")
    state.poll_files()
    alerts = [alert for alert in all_alerts(state, NOW) if "the disk is full" in alert.text]
    assert [alert.level for alert in alerts] == ["bad"]
    assert str(stage.data.root) in alerts[0].text
    stage.data.reserve.write_bytes(bytes(RESERVE_BYTES))
    assert Topic.SERVICES in state.poll_files().topics
    assert state.file_problems == {}


def test_memory_does_not_grow_with_the_number_of_updates(stage: Stage) -> None:
    state = RoomState(stage.data, {}, lambda _: None)
    sizes = []
    tracemalloc.start()
    try:
        for second in range(120):
            at = NOW + second
            tickers = {f"S{n:03}USDT": Ticker(1.0 + n + second, 0.1, 1.0, 1.1, 5.0, at, 2) for n in range(100)}
            write_document(stage.data.tickers, tickers_to_bytes(at, tickers), durable=False)
            state.read_changed_files([stage.data.tickers])
            state.poll_files()
            state.seed_prices(8)
            del tickers
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[-1] - sizes[20] < 50_000
