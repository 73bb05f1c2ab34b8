"""``cq-tui status`` over data directories in every condition."""

import os
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from cq_tui.contracts.health import ServiceState, SupervisorHealth
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.ops.render import status_lines
from cq_tui.ops.status import read_status
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import write_document
from cq_tui.store.lock import ProcessLock
from tests.supervisor.pretend import HEALTH


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    return data


def report(data: DataDir, service: str, **fields: Any) -> None:
    document = HEALTH | {"service": service, "last_update_ts": time.time(), "pid": os.getpid()} | fields
    write_document(data.health_of(service), document)


def supervise(data: DataDir, states: dict[str, ServiceState], *, pid: int | None = None, age: float = 0.0) -> None:
    health = SupervisorHealth(
        service="supervisor",
        status="ok",
        last_update_ts=time.time() - age,
        updated_within_sec=0.0,
        pid=pid or os.getpid(),
        services=states,
    )
    write_document(data.health_of("supervisor"), health)


def test_all_is_well(data: DataDir) -> None:
    locks = [ProcessLock(data.lock_of(name), name, "headless") for name in (*SERVICES, "supervisor")]
    for lock in locks:
        lock.acquire()
        report(data, lock.name, events_count=1234567, merkle_root="ab" * 32)
    status = read_status(data)
    for lock in locks:
        lock.release()
    assert status.overall == "ok"
    lines = status_lines(status)
    assert lines[0] == "SIMULATION  ok  (SIMULATION_MODE is true)"
    heading = lines.index("history of 1,234,567 events, root abababababababab")
    assert lines[heading + 1 : heading + 3] == ["● integrity     intact", "○ completeness  1,234,567 events"]
    assert lines[heading + 3].startswith("○ age           checked ")
    assert lines[-1] == f"supervisor: process {os.getpid()} (headless)"


def test_symbols_that_do_not_trade_are_named_while_the_feeder_reports(data: DataDir) -> None:
    states = {
        "BTCUSDT": {"state": "trading", "since": time.time() - 9},
        "ETHUSDT": {"state": "halted", "since": time.time() - 12},
    }
    report(data, "feeder", symbol_states=states)
    lock = ProcessLock(data.lock_of("feeder"), "feeder")
    lock.acquire()
    status = read_status(data)
    lock.release()
    lines = status_lines(status)
    heading = lines.index("1 of 2 symbols trading")
    assert lines[heading + 1].startswith("  halted          ETHUSDT 12")
    assert status.to_json()["symbols"] == states
    old = read_status(data)
    assert "1 of 2 symbols trading" not in status_lines(old)
    assert old.to_json()["symbols"] == {}


@pytest.mark.parametrize("spoil", [b'{"SIMULATION_MODE": true,}', b"{}", None])
def test_the_mode_is_that_of_the_services(data: DataDir, spoil: bytes | None) -> None:
    """Whatever the file says, and whatever a reader without the services' environment makes of it."""
    locks = [ProcessLock(data.lock_of(name), name) for name in SERVICES]
    for lock in locks:
        lock.acquire()
        report(data, lock.name, mode="testnet")
    if spoil is not None:
        data.settings.write_bytes(spoil)
    status = read_status(data)
    report(data, "trader", mode="live")
    mixed = read_status(data)
    report(data, "trader", mode=None)
    older = read_status(data)
    for lock in locks:
        lock.release()
    said = "services: testnet; settings: simulation, SIMULATION_MODE is true"
    assert status_lines(status)[0] == f"TESTNET  degraded  ({said})"
    assert (status.to_json()["mode"], status.required) == ("testnet", ("memory", "feeder", "ares", "trader"))
    assert mixed.mode.reasons[:3] == ("trader: live", "ares: testnet", "memory: testnet")
    assert older.mode.mode == "testnet"
    problem = [line for line in status_lines(status) if line.startswith("  settings: ")]
    assert len(problem) == (spoil == b'{"SIMULATION_MODE": true,}')
    assert read_status(data).mode.mode == "simulation", "nobody runs: what the settings ask for"


def test_before_services_told_their_mode_the_feeder_s_prices_did(data: DataDir) -> None:
    locks = [ProcessLock(data.lock_of(name), name) for name in SERVICES]
    for lock in locks:
        lock.acquire()
        report(data, lock.name, **({"mode": "paper"} if lock.name == "feeder" else {}))
    status = read_status(data)
    for lock in locks:
        lock.release()
    assert status.mode.mode == "paper"


def test_services_without_a_supervisor_are_not_ok(data: DataDir) -> None:
    locks = [ProcessLock(data.lock_of(name), name) for name in SERVICES]
    for lock in locks:
        lock.acquire()
        report(data, lock.name)
    status = read_status(data)
    for lock in locks:
        lock.release()
    assert status.overall == "degraded"
    said = "no supervisor is running: services that crash stay down. Start one with `cq-tui up` or `cq-tui`"
    assert status_lines(status)[-1] == status.to_json()["supervision_problem"] == said


def test_a_hung_supervisor_is_named_with_the_remedy(data: DataDir) -> None:
    locks = [ProcessLock(data.lock_of(name), name) for name in (*SERVICES, "supervisor")]
    for lock in locks:
        lock.acquire()
        report(data, lock.name)
    supervise(data, {}, age=14)
    status = read_status(data)
    for lock in locks:
        lock.release()
    assert status.overall == "degraded"
    hung = f"the supervisor (process {os.getpid()}) is hung: no report for 14 s, services that crash stay down."
    assert status_lines(status)[-1].startswith(hung)


def test_an_empty_directory_and_none_at_all(data: DataDir, tmp_path: Path) -> None:
    for each in (data, DataDir(tmp_path / "nothing")):
        status = read_status(each)
        assert status.overall == "error"
        assert {verdict.word for verdict in status.verdicts.values()} == {"stopped"}
        assert status.to_json()["memory"] is None
        assert status_lines(status)[-1] == "no supervisor is running: start everything with `cq-tui up` or `cq-tui`"
    assert not (tmp_path / "nothing").exists()


def test_starting_is_no_error_while_the_supervisor_lives(data: DataDir) -> None:
    states = {name: ServiceState(state="starting", pid=os.getpid()) for name in SERVICES}
    states["feeder"] = ServiceState(state="waiting", reason="waiting for exchange")
    supervise(data, states)
    assert read_status(data).overall == "error"
    lock = ProcessLock(data.lock_of("supervisor"), "supervisor", "room")
    lock.acquire()
    try:
        status = read_status(data)
        assert status.overall == "degraded"
        assert status.verdicts["feeder"].word == "starting"
        lines = status_lines(status)
        assert [line.index("process") for line in lines[1:3]] == [lines[1].index("process")] * 2
        assert lines[3].endswith("waiting for exchange · l logs")
        assert lines[-1] == f"supervisor: process {os.getpid()} (room)"
        # A report that is too old, or another process's, says nothing.
        supervise(data, states, age=11)
        assert read_status(data).overall == "error"
        supervise(data, states, pid=1)
        # Long after this process began: one that began just now may not have reported yet.
        assert read_status(data, time.time() + 60).overall == "error"
    finally:
        lock.release()


def test_a_service_that_was_given_up_is_shown_with_its_reason(data: DataDir) -> None:
    reason = "crashed 5 times in 60 s, last: exit code 1: no luck \x1b[31mtoday"
    supervise(data, {"ares": ServiceState(state="gave_up", reason=reason, restarts=4)})
    lock = ProcessLock(data.lock_of("supervisor"), "supervisor", "headless")
    lock.acquire()
    status = read_status(data)
    lock.release()
    line = next(line for line in status_lines(status) if "ares" in line)
    assert line.startswith("✖ ares      gave up ")
    assert line.endswith("no luck ␛[31mtoday · l logs")
    assert status.to_json()["services"]["ares"] == {
        "status": "gave up", "level": "bad", "glyph": "✖", "key": "l", "reason": reason,
        "age": None, "pid": None, "state": "gave_up", "restarts": 4,
        "last_stopped_ts": None, "last_stop_reason": None, "last_recovered_ts": None,
        "required": True,
    }  # fmt: skip


def test_a_restart_is_told_and_changes_no_verdict(data: DataDir) -> None:
    now = time.time()
    state = ServiceState(
        state="running", restarts=1, last_stopped_ts=now - 60, last_stop_reason="killed by signal SIGKILL",
        last_recovered_ts=now - 59,
    )  # fmt: skip
    locks = [ProcessLock(data.lock_of(name), name) for name in (*SERVICES, "supervisor")]
    for lock in locks:
        lock.acquire()
    for name in SERVICES:
        report(data, name)
    supervise(data, {name: state if name == "feeder" else ServiceState(state="running") for name in SERVICES})
    status = read_status(data)
    for lock in locks:
        lock.release()
    assert status.overall == "ok"
    (line,) = [line for line in status_lines(status) if "SIGKILL" in line]
    assert line.startswith("  ▲ feeder was killed by signal SIGKILL; running again after 1.0 s (")
    assert status.to_json()["services"]["feeder"]["last_stop_reason"] == "killed by signal SIGKILL"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b'{"service": "tra', "is not valid JSON"),
        (b"\x00\xff\x00", "is not valid JSON"),
        (b"[]", "contains a list, not an object"),
        (b'{"service": "trader", "status": "fine"}', "field"),
    ],
)
def test_bad_files_are_named(data: DataDir, content: bytes, problem: str) -> None:
    data.health_of("trader").write_bytes(content)
    verdict = read_status(data).verdicts["trader"]
    assert verdict.word == "unreadable"
    assert verdict.reason.startswith(f"health/trader.json {problem}")
    assert data.health_of("trader").read_bytes() == content


def test_status_is_json(data: DataDir) -> None:
    plain = orjson.loads(orjson.dumps(read_status(data).to_json()))
    assert plain["overall"] == "error"
    assert (plain["mode"], plain["guardrails"], plain["supervisor"]) == ("simulation", True, None)
    assert list(plain["services"]) == list(SERVICES)


def test_ages_in_json_have_one_decimal(data: DataDir) -> None:
    report(data, "memory", last_update_ts=1000.0)
    plain = read_status(data, now=1001.23456).to_json()
    assert plain["memory"]["age"] == plain["services"]["memory"]["age"] == 1.2


def test_other_modes_need_no_exchange(data: DataDir) -> None:
    data.settings.write_bytes(orjson.dumps({"SIMULATION_MODE": False, "TRADING_STATE": "halted"}))
    status = read_status(data)
    assert "exchange" not in status.required
    lines = status_lines(status)
    assert lines[0].startswith("TESTNET  error")
    assert lines[1].startswith("  trading is blocked: testnet needs BINANCE_API_KEY")
    assert lines[2] == "  trading is halted"
    assert not any("exchange" in line for line in lines[3:-1])


def test_a_halt_is_told_with_who_and_why_and_no_escape_codes(data: DataDir) -> None:
    assert read_status(data).to_json()["trading_stopped"] is None
    comment = "kim, 2030-03-17T17:46:00Z, halt: active to halted (cli-0123abcd): news \x1b[2J"
    data.stop_of("halted").write_text(comment)
    status, told = read_status(data), "by kim since 2030-03-17 17:46 UTC: news "
    plain = status.to_json()
    assert (plain["trading_state"], plain["trading_stopped"]) == ("halted", f"{told}\x1b[2J")
    (line,) = [line for line in status_lines(status) if "trading is" in line]
    assert line.startswith(f"  trading is halted {told}")
    assert "\x1b" not in line


def test_a_reserve_that_was_let_go_is_named_with_a_remedy(data: DataDir) -> None:
    assert read_status(data).to_json()["disk_problem"] is None
    data.reserve.write_bytes(b"")
    status = read_status(data)
    (line,) = [line for line in status_lines(status) if line.startswith("  disk: ")]
    assert f"{data.root}: the disk is full" in line
    assert line.endswith("Free 16 MiB; nothing is bought until then")
    assert status.to_json()["disk_problem"] == status.disk_problem


def test_the_trader_tells_of_its_account(data: DataDir) -> None:
    times = {"count": 3, "p50_ms": 0, "p99_ms": 20, "max_ms": 20}
    report(data, "trader", account="testnet:7", owner="abcde", unprotected={"exit": times})
    old = "last report of a trader that is stopped"
    lines = status_lines(read_status(data))
    heading = lines.index(f"account testnet:7, owner abcde, {old}")
    assert lines[heading + 1] == "  without a stop  exit: 3 times, median 0 ms, p99 20 ms, longest 20 ms"


def test_a_report_of_the_future_is_ahead(data: DataDir) -> None:
    report(data, "trader", last_update_ts=time.time() + 3_600)
    line = next(line for line in status_lines(read_status(data)) if "trader" in line)
    assert " s ahead  " in line
    assert "-" not in line
