"""Which klines of an answer are closed: a bar that was forming when the exchange answered never is."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from cq_tui.binance.rest import SpotRest
from cq_tui.contracts.market import Kline
from cq_tui.services.feeder.kline_history import History, Withdrawn, fetch_history
from tests.services.scripted_market import SECOND, ScriptedMarket, bar
from tests.services.serving import serving
from tests.services.waiting import until


def bars_until(newest_open: int, count: int) -> list[Kline]:
    return [bar(newest_open - (count - 1 - i) * SECOND, 100.0 + i) for i in range(count)]


def now_ms() -> int:
    return int(time.time() * 1000)


@asynccontextmanager
async def asking(market: ScriptedMarket) -> AsyncIterator[SpotRest]:
    async with serving(market.application) as at, SpotRest(at.rest) as rest:
        await rest.sync_clock()
        yield rest


async def fetch(rest: SpotRest, market: ScriptedMarket, is_wanted: Callable[[], bool] = lambda: True) -> History:
    return await fetch_history(rest, "BTCUSDT", "1s", market.bars["BTCUSDT"][0].open_time, is_wanted)


@pytest.mark.parametrize("count", [5, 1_000, 1_001, 2_500])
async def test_a_bar_whose_end_passes_while_the_answer_travels_is_not_closed(count: int) -> None:
    market = ScriptedMarket("BTCUSDT")
    async with asking(market) as rest:
        market.traveling["BTCUSDT"] = arrived = asyncio.Event()
        forming = now_ms() // SECOND * SECOND
        market.bars["BTCUSDT"] = bars = bars_until(forming, count)
        fetching = asyncio.create_task(fetch(rest, market))
        await until(lambda: market.kline_requests and now_ms() > bars[-1].close_time + 50)
        arrived.set()
        history = await fetching
    assert history.klines == bars[:-1]
    assert history.newest == bars[-1]


async def test_a_clock_ahead_of_the_bars_closes_none_of_them_early() -> None:
    market = ScriptedMarket("BTCUSDT")
    market.clock_ahead_ms = 10_000
    async with asking(market) as rest:
        market.bars["BTCUSDT"] = bars = bars_until(now_ms() // SECOND * SECOND, 30)
        history = await fetch(rest, market)
    assert history.klines == bars[:-1]
    assert history.is_unsettled, "it is asked for again"


async def test_the_last_bar_of_a_market_that_stopped_is_closed() -> None:
    market = ScriptedMarket("BTCUSDT", history=1_000)
    async with asking(market) as rest:
        history = await fetch(rest, market)
    assert history.klines == market.bars["BTCUSDT"]
    assert not history.is_unsettled


async def test_klines_that_are_no_longer_wanted_end_the_fetching() -> None:
    market = ScriptedMarket("BTCUSDT", history=3_000)
    async with asking(market) as rest:
        with pytest.raises(Withdrawn):
            await fetch(rest, market, lambda: False)
    assert len(market.kline_requests) == 1


async def test_without_klines_there_is_no_newest() -> None:
    market = ScriptedMarket("BTCUSDT")
    async with asking(market) as rest:
        start = now_ms()
        history = await fetch_history(rest, "BTCUSDT", "1s", start, lambda: True)
    assert (history.klines, history.newest, history.is_unsettled, history.may_be_closed) == ([], None, False, False)
