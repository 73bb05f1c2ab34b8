"""The same requests over the port of the simulated exchange and through the engine bring the same inputs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from cq_tui.binance.errors import BinanceError
from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.order_lists import NewOco, NewOpoco, NewOtoco, OcoLeg
from cq_tui.binance.orders import CancelReplace, NewOrder
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.signing import Credentials
from cq_tui.binance.user_data import Subscribed, UserDataStream
from cq_tui.binance.user_events import ExecutionReport, UserEvent
from cq_tui.lookback.fills import EngineFills, Result
from cq_tui.simulator.access.keys import ApiKeys
from cq_tui.simulator.clock import Clock
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.ticks import TICK_MS
from cq_tui.simulator.server import open_exchange
from cq_tui.trading.core import effects
from cq_tui.trading.core.effects import Request, Urgency
from cq_tui.trading.core.inputs import Answer, Answered, Refused
from cq_tui.trading.core.outcomes import input_of_error
from tests.simulator.faults.test_admin import ADMIN, ask
from tests.simulator.test_server import AsyncClient, exchange

_PATIENCE = 30.0
START = 1_700_000_000_000
CONFIG = replace(ADMIN, symbols=("BTCUSDT", "ETHUSDT"), frozen_at=START, uid=4711)
SYMBOL = "ETHUSDT"
QUANTITY = Decimal("0.1")
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Move:
    """Let time pass."""

    ms: int


@dataclass(frozen=True)
class Change:
    """Change filters, or the status, of the symbol."""

    status: str = "TRADING"
    filters: tuple[dict[str, Any], ...] = ()


Step = Request | Move | Change


def script(price: Decimal) -> list[Step]:
    """Every request: successes, refusals by each layer, lists that fill, and fills at later ticks."""
    numbers = iter(range(1_000))

    def at(share: str) -> Decimal:
        return (price * Decimal(share)).quantize(CENT)

    def legs(name: str, high: str = "1.5", low: str = "0.5") -> tuple[OcoLeg, OcoLeg]:
        above, below = f"target{name}", f"stop{name}"
        return OcoLeg("LIMIT_MAKER", above, price=at(high)), OcoLeg("STOP_LOSS", below, stop_price=at(low))

    def entry(name: str, share: str = "1.01") -> NewOrder:
        return NewOrder(SYMBOL, "BUY", "LIMIT", name, QUANTITY, price=at(share), time_in_force="FOK")

    def market(side: str, name: str, quantity: str = "0.0999") -> NewOrder:
        return NewOrder(SYMBOL, side, "MARKET", name, quantity=Decimal(quantity))

    def request(kind: Any, **fields: Any) -> Request:
        made: Request = kind(number=next(numbers), symbol=SYMBOL, urgency=Urgency.ENTRY, **fields)
        return made

    pending = Decimal("0.0999")
    return [
        request(effects.FetchRules, symbols=(SYMBOL, "NOPEUSDT")),
        request(effects.FetchRules, symbols=("NOPEUSDT",)),
        request(effects.FetchCommission),
        request(effects.FetchBookTicker),
        request(effects.FetchAccount),
        # An entry with its protection, moved and sold
        request(effects.PlaceList, order_list=NewOtoco(entry("e1"), pending, "list1", *legs("1"))),
        request(effects.FetchOpenOrders),
        request(effects.QueryOrder, client_order_id="stop1"),
        request(effects.ReplaceOrder, replace=CancelReplace("stop1", market("SELL", "exit1"))),
        request(effects.FetchTrades),
        # What the engine refuses
        request(effects.PlaceList, order_list=NewOtoco(entry("e2", "0.99"), pending, "list2", *legs("2"))),
        request(effects.PlaceOrder, order=market("SELL", "none", "5")),
        request(effects.PlaceOrder, order=market("BUY", "small", "0.0001")),
        request(effects.CancelOrder, client_order_id="stop1"),
        request(effects.CancelOrder, client_order_id="any", order_id=1),
        request(effects.CancelList, list_client_order_id="list1"),
        request(effects.QueryOrder, client_order_id="never"),
        request(effects.QueryOrder, order_id=1),
        # Bought at market, protected by an OCO, whose leg cannot be replaced by more than is held
        request(effects.PlaceOrder, order=market("BUY", "e3", "0.1")),
        request(effects.PlaceList, order_list=NewOco(SYMBOL, "SELL", pending, "list3", *legs("3"))),
        request(effects.PlaceList, order_list=NewOco(SYMBOL, "SELL", pending, "list3", *legs("3"))),
        request(effects.ReplaceOrder, replace=CancelReplace("gone", market("SELL", "exit3"))),
        request(effects.ReplaceOrder, replace=CancelReplace("stop3", market("SELL", "exit4", "5"))),
        request(effects.PlaceList, order_list=NewOco(SYMBOL, "SELL", pending, "list5", *legs("5", low="1.4"))),
        request(effects.PlaceList, order_list=NewOco(SYMBOL, "SELL", pending, "list6", *legs("6"))),
        request(effects.CancelOrder, client_order_id="target6"),
        # A list by what was received, canceled; then one whose stop lies so near that later ticks reach it
        request(effects.PlaceList, order_list=NewOpoco(entry("e7"), "list7", *legs("7"))),
        request(effects.CancelList, list_client_order_id="list7"),
        request(effects.PlaceList, order_list=NewOco(SYMBOL, "SELL", pending, "list8", *legs("8", "1.0003", "0.9997"))),
        Move(120_000),
        request(effects.FetchTrades, from_id=1),
        request(effects.FetchTrades, order_id=1),
        request(effects.QueryOrder, client_order_id="stop8"),
        # Rules change
        Change(filters=({"filterType": "LOT_SIZE", "stepSize": "0.01000000"},)),
        request(effects.FetchRules, symbols=(SYMBOL,)),
        request(effects.PlaceOrder, order=market("SELL", "exit9")),
        Change(status="HALT"),
        request(effects.PlaceOrder, order=market("SELL", "exit10", "0.09")),
        request(effects.FetchRules, symbols=(SYMBOL, "BTCUSDT")),
        Change(),
        request(effects.PlaceOrder, order=market("SELL", "exit11", "0.09")),
        request(effects.FetchAccount),
    ]


class OverThePort:
    """Carries out requests as the trader does."""

    def __init__(self, rest: SpotRest, client: AsyncClient) -> None:
        self._rest, self._client = rest, client

    async def result(self, request: Request) -> Result:
        try:
            return Answered(request.number, await self._ask(request))
        except BinanceError as error:
            return input_of_error(request.number, error)

    async def _ask(self, request: Request) -> Answer:
        rest, symbol = self._rest, request.symbol
        match request:
            case effects.PlaceOrder():
                return await rest.new_order(request.order)
            case effects.PlaceList(order_list=NewOco() as oco):
                return await rest.new_oco(oco)
            case effects.PlaceList(order_list=NewOtoco() as otoco):
                return await rest.new_otoco(otoco)
            case effects.PlaceList(order_list=NewOpoco() as opoco):
                return await rest.new_opoco(opoco)
            case effects.CancelOrder():
                return await rest.cancel_order(symbol, request.client_order_id, order_id=request.order_id)
            case effects.CancelList():
                return await rest.cancel_order_list(symbol, request.list_client_order_id)
            case effects.ReplaceOrder():
                return await rest.cancel_replace(request.replace)
            case effects.QueryOrder():
                return await rest.query_order(symbol, request.client_order_id, order_id=request.order_id)
            case effects.FetchTrades():
                found = await rest.my_trades(symbol, order_id=request.order_id, from_id=request.from_id)
                return tuple(found)
            case effects.FetchRules():
                return await rest.exchange_info(list(request.symbols))
            case effects.FetchBookTicker():
                return (await rest.book_tickers([symbol]))[0]
            case effects.FetchCommission():
                return await rest.commission(symbol)
            case effects.FetchOpenOrders():
                return tuple(await rest.open_orders())
        return await rest.account()

    async def change(self, change: Change) -> None:
        await ask(self._client, "DELETE", "faults")
        if change.filters:
            await ask(self._client, "POST", "faults", action="filters", symbol=SYMBOL, filters=change.filters)
        if change.status != "TRADING":
            await ask(self._client, "POST", "faults", action="status", symbol=SYMBOL, status=change.status)

    async def move(self, ms: int) -> None:
        await ask(self._client, "POST", "clock", advance_ms=ms)


class VirtualTime:
    """The same exchange without a port, moved by hand."""

    def __init__(self) -> None:
        self.now = START
        key = "k" * 64
        self.exchange: Exchange = open_exchange(CONFIG, ApiKeys(key, key), lambda: self.now)
        self.fills = EngineFills(self.exchange)
        self.events: list[UserEvent] = []

    def result(self, request: Request) -> Result:
        return self.fills.carry_out(request)

    def change(self, change: Change) -> None:
        self.exchange.filters = {SYMBOL: change.filters} if change.filters else {}
        self.exchange.engine.set_phase(change.status, SYMBOL)
        self.exchange.engine.set_rules(SymbolRules.from_exchange_info(self.exchange.symbol_info(SYMBOL)))

    def move(self, ms: int) -> None:
        self.now += ms
        for tick in range(self.exchange.market.tick + 1, self.now // TICK_MS + 1):
            self.fills.move_to(tick)


@asynccontextmanager
async def port() -> AsyncIterator[tuple[OverThePort, list[UserEvent]]]:
    clock = Clock(START)
    async with exchange(CONFIG) as client:
        at = client.endpoint
        credentials = Credentials(at.api_key, at.api_secret)
        told: list[UserEvent] = []
        subscribed = asyncio.Event()

        async def read() -> None:
            async with UserDataStream(at.ws_api_url, credentials, lambda: START) as stream:
                async for event in stream:
                    if isinstance(event, Subscribed):
                        subscribed.set()
                    else:
                        told.append(event)  # type: ignore[arg-type]

        reading = asyncio.create_task(read())
        async with asyncio.timeout(_PATIENCE):
            await subscribed.wait()
        async with SpotRest(at.rest_url, credentials, now_ms=clock.market_time) as rest:
            yield OverThePort(rest, client), told
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def test_the_same_requests_bring_the_same_inputs() -> None:
    virtual = VirtualTime()
    steps = script(virtual.exchange.engine.book(SYMBOL).best_ask)
    wanted = await asyncio.to_thread(carry_out_all, virtual, steps)
    assert {result.code for result in wanted if isinstance(result, Refused)} == {-1013, -1121, -2010, -2011, -2013}
    async with port() as (real, told):
        for step, expected in zip(steps, wanted, strict=True):
            if isinstance(step, Move):
                await real.move(step.ms)
            elif isinstance(step, Change):
                await real.change(step)
            else:
                assert await real.result(step) == expected, step
        expected_events = virtual.fills.events()
        reports = [event for event in expected_events if isinstance(event, ExecutionReport)]
        assert {report.status for report in reports} >= {"PENDING_NEW", "NEW", "FILLED", "CANCELED", "EXPIRED"}
        assert any(report.transaction_time > START and report.status == "FILLED" for report in reports)
        async with asyncio.timeout(_PATIENCE):
            while len(told) < len(expected_events):
                await asyncio.sleep(0.01)
        assert told == expected_events


def carry_out_all(virtual: VirtualTime, steps: list[Step]) -> list[Result | None]:
    results: list[Result | None] = []
    for step in steps:
        if isinstance(step, Move):
            virtual.move(step.ms)
            results.append(None)
        elif isinstance(step, Change):
            virtual.change(step)
            results.append(None)
        else:
            results.append(virtual.result(step))
    return results
