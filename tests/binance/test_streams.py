"""Market streams against a scripted server: gaps, silence, malformed frames, shutdown, slow readers."""

import asyncio
import re
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from cq_tui.binance import stream_names, streams
from cq_tui.binance.market_events import BookTickerUpdate, KlineUpdate, TradeUpdate
from cq_tui.binance.reconnect import Connected, Disconnected, MalformedFrame, ReconnectPolicy, Renewing
from cq_tui.binance.stream_names import (
    book_ticker_stream,
    kline_stream,
    mini_ticker_stream,
    symbol_of,
    trade_stream,
)
from cq_tui.binance.streams import MarketStreams, SubscriptionRefused
from cq_tui.binance.watchdog import Deadlines, SymbolActive, SymbolSilent
from tests.binance import samples
from tests.binance.scripted_server import Play, scripted, within

T = TypeVar("T")
QUICK = ReconnectPolicy(delay=lambda attempt: 0.01, close_timeout=0.2)
PATIENT = Deadlines(first_data=30, connection=30, symbol=30)
#: Far more than the queue holds here, and less than the system buffers for a reader that never reads.
COUNT = 100


def market(url: str, *names: str, **options: Any) -> MarketStreams:
    options.setdefault("policy", QUICK)
    options.setdefault("deadlines", PATIENT)
    return MarketStreams(url, names or [book_ticker_stream("BTCUSDT")], **options)


async def until(market_streams: MarketStreams, kind: type[T]) -> tuple[T, list[object]]:
    """Read up to the first event of a kind; return it, and what came before."""
    before: list[object] = []
    async with asyncio.timeout(10):
        async for event in market_streams:
            if isinstance(event, kind):
                return event, before
            before.append(event)
    raise AssertionError("the streams ended")


async def test_the_streams_are_in_the_url() -> None:
    async def script(play: Play) -> None:
        await play.send(samples.book_ticker_event(), samples.kline_event(x=True))
        await play.hold()

    names = kline_stream("BTCUSDT", "1m"), book_ticker_stream("BTCUSDT"), mini_ticker_stream("币安")
    async with scripted(script) as server, market(server.url, *names) as market_streams:
        kline, before = await until(market_streams, KlineUpdate)
        assert kline.closed
        assert [type(event) for event in before] == [Connected, BookTickerUpdate]
        url = urlsplit(server.plays[0].path)
    assert url.path == "/stream"
    assert unquote(url.query) == "streams=btcusdt@kline_1m/btcusdt@bookTicker/币安@miniTicker"


async def test_a_lost_connection_is_reported_and_reopened() -> None:
    async def lose(play: Play) -> None:
        await play.send(samples.book_ticker_event())
        await play.socket.close(1011, "maintenance")

    async def serve_on(play: Play) -> None:
        await play.send(samples.book_ticker_event(u=2))
        await play.hold()

    async with scripted(lose, serve_on) as server, market(server.url) as market_streams:
        down, before = await until(market_streams, Disconnected)
        assert [type(event) for event in before] == [Connected, BookTickerUpdate]
        assert "maintenance" in down.reason
        assert down.retry_in == 0.01
        again, _ = await until(market_streams, BookTickerUpdate)
        assert again.update_id == 2


async def test_an_aborted_connection() -> None:
    async def abort(play: Play) -> None:
        await play.send(samples.book_ticker_event())
        play.socket.transport.abort()

    async with scripted(abort) as server, market(server.url) as market_streams:
        await until(market_streams, Disconnected)
        await until(market_streams, BookTickerUpdate)


async def test_a_connection_without_first_data_is_given_up() -> None:
    async def silent(play: Play) -> None:
        await play.hold()

    deadlines = Deadlines(first_data=0.1, connection=30, symbol=30)
    async with scripted(silent) as server, market(server.url, deadlines=deadlines) as market_streams:
        down, _ = await until(market_streams, Disconnected)
        assert re.fullmatch(r"no first data in [\d.]+ s", down.reason)
        await until(market_streams, Connected)


async def test_a_connection_that_falls_silent_is_given_up() -> None:
    async def fall_silent(play: Play) -> None:
        await play.send(samples.book_ticker_event())
        await play.hold()

    deadlines = Deadlines(first_data=30, connection=0.1, symbol=30)
    async with scripted(fall_silent) as server, market(server.url, deadlines=deadlines) as market_streams:
        down, before = await until(market_streams, Disconnected)
        assert re.fullmatch(r"silent for [\d.]+ s", down.reason)
        assert len(before) == 2


async def test_a_silent_symbol_is_reported_and_its_return_too() -> None:
    wake = asyncio.Event()

    async def script(play: Play) -> None:
        while not wake.is_set():
            await play.send(samples.book_ticker_event("BTCUSDT"))
            await asyncio.sleep(0.02)
        await play.send(samples.book_ticker_event("ETHUSDT"))
        await play.hold()

    deadlines = Deadlines(first_data=30, connection=30, symbol=0.4)
    names = book_ticker_stream("BTCUSDT"), book_ticker_stream("ETHUSDT")
    async with scripted(script) as server, market(server.url, *names, deadlines=deadlines) as market_streams:
        silent, _ = await until(market_streams, SymbolSilent)
        assert silent.symbol == "ETHUSDT"
        assert silent.seconds >= 0.4
        wake.set()
        active, _ = await until(market_streams, SymbolActive)
        assert active.symbol == "ETHUSDT"
        assert active.seconds >= silent.seconds


async def test_malformed_frames_are_reported_and_skipped() -> None:
    async def script(play: Play) -> None:
        await play.send("{not json", samples.book_ticker_event(b="x"), {"result": None, "id": 1})
        await play.send({"stream": "x@avgPrice", "data": {"e": "avgPrice"}}, samples.book_ticker_event())
        await play.hold()

    async with scripted(script) as server, market(server.url) as market_streams:
        _, before = await until(market_streams, BookTickerUpdate)
    problems = [event.problem for event in before if isinstance(event, MalformedFrame)]
    assert len(problems) == 2
    assert "not JSON" in problems[0]
    assert "'b'" in problems[1]


async def test_a_connection_shutting_down_is_read_until_its_replacement_is_ready() -> None:
    """The old connection repeats what the new one sends, and each event is delivered once."""
    serving = asyncio.Event()

    async def shut_down(play: Play) -> None:
        await play.send(
            samples.trade_event(t=1), {"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1}}
        )
        await serving.wait()
        await play.send(samples.trade_event(t=2), samples.trade_event(t=3), samples.trade_event(t=4))
        await play.hold()

    async def serve_on(play: Play) -> None:
        await play.send(samples.trade_event(t=3))
        serving.set()
        await server.plays[0].socket.wait_closed()
        await play.send(samples.trade_event(t=5))
        await play.hold()

    policy = ReconnectPolicy(delay=lambda attempt: 0.01, overlap=0.1, close_timeout=0.2)
    async with (
        scripted(shut_down, serve_on) as server,
        market(server.url, trade_stream("BTCUSDT"), policy=policy) as market_streams,
    ):
        renewing, _ = await until(market_streams, Renewing)
        assert "shutting down" in renewing.reason
        ids: list[int] = []
        while len(ids) < 4:
            trade, before = await until(market_streams, TradeUpdate)
            assert not any(isinstance(event, Disconnected) for event in before)
            ids.append(trade.trade_id)
    assert sorted(ids) == [2, 3, 4, 5]
    assert ids[-1] == 5


async def test_a_connection_lost_before_its_replacement_is_ready_is_reported_as_a_gap() -> None:
    async def cut_off(play: Play) -> None:
        await play.send({"e": "serverShutdown", "E": 1})
        while len(server.plays) < 2:
            await asyncio.sleep(0)
        play.socket.transport.abort()

    async def serve_on(play: Play) -> None:
        await lost.wait()
        await play.send(samples.trade_event(t=1))
        await play.hold()

    lost = asyncio.Event()
    policy = ReconnectPolicy(delay=lambda attempt: 0.01, overlap=0.1, close_timeout=0.2)
    async with (
        scripted(cut_off, serve_on) as server,
        market(server.url, trade_stream("BTCUSDT"), policy=policy) as market_streams,
    ):
        down, _ = await until(market_streams, Disconnected)
        assert down.retry_in == 0
        lost.set()
        _, before = await until(market_streams, TradeUpdate)
        assert [type(event) for event in before] == [Connected]


async def test_a_shutdown_before_a_replacement_is_ready_is_reported_as_a_loss() -> None:
    async def shut_down(play: Play) -> None:
        await play.send({"e": "serverShutdown", "E": 1})
        await play.socket.close(1012)

    async def serve_on(play: Play) -> None:
        await play.send(samples.book_ticker_event())
        await play.hold()

    async with scripted(shut_down, serve_on) as server, market(server.url) as market_streams:
        down, _ = await until(market_streams, Disconnected)
        assert "1012" in down.reason
        await until(market_streams, BookTickerUpdate)


async def test_a_connection_is_renewed_before_its_lifetime_ends() -> None:
    alive = most = 0

    async def stream(play: Play) -> None:
        nonlocal alive, most
        alive += 1
        most = max(most, alive)
        number = 0
        try:
            while True:
                await play.send(samples.book_ticker_event(u=(number := number + 1)))
                await asyncio.sleep(0.02)
        finally:
            alive -= 1

    policy = ReconnectPolicy(delay=lambda attempt: 0.01, lifetime=0.4, overlap=0.05, close_timeout=0.2)
    async with scripted(stream) as server, market(server.url, policy=policy) as market_streams:
        renewing, _ = await until(market_streams, Renewing)
        assert "renewed" in renewing.reason
        _, before = await until(market_streams, Renewing)
        assert not any(isinstance(event, Disconnected) for event in before)
        assert len(server.plays) >= 2
    assert most == 2


async def test_more_streams_than_the_url_holds_are_subscribed_in_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream_names, "MAX_BATCH", 2)
    monkeypatch.setattr(streams, "SUBSCRIBE_INTERVAL", 0.01)
    asked: list[Any] = []

    async def script(play: Play) -> None:
        asked.extend([await play.receive(), await play.receive()])
        await play.send({"result": None, "id": 1}, {"code": 2, "msg": "Invalid request", "id": 2})
        await play.hold()

    names = [f"s{number}@bookTicker" for number in range(5)]
    async with scripted(script) as server, market(server.url, *names) as market_streams:
        refused, _ = await until(market_streams, SubscriptionRefused)
        assert refused.problem == "code 2: Invalid request"
        assert parse_qs(urlsplit(server.plays[0].path).query) == {"streams": ["s0@bookTicker/s1@bookTicker"]}
    assert [request["params"] for request in asked] == [names[2:4], names[4:]]
    assert {request["method"] for request in asked} == {"SUBSCRIBE"}


async def test_subscriptions_stay_below_five_messages_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[float] = []

    async def script(play: Play) -> None:
        for _ in range(3):
            await play.receive()
            times.append(asyncio.get_running_loop().time())
        await play.send(samples.book_ticker_event())
        await play.hold()

    monkeypatch.setattr(stream_names, "MAX_BATCH", 1)
    names = [book_ticker_stream(symbol) for symbol in ("A", "B", "C", "D")]
    async with scripted(script) as server, market(server.url, *names) as market_streams:
        began = asyncio.get_running_loop().time()
        await until(market_streams, BookTickerUpdate)
    # A ping and a pong may come between two of them, and the exchange takes five messages a second.
    assert (times[-1] - began) / len(times) > 0.4


async def test_streams_over_several_connections_come_out_of_one_iterator() -> None:
    async def script(play: Play) -> None:
        name = parse_qs(urlsplit(play.path).query)["streams"][0]
        await play.send(samples.book_ticker_event(symbol_of(name)))
        await play.hold()

    names = [book_ticker_stream(symbol) for symbol in ("A", "B", "C")]
    async with scripted(script) as server, market(server.url, *names, per_connection=1) as market_streams:
        seen = [(await until(market_streams, BookTickerUpdate))[0].symbol for _ in names]
        assert sorted(seen) == ["A", "B", "C"]
        assert len(server.plays) == 3


async def test_a_slow_reader_gets_the_newest_ticker_and_every_closed_bar() -> None:
    sent = asyncio.Event()

    async def script(play: Play) -> None:
        for number in range(500):
            await play.send(samples.book_ticker_event(u=number))
            if number % 100 == 0:
                await play.send(samples.kline_event(x=True, t=number))
        sent.set()
        await play.hold()

    names = book_ticker_stream("BTCUSDT"), kline_stream("BTCUSDT", "1m")
    async with scripted(script) as server, market(server.url, *names, queue_limit=20) as market_streams:
        await within(10, sent.wait())
        bars: list[int] = []
        newest = -1
        while newest < 499:
            event = await within(10, anext(market_streams))
            if isinstance(event, KlineUpdate):
                bars.append(event.kline.open_time)
            elif isinstance(event, BookTickerUpdate):
                assert event.update_id > newest
                newest = event.update_id
        assert bars == [0, 100, 200, 300, 400]
        assert market_streams.dropped > 0


async def test_unread_closed_bars_do_not_pile_up() -> None:
    sent = asyncio.Event()

    async def script(play: Play) -> None:
        for number in range(COUNT):
            await play.send(samples.kline_event(x=True, t=number))
        sent.set()
        await play.hold()

    name = kline_stream("BTCUSDT", "1m")
    async with scripted(script) as server, market(server.url, name, queue_limit=10) as market_streams:
        async with asyncio.timeout(10):
            await sent.wait()
        # Enough loop iterations to read them all, if it did not wait for the reader.
        for _ in range(10 * COUNT):
            await asyncio.sleep(0)
        assert market_streams.pending_count == 11
        bars: list[int] = []
        while len(bars) < COUNT:
            event = await within(10, anext(market_streams))
            if isinstance(event, KlineUpdate):
                bars.append(event.kline.open_time)
        assert bars == list(range(COUNT))
        assert market_streams.dropped == 0


async def test_a_defect_reaches_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(frame: bytes) -> None:
        raise ZeroDivisionError

    async def script(play: Play) -> None:
        await play.send(samples.book_ticker_event())
        await play.hold()

    monkeypatch.setattr(streams, "parse_stream_message", broken)
    async with scripted(script) as server, market(server.url) as market_streams:
        with pytest.raises(ZeroDivisionError):
            await until(market_streams, BookTickerUpdate)


async def test_leaving_closes_the_connections() -> None:
    closed = asyncio.Event()

    async def script(play: Play) -> None:
        await play.hold()
        closed.set()

    async with scripted(script) as server:
        async with market(server.url) as market_streams:
            await until(market_streams, Connected)
        await within(5, closed.wait())
