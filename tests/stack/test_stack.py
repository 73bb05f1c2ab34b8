"""The whole stack in simulation: it trades by itself, survives every kill, and its books and history agree."""

import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path

import orjson
import psutil
import pytest

from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.layout import SERVICES
from cq_tui.contracts.settings import DEFAULT_SYMBOLS
from cq_tui.ops.validate.run import Validation
from cq_tui.ops.verify import verify_history
from cq_tui.store.control import issue_command
from docs.generate.files import data_directory_files, find_unknown
from tests.stack.audit import check_chain, check_history, merged, spooled
from tests.stack.running import READY_PATIENCE, Stack, until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]
#: Seconds over which use of the processor is measured.
_MEASURED = 3.0
#: Per cent of a core that the supervisor may take then.
_MOST_AT_REST = 1.0


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path / "data")
    try:
        yield stack
    finally:
        stack.end()


def test_a_day_of_the_stack(stack: Stack) -> None:
    """One stack, started once: parallel workers would otherwise start one each."""
    everything_is_ready_in_time(stack)
    prices_move_and_a_signal_becomes_a_filled_order(stack)
    every_file_is_valid(stack)
    a_lost_terminal_stops_nothing(stack)
    whatever_is_killed_comes_back_and_nothing_is_lost_or_doubled(stack)
    every_file_is_valid(stack)
    a_killed_supervisor_ends_nothing_and_the_next_one_adopts_everything(stack)
    a_viewer_stops_and_starts_a_service(stack)
    down_leaves_nothing_and_the_next_up_goes_on(stack)
    the_books_are_those_of_the_exchange(stack)
    live_equals_look_back(stack)
    every_file_is_valid(stack)
    at_rest_the_supervisor_costs_next_to_nothing(stack)
    the_reference_names_every_file(stack)


def every_file_is_valid(stack: Stack) -> None:
    """While services write and after they were killed: nothing that is only half written is held against a file."""
    report = Validation((stack.data.root,), stack.data).run()
    assert report.exit_code is ExitCode.OK, report.lines()
    assert len(report.files) > 30


def settle(stack: Stack) -> None:
    """Wait until everything spooled so far is a part of the history and of its chain."""
    wanted = spooled(stack.data).keys()
    until(lambda: wanted <= merged(stack.data).keys(), 30, "every spooled event merged")
    blocks = len(merged(stack.data)) + 1
    until(lambda: stack.json(stack.data.health_of("memory"))["chain_length"] >= blocks, 30, "the chain grown")


def restarted(stack: Stack, service: str, times: int) -> bool:
    return bool(stack.states()[service]["restarts"] == times)


def check_live_chain(stack: Stack) -> None:
    """A reader of the growing document may meet old bytes under a new tail: it reads again."""
    for _ in range(4):
        with contextlib.suppress(AssertionError, orjson.JSONDecodeError):
            check_chain(stack.data)
            return
        # Its two files change places at most twice a second.
        time.sleep(0.1)
    check_chain(stack.data)


def check_orders(stack: Stack) -> None:
    """No intent was sent twice: every client order id once at the exchange, one entry a signal."""
    submitted = [event["data"] for event in stack.events("order_submitted")]
    assert max(Counter(order["client_order_id"] for order in submitted).values(), default=1) == 1
    entries = Counter(order["signal_key"] for order in submitted if order["leg"] == "entry")
    assert max(entries.values(), default=1) == 1
    known = {order["client_order_id"] for order in submitted}
    for symbol in sorted({order["symbol"] for order in submitted}):
        placed = [order["clientOrderId"] for order in stack.ask_exchange("allOrders", symbol=symbol, limit="1000")]
        assert len(set(placed)) == len(placed), f"{symbol}: an order was sent twice"
        assert set(placed) <= known, f"{symbol}: an order without a written intent"


def everything_is_ready_in_time(stack: Stack) -> None:
    seconds = stack.up()
    print(f"\nall services ready after {seconds:.1f} s")
    assert seconds <= 30 * _slowness()
    assert {os.getsid(pid) for pid in stack.pids().values()} == set(stack.pids().values())
    status = stack.run("status", "--json")
    assert (status.returncode, orjson.loads(status.stdout)["overall"]) in [(0, "ok"), (1, "degraded")]


def _slowness() -> float:
    """How much longer things take here, since others use the machine as well."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def prices_move_and_a_signal_becomes_a_filled_order(stack: Stack) -> None:
    before, began = stack.tickers(), time.monotonic()
    assert set(before) == set(DEFAULT_SYMBOLS)

    def all_moved() -> bool:
        return all(ticker.price != before[symbol].price for symbol, ticker in stack.tickers().items())

    moved = until(all_moved, 60, "14 prices moved")
    signal_after = until(lambda: stack.events("signal_generated"), 60 + began - time.monotonic(), "a signal")
    fills = until(
        lambda: [e for e in stack.events("order_executed") if e["data"]["leg"] == "entry"],
        180 + began - time.monotonic(),
        "a fill",
    )
    print(f"\nall prices moved after {moved:.1f} s, first signal {signal_after:.1f} s, first fill {fills:.1f} s later")
    fill = next(event["data"] for event in stack.events("order_executed") if event["data"]["leg"] == "entry")
    generated = [event["data"] for event in stack.events("signal_generated")]
    assert any(data["symbol"] == fill["symbol"] and data["side"] == fill["side"] for data in generated)
    order = next(o for o in stack.events("order_submitted") if o["data"]["client_order_id"] == fill["client_order_id"])
    assert order["data"]["size"] == pytest.approx(fill["size"])
    until(stack.books_agree, 60, "trader and exchange agree")


def whatever_is_killed_comes_back_and_nothing_is_lost_or_doubled(stack: Stack) -> None:
    for service in reversed(SERVICES):
        before, restarts = stack.pids(), stack.states()[service]["restarts"]
        stack.kill(service)
        until(partial(restarted, stack, service, restarts + 1), 30, f"the supervisor missed the end of {service}")
        took = until(stack.all_ready, READY_PATIENCE, f"all ready after the end of {service}")
        print(f"\n{service} killed: all ready again after {took:.1f} s")
        after = stack.pids()
        assert after.pop(service) != before.pop(service)
        assert after == before, "another service was restarted, too"
    settle(stack)
    check_history(stack.data)
    check_live_chain(stack)
    killed = [event["data"] for event in stack.events("service_stopped") if event["source"] == "supervisor"]
    assert {event["service"] for event in killed if event["reason"] == "killed by signal SIGKILL"} == set(SERVICES)
    assert stack.json(stack.data.health_of("memory"))["integrity_ok"] is True
    until(stack.books_agree, 60, "trader and exchange agree")
    check_orders(stack)


def a_killed_supervisor_ends_nothing_and_the_next_one_adopts_everything(stack: Stack) -> None:
    before = stack.pids()
    assert stack.supervisor is not None
    stack.supervisor.kill()
    stack.supervisor.communicate()
    beats = {name: stack.json(stack.data.health_of(name))["last_update_ts"] for name in SERVICES}
    until(
        lambda: all(stack.json(stack.data.health_of(name))["last_update_ts"] > ts for name, ts in beats.items()),
        30,
        "services that go on by themselves",
    )
    status = stack.run("status").stdout
    assert "no supervisor is running" in status
    stack.up()
    assert stack.pids() == before


def a_viewer_stops_and_starts_a_service(stack: Stack) -> None:
    issue_command(stack.data, "stop_service", "supervisor", issued_by="room", target="ares")
    until(lambda: stack.states()["ares"]["state"] == "stopped", 30, "ares stopped")
    line = next(line for line in stack.run("status").stdout.splitlines() if " ares " in line)
    assert "stopped" in line
    issue_command(stack.data, "start_service", "supervisor", issued_by="room", target="ares")
    until(stack.all_ready, READY_PATIENCE, "ares back")
    until(lambda: "ares" not in stack.json(stack.data.health_of("trader")).get("reason", ""), 30, "the trader content")


def opens_a_position_that_stays(stack: Stack) -> bool:
    """Buy by hand with stop and target far away: those of the strategies may be sold at any moment."""
    held = stack.json(stack.data.account)["positions"]
    tickers = stack.json(stack.data.tickers)["tickers"]
    symbol, price = next((symbol, ticker["price"]) for symbol, ticker in tickers.items() if symbol not in held)
    levels = ("--stop", f"{price * 0.7:.4g}", "--target", f"{price * 1.5:.4g}")
    return stack.run("signal", "BUY", symbol, *levels).returncode == 0


def down_leaves_nothing_and_the_next_up_goes_on(stack: Stack) -> None:
    until(lambda: opens_a_position_that_stays(stack), 240, "a position to keep")
    until(stack.books_agree, 60, "trader and exchange agree")
    down = stack.run("down")
    stopped, stays, *positions = down.stdout.splitlines()
    assert (down.returncode, stopped) == (0, "stopped: exchange, memory, feeder, ares, trader")
    assert stays.startswith("stays open, as of ")
    assert len(positions) == len(stack.json(stack.data.account)["positions"])
    assert stack.processes() == []
    assert stack.supervisor is not None
    _, said = stack.supervisor.communicate(timeout=30)
    assert (stack.supervisor.returncode, said) == (0, "")
    events = check_history(stack.data)
    assert check_chain(stack.data) == events + 1
    # Only what ended after memory waits for the next time: memory itself, the exchange, the supervisor.
    waiting = spooled(stack.data).keys() - merged(stack.data).keys()
    assert {writer for writer, _ in waiting} <= {"memory", "exchange", "supervisor"}
    report = verify_history(stack.data)
    # What came after the last checkpoint, which memory signs when it ends, is nothing.
    assert (report.exit_code, report.result.events, report.result.gaps) == (0, events, {})
    assert report.to_json()["completeness"]["unanchored_events"] == 0
    history, account = stack.data.events.read_bytes(), stack.json(stack.data.account)

    stack.up()
    settle(stack)
    assert stack.data.events.read_bytes().startswith(history)
    assert check_history(stack.data) > events
    assert waiting <= merged(stack.data).keys()
    check_live_chain(stack)
    until(stack.books_agree, 60, "trader and exchange agree")
    check_orders(stack)
    kept = stack.json(stack.data.account)
    sold = {e["data"]["symbol"] for e in stack.events()[events:] if e["data"].get("side") == "SELL"}
    for symbol, position in account["positions"].items():
        assert symbol in sold or kept["positions"][symbol]["size"] == position["size"], symbol
    assert kept["equity_start"] == account["equity_start"]


def the_books_are_those_of_the_exchange(stack: Stack) -> None:
    """Each trade of the exchange is in the statement, each profit in the report, and nothing else is."""
    # Nothing trades any more while both are read.
    assert stack.run("flatten", "--why", "books are compared").returncode == 0
    until(stack.books_agree, 60, "trader and exchange agree")
    settle(stack)
    listed = [one for symbol in DEFAULT_SYMBOLS for one in stack.ask_exchange("myTrades", symbol=symbol, limit="1000")]
    file = stack.data.root.parent / "myTrades.json"
    file.write_bytes(orjson.dumps(listed))
    compared = stack.run("reconcile", str(file), "--json")
    found = orjson.loads(compared.stdout)
    assert (compared.returncode, found["differences"], found["not_compared"]) == (0, [], {}), compared.stderr
    assert found["equal"] == len(listed) > 1
    sold = [one for one in stack.events("order_executed") if one["data"]["side"] == "SELL"]
    report = orjson.loads(stack.run("report", "--json").stdout)
    assert sum(Decimal(row["profit"]) for row in report["by_day"]) == Decimal(report["totals"]["profit"])
    assert Decimal(report["totals"]["profit"]) == sum(Decimal(one["data"]["realized_text"]) for one in sold)


def live_equals_look_back(stack: Stack) -> None:
    """Although every service was killed: the same signals from the klines, the same decisions from what was told."""
    compared = stack.run("backtest", "live", "--json")
    found = orjson.loads(compared.stdout)
    assert (compared.returncode, found["equal"]) == (0, True), (found["signals"]["differences"], found["orders"])
    print(f"\n{found['signals']['equal']} signals, {found['orders']['facts_equal']} facts again")
    assert found["signals"]["equal"] + found["signals"]["rounded"] > 0
    assert found["orders"]["facts_equal"] > found["orders"]["facts_not_covered"]
    assert found["fills"]["orders"]


def at_rest_the_supervisor_costs_next_to_nothing(stack: Stack) -> None:
    assert stack.supervisor is not None
    watched = {"supervisor": psutil.Process(stack.supervisor.pid)}
    watched |= {name: psutil.Process(pid) for name, pid in stack.pids().items()}
    used = percent_of_a_core(watched)
    for _ in range(3):
        if used["supervisor"] >= _MOST_AT_REST:
            # A busy machine makes the same work dearer, and so do a few more beats in a short time.
            used = percent_of_a_core(watched)
    memory = {name: process.memory_info().rss / 2**20 for name, process in watched.items()}
    print("\n" + ", ".join(f"{name} {used[name]:.1f} % {memory[name]:.0f} MiB" for name in watched))
    # CPU time, not wall clock: other work on the machine does not count. The bar is far above what it takes (0.2 %).
    assert used["supervisor"] < _MOST_AT_REST


def the_reference_names_every_file(stack: Stack) -> None:
    assert find_unknown(stack.data.root, data_directory_files()) == [], "add them to docs/generate/files.py"


def percent_of_a_core(watched: dict[str, psutil.Process]) -> dict[str, float]:
    before, began = {name: sum(process.cpu_times()[:2]) for name, process in watched.items()}, time.monotonic()
    time.sleep(_MEASURED)
    elapsed = time.monotonic() - began
    return {name: (sum(process.cpu_times()[:2]) - before[name]) / elapsed * 100 for name, process in watched.items()}


def a_lost_terminal_stops_nothing(stack: Stack) -> None:
    assert stack.supervisor is not None
    before = stack.pids()
    for process in (stack.supervisor.pid, *before.values()):
        os.kill(process, signal.SIGHUP)
    report = stack.json(stack.data.health_of("supervisor"))["last_update_ts"]
    until(lambda: stack.json(stack.data.health_of("supervisor"))["last_update_ts"] > report + 1, 30, "reports")
    assert stack.all_ready()
    assert stack.pids() == before
