"""From signal to filled entry: sent once, whatever the exchange answers or does not."""

import asyncio
from decimal import Decimal

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.services.trader.book import Book
from cq_tui.trading.client_order_id import Leg, first_version_id
from cq_tui.trading.denial import DenialReason
from tests.services.processes import report, spooled
from tests.services.scripted_account import (
    Execute,
    ScriptedAccount,
    execute_and_fail,
    execute_and_hang,
    fail,
    refuse,
)
from tests.services.trader.stage import Stage, buy, on_stage, write_prices
from tests.services.waiting import until

pytestmark = pytest.mark.usefixtures("_quick")
D = Decimal


@pytest.fixture
def account() -> ScriptedAccount:
    return ScriptedAccount()


def entries(account: ScriptedAccount) -> list[str]:
    return [name for name in account.sent if name.startswith("cq-entry-")]


async def test_a_signal_becomes_a_filled_and_protected_position(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        signal = await stage.enter()
        position = stage.book.positions["BTCUSDT"]
        assert (position.quantity, position.average_price) == (D("0.998001"), D(100))
        assert account.sent == [
            first_version_id(signal.key, Leg.ENTRY),
            first_version_id(signal.key, Leg.TARGET),
            first_version_id(signal.key, Leg.STOP),
        ]
        assert stage.events() == [
            ("order_submitted", "entry"),
            ("order_executed", "entry"),
            ("order_submitted", "stop"),
            ("order_submitted", "target"),
        ]
        [stop], [target] = account.legs("stop"), account.legs("target")
        assert (stop["stopPrice"], target["price"], stop["origQty"]) == ("98", "104", "0.998")


async def test_nothing_is_needed_right_after_an_entry(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        assert await stage.act_on(buy()) is None
        assert stage.session.needs == {}
        assert stage.is_covered


async def test_the_same_signal_is_traded_once(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        signal = await stage.enter()
        await account.fill(account.legs("target")[0], price=D(104))
        await until(lambda: not stage.book.positions)
        denial = await stage.act_on(signal)
        assert denial is not None
        assert denial.reason is DenialReason.DUPLICATE_SIGNAL
        assert len(entries(account)) == 1


@pytest.mark.parametrize("script", [execute_and_hang, execute_and_fail], ids=["timeout", "503"])
async def test_an_order_executed_without_a_response_is_found_by_query(
    data: DataDir, account: ScriptedAccount, script: object
) -> None:
    account.silent = True
    account.next["entry"].append(script)  # type: ignore[arg-type]
    async with on_stage(data, account) as stage:
        await stage.enter()
        assert len(entries(account)) == 1
        assert stage.events("order_submitted", "order_executed")[:2] == [
            ("order_submitted", "entry"),
            ("order_executed", "entry"),
        ]
        assert stage.book.fills_count == 1


async def test_not_found_does_not_count_at_once(data: DataDir, account: ScriptedAccount) -> None:
    account.silent = True
    account.next["entry"].append(execute_and_fail)
    account.next["query"] += [refuse(-2013), refuse(-2013)]
    async with on_stage(data, account) as stage:
        await stage.enter()
        assert len(entries(account)) == 1


async def test_an_order_that_never_arrived_ends_as_rejected_and_is_not_sent_again(
    data: DataDir, account: ScriptedAccount
) -> None:
    account.next["entry"].append(fail)
    async with on_stage(data, account) as stage:
        assert await stage.act_on(buy()) is None
        denial = await stage.act_on(buy(strategy="another"))
        assert denial is not None
        assert denial.reason is DenialReason.ENTRY_PENDING
        await until(lambda: stage.events("order_rejected"))
        assert not list(stage.book.open_orders())
        assert len(entries(account)) == 1
        assert "never reached" in spooled(data, "trader", "order_rejected")[0]["data"]["reason"]


async def test_a_report_that_overtakes_its_answer_and_comes_twice_counts_once(
    data: DataDir, account: ScriptedAccount
) -> None:
    async def late(execute: Execute) -> object:
        answer = await execute()
        await account.report(account.legs("entry")[0], "TRADE", account.trades[0])
        # The cycle and the report both wait for the turn that the entry has.
        await until(lambda: stage.turn.waiting == 2)
        from starlette.responses import JSONResponse

        return JSONResponse(answer)

    account.next["entry"].append(late)  # type: ignore[arg-type]
    async with on_stage(data, account) as stage:
        await stage.enter()
        await account.report(account.legs("entry")[0], "TRADE", account.trades[0])
        await until(lambda: stage.book.fills_count == 1)
        assert stage.events("order_executed") == [("order_executed", "entry")]
        assert stage.book.positions["BTCUSDT"].quantity == D("0.998001")


async def test_partial_fills_are_protected_as_they_arrive(data: DataDir, account: ScriptedAccount) -> None:
    account.fills = D("0.4")
    async with on_stage(data, account) as stage:
        await stage.enter()
        assert [stop["origQty"] for stop in account.legs("stop", "NEW")] == ["0.399"]
        await account.fill(account.legs("entry")[0])
        await until(lambda: stage.book.positions["BTCUSDT"].quantity == D("0.998001"))
        await stage.protected()
        assert [stop["status"] for stop in account.legs("stop")] == ["CANCELED", "NEW"]
        assert stage.events("order_executed") == [("order_executed", "entry")] * 2


async def test_an_entry_that_expires_unfilled_is_a_failure_of_the_symbol(
    data: DataDir, account: ScriptedAccount
) -> None:
    account.fills = D(0)
    async with on_stage(data, account) as stage:
        stage.book.quarantine.limit = 1
        assert await stage.act_on(buy()) is None
        [entry] = account.legs("entry")
        entry["status"] = "EXPIRED"
        await account.report(entry, "EXPIRED")
        await until(lambda: "BTCUSDT" in stage.book.quarantine)
        assert stage.events("order_canceled") == [("order_canceled", "entry")]
        assert not stage.book.positions


async def test_trades_that_could_not_be_fetched_are_fetched_later(data: DataDir, account: ScriptedAccount) -> None:
    account.silent = True
    account.next["entry"].append(execute_and_fail)
    account.next["trades"] += [fail, fail, fail]
    async with on_stage(data, account) as stage:
        await stage.enter()
        assert not account.next["trades"]


async def test_a_rejection_is_recorded_with_the_exchange_s_code(data: DataDir, account: ScriptedAccount) -> None:
    account.next["entry"].append(refuse(-2010, "Account has insufficient balance for requested action."))
    async with on_stage(data, account) as stage:
        assert await stage.act_on(buy()) is None
        [rejected] = spooled(data, "trader", "order_rejected")
        assert rejected["data"]["code"] == "-2010"
        assert rejected["data"]["reason"] == "Account has insufficient balance for requested action."
        assert rejected["data"]["refused_by"] == "exchange"


async def test_a_symbol_that_fails_again_and_again_is_quarantined_and_its_probe_releases_it(
    data: DataDir, account: ScriptedAccount
) -> None:
    account.next["entry"] += [refuse(-1013, "Filter failure: LOT_SIZE")] * 3
    async with on_stage(data, account) as stage:
        stage.book.quarantine.seconds = 0.5
        for strategy in "abc":
            assert await stage.act_on(buy(strategy=strategy), TRADER_ORDER_COOLDOWN=0) is None
        assert stage.session.desk.orders.quarantined == ["BTCUSDT"]
        denial = await stage.act_on(buy(strategy="d"), TRADER_ORDER_COOLDOWN=0)
        assert denial is not None
        assert denial.reason is DenialReason.QUARANTINED
        await until(lambda: stage.book.quarantine.block_reason("BTCUSDT", stage.session.now()) is None)
        assert await stage.act_on(buy(strategy="e"), TRADER_ORDER_COOLDOWN=0) is None
        await stage.protected()
        assert stage.session.desk.orders.released == ["BTCUSDT"]
        assert len(entries(account)) == 4


@pytest.mark.parametrize("code", [-1021, -2015, -1008])
async def test_a_probe_refused_for_another_reason_is_repeated(
    data: DataDir, account: ScriptedAccount, code: int
) -> None:
    async with on_stage(data, account) as stage:
        await a_probe_is_due(stage)
        account.next["entry"].append(refuse(code))
        assert await stage.act_on(buy()) is None
        assert stage.book.quarantine.block_reason("BTCUSDT", stage.session.now()) is None, "the next entry is the probe"


async def test_a_probe_that_was_not_sent_or_never_arrived_is_repeated(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        await a_probe_is_due(stage)
        account.next["entry"].append(fail)
        assert await stage.act_on(buy(strategy="lost")) is None
        assert stage.book.quarantine.block_reason("BTCUSDT", stage.session.now()) == "a probe is pending"
        await until(lambda: not list(stage.book.open_orders()))
        assert stage.book.quarantine.block_reason("BTCUSDT", stage.session.now()) is None
        stage.wire.changes_cut = True
        assert await stage.act_on(buy(strategy="cut"), TRADER_ORDER_COOLDOWN=0) is None
        assert stage.book.quarantine.block_reason("BTCUSDT", stage.session.now()) is None
        assert len(entries(account)) == 1


async def a_probe_is_due(stage: Stage) -> None:
    stage.book.quarantine.seconds = 0.01
    stage.book.quarantine.impose("BTCUSDT", "for the test", stage.session.now())
    await until(lambda: stage.book.quarantine.block_reason("BTCUSDT", stage.session.now()) is None)


async def test_an_unknown_status_stops_new_risk_and_nothing_else(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        await stage.enter()
        [stop] = account.legs("stop")
        await account.report(stop, "REPLACED", status="PENDING_MIRACLE")
        await until(lambda: "BTCUSDT" in stage.book.quarantine)
        assert "PENDING_MIRACLE" in str(stage.book.quarantine.get("BTCUSDT"))
        await account.fill(stop, price=D(98))
        await until(lambda: not stage.book.positions)


async def test_no_entry_is_sent_while_the_exchange_fails(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        stage.wire.cut = True
        await until(lambda: stage.session.problem)
        denial = await stage.act_on(buy())
        assert denial is not None
        assert denial.reason is DenialReason.NOT_RECONCILED
        stage.wire.cut = False
        await until(lambda: stage.session.problem is None)
        assert await stage.act_on(buy()) is None


@pytest.mark.parametrize(
    ("setting", "reason"),
    [("halted", DenialReason.TRADING_HALTED), ("reducing", DenialReason.TRADING_REDUCING)],
)
async def test_the_trading_state_blocks_entries(
    data: DataDir, account: ScriptedAccount, setting: str, reason: DenialReason
) -> None:
    async with on_stage(data, account) as stage:
        denial = await stage.act_on(buy(), TRADING_STATE=setting)
        assert denial is not None
        assert denial.reason is reason
        assert account.sent == []


async def test_an_entry_needs_fresh_health_and_a_fresh_price(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        for service in ("ares", "feeder", "memory"):
            report(data, service, last_update_ts=1_000.0)
            denial = await stage.session.act_on(buy(), lambda: stage.settings)
            assert denial is not None
            assert denial.reason.value == f"{service}_stale"
            report(data, service)
        write_prices(data, 100.0, age=60.0)
        denial = await stage.session.act_on(buy(), lambda: stage.settings)
        assert denial is not None
        assert denial.reason is DenialReason.FEEDER_STALE


async def test_an_earlier_process_s_order_is_resolved_before_new_ones(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        await stage.enter()
        saved = stage.saved
    async with on_stage(data, account, Book.from_dict(saved)) as stage:
        await stage.protected()
        assert len(account.sent) == 3
        assert stage.events("order_executed") == [("order_executed", "entry")]


async def test_the_equity_does_not_jump_between_a_fill_and_its_balances(
    data: DataDir, account: ScriptedAccount
) -> None:
    async with on_stage(data, account) as stage:
        desk = stage.session.desk
        before = desk.worth(D("10000"), {})
        desk.orders.last_fill_ms = desk.balances_ms + 1
        assert desk.worth(D("9900"), {}) == before
        desk.balances_ms = desk.orders.last_fill_ms
        assert desk.worth(D("9900"), {}) == D("9900")


async def test_prices_and_signals_of_another_mode_open_nothing(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        report(data, "feeder", mode="simulation" if stage.session.mode != "simulation" else "testnet")
        denial = await stage.session.act_on(buy(), lambda: stage.settings)
        assert denial is not None
        assert denial.reason is DenialReason.FEEDER_UNHEALTHY


async def test_a_halt_stops_a_signal_that_was_already_waiting(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        settings = stage.settings
        async with stage.session.turn:
            waiting = asyncio.create_task(stage.session.act_on(buy(), lambda: settings))
            await asyncio.sleep(0)
            settings = settings.model_copy(update={"TRADING_STATE": "halted"})
        denial = await waiting
        assert denial is not None
        assert denial.reason is DenialReason.TRADING_HALTED
        assert account.sent == []
