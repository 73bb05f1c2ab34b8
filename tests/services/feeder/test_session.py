"""A session at a scripted market: backfill, gaps, silence, symbols left out, refusals of REST and disk."""

import asyncio
import contextlib
import os
import resource
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
import structlog

from cq_tui.binance import rules_refresh
from cq_tui.binance.reconnect import ReconnectPolicy
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.watchdog import Deadlines
from cq_tui.contracts.events import KlinesRepaired
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline, kline_from_line, lines_of_klines
from cq_tui.contracts.tickers import Ticker
from cq_tui.services.feeder import kline_feed, kline_history, stream_follower
from cq_tui.services.feeder import session as feeder_session
from cq_tui.services.feeder.assessment import assess, awaited
from cq_tui.services.feeder.session import FeederSession
from cq_tui.simulator.server import ExchangeEndpoint, SimulatorConfig
from cq_tui.simulator.server import run as run_simulator
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.journal import JournalError, read_lines
from tests.services.scripted_market import ScriptedMarket
from tests.services.serving import serving
from tests.services.waiting import until
from tests.simulator.conftest import SHORT_HISTORY

POLICY = ReconnectPolicy(delay=lambda attempt: 0.05)


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    return data


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repair soon, and read the status of symbols often."""
    monkeypatch.setattr(kline_feed, "_REPAIR_PAUSE", 0.05)
    monkeypatch.setattr(kline_feed, "_CHECK_PAUSE", 0.0)
    monkeypatch.setattr(kline_feed, "_CHECK_AGAIN_AFTER", 0.1)
    monkeypatch.setattr(feeder_session, "_STATUS_INTERVAL", 0.2)
    for name in ("WAITING_PERIOD", "_SUSPICION_PAUSE", "_REQUEST_PAUSE"):
        monkeypatch.setattr(rules_refresh, name, 0.2)


def no_trace(step: str, key: str, **milliseconds: float) -> None:
    """Tracing is off."""


@asynccontextmanager
async def session_at(
    data: DataDir,
    rest_url: str,
    stream_url: str,
    symbols: list[str],
    deadlines: Deadlines | None = None,
    tickers: dict[str, Ticker] | None = None,
    repaired: Callable[[KlinesRepaired], None] = lambda _: None,
    intervals: tuple[str, ...] = ("1s",),
) -> AsyncIterator[FeederSession]:
    async with SpotRest(rest_url) as rest:
        session = FeederSession(
            data, rest, stream_url, symbols, intervals, structlog.get_logger(), no_trace,
            repaired=repaired, last_tickers=tickers, deadlines=deadlines, policy=POLICY,
        )  # fmt: skip
        running = asyncio.create_task(session.run(lambda: None))
        try:
            yield session
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


@asynccontextmanager
async def feeding(
    data: DataDir,
    market: ScriptedMarket,
    *symbols: str,
    deadlines: Deadlines | None = None,
    repaired: Callable[[KlinesRepaired], None] = lambda _: None,
) -> AsyncIterator[FeederSession]:
    wanted = list(symbols or market.symbols)
    async with (
        serving(market.application) as at,
        session_at(data, at.rest, at.stream, wanted, deadlines, repaired=repaired) as session,
    ):
        yield session


@asynccontextmanager
async def closing_bars(market: ScriptedMarket, symbol: str) -> AsyncIterator[None]:
    """Close bars of a symbol again and again, each told once."""

    async def close() -> None:
        while True:
            await market.close_bar(symbol)
            await asyncio.sleep(0.02)

    task = asyncio.create_task(close())
    try:
        yield
    finally:
        task.cancel()


def open_journals(data: DataDir) -> list[str]:
    """The kline journals that this process has open."""
    paths = (Path(file.path) for file in psutil.Process().open_files())
    return sorted(path.name for path in paths if path.parent == data.klines.resolve())


async def settled(data: DataDir, market: ScriptedMarket) -> int:
    """Wait until bars of BTCUSDT are stored as they come; return how often they were asked for until then."""
    while True:
        asked, count = market.kline_requests.count("BTCUSDT"), len(stored(data))
        await until(lambda count=count: len(stored(data)) >= count + 10)  # type: ignore[misc]
        if asked == market.kline_requests.count("BTCUSDT"):
            return asked


def stored(data: DataDir, symbol: str = "BTCUSDT", interval: str = "1s") -> list[Kline]:
    return [kline_from_line(line) for line in read_lines(data.klines_of(symbol, interval))]


async def test_history_is_fetched_and_closed_bars_follow(data: DataDir) -> None:
    market = ScriptedMarket(history=2_345)
    async with feeding(data, market) as session:
        await until(lambda: session.klines.backfilled and session.streams.connected and market.sockets)
        assert stored(data) == market.bars["BTCUSDT"]
        assert session.symbols == ["BTCUSDT", "ETHUSDT"]
        for _ in range(3):
            await market.close_bar("BTCUSDT")
        await until(lambda: stored(data) == market.bars["BTCUSDT"])
        assert stored(data, "ETHUSDT") == market.bars["ETHUSDT"]
        assert (session.rejected, session.silent_since(time.time()), session.rest_problem) == ({}, {}, None)


async def test_a_restart_continues_after_the_stored_klines(data: DataDir) -> None:
    market = ScriptedMarket("BTCUSDT")
    async with feeding(data, market) as session:
        await until(lambda: session.klines.backfilled)
    inode = data.klines_of("BTCUSDT", "1s").stat().st_ino
    for _ in range(5):
        await market.close_bar("BTCUSDT")
    async with feeding(data, market) as session:
        await until(lambda: session.klines.backfilled)
    assert stored(data) == market.bars["BTCUSDT"]
    assert data.klines_of("BTCUSDT", "1s").stat().st_ino == inode, "nothing was written anew"


async def test_another_market_restarts_the_journal(data: DataDir) -> None:
    first, second = ScriptedMarket("BTCUSDT"), ScriptedMarket("BTCUSDT", price=900.0)
    for market in (first, second):
        async with feeding(data, market) as session:
            await until(lambda: session.klines.backfilled)
    assert stored(data) == second.bars["BTCUSDT"]


def store_wrongly(data: DataDir, klines: list[Kline], symbol: str = "BTCUSDT") -> None:
    data.klines_of(symbol, "1s").write_bytes(lines_of_klines(klines))


async def test_klines_stored_wrongly_are_repaired_at_the_start_and_told(data: DataDir) -> None:
    market, told = ScriptedMarket("BTCUSDT", history=2_600), list[KlinesRepaired]()
    bars = market.bars["BTCUSDT"]
    early, late = bars[100]._replace(close=bars[100].high), bars[2_000]._replace(volume=0.5)
    store_wrongly(data, [*bars[:100], early, *bars[101:1_500], *bars[1_502:2_000], late, *bars[2_001:2_500]])
    async with feeding(data, market, repaired=told.append) as session:
        await until(lambda: session.klines.backfilled and market.sockets)
        await market.close_bar("BTCUSDT")
        await until(lambda: stored(data) == bars)
    times = bars[100].open_time, bars[2_000].open_time
    assert [(repair.symbol, repair.interval, repair.count) for repair in told] == [("BTCUSDT", "1s", 4)]
    assert [(repair.first_open_time, repair.last_open_time) for repair in told] == [times]
    async with feeding(data, market, repaired=told.append) as session:
        await until(lambda: session.klines.backfilled)
        asked = len(market.kline_requests)
        await until(lambda: len(market.kline_requests) >= asked + 3)
    assert len(told) == 1, "what is right is left alone"


async def test_a_last_bar_stored_while_it_was_forming_is_repaired_before_anything_follows(data: DataDir) -> None:
    market, told = ScriptedMarket("BTCUSDT"), list[KlinesRepaired]()
    bars = market.bars["BTCUSDT"]
    store_wrongly(data, [*bars[:-1], bars[-1]._replace(high=bars[-1].high + 1)])
    market.holding["BTCUSDT"] = asyncio.Event()
    async with feeding(data, market, repaired=told.append) as session:
        await until(lambda: market.kline_requests and market.sockets)
        await market.close_bar("BTCUSDT")
        market.holding.pop("BTCUSDT").set()
        await until(lambda: session.klines.backfilled and stored(data) == bars)
    assert [(repair.count, repair.first_open_time) for repair in told] == [(1, bars[-2].open_time)]


async def test_a_bar_that_is_still_forming_is_taken_out_of_the_journal_until_it_is_closed(data: DataDir) -> None:
    market, told = ScriptedMarket("BTCUSDT"), list[KlinesRepaired]()
    forming = int(time.time()) * 1_000 + 3_600_000
    moved = [k._replace(open_time=k.open_time + (step := forming - market.bars["BTCUSDT"][-1].open_time),
             close_time=k.close_time + step) for k in market.bars["BTCUSDT"]]  # fmt: skip
    market.bars["BTCUSDT"] = moved
    store_wrongly(data, moved)
    async with feeding(data, market, repaired=told.append) as session:
        await until(lambda: session.klines.backfilled and market.sockets)
        assert stored(data) == moved[:-1]
        moved[-1] = moved[-1]._replace(volume=9.0)
        await market.tell_closed("BTCUSDT")
        await until(lambda: stored(data) == moved)
    assert [repair.count for repair in told] == [1]


def until_now(market: ScriptedMarket, symbol: str = "BTCUSDT") -> list[Kline]:
    """Move the bars of a symbol so that the last one has just closed, and no later one has opened."""
    closed = int(time.time()) * 1_000 - 1_000
    step = closed - market.bars[symbol][-1].open_time
    bars = [k._replace(open_time=k.open_time + step, close_time=k.close_time + step) for k in market.bars[symbol]]
    market.bars[symbol] = bars
    return bars


async def test_a_last_bar_that_has_just_closed_stays(data: DataDir) -> None:
    market, told = ScriptedMarket("BTCUSDT"), list[KlinesRepaired]()
    bars = until_now(market)
    store_wrongly(data, bars)
    async with feeding(data, market, repaired=told.append) as session:
        await until(lambda: session.klines.backfilled and market.sockets)
        await until(lambda: len(market.kline_requests) > 3)
        assert (stored(data), told) == (bars, [])


async def test_a_bar_that_nothing_shows_to_be_closed_is_stored_once_it_must_be(
    data: DataDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a symbol stops trading just then: the stream tells nothing more."""
    monkeypatch.setattr(kline_history, "_SETTLED_AFTER", 4_000)
    market = ScriptedMarket("BTCUSDT")
    bars = until_now(market)
    async with feeding(data, market) as session:
        await until(lambda: session.klines.backfilled)
        assert stored(data) == bars[:-1]
        await until(lambda: stored(data) == bars)


async def test_a_comparison_that_the_exchange_refuses_is_tried_again(data: DataDir) -> None:
    market, told = ScriptedMarket("BTCUSDT", history=1_500), list[KlinesRepaired]()
    bars = market.bars["BTCUSDT"]
    store_wrongly(data, [bars[0]._replace(volume=0.5), *bars[1:]])
    market.without_past.add("BTCUSDT")
    async with feeding(data, market, repaired=told.append) as session:
        await until(lambda: session.klines.backfilled)
        asked = len(market.kline_requests)
        await until(lambda: len(market.kline_requests) > asked + 2)
        assert (told, session.rest_problem) == ([], None)
        market.without_past.clear()
        await until(lambda: stored(data) == bars)
    assert [repair.count for repair in told] == [1]


async def test_bars_that_closed_while_the_stream_was_down_are_fetched_before_later_ones(data: DataDir) -> None:
    market = ScriptedMarket("BTCUSDT")
    async with feeding(data, market) as session:
        await until(lambda: session.klines.backfilled and market.sockets)
        await market.close_bar("BTCUSDT", told=False)
        await market.close_bar("BTCUSDT", told=False)
        await market.drop_connections()
        await until(lambda: session.streams.reconnects == 1 and market.sockets)
        await market.close_bar("BTCUSDT")
        await until(lambda: stored(data) == market.bars["BTCUSDT"])
        assert session.klines.gaps_repaired >= 1


async def test_a_bar_behind_a_gap_waits_for_the_history_that_lags(data: DataDir) -> None:
    market = ScriptedMarket("BTCUSDT")
    async with feeding(data, market) as session:
        await until(lambda: session.klines.backfilled and market.sockets)
        before = list(market.bars["BTCUSDT"])
        market.lag["BTCUSDT"] = 2
        await market.close_bar("BTCUSDT", told=False)
        await market.close_bar("BTCUSDT")
        asked = len(market.kline_requests)
        await until(lambda: len(market.kline_requests) > asked)
        assert stored(data) == before
        market.lag["BTCUSDT"] = 0
        await until(lambda: stored(data) == market.bars["BTCUSDT"])


async def test_a_connection_without_a_gap_counts_no_repair(data: DataDir) -> None:
    market = ScriptedMarket()
    async with feeding(data, market) as session:
        await until(lambda: session.klines.backfilled and session.streams.connected and market.sockets)
        asked = len(market.kline_requests)
        await market.drop_connections()
        await until(lambda: len(market.kline_requests) >= asked + 2)
        assert session.klines.gaps_repaired == 0


async def test_a_symbol_whose_history_fails_does_not_hold_up_the_others(data: DataDir) -> None:
    market = ScriptedMarket("BADUSDT", "BTCUSDT")
    market.failing["BADUSDT"] = 400
    async with feeding(data, market) as session:
        await until(lambda: session.klines.backfilled and session.streams.connected and market.sockets)
        assert stored(data) == market.bars["BTCUSDT"]
        assert "BADUSDT" in session.klines.problems
        await market.close_bar("BTCUSDT")
        await until(lambda: stored(data) == market.bars["BTCUSDT"])
        del market.failing["BADUSDT"]
        await until(lambda: stored(data, "BADUSDT") == market.bars["BADUSDT"])
        assert not session.klines.problems


async def test_a_failed_rest_request_is_reported_and_retried(data: DataDir) -> None:
    market = ScriptedMarket("BTCUSDT")
    market.failing["BTCUSDT"] = 503
    async with feeding(data, market) as session:
        await until(lambda: session.rest_problem)
        assert not session.klines.backfilled
        del market.failing["BTCUSDT"]
        await until(lambda: session.klines.backfilled)
        assert session.rest_problem is None
        assert stored(data) == market.bars["BTCUSDT"]


async def test_silence_of_one_symbol_and_its_end_are_shown(data: DataDir) -> None:
    market = ScriptedMarket()
    deadlines = Deadlines(first_data=5, connection=5, symbol=0.4)
    async with feeding(data, market, deadlines=deadlines) as session:

        async def speak() -> None:
            while True:
                await market.quote("BTCUSDT")
                await asyncio.sleep(0.05)

        speaking = asyncio.create_task(speak())
        await until(lambda: list(session.silent_since(time.time())) == ["ETHUSDT"])
        await market.drop_connections()
        await until(lambda: session.streams.reconnects and session.streams.connected and market.sockets)
        await market.quote("ETHUSDT")
        await until(lambda: "ETHUSDT" not in session.silent_since(time.time()))
        speaking.cancel()


async def test_unknown_and_halted_symbols_are_left_out_with_a_reason(data: DataDir) -> None:
    market = ScriptedMarket("BTCUSDT", "OLDUSDT")
    market.symbols["OLDUSDT"] = "BREAK"
    async with feeding(data, market, "BTCUSDT", "NONEUSDT", "OLDUSDT") as session:
        await until(lambda: session.klines.backfilled)
        assert session.symbols == ["BTCUSDT"]
        assert session.rejected["NONEUSDT"] == "is not listed here"
        assert session.rejected["OLDUSDT"].startswith("in maintenance (BREAK) since before ")
        assert len(session.rejected) == 2
        for names_unlisted in (True, False):
            reason = assess(session, time.time(), 0, 10, names_unlisted=names_unlisted, disk_problem=None)[1] or ""
            assert ("NONEUSDT" in reason, "OLDUSDT" in reason) == (names_unlisted, True)


async def test_a_symbol_whose_journal_cannot_be_opened_is_left_out(data: DataDir) -> None:
    data.klines_of("ETHUSDT", "1s").mkdir()
    market = ScriptedMarket()
    async with feeding(data, market) as session:
        await until(lambda: session.klines.backfilled)
        assert session.symbols == ["BTCUSDT"]
        assert "ETHUSDT-1s" in session.rejected["ETHUSDT"]


async def test_without_any_journal_the_session_fails_with_a_message(data: DataDir) -> None:
    data.klines_of("BTCUSDT", "1s").mkdir()
    market = ScriptedMarket("BTCUSDT")
    async with serving(market.application) as at, SpotRest(at.rest) as rest:
        log = structlog.get_logger()
        session = FeederSession(data, rest, at.stream, ["BTCUSDT"], ["1s"], log, no_trace, repaired=lambda _: None)
        with pytest.raises(JournalError, match="BTCUSDT-1s"):
            await session.run(lambda: None)


async def test_what_the_disk_refused_is_fetched_again(data: DataDir) -> None:
    market = ScriptedMarket("BTCUSDT")
    async with feeding(data, market) as session:
        await until(lambda: session.klines.backfilled and market.sockets)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        size = os.stat(data.klines_of("BTCUSDT", "1s")).st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        try:
            await market.close_bar("BTCUSDT")
            await until(lambda: session.klines.disk_problem)
            await market.close_bar("BTCUSDT")
            asked = len(market.kline_requests)
            await until(lambda: len(market.kline_requests) >= asked + 2)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        await until(lambda: stored(data) == market.bars["BTCUSDT"])
        await until(lambda: session.klines.disk_problem is None)


async def test_symbols_in_maintenance_are_taken_up_when_they_trade(data: DataDir) -> None:
    market = ScriptedMarket()
    market.symbols.update(dict.fromkeys(market.symbols, "BREAK"))
    async with feeding(data, market) as session:
        await until(lambda: len(session.rejected) == 2)
        assert "in maintenance (BREAK)" in session.rejected["BTCUSDT"]
        assert (session.symbols, market.sockets, session.ticker_table.tickers) == ([], {}, {})
        assert awaited(session).startswith("BTCUSDT, ETHUSDT: in maintenance (BREAK) since before ")
        assert assess(session, time.time(), 1e9, 10, names_unlisted=True, disk_problem=None) == (
            "error",
            awaited(session),
        )
        market.symbols["ETHUSDT"] = "TRADING"
        await until(lambda: session.klines.backfilled and session.streams.connected and market.sockets)
        assert session.symbols == ["ETHUSDT"]
        await market.close_bar("ETHUSDT")
        await until(lambda: stored(data, "ETHUSDT") == market.bars["ETHUSDT"])
        market.symbols["BTCUSDT"] = "TRADING"
        await until(lambda: session.symbols == ["BTCUSDT", "ETHUSDT"])
        await until(lambda: stored(data) == market.bars["BTCUSDT"])
        assert session.rejected == {}
        assert list(session.ticker_table.tickers) == ["ETHUSDT", "BTCUSDT"]


async def test_a_halted_symbol_leaves_and_comes_back_without_touching_the_others(data: DataDir) -> None:
    market = ScriptedMarket()
    async with feeding(data, market) as session, closing_bars(market, "BTCUSDT"):
        await until(lambda: session.klines.backfilled and market.sockets)
        asked = await settled(data, market)
        market.symbols["ETHUSDT"] = "HALT"
        await until(lambda: market.stream_symbols() == [{"BTCUSDT"}])
        assert session.symbols == ["BTCUSDT"]
        assert session.rejected["ETHUSDT"].startswith("trading is halted (HALT) since ")
        assert session.ticker_table.tickers["ETHUSDT"].price > 0, "its last price stays"
        status, reason = assess(session, time.time(), 0, 10, names_unlisted=True, disk_problem=None)
        assert (status, reason) == ("degraded", f"ETHUSDT: {session.rejected['ETHUSDT']}")
        for _ in range(3):
            await market.close_bar("ETHUSDT", told=False)
        market.skip_bar("ETHUSDT")
        market.symbols["ETHUSDT"] = "TRADING"
        await until(lambda: market.stream_symbols() == [{"BTCUSDT", "ETHUSDT"}])
        assert session.rejected == {}
        await market.close_bar("ETHUSDT")
        await until(lambda: stored(data, "ETHUSDT") == market.bars["ETHUSDT"])
        assert (session.streams.reconnects, session.streams.connected) == (0, True)
        assert market.kline_requests.count("BTCUSDT") == asked, "nothing of it had to be fetched"
    assert stored(data) == market.bars["BTCUSDT"][: len(stored(data))]


async def test_nothing_of_a_halted_symbol_counts(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what its old connection still delivers, nor what could not be fetched of it."""
    monkeypatch.setattr(stream_follower, "_HANDOVER_LIMIT", 3_600)
    market = ScriptedMarket()
    async with feeding(data, market) as session:
        await until(lambda: session.klines.backfilled and market.sockets)
        market.failing["ETHUSDT"] = 503
        await market.close_bar("ETHUSDT", told=False)
        await market.close_bar("ETHUSDT")
        await until(lambda: session.rest_problem)
        market.symbols["ETHUSDT"] = "HALT"
        await until(lambda: session.symbols == ["BTCUSDT"])
        await until(lambda: not session.klines.problems)
        assert session.rest_problem is None
        last = session.ticker_table.tickers["ETHUSDT"]
        await market.close_bar("ETHUSDT")
        await market.quote("BTCUSDT", 77.0)
        await until(lambda: session.ticker_table.tickers["BTCUSDT"].bid == 77.0)
        assert session.ticker_table.tickers["ETHUSDT"] == last


async def test_after_a_reconnect_left_out_symbols_are_read_again(
    data: DataDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in (
        (feeder_session, "_STATUS_INTERVAL"), (rules_refresh, "WAITING_PERIOD"), (rules_refresh, "_FIRST_WAIT")
    ):  # fmt: skip
        monkeypatch.setattr(module, name, 3_600)
    market = ScriptedMarket()
    market.symbols["ETHUSDT"] = "BREAK"
    async with feeding(data, market) as session:
        await until(lambda: session.klines.backfilled and market.sockets)
        await until(lambda: market.info_requests == 2)  # at the start, and when connected
        market.symbols["ETHUSDT"] = "TRADING"
        await market.drop_connections()
        await until(lambda: session.symbols == ["BTCUSDT", "ETHUSDT"])


async def test_a_symbol_that_comes_later_does_not_make_the_others_unready(data: DataDir) -> None:
    market = ScriptedMarket("BTCUSDT", "ETHUSDT", "SOLUSDT")
    market.holding = {"ETHUSDT": asyncio.Event(), "SOLUSDT": asyncio.Event()}
    async with feeding(data, market, "BTCUSDT") as session:
        await until(lambda: session.klines.backfilled)
        session.want(["BTCUSDT", "ETHUSDT"])
        await until(lambda: "ETHUSDT" in market.kline_requests)
        assert (session.klines.backfilled, session.klines.backfill_progress) == (True, "history of 1/2 symbols")
        session.want(["ETHUSDT"])
        await until(lambda: session.symbols == ["ETHUSDT"])
        assert not session.klines.backfilled, "what was whole is gone"
        session.want(["ETHUSDT", "SOLUSDT"])
        await until(lambda: "SOLUSDT" in market.kline_requests and session.symbols == ["ETHUSDT", "SOLUSDT"])
        assert not session.klines.backfilled, "none of these has its history"
        market.holding["SOLUSDT"].set()
        await until(lambda: session.klines.backfill_progress == "history of 1/2 symbols")
        assert not session.klines.backfilled, "the first history is awaited in full"
        market.holding["ETHUSDT"].set()
        await until(lambda: session.klines.backfilled)


async def test_a_symbol_is_given_up_while_its_klines_are_fetched(data: DataDir) -> None:
    market = ScriptedMarket("BTCUSDT", "ETHUSDT")
    market.holding = {"ETHUSDT": asyncio.Event()}
    async with feeding(data, market) as session:
        await until(lambda: "ETHUSDT" in market.kline_requests)
        session.want(["BTCUSDT"])
        await until(lambda: session.symbols == ["BTCUSDT"])
        assert open_journals(data) == ["BTCUSDT-1s.ndjson"]
        market.holding["ETHUSDT"].set()
        await until(lambda: session.klines.backfilled and market.sockets)
        await market.close_bar("BTCUSDT")
        await until(lambda: stored(data) == market.bars["BTCUSDT"])
        assert stored(data, "ETHUSDT") == []
        session.want(["BTCUSDT", "ETHUSDT"])
        await until(lambda: stored(data, "ETHUSDT") == market.bars["ETHUSDT"])


async def test_a_delisted_symbol_says_so(data: DataDir) -> None:
    market = ScriptedMarket()
    async with feeding(data, market) as session:
        await until(lambda: session.klines.backfilled and market.sockets)
        del market.symbols["ETHUSDT"]
        await until(lambda: session.symbols == ["BTCUSDT"])
        assert session.rejected["ETHUSDT"].startswith("delisted: not listed here since ")
        market.symbols["ETHUSDT"] = "TRADING"
        await until(lambda: session.symbols == ["BTCUSDT", "ETHUSDT"])


async def test_refused_klines_make_its_rules_read_again(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeder_session, "_STATUS_INTERVAL", 3_600)
    market = ScriptedMarket()
    async with feeding(data, market) as session:
        await until(lambda: session.klines.backfilled and market.sockets)
        del market.symbols["ETHUSDT"]
        market.failing["ETHUSDT"] = 400
        await market.close_bar("ETHUSDT", told=False)
        await market.close_bar("ETHUSDT")
        await until(lambda: "ETHUSDT" in session.rejected)


async def test_a_silent_symbol_makes_its_rules_read_again(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeder_session, "_STATUS_INTERVAL", 3_600)
    market = ScriptedMarket()
    deadlines = Deadlines(first_data=5, connection=5, symbol=0.4)
    async with feeding(data, market, deadlines=deadlines) as session, closing_bars(market, "BTCUSDT"):
        await until(lambda: session.klines.backfilled and market.sockets)
        market.symbols["ETHUSDT"] = "BREAK"
        await until(lambda: "ETHUSDT" in session.rejected)
        assert session.silent_since(time.time()) == {}


async def test_other_symbols_are_wanted_without_touching_those_that_stay(data: DataDir) -> None:
    market = ScriptedMarket("BTCUSDT", "ETHUSDT", "SOLUSDT")
    async with feeding(data, market, "BTCUSDT", "ETHUSDT") as session, closing_bars(market, "BTCUSDT"):
        await until(lambda: session.klines.backfilled and market.sockets)
        asked = await settled(data, market)
        session.want(["SOLUSDT", "BTCUSDT", "NOUSDT"])
        await until(lambda: market.stream_symbols() == [{"BTCUSDT", "SOLUSDT"}])
        assert session.symbols == ["SOLUSDT", "BTCUSDT"]
        await until(lambda: session.rejected == {"NOUSDT": "is not listed here"})
        assert list(session.ticker_table.tickers) == ["BTCUSDT", "SOLUSDT"]
        await until(lambda: stored(data, "SOLUSDT") == market.bars["SOLUSDT"])
        await market.close_bar("ETHUSDT", told=False)
        session.want(["BTCUSDT", "ETHUSDT"])
        await until(lambda: stored(data, "ETHUSDT") == market.bars["ETHUSDT"])
        assert session.klines.backfilled
        assert (session.streams.reconnects, session.rejected) == (0, {})
        assert market.kline_requests.count("BTCUSDT") == asked


async def test_what_is_wanted_while_the_exchange_is_away_is_fed_when_it_is_back(data: DataDir) -> None:
    market = ScriptedMarket("BTCUSDT", "ETHUSDT")
    async with feeding(data, market, "BTCUSDT") as session:
        await until(lambda: session.klines.backfilled and market.sockets)
        market.info_status = 503
        session.want(["BTCUSDT", "ETHUSDT"])
        await until(
            lambda: "REST" in (assess(session, time.time(), 0, 10, names_unlisted=True, disk_problem=None)[1] or "")
        )
        assert session.symbols == ["BTCUSDT"]
        market.info_status = 200
        await until(lambda: session.symbols == ["BTCUSDT", "ETHUSDT"] and session.rest_problem is None)


async def test_symbols_whose_first_price_cannot_be_read_are_named_until_they_are_fed(data: DataDir) -> None:
    market = ScriptedMarket()
    market.symbols["ETHUSDT"] = "BREAK"
    async with feeding(data, market) as session:
        await until(lambda: session.klines.backfilled and session.streams.connected)
        market.ticker_status = 503
        market.symbols["ETHUSDT"] = "TRADING"
        await until(lambda: session.coming == ["ETHUSDT"] and session.rest_problem)
        status, reason = assess(session, time.time(), 0, 10, names_unlisted=True, disk_problem=None)
        assert (status, session.symbols) == ("degraded", ["BTCUSDT"])
        assert (reason or "").startswith("taking up ETHUSDT; REST: ")
        market.ticker_status = 200
        await until(lambda: session.symbols == ["BTCUSDT", "ETHUSDT"])
        assert (session.coming, session.rest_problem) == ([], None)


async def test_a_journal_that_can_be_opened_again_is_taken_up(data: DataDir) -> None:
    data.klines_of("ETHUSDT", "1s").mkdir()
    market = ScriptedMarket()
    async with feeding(data, market) as session:
        await until(lambda: "ETHUSDT" in session.rejected)
        session.want(["BTCUSDT"])
        await until(lambda: session.rejected == {})
        session.want(["BTCUSDT", "ETHUSDT"])
        await until(lambda: "ETHUSDT" in session.rejected)
        data.klines_of("ETHUSDT", "1s").rmdir()
        await until(lambda: stored(data, "ETHUSDT") == market.bars["ETHUSDT"])
        assert session.rejected == {}


async def test_the_last_price_of_a_symbol_that_does_not_trade_is_kept(data: DataDir) -> None:
    market = ScriptedMarket()
    market.symbols["ETHUSDT"] = "HALT"
    last = Ticker(5.0, 0.1, 4.9, 5.1, 1.0, 1_700_000_000.0, 2)
    tickers = {"ETHUSDT": last, "BTCUSDT": last, "GONEUSDT": last}
    async with (
        serving(market.application) as at,
        session_at(data, at.rest, at.stream, list(market.symbols), tickers=tickers) as session,
    ):
        await until(lambda: session.klines.backfilled)
        assert session.ticker_table.tickers.keys() == {"BTCUSDT", "ETHUSDT"}
        assert session.ticker_table.tickers["ETHUSDT"] == last
        assert session.ticker_table.tickers["BTCUSDT"].timestamp > last.timestamp


async def test_klines_of_several_intervals_are_fed_each_to_its_journal(data: DataDir) -> None:
    ready: asyncio.Future[ExchangeEndpoint] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    config = SimulatorConfig(symbols=("BTCUSDT",), seed=4, history_ms=SHORT_HISTORY)
    simulator = asyncio.create_task(run_simulator(config, on_ready=ready.set_result, stop=stop))
    at = await ready
    async with session_at(data, at.rest_url, at.stream_url, ["BTCUSDT"], intervals=("1m", "1s")) as session:
        await until(lambda: all(feed.backfilled for feed in session.feeds.values()) and session.streams.connected)
        count = len(stored(data))
        await until(lambda: len(stored(data)) >= count + 2)
        for interval, step in (("1s", 1_000), ("1m", 60_000)):
            times = [kline.open_time for kline in stored(data, interval=interval)]
            assert len(times) >= 3, interval
            assert times == list(range(times[0], times[-1] + 1, step))
        assert (session.rest_problem, session.disk_problem, session.incomplete) == (None, None, [])
    assert not open_journals(data)
    stop.set()
    await simulator


async def test_a_whole_session_at_the_simulated_exchange(data: DataDir) -> None:
    ready: asyncio.Future[ExchangeEndpoint] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    config = SimulatorConfig(symbols=("BTCUSDT", "ETHUSDT"), seed=4, history_ms=SHORT_HISTORY)
    simulator = asyncio.create_task(run_simulator(config, on_ready=ready.set_result, stop=stop))
    endpoint = await ready
    async with session_at(data, endpoint.rest_url, endpoint.stream_url, ["BTCUSDT", "ETHUSDT"]) as session:
        await until(lambda: session.klines.backfilled and session.streams.connected)
        count = len(stored(data))
        await until(lambda: len(stored(data)) >= count + 2)
        times = [kline.open_time for kline in stored(data)]
        assert times == list(range(times[0], times[-1] + 1, 1_000))
    stop.set()
    await simulator
