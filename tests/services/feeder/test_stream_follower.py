"""Streams of symbols that change: new connections deliver before the old ones are left."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from cq_tui.binance.market_events import BookTickerUpdate
from cq_tui.binance.reconnect import ReconnectPolicy
from cq_tui.binance.stream_names import book_ticker_stream
from cq_tui.binance.streams import MarketStreams, StreamEvent
from cq_tui.services.feeder import stream_follower
from cq_tui.services.feeder.stream_follower import StreamFollower
from tests.services.scripted_market import ScriptedMarket
from tests.services.serving import serving
from tests.services.waiting import until

POLICY = ReconnectPolicy(delay=lambda attempt: 0.02)


class Heard:
    """What a follower handed on."""

    def __init__(self) -> None:
        self.quotes: list[str] = []
        self.gaps: list[list[str]] = []

    def event(self, event: StreamEvent) -> None:
        if isinstance(event, BookTickerUpdate):
            self.quotes.append(event.symbol)

    def gap(self, symbols: Sequence[str]) -> None:
        self.gaps.append(sorted(symbols))


@asynccontextmanager
async def following(market: ScriptedMarket, heard: Heard) -> AsyncIterator[StreamFollower]:
    async with serving(market.application) as at:

        def open_streams(symbols: Sequence[str]) -> MarketStreams:
            return MarketStreams(at.stream, map(book_ticker_stream, symbols), policy=POLICY)

        follower = StreamFollower(open_streams, heard.event, heard.gap)
        running = asyncio.create_task(follower.run())
        try:
            yield follower
        finally:
            running.cancel()
            await asyncio.wait([running])


async def test_a_new_set_takes_over_once_it_delivers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_follower, "_HANDOVER_LIMIT", 3_600)
    market, heard = ScriptedMarket("AUSDT", "BUSDT", "CUSDT"), Heard()
    async with following(market, heard) as follower:
        assert (follower.connected, follower.down_reason) == (False, "not connected yet")
        follower.follow(["AUSDT", "BUSDT"])
        await until(lambda: follower.connected)
        assert heard.gaps == [["AUSDT", "BUSDT"]]
        follower.follow(["AUSDT", "BUSDT", "CUSDT"])
        await until(lambda: heard.gaps[1:] == [["CUSDT"]])
        assert len(market.sockets) == 2
        await market.quote("AUSDT")
        await market.quote("CUSDT")
        await until(lambda: {"AUSDT", "CUSDT"} <= set(heard.quotes))
        assert len(market.sockets) == 2, "the old one is left for a symbol that has not come on the new one"
        await market.quote("BUSDT")
        await until(lambda: market.stream_symbols() == [{"AUSDT", "BUSDT", "CUSDT"}])
        assert (follower.connected, follower.reconnects, follower.problem) == (True, 0, None)
        await market.drop_connections()
        await until(lambda: follower.reconnects == 1 and follower.connected)
        assert heard.gaps[2:] == [["AUSDT", "BUSDT", "CUSDT"]], "after a loss everything may have a gap"


async def test_silent_symbols_do_not_hold_up_the_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_follower, "_HANDOVER_LIMIT", 0.2)
    market = ScriptedMarket("AUSDT", "BUSDT")
    async with following(market, Heard()) as follower:
        follower.follow(["AUSDT"])
        await until(lambda: follower.connected)
        follower.follow(["BUSDT", "AUSDT"])
        await until(lambda: market.stream_symbols() == [{"AUSDT", "BUSDT"}])


async def test_old_streams_serve_while_the_new_ones_cannot_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_follower, "_HANDOVER_LIMIT", 0.2)
    market, heard = ScriptedMarket("AUSDT", "BUSDT"), Heard()
    async with following(market, heard) as follower:
        follower.follow(["AUSDT"])
        await until(lambda: follower.connected)
        market.refuses_sockets = True
        follower.follow(["AUSDT", "BUSDT"])
        await until(lambda: follower.problem)
        assert "streams of the changed symbols" in (follower.problem or "")
        assert (follower.connected, follower.reconnects) == (True, 0)
        await market.quote("AUSDT")
        await until(lambda: heard.quotes == ["AUSDT"])
        market.refuses_sockets = False
        await until(lambda: market.stream_symbols() == [{"AUSDT", "BUSDT"}])
        assert follower.problem is None


async def test_a_change_back_keeps_the_old_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_follower, "_HANDOVER_LIMIT", 3_600)
    market = ScriptedMarket("AUSDT", "BUSDT")
    async with following(market, Heard()) as follower:
        follower.follow(["AUSDT"])
        await until(lambda: market.sockets)
        [first] = market.sockets
        follower.follow(["AUSDT", "BUSDT"])
        await until(lambda: len(market.sockets) == 2)
        follower.follow(["AUSDT"])
        await until(lambda: list(market.sockets) == [first])
        assert follower.connected


async def test_without_symbols_nothing_is_open() -> None:
    market = ScriptedMarket("AUSDT")
    async with following(market, Heard()) as follower:
        follower.follow(["AUSDT"])
        await until(lambda: market.sockets)
        follower.follow([])
        await until(lambda: not market.sockets)
        assert not follower.connected
        follower.follow(["AUSDT"])
        await until(lambda: follower.connected)


async def test_old_streams_that_were_down_leave_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The new ones were up later than the old ones ended."""
    monkeypatch.setattr(stream_follower, "_HANDOVER_LIMIT", 0.2)
    market, heard = ScriptedMarket("AUSDT", "BUSDT"), Heard()
    async with following(market, heard) as follower:
        follower.follow(["AUSDT"])
        await until(lambda: follower.connected)
        market.refused_symbols = {"AUSDT"}
        await market.drop_connections()
        await until(lambda: not follower.connected)
        follower.follow(["AUSDT", "BUSDT"])
        await until(lambda: follower.connected)
        assert market.stream_symbols() == [{"AUSDT", "BUSDT"}]
        assert heard.gaps[-1] == ["AUSDT", "BUSDT"]
