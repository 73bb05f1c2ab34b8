"""REST with an injected transport: requests, responses, and what a failure means for an order."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import httpx
import orjson
import pytest

from cq_tui.binance import errors
from cq_tui.binance.order_lists import NewOco, NewOpoco, NewOtoco, OcoLeg
from cq_tui.binance.orders import NewOrder
from cq_tui.binance.request_budget import MINUTE_MS
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.shared_budget import LocalBudget
from cq_tui.binance.signing import Credentials, CredentialsError, sign_hmac
from cq_tui.binance.types import Order, OrderList
from tests.binance import samples
from tests.binance.test_exchange_info import INFO, SYMBOL

NOW = 1_700_000_000_000 // MINUTE_MS * MINUTE_MS
ORDER = NewOrder("BTCUSDT", "BUY", "MARKET", "cq-1", quantity=Decimal("0.5"))
Answer = httpx.Response | Exception


class Exchange:
    """A scripted exchange: responses in order (the last one repeats), and the requests it got."""

    def __init__(self, *answers: Answer | Callable[[httpx.Request], httpx.Response]) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.requests[-1].url.query.decode(), strict_parsing=True))


class Clock:
    """A wall clock in ms that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.ms = float(NOW)
        #: How far it was set, in ms.
        self.set_by = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.ms + self.set_by

    def steady(self) -> float:
        return self.ms - NOW

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.ms += seconds * 1000


def ok(document: object, **headers: str) -> httpx.Response:
    return httpx.Response(200, content=orjson.dumps(document), headers=headers)


def client(exchange: Exchange, clock: Clock | None = None, **options: Any) -> SpotRest:
    clock = clock or Clock()
    options.setdefault("credentials", Credentials("key", "secret"))
    return SpotRest(
        "http://127.0.0.1:1",
        transport=httpx.MockTransport(exchange),
        now_ms=clock.now,
        monotonic_ms=clock.steady,
        sleep=clock.sleep,
        **options,
    )


async def test_public_request_is_not_signed() -> None:
    exchange = Exchange(ok({"serverTime": 5}))
    async with client(exchange, credentials=None) as rest:
        assert await rest.server_time() == 5
    assert exchange.requests[0].url.query == b""
    assert "x-mbx-apikey" not in exchange.requests[0].headers


async def test_signed_request_carries_key_time_and_a_signature_over_what_is_sent() -> None:
    exchange = Exchange(ok(samples.ORDER_PLACED))
    async with client(exchange) as rest:
        await rest.new_order(ORDER)
    request = exchange.requests[0]
    payload, _, signature = request.url.query.rpartition(b"&signature=")
    assert signature.decode() == sign_hmac("secret", payload)
    assert request.method == "POST"
    assert request.content == b""
    assert request.headers["x-mbx-apikey"] == "key"
    assert exchange.query["timestamp"] == str(NOW)
    assert exchange.query["recvWindow"] == "5000"


async def test_non_ascii_symbols_are_signed_as_sent() -> None:
    exchange = Exchange(ok([]))
    async with client(exchange) as rest:
        await rest.open_orders("币安人生USDT")
    payload, _, signature = exchange.requests[0].url.query.rpartition(b"&signature=")
    assert signature.decode() == sign_hmac("secret", payload)
    assert exchange.query["symbol"] == "币安人生USDT"


async def test_a_signed_request_without_credentials() -> None:
    async with client(Exchange(ok({})), credentials=None) as rest:
        with pytest.raises(CredentialsError):
            await rest.account()


async def test_klines() -> None:
    exchange = Exchange(ok([samples.KLINE]))
    async with client(exchange) as rest:
        klines = await rest.klines("BTCUSDT", "1m", start_time=1, limit=5)
    assert klines[0].close == 0.01577100
    assert exchange.query == {"symbol": "BTCUSDT", "interval": "1m", "startTime": "1", "limit": "5"}


async def test_tickers_are_requested_a_hundred_at_a_time() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        kind = samples.BOOK_TICKER if "book" in request.url.path else samples.TICKER_24H
        asked = orjson.loads(request.url.params["symbols"])
        assert len(asked) <= 100
        return ok([kind | {"symbol": symbol} for symbol in asked])

    exchange, names = Exchange(answer), [f"S{n}" for n in range(130)]
    async with client(exchange) as rest:
        assert [ticker.symbol for ticker in await rest.tickers_24h(names)] == names
        assert [ticker.symbol for ticker in await rest.book_tickers(names)] == names
    assert len(exchange.requests) == 4


async def test_tickers_of_the_listed_symbols_come_whatever_else_is_asked_for() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        asked = orjson.loads(request.url.params["symbols"])
        if len(set(asked)) != len(asked):
            return httpx.Response(400, content=b'{"code":-1151,"msg":"Symbol is present multiple times in the list."}')
        if "GONE" in asked:
            return httpx.Response(400, content=b'{"code":-1121,"msg":"Invalid symbol."}')
        if "A/B" in asked:
            return httpx.Response(400, content=b'{"code":-1100,"msg":"Illegal characters found."}')
        is_day = request.url.path.endswith("24hr")
        return ok([(samples.TICKER_24H if is_day else samples.BOOK_TICKER) | {"symbol": name} for name in asked])

    async with client(Exchange(answer)) as rest:
        names = ["A", "GONE", "B", "A", "A/B", "币安人生USDT"]
        assert {ticker.symbol for ticker in await rest.tickers_24h(names)} == {"A", "B", "币安人生USDT"}
        assert {ticker.symbol for ticker in await rest.book_tickers(names)} == {"A", "B", "币安人生USDT"}
        with pytest.raises(errors.InvalidSymbol, match="GONE"):
            await rest.book_tickers(["GONE"])


async def test_depth_weight_follows_its_limit() -> None:
    exchange = Exchange(ok({"lastUpdateId": 5, "bids": [["1", "2"]], "asks": []}))
    budget = LocalBudget()
    async with client(exchange, budget=budget) as rest:
        assert (await rest.depth("BTCUSDT")).last_update_id == 5
        assert exchange.query == {"symbol": "BTCUSDT", "limit": "1000"}
        for limit in (5, 100, 101, 5000):
            await rest.depth("BTCUSDT", limit)
        with pytest.raises(ValueError, match="1 to 5000"):
            await rest.depth("BTCUSDT", 5001)
    assert budget.state().weight.used == 50 + 5 + 5 + 25 + 250


async def test_exchange_info_finds_the_unknown_symbols() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        asked = orjson.loads(request.url.params["symbols"])
        if {"GONE", "AWAY"} & set(asked):
            return httpx.Response(400, content=b'{"code":-1121,"msg":"Invalid symbol."}')
        return ok(INFO | {"symbols": [SYMBOL | {"symbol": symbol} for symbol in asked]})

    async with client(Exchange(answer)) as rest:
        info = await rest.exchange_info(["A", "GONE", "B", "C", "AWAY"])
        assert set(info.symbols) == {"A", "B", "C"}
        assert set(info.unknown_symbols) == {"GONE", "AWAY"}
        with pytest.raises(errors.InvalidSymbol, match="GONE"):
            await rest.exchange_info(["GONE"])
        assert isinstance(rest.budget, LocalBudget)
        assert rest.budget.state().weight.limit == 1200


async def test_order_calls() -> None:
    exchange = Exchange(ok(samples.ORDER_QUERIED))
    async with client(exchange) as rest:
        order = await rest.query_order("BTCUSDT", "cq-stop-1")
        assert order.client_order_id == exchange.query["origClientOrderId"] == "cq-stop-1"
        exchange.answers = [ok(samples.ORDER_CANCELED)]
        canceled = await rest.cancel_order("BTCUSDT", "cq-limit-1", cancel_id="cq-cancel")
        assert isinstance(canceled, Order)
        assert canceled.status == "CANCELED"
        assert exchange.requests[-1].method == "DELETE"
        assert exchange.query["newClientOrderId"] == "cq-cancel"
        exchange.answers = [ok([samples.ORDER_QUERIED])]
        assert len(await rest.open_orders()) == 1
        assert "symbol" not in exchange.query
        assert len(await rest.all_orders("BTCUSDT", order_id=29)) == 1
        assert exchange.query["orderId"] == "29"
        exchange.answers = [ok(samples.ORDER_QUERIED)]
        await rest.query_order("BTCUSDT", order_id=29)
        assert (exchange.query["orderId"], "origClientOrderId" in exchange.query) == ("29", False)
        with pytest.raises(ValueError, match="needs a client order id or an order id"):
            await rest.query_order("BTCUSDT")


async def test_a_canceled_leg_is_answered_with_its_whole_list() -> None:
    gone = samples.ORDER_LIST | {"listOrderStatus": "ALL_DONE", "orderReports": [samples.ORDER_CANCELED]}
    async with client(Exchange(ok(gone))) as rest:
        canceled = await rest.cancel_order("BTCUSDT", "cq-stop-1")
    assert isinstance(canceled, OrderList)
    assert not canceled.is_open
    assert canceled.reports[0].status == "CANCELED"


async def test_order_list_calls() -> None:
    above = OcoLeg("LIMIT_MAKER", "cq-p", price=Decimal(110))
    below = OcoLeg("STOP_LOSS", "cq-s", stop_price=Decimal(90))
    exchange = Exchange(ok(samples.ORDER_LIST | {"orderReports": [samples.ORDER_QUERIED]}))
    async with client(exchange) as rest:
        placed = await rest.new_oco(NewOco("BTCUSDT", "SELL", Decimal(1), "cq-oco-1", above, below))
        assert placed.reports[0].client_order_id == "cq-stop-1"
        assert exchange.requests[-1].url.path == "/api/v3/orderList/oco"
        entry = NewOrder("BTCUSDT", "BUY", "LIMIT", "cq-e", Decimal(1), price=Decimal(100), time_in_force="FOK")
        await rest.new_otoco(NewOtoco(entry, Decimal("0.5"), "cq-list", above, below))
        assert exchange.requests[-1].url.path == "/api/v3/orderList/otoco"
        assert exchange.query["pendingQuantity"] == "0.5"
        await rest.new_opoco(NewOpoco(entry, "cq-list", above, below))
        assert exchange.requests[-1].url.path == "/api/v3/orderList/opoco"
        await rest.query_order_list("cq-oco-1")
        assert exchange.query["origClientOrderId"] == "cq-oco-1"
        await rest.cancel_order_list("BTCUSDT", "cq-oco-1")
        assert exchange.query["listClientOrderId"] == "cq-oco-1"
        exchange.answers = [ok([samples.ORDER_LIST])]
        assert (await rest.open_order_lists())[0].order_list_id == 7


async def test_account_and_trades() -> None:
    exchange = Exchange(ok(samples.ACCOUNT))
    async with client(exchange) as rest:
        assert (await rest.account()).balances["USDT"].free == 1000
        assert exchange.query["omitZeroBalances"] == "true"
        exchange.answers = [ok([samples.ACCOUNT_TRADE])]
        trades = await rest.my_trades("BTCUSDT", order_id=100234)
        assert trades[0].commission_asset == "BNB"
        await rest.ping()


BEFORE_SENDING = [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.PoolTimeout("busy")]
AFTER_SENDING = [
    httpx.ReadTimeout("slow"),
    httpx.WriteTimeout("slow"),
    httpx.ReadError("reset"),
    httpx.WriteError("reset"),
    httpx.RemoteProtocolError("Server disconnected without sending a response."),
]


@pytest.mark.parametrize("failure", BEFORE_SENDING, ids=repr)
async def test_an_order_that_could_not_connect_was_not_sent(failure: Exception) -> None:
    exchange = Exchange(failure)
    async with client(exchange) as rest:
        with pytest.raises(errors.NotSent):
            await rest.new_order(ORDER)
    assert len(exchange.requests) == 1


OPEN_ANSWERS: list[Answer] = [
    *AFTER_SENDING,
    httpx.Response(302, headers={"Location": "https://elsewhere.example/api/v3/order"}),
    httpx.Response(503),
    httpx.Response(500, content=b"<html>"),
    httpx.Response(400, content=b'{"code":-1007,"msg":"Timeout"}'),
    httpx.Response(504, content=b'{"code":-1006,"msg":"Unexpected"}'),
    httpx.Response(200, content=b""),
    httpx.Response(200, content=b"{not json"),
    httpx.Response(200, content=b'{"symbol":"BTCUSDT"}'),
]


@pytest.mark.parametrize("answer", OPEN_ANSWERS, ids=repr)
async def test_an_unknown_outcome_is_reported_and_never_resent(answer: Answer) -> None:
    exchange = Exchange(answer)
    async with client(exchange) as rest:
        with pytest.raises(errors.OutcomeUnknown, match="client order id") as unknown:
            await rest.new_order(ORDER)
        assert unknown.value.client_order_id == ORDER.client_order_id
        with pytest.raises(errors.OutcomeUnknown) as unknown:
            await rest.cancel_order("BTCUSDT", "cq-2")
        assert unknown.value.client_order_id == "cq-2"
    assert [request.method for request in exchange.requests] == ["POST", "DELETE"]


@pytest.mark.parametrize("failure", AFTER_SENDING, ids=repr)
async def test_a_lost_read_changed_nothing(failure: Exception) -> None:
    async with client(Exchange(failure)) as rest:
        with pytest.raises(errors.ConnectionLost):
            await rest.query_order("BTCUSDT", "cq-1")


async def test_a_read_that_is_not_json() -> None:
    async with client(Exchange(httpx.Response(200, content=b"<html>"))) as rest:
        with pytest.raises(errors.MalformedMessage, match="not JSON"):
            await rest.server_time()


async def test_a_refused_order_is_refused() -> None:
    refused = httpx.Response(400, content=b'{"code":-2010,"msg":"Account has insufficient balance"}')
    async with client(Exchange(refused)) as rest:
        with pytest.raises(errors.NewOrderRejected, match="insufficient balance"):
            await rest.new_order(ORDER)


async def test_a_rejected_timestamp_measures_the_clock_and_retries_a_read() -> None:
    rejected = httpx.Response(400, content=b'{"code":-1021,"msg":"outside of the recvWindow"}')
    server = ok({"serverTime": NOW + 90_000})
    exchange = Exchange(rejected, server, server, server, ok(samples.ACCOUNT))
    async with client(exchange) as rest:
        await rest.account()
        assert rest.server_now_ms() == NOW + 90_000
    assert exchange.query["timestamp"] == str(NOW + 90_000)


async def test_a_rejected_timestamp_of_an_order_measures_the_clock_and_is_left_to_the_caller() -> None:
    rejected = httpx.Response(400, content=b'{"code":-1021,"msg":"outside of the recvWindow"}')
    exchange = Exchange(rejected, ok({"serverTime": NOW + 90_000}))
    async with client(exchange) as rest:
        with pytest.raises(errors.TimestampRejected):
            await rest.new_order(ORDER)
        assert rest.server_now_ms() == NOW + 90_000
    assert [request.method for request in exchange.requests] == ["POST", "GET", "GET", "GET"]


@pytest.mark.parametrize("set_by", [-3_600_000.0, 2_000.0, 3_600_000.0])
async def test_a_clock_that_was_set_is_measured_before_the_next_order(set_by: float) -> None:
    clock = Clock()

    def time(_: httpx.Request) -> httpx.Response:
        return ok({"serverTime": int(clock.ms)})

    exchange = Exchange(time, time, time, ok(samples.ORDER_PLACED), time, time, time, ok(samples.ORDER_PLACED))
    async with client(exchange, clock) as rest:
        await rest.sync_clock()
        await rest.new_order(ORDER)
        clock.set_by = set_by
        await rest.new_order(ORDER)
        assert exchange.query["timestamp"] == str(NOW)
        assert rest.server_now_ms() == NOW
    assert [request.method for request in exchange.requests] == ["GET"] * 3 + ["POST"] + ["GET"] * 3 + ["POST"]


@pytest.mark.parametrize("set_by", [-3_600_000.0, 2_000.0, 3_600_000.0])
async def test_the_server_s_time_goes_on_when_the_clock_is_set(set_by: float) -> None:
    """What is due at a time of the exchange, such as the end of a position, comes neither early nor late."""
    clock = Clock()
    async with client(
        Exchange(ok({"serverTime": NOW}), ok({"serverTime": NOW}), ok({"serverTime": NOW})), clock
    ) as rest:
        await rest.sync_clock()
        clock.set_by = set_by
        assert rest.server_now_ms() == NOW


@pytest.mark.parametrize("set_by", [-3_600_000.0, 3_600_000.0])
async def test_a_clock_that_is_set_while_it_is_measured_moves_no_time_of_the_exchange(set_by: float) -> None:
    clock = Clock()

    def while_measured(_: httpx.Request) -> httpx.Response:
        clock.set_by = set_by
        return ok({"serverTime": NOW})

    async with client(Exchange(ok({"serverTime": NOW}), while_measured), clock) as rest:
        await rest.sync_clock(samples=1)
        await rest.sync_clock(samples=1)
        assert rest.server_now_ms() == NOW


async def test_a_clock_that_cannot_be_measured_does_not_hide_the_rejection() -> None:
    rejected = httpx.Response(400, content=b'{"code":-1021,"msg":"outside of the recvWindow"}')
    async with client(Exchange(rejected, httpx.ConnectError("down"))) as rest:
        with pytest.raises(errors.TimestampRejected):
            await rest.new_order(ORDER)


@pytest.mark.parametrize(
    "address",
    ["https://api.binance.com", "https://API4.binance.com./", "https://binance.com", "https://api.binance.us"],
)
async def test_nothing_is_changed_where_money_may_be_real_without_permission(address: str) -> None:
    exchange, key = Exchange(ok(samples.ORDER_PLACED)), Credentials("key", "secret")
    async with SpotRest(address, key, transport=httpx.MockTransport(exchange)) as rest:
        with pytest.raises(errors.RealMoneyRefused):
            await rest.new_order(ORDER)
        with pytest.raises(errors.NotSent):
            await rest.cancel_order("BTCUSDT", "cq-1")
    assert exchange.requests == []
    async with SpotRest(address, key, transport=httpx.MockTransport(exchange), real_money=True) as rest:
        await rest.new_order(ORDER)
    assert len(exchange.requests) == 1
