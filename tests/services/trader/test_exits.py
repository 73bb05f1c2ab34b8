"""Protection and exits: never a position without its stop, never sold twice."""

import asyncio
import time
from dataclasses import replace
from decimal import Decimal

import pytest
from starlette.responses import JSONResponse, Response

from cq_tui.contracts.layout import DataDir
from cq_tui.services.trader.book import Book
from tests.services.processes import report
from tests.services.scripted_account import (
    Execute,
    ScriptedAccount,
    execute_and_fail,
    execute_and_hang,
    fail,
    refuse,
)
from tests.services.serving import serving
from tests.services.trader.stage import all_is_well, buy, living, on_stage, sell, write_prices
from tests.services.waiting import until

pytestmark = pytest.mark.usefixtures("_quick")
D = Decimal


@pytest.fixture
def account() -> ScriptedAccount:
    return ScriptedAccount()


def sold(account: ScriptedAccount) -> Decimal:
    return sum((D(trade["qty"]) for trade in account.trades if not trade["isBuyer"]), D(0))


async def test_the_target_closes_the_position_with_its_profit(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        await stage.enter()
        await account.fill(account.legs("target")[0], price=D(104))
        await until(lambda: not stage.book.positions)
        assert stage.book.realized > D(3)
        await until(lambda: stage.events("order_canceled") == [("order_canceled", "stop")])
        assert stage.session.needs == {}


async def test_a_stop_makes_its_strategy_pause(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        assert await stage.act_on(buy(cooldown_bars=100)) is None
        await account.fill(account.legs("stop")[0], price=D(98))
        await until(lambda: not stage.book.positions)
        later = buy(bar_close_time=int(time.time()) * 1000 - 500)
        denial = await stage.act_on(later, TRADER_ORDER_COOLDOWN=0)
        assert denial is not None
        assert denial.reason.value == "strategy_cooldown"


async def test_refused_protection_means_exit_at_market(data: DataDir, account: ScriptedAccount) -> None:
    account.next["oco"].append(refuse(-2010, "Stop price would trigger immediately."))
    async with on_stage(data, account) as stage:
        assert await stage.act_on(buy()) is None
        assert stage.session.needs == {}
        assert not stage.book.positions
        assert sold(account) == D("0.998")
        assert ("order_rejected", "stop") in stage.events()


async def test_protection_that_was_not_sent_is_retried_with_the_same_ids(
    data: DataDir, account: ScriptedAccount
) -> None:
    account.fills = D(0)
    async with on_stage(data, account) as stage:
        assert await stage.act_on(buy()) is None
        entry = account.legs("entry")[0]
        account.next["oco"].append(refuse(-1003, "Too many requests.", 429))
        stage.wire.cut = True
        await until(lambda: stage.session.problem)
        await account.fill(entry)
        await until(lambda: "BTCUSDT" in stage.book.positions)
        lost = stage.wire.lost
        await until(lambda: stage.wire.lost >= lost + 3)
        assert not any(order.leg != "entry" for order in stage.book.orders.values())
        account.next["oco"].clear()
        stage.wire.cut = False
        await stage.protected()
        assert stage.book.positions["BTCUSDT"].protections == 1
        submitted = [leg for kind, leg in stage.events("order_submitted")]
        assert submitted == ["entry", "stop", "target"]
        assert account.legs("exit") == []


@pytest.mark.parametrize("script", [execute_and_hang, execute_and_fail, fail])
async def test_protection_with_an_unknown_outcome_is_queried_and_never_doubled(
    data: DataDir, account: ScriptedAccount, script: object
) -> None:
    account.next["oco"].append(script)  # type: ignore[arg-type]
    async with on_stage(data, account) as stage:
        await stage.enter()
        assert len(account.legs("stop", "NEW")) == 1
        assert account.legs("exit") == []


async def test_a_sell_signal_cancels_the_protection_and_sells(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        await stage.enter()
        assert await stage.act_on(sell()) is None
        assert not stage.book.positions
        assert sold(account) == D("0.998")
        assert stage.session.needs == {}
        assert {order["status"] for order in account.legs("stop") + account.legs("target")} == {"CANCELED"}
        denial = await stage.act_on(sell(strategy="another"))
        assert denial is not None
        assert denial.reason.value == "nothing_held"


async def test_stale_health_does_not_stop_an_exit(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        await stage.enter()
        for service in ("ares", "feeder", "memory"):
            report(data, service, status="error", last_update_ts=1_000.0)
        write_prices(data, 100.0, age=99.0)
        settings = stage.settings.model_copy(update={"TRADING_STATE": "reducing"})
        assert await stage.session.act_on(sell(), lambda: settings) is None
        assert sold(account) == D("0.998")


async def test_a_cancel_of_unknown_outcome_is_verified_before_the_sale(data: DataDir, account: ScriptedAccount) -> None:
    account.next["cancel"] += [execute_and_fail]
    async with on_stage(data, account) as stage:
        await stage.enter()
        assert await stage.act_on(sell()) is None
        await until(lambda: not stage.book.positions)
        assert sold(account) == D("0.998")


async def test_a_failed_cancel_leaves_the_protection_and_is_retried(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        await stage.enter()
        account.next["cancel"] += [refuse(-1003, status=400), fail]
        assert await stage.act_on(sell()) is None
        assert stage.is_covered
        await until(lambda: not stage.book.positions)
        assert sold(account) == D("0.998")


async def test_a_stop_that_was_filled_while_it_was_being_canceled_is_not_sold_again(
    data: DataDir, account: ScriptedAccount
) -> None:
    async with on_stage(data, account) as stage:
        await stage.enter()
        account.silent = True

        async def filled_just_before(_: Execute) -> Response:
            await account.fill(account.legs("stop")[0], price=D(98))
            return JSONResponse({"code": -2011, "msg": "Unknown order sent."}, 400)

        account.next["cancel"].append(filled_just_before)
        assert await stage.act_on(sell()) is None
        await until(lambda: not stage.book.positions)
        assert sold(account) == D("0.998")
        assert account.legs("exit") == []


async def test_nothing_is_sold_while_the_outcome_of_its_protection_is_unknown(
    data: DataDir, account: ScriptedAccount
) -> None:
    account.next["oco"].append(execute_and_fail)
    account.next["query"] += [fail] * 1_000
    async with on_stage(data, account) as stage:
        assert await stage.act_on(buy()) is None
        assert await stage.act_on(sell()) is None
        assert account.legs("exit") == []
        account.next["query"].clear()
        await until(lambda: not stage.book.positions)
        assert sold(account) == D("0.998")
        assert len(account.legs("exit")) == 1


async def test_an_exit_of_unknown_outcome_is_not_sent_again(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        await stage.enter()
        account.silent = True
        account.next["exit"].append(execute_and_fail)
        assert await stage.act_on(sell()) is None
        await until(lambda: not stage.book.positions)
        assert len(account.legs("exit")) == 1


async def test_time_stops_and_flattening_close_a_position(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        assert await stage.act_on(buy(max_bars=1)) is None
        await until(lambda: "BTCUSDT" not in stage.book.positions)
        assert sold(account) == D("0.998")
        assert await stage.act_on(buy(strategy="another"), TRADER_ORDER_COOLDOWN=0) is None
        assert await stage.session.flatten(["BTCUSDT", "ETHUSDT"], "for the test") == []
        assert sold(account) == D("1.996")


async def test_a_failed_flatten_is_reported_and_retried(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        await stage.enter()
        stage.wire.cut = True
        assert await stage.session.flatten(["BTCUSDT"], "for the test") == ["BTCUSDT"]
        stage.wire.cut = False
        await until(lambda: not stage.book.positions)
        assert sold(account) == D("0.998")


async def test_failed_attempts_to_protect_slow_down(data: DataDir, account: ScriptedAccount) -> None:
    refused = refuse(-2015, "Invalid API-key, IP, or permissions for action.", 401)
    account.next["oco"] += [refused] * 400
    async with on_stage(data, account) as stage:
        began = time.monotonic()
        assert await stage.act_on(buy()) is None
        assert stage.session.needs["BTCUSDT"].reason == "no stop order is open"
        await stage.cycles(8)
        assert not any(name.startswith("cq-exit-") for name in account.sent), "the key's fault is no cause to sell"
        tries = sum(name.startswith("cq-stop-") for name in account.sent)
        # Twice the pause of a cycle lies between two tries.
        assert 2 <= tries <= (time.monotonic() - began) / 0.1 + 2
        assert len(set(account.sent)) == len(account.sent), "each try under ids of its own"
        account.next["oco"].clear()
        await stage.protected()


async def test_an_unsellable_remainder_is_written_off(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        await stage.enter()
        await account.fill(account.legs("stop")[0], D("0.97"), D(98))
        await until(lambda: stage.book.positions["BTCUSDT"].quantity < D("0.03"))
        stage.book.positions["BTCUSDT"] = replace(stage.book.positions["BTCUSDT"], time_stop_ms=1)
        await until(lambda: not stage.book.positions)
        assert account.legs("exit") == []


async def test_a_stop_that_the_exchange_lost_is_placed_again(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        await stage.enter()
        first = account.legs("stop")[0]["clientOrderId"]
        for leg in ("stop", "target"):
            del account.orders[account.legs(leg)[0]["clientOrderId"]]
        await until(lambda: account.legs("stop", "NEW"))
        await stage.protected()
        assert account.legs("stop")[0]["clientOrderId"] != first


async def test_a_position_in_a_symbol_that_is_no_longer_watched_stays_protected(
    data: DataDir, account: ScriptedAccount
) -> None:
    async with on_stage(data, account) as stage:
        await stage.enter()
        saved = stage.saved
    for order in account.legs("stop") + account.legs("target"):
        order["status"] = "CANCELED"
    async with on_stage(data, account, Book.from_dict(saved), symbols=("ETHUSDT",)) as stage:
        await until(lambda: account.legs("stop", "NEW"))
        await stage.protected()


async def test_an_old_price_never_triggers_a_sale(data: DataDir, account: ScriptedAccount) -> None:
    async with on_stage(data, account) as stage:
        await stage.enter()
        saved = stage.saved
    for order in account.legs("stop") + account.legs("target"):
        order["status"] = "CANCELED"
    async with serving(account.application) as at:
        all_is_well(data)
        stale = asyncio.create_task(_keep_stale(data))
        async with living(data, account, at, Book.from_dict(saved)) as stage:
            await until(lambda: account.legs("stop", "NEW"))
            assert account.legs("exit") == []
        stale.cancel()


async def _keep_stale(data: DataDir) -> None:
    while True:
        write_prices(data, 50.0, age=3_600.0)
        await asyncio.sleep(0.005)
