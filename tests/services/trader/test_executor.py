"""Requests carried out: each once, several symbols at a time, what became of it told as the core understands it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

import httpx
import pytest

from cq_tui.binance.errors import (
    ApiError,
    BinanceError,
    BudgetExhausted,
    ConnectionLost,
    MalformedMessage,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    ServerError,
)
from cq_tui.binance.orders import CancelReplace, NewOrder
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.signing import Credentials
from cq_tui.services.trader.executor import STOP_GRACE, Executor
from cq_tui.trading.core import inputs
from cq_tui.trading.core.effects import CancelOrder, FetchAccount, PlaceOrder, QueryOrder, ReplaceOrder, Urgency
from cq_tui.trading.core.outcomes import input_of_error
from tests.services.waiting import until

ORDER = {
    "symbol": "BTCUSDT", "orderId": 1, "orderListId": -1, "clientOrderId": "o", "price": "0", "origQty": "1",
    "executedQty": "0", "cummulativeQuoteQty": "0", "status": "NEW", "timeInForce": "GTC", "type": "MARKET",
    "side": "SELL", "transactTime": 1, "updateTime": 1,
}  # fmt: skip


def place(number: int, symbol: str = "BTCUSDT", urgency: Urgency = Urgency.EXIT) -> PlaceOrder:
    order = NewOrder(symbol, "SELL", "MARKET", f"o{number}", quantity=Decimal(1))
    return PlaceOrder(number=number, symbol=symbol, urgency=urgency, order=order)


def query(number: int, symbol: str = "BTCUSDT", urgency: Urgency = Urgency.ROUTINE) -> QueryOrder:
    return QueryOrder(number=number, symbol=symbol, urgency=urgency, client_order_id="o")


class Exchange:
    """Answers each request when the test says so."""

    def __init__(self) -> None:
        self.gates: dict[str, asyncio.Event] = {}
        self.came: list[str] = []
        self.answers: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(200, json=ORDER)

    def hold(self, method: str, symbol: str) -> asyncio.Event:
        return self.gates.setdefault(f"{method} {symbol}", asyncio.Event())

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        name = f"{request.method} {request.url.params.get('symbol', '')}"
        self.came.append(name)
        if gate := self.gates.get(name):
            await gate.wait()
        return self.answers(request)


class Stage:
    def __init__(self, exchange: Exchange, rest: SpotRest, executor: Executor, told: list[inputs.Input]) -> None:
        self.exchange, self.rest, self.executor, self.told = exchange, rest, executor, told
        self.budget = rest.budget

    def outcome(self, number: int) -> inputs.Input | None:
        found = [one for one in self.told if getattr(one, "number", None) == number]
        return found[-1] if len(found) > 1 or (found and not isinstance(found[0], inputs.Started)) else None


@asynccontextmanager
async def on_stage() -> AsyncIterator[Stage]:
    exchange, told = Exchange(), list[inputs.Input]()
    transport = httpx.MockTransport(exchange)
    credentials = Credentials("key", "secret")
    async with SpotRest("http://127.0.0.1:1", credentials, transport=transport, max_wait=0.0) as rest:
        executor = Executor(rest, told.append)
        running = asyncio.create_task(executor.run())
        try:
            yield Stage(exchange, rest, executor, told)
            if running.done():
                running.result()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_a_request_is_started_then_answered() -> None:
    async with on_stage() as stage:
        stage.executor.submit(place(1))
        await until(lambda: stage.outcome(1))
        started, answered = stage.told
    assert started == inputs.Started(1)
    assert isinstance(answered, inputs.Answered)
    assert stage.exchange.came == ["POST BTCUSDT"]


async def test_what_is_queued_can_be_started_at_once_and_starts_once() -> None:
    async with on_stage() as stage:
        await asyncio.sleep(0)
        stage.executor.submit(place(1))
        stage.executor.start()
        stage.executor.start()
        await asyncio.sleep(0)
        assert stage.told[:1] == [inputs.Started(1)]
        await until(lambda: stage.outcome(1))
        assert stage.exchange.came == ["POST BTCUSDT"]
    # After its end nothing starts.
    stage.executor.submit(place(2))
    stage.executor.start()
    assert len(stage.told) == 2


async def test_a_slow_symbol_delays_no_other_and_slow_reads_no_exit() -> None:
    async with on_stage() as stage:
        stage.exchange.hold("POST", "ETHUSDT")
        stage.exchange.hold("GET", "ETHUSDT")
        stage.executor.submit(place(1, "ETHUSDT"))
        for number in range(2, 12):
            stage.executor.submit(query(number, "ETHUSDT", Urgency.RESOLVE))
        await until(lambda: stage.exchange.came.count("GET ETHUSDT") >= 9)
        stage.executor.submit(place(12, "ETHUSDT"))
        stage.executor.submit(place(13, "BTCUSDT"))
        await until(lambda: stage.outcome(13))
        assert stage.exchange.came.count("POST ETHUSDT") == 2, "an exit waits for no answer"
        stage.exchange.hold("POST", "ETHUSDT").set()
        await until(lambda: stage.outcome(12))
        stage.exchange.hold("GET", "ETHUSDT").set()
        await until(lambda: all(stage.outcome(number) for number in range(1, 14)))
        assert max(Counter(repr(one) for one in stage.told if isinstance(one, inputs.Started)).values()) == 1


async def test_a_number_is_never_sent_twice() -> None:
    async with on_stage() as stage:
        stage.executor.submit(place(2))
        for number in (1, 2):
            with pytest.raises(ValueError, match="comes after 2"):
                stage.executor.submit(place(number))
        await until(lambda: stage.outcome(2))
        assert stage.exchange.came == ["POST BTCUSDT"]


async def test_an_exhausted_budget_is_not_sent_and_withholds_what_can_wait() -> None:
    async with on_stage() as stage:
        stage.exchange.answers = lambda _: httpx.Response(429, headers={"retry-after": "30"}, json={"code": -1003})
        stage.executor.submit(query(1, urgency=Urgency.RESOLVE))
        await until(lambda: stage.outcome(1))
        assert stage.outcome(1) == inputs.Refused(1, -1003, "", about_symbol=False)
        for number, request in ((2, query(2)), (3, place(3)), (4, query(4)), (5, place(5, urgency=Urgency.ENTRY))):
            stage.executor.submit(request)
            await until(lambda number=number: stage.outcome(number))  # type: ignore[misc]
            outcome = stage.outcome(number)
            assert isinstance(outcome, inputs.NotSent)
            assert outcome.retry_after > 1
        assert stage.exchange.came == ["GET BTCUSDT"]
        assert inputs.Started(3) in stage.told, "an exit asks the budget itself"
        assert inputs.Started(4) not in stage.told


async def test_a_cancel_is_not_sent_while_its_next_order_has_no_room() -> None:
    """What it cancels protects: after a cancel that went out, nothing would."""
    async with on_stage() as stage:
        stage.budget.set_limits(6_000, [(10, 1)])
        now_ms = stage.rest.server_now_ms()
        assert stage.budget.reserve(1, now_ms, orders=1) == 0
        cancel = CancelOrder(number=1, symbol="BTCUSDT", urgency=Urgency.EXIT, client_order_id="o", orders_after=1)
        stage.executor.submit(cancel)
        await until(lambda: stage.outcome(1))
        assert isinstance(stage.outcome(1), inputs.NotSent)
        assert not stage.exchange.came
        stage.executor.submit(CancelOrder(number=2, symbol="BTCUSDT", urgency=Urgency.EXIT, client_order_id="o"))
        await until(lambda: stage.exchange.came == ["DELETE BTCUSDT"])


async def test_a_sale_of_a_part_is_not_sent_while_the_protection_of_the_rest_has_no_room() -> None:
    async with on_stage() as stage:
        stage.budget.set_limits(6_000, [(10, 3)])
        assert stage.budget.reserve(1, stage.rest.server_now_ms(), orders=1) == 0
        new = NewOrder(symbol="BTCUSDT", side="SELL", type="MARKET", client_order_id="n", quantity=Decimal(1))
        sale = ReplaceOrder(
            number=1, symbol="BTCUSDT", urgency=Urgency.EXIT, replace=CancelReplace("o", new, "c"), orders_after=2
        )
        stage.executor.submit(sale)
        await until(lambda: stage.outcome(1))
        assert isinstance(stage.outcome(1), inputs.NotSent)
        assert not stage.exchange.came


async def test_stopping_waits_for_changes_and_sends_nothing_more() -> None:
    async with on_stage() as stage:
        gate = stage.exchange.hold("POST", "BTCUSDT")
        stage.executor.submit(place(1))
        await until(lambda: stage.exchange.came)
        stage.executor.submit(place(2, urgency=Urgency.ENTRY))
        stopping = asyncio.create_task(stage.executor.stop())
        await asyncio.sleep(0)
        stage.executor.submit(place(3, "ETHUSDT"))
        gate.set()
        await stopping
        assert isinstance(stage.outcome(1), inputs.Answered)
        assert (stage.outcome(2), stage.outcome(3)) == (None, None)
        assert stage.exchange.came == ["POST BTCUSDT"]


async def test_stopping_does_not_wait_for_ever() -> None:
    async with on_stage() as stage:
        stage.exchange.hold("POST", "BTCUSDT")
        stage.executor.submit(place(1))
        await until(lambda: stage.exchange.came)
        async with asyncio.timeout(STOP_GRACE + 20):
            await stage.executor.stop()
        assert stage.outcome(1) is None


async def test_an_error_of_ours_ends_the_executor() -> None:
    async with on_stage() as stage:

        def break_down(_: httpx.Request) -> httpx.Response:
            raise ZeroDivisionError

        stage.exchange.answers = break_down
        stage.executor.submit(FetchAccount(number=1, symbol="", urgency=Urgency.ROUTINE))
        with pytest.raises(ExceptionGroup) as raised:
            await stage.executor.run()
        assert raised.group_contains(ZeroDivisionError)


@pytest.mark.parametrize(
    ("error", "means"),
    [
        (BudgetExhausted("later", 7.5), inputs.NotSent(1, "later", 7.5)),
        (NotSent("no route"), inputs.NotSent(1, "no route")),
        (OutcomeUnknown("silence"), inputs.OutcomeUnknown(1, "silence")),
        (ApiError(400, -2010, "balance"), inputs.Refused(1, -2010, "balance", True)),
        (ApiError(400, -2015, "key"), inputs.Refused(1, -2015, "key", False)),
        (RateLimited(429, -1003, "slow down", 9.0), inputs.Refused(1, -1003, "slow down", False)),
    ],
)
def test_errors_of_a_change(error: BinanceError, means: inputs.Input) -> None:
    assert input_of_error(1, error) == means


@pytest.mark.parametrize(
    "error",
    [ConnectionLost("reset"), ServerError(503, None, "<html>"), MalformedMessage("order", "x", "is missing")],
)
def test_a_read_that_told_nothing_is_unknown(error: BinanceError) -> None:
    assert input_of_error(1, error) == inputs.OutcomeUnknown(1, str(error))
