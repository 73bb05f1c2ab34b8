"""The project's own client places, replaces and queries orders and order lists on the simulated exchange."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal

import pytest

from cq_tui.binance import errors
from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.order_lists import NewOco, NewOpoco, NewOtoco, OcoLeg
from cq_tui.binance.orders import CancelReplace, NewOrder
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.signing import Credentials
from cq_tui.binance.types import Order, OrderList
from tests.simulator.faults.test_admin import ADMIN, ask
from tests.simulator.test_server import AsyncClient, exchange

SYMBOL = "ETHUSDT"
QUANTITY = Decimal("0.1")
CENT = Decimal("0.01")


class Trader:
    """The client, with the rules and a price of one symbol."""

    def __init__(self, rest: SpotRest, rules: SymbolRules, ask_price: Decimal) -> None:
        self.rest, self.rules, self.ask = rest, rules, ask_price

    def entry(self, share: str = "1.01") -> NewOrder:
        """A FOK at this share of the ask: above it fills, below it expires."""
        price = (self.ask * Decimal(share)).quantize(CENT)
        return NewOrder(SYMBOL, "BUY", "LIMIT", "e", QUANTITY, price=price, time_in_force="FOK")

    def legs(self) -> tuple[OcoLeg, OcoLeg]:
        target, stop = ((self.ask * Decimal(share)).quantize(CENT) for share in ("1.5", "0.5"))
        return OcoLeg("LIMIT_MAKER", "target", price=target), OcoLeg("STOP_LOSS", "stop", stop_price=stop)

    def sell(self, quantity: Decimal, client_order_id: str = "exit") -> NewOrder:
        return NewOrder(SYMBOL, "SELL", "MARKET", client_order_id, quantity=quantity)

    async def protected(self) -> Decimal:
        """Buy and protect; return the quantity."""
        bought = await self.rest.new_order(NewOrder(SYMBOL, "BUY", "MARKET", "buy", quantity=QUANTITY))
        received = bought.executed_quantity - sum(fill.commission for fill in bought.fills)
        held = received.quantize(self.rules.step_size, ROUND_DOWN)
        await self.rest.new_oco(NewOco(SYMBOL, "SELL", held, "pair", *self.legs()))
        return held


@asynccontextmanager
async def trading() -> AsyncIterator[tuple[Trader, AsyncClient]]:
    async with exchange(replace(ADMIN, symbols=(SYMBOL,))) as raw:
        at = raw.endpoint
        async with SpotRest(at.rest_url, Credentials(at.api_key, at.api_secret)) as rest:
            rules = (await rest.exchange_info([SYMBOL])).symbols[SYMBOL]
            yield Trader(rest, rules, (await rest.book_tickers([SYMBOL]))[0].ask_price), raw


def statuses(orders: list[Order] | tuple[Order, ...]) -> dict[str, str]:
    return {order.client_order_id: order.status for order in orders}


async def test_an_otoco_protects_what_its_entry_bought() -> None:
    async with trading() as (trader, _):
        worst = (await trader.rest.commission(SYMBOL)).worst_buy
        assert worst == Decimal("0.001")
        pending = (QUANTITY * (1 - worst)).quantize(trader.rules.step_size, ROUND_DOWN)
        placed = await trader.rest.new_otoco(NewOtoco(trader.entry(), pending, "list", *trader.legs()))
        assert (placed.contingency_type, placed.is_open) == ("OTO", True)
        assert statuses(placed.reports) == {"e": "FILLED", "stop": "PENDING_NEW", "target": "PENDING_NEW"}
        assert placed.reports[0].fills[0].commission_asset == "ETH"
        found = await trader.rest.open_orders(SYMBOL)
        assert statuses(found) == {"stop": "NEW", "target": "NEW"}
        assert {order.quantity for order in found} == {pending}


async def test_an_opoco_protects_whole_steps_of_what_it_received() -> None:
    async with trading() as (trader, _):
        placed = await trader.rest.new_opoco(NewOpoco(trader.entry(), "list", *trader.legs()))
        assert statuses(placed.reports) == {"e": "FILLED", "stop": "PENDING_NEW", "target": "PENDING_NEW"}
        assert [order.quantity for order in placed.reports] == [QUANTITY, 0, 0]
        found = await trader.rest.open_orders(SYMBOL)
        assert {order.quantity for order in found} == {Decimal("0.0999")}


async def test_an_entry_that_is_not_filled_at_once_leaves_nothing() -> None:
    async with trading() as (trader, _):
        placed = await trader.rest.new_opoco(NewOpoco(trader.entry("0.99"), "list", *trader.legs()))
        assert placed.reports[0].status == "EXPIRED"
        assert placed.reports[0].expiry_reason == "UNFILLED_FOK_ORDER_EXPIRED"
        assert await trader.rest.open_orders(SYMBOL) == []
        expired = await trader.rest.query_order(SYMBOL, "stop")
        assert (expired.status, expired.expiry_reason) == ("EXPIRED", "OTO_PHASE_ONE_EXPIRED")
        assert expired.quantity == 0
        assert not (await trader.rest.query_order_list("list")).is_open


async def test_replacing_a_leg_cancels_its_list_and_sells() -> None:
    async with trading() as (trader, _):
        held = await trader.protected()
        done = await trader.rest.cancel_replace(CancelReplace("stop", trader.sell(held), cancel_id="gone"))
        assert done.is_done
        assert isinstance(done.canceled, OrderList)
        assert statuses(done.canceled.reports) == {"stop": "CANCELED", "target": "CANCELED"}
        assert done.placed is not None
        assert (done.placed.client_order_id, done.placed.status) == ("exit", "FILLED")
        assert done.placed.executed_quantity == held
        assert await trader.rest.open_orders(SYMBOL) == []


async def test_a_leg_that_is_gone_cannot_be_replaced() -> None:
    async with trading() as (trader, _):
        held = await trader.protected()
        left = await trader.rest.cancel_replace(CancelReplace("other", trader.sell(held)))
        assert (left.nothing_changed, left.code, left.message) == (True, -2011, "Unknown order sent.")
        assert statuses(await trader.rest.open_orders(SYMBOL)) == {"stop": "NEW", "target": "NEW"}


async def test_a_refused_replacement_leaves_the_position_naked() -> None:
    async with trading() as (trader, _):
        held = await trader.protected()
        naked = await trader.rest.cancel_replace(CancelReplace("stop", trader.sell(held * 2)))
        assert (naked.only_canceled, naked.code) == (True, -2010)
        assert isinstance(naked.canceled, OrderList)
        assert await trader.rest.open_orders(SYMBOL) == []


async def test_a_filter_is_judged_before_the_cancel() -> None:
    async with trading() as (trader, _):
        await trader.protected()
        with pytest.raises(errors.FilterRejected, match="LOT_SIZE"):
            await trader.rest.cancel_replace(CancelReplace("stop", trader.sell(Decimal("0.00001"))))
        assert len(await trader.rest.open_orders(SYMBOL)) == 2


async def test_a_replacement_that_was_executed_but_not_answered_is_unknown() -> None:
    async with trading() as (trader, raw):
        held = await trader.protected()
        await ask(raw, "POST", "faults", action="error", code=-1007, path="/api/v3/order/cancelReplace", count=1)
        with pytest.raises(errors.OutcomeUnknown) as unknown:
            await trader.rest.cancel_replace(CancelReplace("stop", trader.sell(held)))
        assert (await trader.rest.query_order(SYMBOL, unknown.value.client_order_id)).status == "FILLED"


async def test_a_canceled_leg_returns_its_list() -> None:
    async with trading() as (trader, _):
        await trader.protected()
        gone = await trader.rest.cancel_order(SYMBOL, "target", cancel_id="gone")
        assert isinstance(gone, OrderList)
        assert (gone.list_client_order_id, gone.is_open) == ("pair", False)


async def test_orders_by_their_number_and_in_pages() -> None:
    async with trading() as (trader, _):
        await trader.protected()
        first, *rest = await trader.rest.all_orders(SYMBOL)
        assert [first.client_order_id, *sorted(order.client_order_id for order in rest)] == ["buy", "stop", "target"]
        assert await trader.rest.all_orders(SYMBOL, order_id=rest[0].order_id) == rest
        assert (await trader.rest.query_order(SYMBOL, order_id=first.order_id)).client_order_id == "buy"
        with pytest.raises(errors.OrderNotFound):
            await trader.rest.query_order(SYMBOL, "stop", order_id=first.order_id)


async def test_the_account_and_its_permissions() -> None:
    async with trading() as (trader, _):
        account = await trader.rest.account()
        assert account.uid is not None
        assert account.account_type == "SPOT"
        assert trader.rules.may_trade(account.permissions)
        assert not trader.rules.may_trade([])
