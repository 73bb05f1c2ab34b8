"""The trader as a process: signals, commands, modes, files and the disk."""

import asyncio
import re
import resource
import time
from decimal import Decimal
from pathlib import Path

import pytest

from cq_tui.binance.hosts import loopback
from cq_tui.contracts.account import AccountState
from cq_tui.contracts.settings import SECRET_KEYS
from cq_tui.ops.trading_state import StateChange, resume, stop
from cq_tui.services.runtime import SHUTDOWN_GRACE
from cq_tui.services.settings_to_act_on import settings_to_act_on
from cq_tui.services.trader.trader_state import TraderState, write_state
from cq_tui.store.control import issue_command, wait_for_answer
from cq_tui.store.document import read_document, read_json, write_document
from cq_tui.store.person import person_here
from cq_tui.store.settings_file import change_settings
from cq_tui.store.what_is_open import what_is_open
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.lock import Lock
from tests.services.processes import data_directory, running, spooled
from tests.services.scripted_account import refuse
from tests.services.trader.process import World, trader, world
from tests.services.trader.surroundings import all_is_well, buy, sell
from tests.services.waiting import until

pytestmark = pytest.mark.stack
D = Decimal
#: Addresses where nobody listens.
NOWHERE = {
    "BINANCE_REST_URL": loopback(9).rest,
    "BINANCE_STREAM_URL": loopback(9).stream,
    "BINANCE_WS_API_URL": loopback(9).ws_api,
}
#: What the quote amount buys, and what of it can be sold after the commission.
BOUGHT, LOT = D("0.997"), D("0.996")


async def test_an_uneventful_run_stays_ok(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        await until(lambda: process.health["status"] == "ok")
        for number in range(3):
            around.signal(buy(strategy=f"s{number}"))
            await until(lambda: around.covered == LOT)
            around.remember("order_executed", "trader", {})
            await until(lambda: process.health["active_positions"] == 1)
            around.signal(sell(strategy=f"s{number}"))
            await until(lambda: around.covered == 0 and not around.position)
            around.remember("order_executed", "trader", {})
            await until(lambda: process.health["active_positions"] == 0)
        assert process.health["status"] == "ok"
        account = read_document(around.data.account, AccountState)
        assert (account.mode, account.positions, account.quarantine) == ("simulation", {}, {})
        asked = time.monotonic()
        assert await process.stop() == 0
        assert time.monotonic() - asked < SHUTDOWN_GRACE, "nothing of it waits for the end of its grace"
        changes = [event["data"] for event in spooled(around.data, "trader", "health_status_changed")]
        # Until orders and balances are known, it has only begun.
        begun = [change for change in changes if not str(change.get("reason")).startswith("waiting for ")]
        assert [change for change in begun if change["new_status"] != "ok"] == []
        around.told_once()


async def test_signals_from_while_the_trader_was_down_are_answered(tmp_path: Path) -> None:
    async with world(tmp_path) as around:
        around.signal(buy(strategy="before the first life"))
        async with trader(around) as process:
            around.signal(sell())
            await until(lambda: around.rejections("nothing_held"))
            assert await process.stop() == 0
        state = read_json(around.data.state_of("trader"))
        assert state["cursor"] == around.data.events.stat().st_size, "there the next life goes on"
        around.signal(buy(strategy="old", bar_close_time=1_000_000))
        around.signal(buy())
        async with trader(around) as process:
            await until(lambda: around.covered == LOT)
            assert len(around.rejections("signal_stale")) == 1
        assert len(around.rejections()) == 2


async def test_a_replaced_history_is_not_acted_on_again(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        around.signal(buy(strategy="old", bar_close_time=1_000_000))
        around.signal(buy())
        await until(lambda: around.covered == LOT and around.position)
        write_document(around.data.events, around.data.events.read_bytes())
        around.history.close()
        again = World(tmp_path)
        again.signal(sell(strategy="new"))
        await until(lambda: not around.position)
        assert len(around.rejections()) == 1
        assert len(around.account.legs("entry")) == 1
        assert await process.stop() == 0
        again.history.close()


async def test_an_unreadable_history_stops_signals_but_not_protection(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        around.signal(buy())
        await until(lambda: around.covered == LOT)
        write_document(around.data.events, b"\x00" * 2_000_000)
        await until(lambda: "no signals" in (process.health.get("reason") or ""))
        for order in around.account.legs("stop") + around.account.legs("target"):
            order["status"] = "CANCELED"
            await around.account.report(order, "CANCELED")
        await until(lambda: around.covered == LOT)


async def test_a_stream_that_tells_nothing_is_found_out_and_replaced(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        around.signal(buy())
        await until(lambda: around.covered == LOT)
        around.account.silent = True
        for order in around.account.legs("stop") + around.account.legs("target"):
            order |= {"status": "CANCELED", "updateTime": int(time.time() * 1000)}
        canceled = time.time()
        await until(lambda: around.covered == LOT)
        assert time.time() - canceled < 15
        await until(lambda: len(around.account.subscribed) == 2)
        around.account.silent = False
        await until(lambda: process.health["status"] == "ok")


async def test_commands_release_and_flatten(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around):
        around.account.next["entry"] += [refuse(-1013, "Filter failure: LOT_SIZE")] * 3
        for strategy in "abc":
            around.signal(buy(strategy=strategy))
        await until(lambda: spooled(around.data, "trader", "symbol_quarantined"))
        around.signal(buy(strategy="d"))
        await until(lambda: around.rejections("quarantined"))
        for target, outcome in (("BTCUSDT", "done"), ("BTCUSDT", "refused")):
            command = issue_command(around.data, "release_symbol", "trader", issued_by="the test", target=target)
            assert (await wait_for_answer(around.data, command)).outcome == outcome
        around.signal(buy(strategy="e"))
        await until(lambda: around.covered == LOT)
        command = issue_command(around.data, "flatten", "trader", issued_by="the test")
        assert (await wait_for_answer(around.data, command)).message == "BTCUSDT closed"
        command = issue_command(around.data, "flatten", "trader", issued_by="the test", target="BTCUSDT")
        assert (await wait_for_answer(around.data, command)).message == "no open position"
        assert (around.covered, around.held) == (D(0), BOUGHT - LOT)
        [released] = spooled(around.data, "trader", "symbol_released")
        assert released["data"]["reason"].startswith("by ")


async def test_a_mode_that_cannot_be_leaves_the_trader_with_its_positions_and_reducing(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        around.signal(buy())
        await until(lambda: around.covered == LOT)
        change_settings(around.data.settings, {"SIMULATION_MODE": False})
        await until(lambda: process.health["status"] == "degraded")
        assert (process.health["mode"], process.health["ready"]) == ("simulation", True)
        await until(lambda: process.health["active_positions"] == 1)
        problem = settings_to_act_on(around.data).load().problem
        assert problem is not None
        assert "testnet needs BINANCE_API_KEY" in problem
        around.signal(buy(strategy="refused", symbol="ETHUSDT"))
        await until(lambda: around.rejections("trading_reducing"))
        change_settings(around.data.settings, {"SIMULATION_MODE": True})
        await until(lambda: process.health["status"] == "ok")
        change_settings(around.data.settings, {"SIMULATION_MODE": False})
        await until(lambda: process.health["status"] == "degraded")
        around.signal(sell())
        await until(lambda: not around.position)
        assert process.is_alive


async def test_a_mode_that_can_be_waits_for_what_is_open_and_needs_no_restart(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        around.signal(buy())
        await until(lambda: around.covered == LOT)
        await until(lambda: bool(what_is_open(around.data)))
        elsewhere = dict.fromkeys(SECRET_KEYS, "key") | NOWHERE
        change_settings(around.data.settings, {"SIMULATION_MODE": False, **elsewhere})
        await until(lambda: process.health["status"] == "degraded")
        assert process.health["mode"] == "simulation"
        problem = settings_to_act_on(around.data).load().problem or ""
        assert "testnet waits until nothing is open in simulation (BTCUSDT: " in problem
        around.signal(sell())
        await until(lambda: process.health["mode"] == "testnet")
        assert (around.covered, around.held) == (D(0), BOUGHT - LOT)
        # The snapshot follows at its own pace: the trader's events are what counts.
        await until(lambda: not around.position)
        change_settings(around.data.settings, {"SIMULATION_MODE": True})
        await until(lambda: process.health["mode"] == "simulation" and process.health["status"] == "ok")


@pytest.mark.parametrize("is_snapshot_gone", [False, True], ids=["snapshot", "events"])
async def test_an_account_document_deleted_by_hand_lets_nobody_leave_what_is_open(
    tmp_path: Path, is_snapshot_gone: bool
) -> None:
    async with world(tmp_path) as around:
        async with trader(around) as process:
            around.signal(buy())
            await until(lambda: around.covered == LOT)
            await until(lambda: process.health["active_positions"] == 1)
            assert await process.stop() == 0
        around.data.account.unlink()
        if is_snapshot_gone:
            around.data.state_of("trader").unlink()
        missing, position = what_is_open(around.data)
        assert missing.startswith("account.json is missing")
        assert re.fullmatch(r"BTCUSDT: protected on simulated:\d+, as recorded last", position)
        assert what_is_open(around.data, unless_in="testnet")
        assert what_is_open(around.data, unless_in="simulation") == []
        async with trader(around) as process:
            await until(lambda: process.health["active_positions"] == 1)
            await until(lambda: "held, entry price" in what_is_open(around.data)[0])


async def test_without_an_account_a_signal_is_denied_for_what_the_mode_lacks(tmp_path: Path) -> None:
    async with world(tmp_path, SIMULATION_MODE=False) as around, trader(around):
        around.signal(buy())
        await until(lambda: around.rejections())
        [denied] = around.rejections("mode_blocked")
        assert "testnet needs BINANCE_API_KEY" in denied["reason"]
        assert (denied["symbol"], denied["side"], denied["refused_by"]) == ("BTCUSDT", "BUY", "guardrail")


async def test_without_an_account_the_lock_of_any_of_them_counts(tmp_path: Path) -> None:
    """Nobody knows yet whose turn it is."""
    data = data_directory(tmp_path, SYMBOLS=["BTCUSDT"])
    books = {name: Book(name, "me001") for name in ("simulated:1", "simulated:2", "simulated:3")}
    books["simulated:2"].locks[""] = Lock("kim", "maintenance", 1_700_000_000_000)
    write_state(data, TraderState(books=books))
    async with running("trader", data) as process:
        await until(lambda: process.health.get("trading_state") == "halted")


async def test_trading_state_is_followed_without_a_restart(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        change_settings(around.data.settings, {"TRADING_STATE": "halted"})
        await until(lambda: "halted" in (process.health.get("reason") or ""))
        around.signal(buy())
        await until(lambda: around.rejections("trading_halted"))
        change_settings(around.data.settings, {"TRADING_STATE": "active"})
        await until(lambda: process.health["status"] == "ok")
        around.signal(buy(strategy="another"))
        await until(lambda: around.covered == LOT)
        done = await asyncio.to_thread(stop, around.data, "halt", "cli", "news")
        assert done == StateChange("trading is halted"), "the trader confirms"
        around.signal(buy(strategy="a third", symbol="ETHUSDT"))
        await until(lambda: len(around.rejections("trading_halted")) == 2)
        assert f"(by {person_here()} since 2" in around.rejections("trading_halted")[1]["reason"]
        assert ": news). Run `cq-tui resume`" in around.rejections("trading_halted")[1]["reason"]
        # Nothing is held by signal: the command says so and changes nothing.
        answer = await wait_for_answer(around.data, issue_command(around.data, "resume", "trader", issued_by="cli"))
        assert (answer.outcome, process.health["trading_state"]) == ("done", "halted")
        assert (await asyncio.to_thread(resume, around.data, "cli")).done == "trading is active"
        assert process.health["trading_state"] == "active"


async def test_a_full_disk_stops_new_risk_but_not_protection(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        around.signal(buy())
        await until(lambda: around.covered == LOT)
        await until(lambda: around.position)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        around.signal(buy(strategy="another", symbol="ETHUSDT"))
        for order in around.account.legs("stop") + around.account.legs("target"):
            order["status"] = "CANCELED"
            await around.account.report(order, "CANCELED")
        await until(lambda: around.covered == LOT)
        assert len(around.account.legs("entry")) == 1
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        # Health was not written either: what it said before does not count.
        roomy = time.time()
        await until(lambda: process.health["last_update_ts"] > roomy and process.health["status"] == "ok")
        assert await process.stop() == 0
        around.told_once()
        assert around.position


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\x00\x01", b"[]", b"{}", b'{"cursor": 1, "books": 7}',
        b'{"format": 2, "cursor": 1, "seq": 3, "owners": [], "accounts": {"simulated:7654321": {}}, "books": {}}',
    ],
    ids=["empty", "binary", "list", "no books", "wrong books", "wrong book"],
)  # fmt: skip
async def test_a_damaged_state_is_kept_aside_and_read_from_the_history_again(tmp_path: Path, content: bytes) -> None:
    async with world(tmp_path) as around:
        async with trader(around) as process:
            around.signal(buy())
            await until(lambda: around.covered == LOT and around.position)
            assert await process.stop() == 0
        before = around.book
        path = around.data.state_of("trader")
        path.write_bytes(content)
        async with trader(around) as process:
            await until(lambda: process.health["active_positions"] == 1)
            assert "trader.json could not be read" in around.data.log_of("trader").read_text()
            [kept] = around.data.quarantine.glob("trader.json.*.damaged")
            assert kept.read_bytes() == content
            await until(lambda: "trader.json" not in (process.health.get("reason", "")))
            around.signal(sell())
            await until(lambda: around.book and not around.position)
            assert await process.stop() == 0
        assert around.book["numbers"].keys() == before["numbers"].keys()
        around.told_once()


async def test_without_a_book_the_trader_starts_at_the_end_of_the_history(tmp_path: Path) -> None:
    async with world(tmp_path) as around:
        around.signal(buy(strategy="long ago"))
        async with trader(around):
            around.signal(buy())
            await until(lambda: around.covered == LOT)
            assert len(around.account.legs("entry")) == 1
            assert around.rejections() == []


async def test_signals_wait_for_memory_and_protection_does_not(tmp_path: Path) -> None:
    async with world(tmp_path) as around:
        async with trader(around) as process:
            around.signal(buy())
            await until(lambda: around.covered == LOT and around.position)
            assert await process.stop() == 0
        around.memory = {"status": "degraded", "ready": False}
        all_is_well(around.data, memory=around.memory)
        for order in around.account.legs("stop", "NEW") + around.account.legs("target", "NEW"):
            order["status"] = "CANCELED"
        around.signal(sell())
        async with trader(around) as process:
            # What was canceled while it was away is placed again.
            await until(lambda: around.covered == LOT)
            await until(lambda: process.health["ready"])
            assert around.position
            around.memory = {}
            await until(lambda: not around.position)
        assert around.rejections() == []


async def test_a_second_directory_waits_for_the_account_and_opens_nothing_beside_the_first(tmp_path: Path) -> None:
    async with world(tmp_path / "first") as around, trader(around) as process:
        around.signal(buy())
        await until(lambda: around.covered == LOT)
        second = World(tmp_path / "second")
        second.exchange.at(around.at)
        all_is_well(second.data)
        async with running("trader", second.data) as other:
            await until(lambda: f"which process {process.pid} from" in (other.health.get("waiting_for") or ""))
            assert other.health["ready"] is False
            second.signal(buy(strategy="second"))
            sent = list(around.account.sent)
            process.kill()
            await until(lambda: other.health.get("ready"))
            # What the first one holds is not the second one's: it is left alone, and nothing is opened beside it.
            await until(lambda: other.health.get("doubts"))
            all_is_well(second.data)
            second.signal(buy(strategy="third"))
            await until(lambda: spooled(second.data, "trader", "order_rejected"))
            assert around.account.sent == sent
            assert around.covered == LOT
        second.history.close()


async def test_a_signal_that_cannot_be_read_is_rejected_and_the_next_is_taken(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        around.remember("signal_generated", "ares", {"symbol": "BTCUSDT", "side": "buy", "strategy": "s"})
        around.signal(buy())
        await until(lambda: around.covered == LOT)
        assert await process.stop() == 0
        [rejected] = around.rejections()
        assert rejected["code"] == "signal_implausible"
        assert "side is 'buy'" in rejected["reason"]
