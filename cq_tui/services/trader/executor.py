"""Carries out the core's requests at the exchange: each once, and what becomes of it goes back as inputs."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from cq_tui.binance.errors import BinanceError, BudgetExhausted
from cq_tui.binance.order_lists import NewOco, NewOpoco, NewOtoco
from cq_tui.binance.rest import SpotRest
from cq_tui.services.runtime import elapsed_ms
from cq_tui.trading.core import effects, inputs
from cq_tui.trading.core.effects import CHANGES, Request, Urgency
from cq_tui.trading.core.outcomes import input_of_error
from cq_tui.trading.queue_policy import Waiting, decide, pauses_after

#: Seconds that changes in flight have to be answered when the executor stops.
STOP_GRACE = 1.5


class Trace(Protocol):
    """What is told of the way of a request, if tracing is enabled."""

    def __call__(self, step: str, request: Request, **milliseconds: float) -> None:
        """Log one step."""


def _no_trace(step: str, request: Request, **milliseconds: float) -> None:
    pass


class Executor:
    """The requests of one account. ``tell`` takes inputs, at once and in order."""

    def __init__(self, rest: SpotRest, tell: Callable[[inputs.Input], None], trace: Trace = _no_trace) -> None:
        self._rest = rest
        self._tell = tell
        self._trace = trace
        self._waiting: list[Waiting] = []
        self._in_flight: dict[int, Request] = {}
        self._changing: dict[int, asyncio.Task[None]] = {}
        self._paused_until: dict[Urgency, float] = {}
        self._last_number = 0
        self._stir = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._is_stopping = False

    def submit(self, request: Request) -> None:
        """Queue a request. Raises ValueError for a number that came before: nothing is sent twice."""
        if request.number <= self._last_number:
            raise ValueError(f"request {request.number} comes after {self._last_number}")
        self._last_number = request.number
        self._waiting.append(Waiting(request, time.monotonic()))
        self._stir.set()

    def start(self) -> None:
        """Start now what may go of all that is queued; else ``run`` does it a moment later."""
        if self._tasks is not None:
            self._decide(self._tasks)

    async def run(self) -> None:
        """Send what waits, until canceled. Raises the error of a request that is no error of the exchange."""
        async with asyncio.TaskGroup() as tasks:
            again_at: float | None = None
            self._tasks = tasks
            try:
                while True:
                    wait = None if again_at is None else max(again_at - time.monotonic(), 0.0)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(wait):
                            await self._stir.wait()
                    self._stir.clear()
                    again_at = self._decide(tasks)
            finally:
                self._tasks = None

    def _decide(self, tasks: asyncio.TaskGroup) -> float | None:
        """Start what may go now; return when to decide again."""
        if self._is_stopping or not self._waiting:
            return None
        decision = decide(self._waiting, self._in_flight.values(), self._paused_until, time.monotonic())
        settled = {request.number for request in decision.start} | {one.request.number for one in decision.withheld}
        self._waiting = [entry for entry in self._waiting if entry.request.number not in settled]
        for request in decision.start:
            self._in_flight[request.number] = request
            task = tasks.create_task(self._carry_out(request))
            if isinstance(request, CHANGES):
                self._changing[request.number] = task
        for request, reason, retry_after in decision.withheld:
            self._tell(inputs.NotSent(request.number, reason, retry_after))
        return decision.again_at

    async def _carry_out(self, request: Request) -> None:
        self._tell(inputs.Started(request.number))
        self._trace("request sent", request)
        began = time.perf_counter()
        outcome: inputs.Input
        try:
            self._require_room(request)
            outcome = inputs.Answered(request.number, await _CALLS[type(request)](self._rest, request))
        except BinanceError as error:
            if isinstance(error, BudgetExhausted):
                self._paused_until |= pauses_after(request.urgency, error.retry_after, time.monotonic())
            outcome = input_of_error(request.number, error)
        finally:
            del self._in_flight[request.number]
            self._changing.pop(request.number, None)
            self._stir.set()
        self._trace("order acknowledged", request, took_ms=elapsed_ms(began))
        self._tell(outcome)

    def _require_room(self, request: Request) -> None:
        """Send no cancel whose next orders would not be sent: what it cancels protects. Raises BudgetExhausted."""
        cancels = effects.CancelOrder | effects.CancelList | effects.ReplaceOrder
        if isinstance(request, cancels) and request.orders_after:
            budget, now_ms = self._rest.budget.state(), self._rest.server_now_ms()
            orders = request.orders_after + isinstance(request, effects.ReplaceOrder)
            wait_ms = budget.wait_ms(1 + request.orders_after, now_ms, orders=orders, essential=True)
            if wait_ms:
                raise BudgetExhausted("no room for the orders that follow the cancel", wait_ms / 1000)

    async def stop(self) -> None:
        """Send nothing more, and give changes in flight a moment to be answered."""
        self._is_stopping = True
        if self._changing:
            await asyncio.wait(list(self._changing.values()), timeout=STOP_GRACE)


def placed_id(request: Request) -> str | None:
    """Return the client order id of the first order that a request places; None if it places none."""
    match request:
        case effects.PlaceOrder(order=order):
            return order.client_order_id
        case effects.PlaceList(order_list=NewOco(below=leg)):
            return leg.client_order_id
        case effects.PlaceList(order_list=NewOtoco(working=order) | NewOpoco(working=order)):
            return order.client_order_id
        case effects.ReplaceOrder(replace=replace):
            return replace.new.client_order_id
    return None


async def _place_list(rest: SpotRest, request: effects.PlaceList) -> Any:
    order_list = request.order_list
    if isinstance(order_list, NewOco):
        return await rest.new_oco(order_list)
    return await (rest.new_otoco(order_list) if isinstance(order_list, NewOtoco) else rest.new_opoco(order_list))


async def _fetch_trades(rest: SpotRest, request: effects.FetchTrades) -> Any:
    return tuple(await rest.my_trades(request.symbol, order_id=request.order_id, from_id=request.from_id))


async def _fetch_book_ticker(rest: SpotRest, request: effects.FetchBookTicker) -> Any:
    return (await rest.book_tickers([request.symbol]))[0]


async def _fetch_open_orders(rest: SpotRest, _: Request) -> Any:
    return tuple(await rest.open_orders())


_CALLS: dict[type[Request], Callable[[SpotRest, Any], Awaitable[Any]]] = {
    effects.PlaceOrder: lambda rest, request: rest.new_order(request.order),
    effects.PlaceList: _place_list,
    effects.CancelOrder: lambda rest, request: rest.cancel_order(
        request.symbol, request.client_order_id, order_id=request.order_id
    ),
    effects.CancelList: lambda rest, request: rest.cancel_order_list(request.symbol, request.list_client_order_id),
    effects.ReplaceOrder: lambda rest, request: rest.cancel_replace(request.replace),
    effects.QueryOrder: lambda rest, request: rest.query_order(
        request.symbol, request.client_order_id, order_id=request.order_id
    ),
    effects.FetchTrades: _fetch_trades,
    effects.FetchRules: lambda rest, request: rest.exchange_info(list(request.symbols)),
    effects.FetchCommission: lambda rest, request: rest.commission(request.symbol),
    effects.FetchBookTicker: _fetch_book_ticker,
    effects.FetchOpenOrders: _fetch_open_orders,
    effects.FetchAccount: lambda rest, _: rest.account(),
}
