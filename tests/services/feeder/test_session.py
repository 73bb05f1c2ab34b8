"""A session at a scripted market: backfill, gaps, silence, symbols left out, refusals of REST and disk."""

import asyncio
import contextlib
import os
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog

from cq_tui.binance.reconnect import ReconnectPolicy
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.watchdog import Deadlines
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline, kline_from_line
from cq_tui.services.feeder import session as feeder_session
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
def _quick_repairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeder_session, "_REPAIR_PAUSE", 0.05)


def no_trace(step: str, key: str, **milliseconds: float) -> None:
    """Tracing is off."""


@asynccontextmanager
async def session_at(
    data: DataDir, rest_url: str, stream_url: str, symbols: list[str], deadlines: Deadlines | None = None
) -> AsyncIterator[FeederSession]:
    async with SpotRest(rest_url) as rest:
        session = FeederSession(
            data, rest, stream_url, symbols, "1s", structlog.get_logger(), no_trace, deadlines=deadlines, policy=POLICY
        )
        running = asyncio.create_task(session.run(lambda: None))
        try:
            yield session
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


@asynccontextmanager
async def feeding(
    data: DataDir, market: ScriptedMarket, *symbols: str, deadlines: Deadlines | None = None
) -> AsyncIterator[FeederSession]:
    wanted = list(symbols or market.symbols)
    async with (
        serving(market.application) as at,
        session_at(data, at.rest, at.stream, wanted, deadlines) as session,
    ):
        yield session


def stored(data: DataDir, symbol: str = "BTCUSDT") -> list[Kline]:
    return [kline_from_line(line) for line in read_lines(data.klines_of(symbol, "1s"))]


async def test_history_is_fetched_and_closed_bars_follow(data: DataDir) -> None:
    market = ScriptedMarket(history=2_345)
    async with feeding(data, market) as session:
        await until(lambda: session.backfilled and session.connected and market.sockets)
        assert stored(data) == market.bars["BTCUSDT"]
        assert session.ticker_table.symbols == ("BTCUSDT", "ETHUSDT")
        for _ in range(3):
            await market.close_bar("BTCUSDT")
        await until(lambda: stored(data) == market.bars["BTCUSDT"])
        assert stored(data, "ETHUSDT") == market.bars["ETHUSDT"]
        assert (session.rejected, session.silent, session.rest_problem) == ({}, {}, None)


async def test_a_restart_continues_after_the_stored_klines(data: DataDir) -> None:
    market = ScriptedMarket("BTCUSDT")
    async with feeding(data, market) as session:
        await until(lambda: session.backfilled)
    inode = data.klines_of("BTCUSDT", "1s").stat().st_ino
    for _ in range(5):
        await market.close_bar("BTCUSDT")
    async with feeding(data, market) as session:
        await until(lambda: session.backfilled)
    assert stored(data) == market.bars["BTCUSDT"]
    assert data.klines_of("BTCUSDT", "1s").stat().st_ino == inode, "nothing was written anew"


async def test_another_market_restarts_the_journal(data: DataDir) -> None:
    first, second = ScriptedMarket("BTCUSDT"), ScriptedMarket("BTCUSDT", price=900.0)
    for market in (first, second):
        async with feeding(data, market) as session:
            await until(lambda: session.backfilled)
    assert stored(data) == second.bars["BTCUSDT"]


async def test_bars_that_closed_while_the_stream_was_down_are_fetched_before_later_ones(data: DataDir) -> None:
    market = ScriptedMarket("BTCUSDT")
    async with feeding(data, market) as session:
        await until(lambda: session.backfilled and market.sockets)
        await market.close_bar("BTCUSDT", told=False)
        await market.close_bar("BTCUSDT", told=False)
        await market.drop_connections()
        await until(lambda: session.reconnects == 1 and market.sockets)
        await market.close_bar("BTCUSDT")
        await until(lambda: stored(data) == market.bars["BTCUSDT"])
        assert session.gaps_repaired >= 1


async def test_a_bar_behind_a_gap_waits_for_the_history_that_lags(data: DataDir) -> None:
    market = ScriptedMarket("BTCUSDT")
    async with feeding(data, market) as session:
        await until(lambda: session.backfilled and market.sockets)
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
        await until(lambda: session.backfilled and session.connected and market.sockets)
        asked = len(market.kline_requests)
        await market.drop_connections()
        await until(lambda: len(market.kline_requests) >= asked + 2)
        assert session.gaps_repaired == 0


async def test_a_symbol_whose_history_fails_does_not_hold_up_the_others(data: DataDir) -> None:
    market = ScriptedMarket("BADUSDT", "BTCUSDT")
    market.failing["BADUSDT"] = 400
    async with feeding(data, market) as session:
        await until(lambda: session.backfilled and session.connected and market.sockets)
        assert stored(data) == market.bars["BTCUSDT"]
        assert "BADUSDT" in session.kline_problems
        await market.close_bar("BTCUSDT")
        await until(lambda: stored(data) == market.bars["BTCUSDT"])
        del market.failing["BADUSDT"]
        await until(lambda: stored(data, "BADUSDT") == market.bars["BADUSDT"])
        assert not session.kline_problems


async def test_a_failed_rest_request_is_reported_and_retried(data: DataDir) -> None:
    market = ScriptedMarket("BTCUSDT")
    market.failing["BTCUSDT"] = 503
    async with feeding(data, market) as session:
        await until(lambda: session.rest_problem)
        assert not session.backfilled
        del market.failing["BTCUSDT"]
        await until(lambda: session.backfilled)
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
        await until(lambda: list(session.silent) == ["ETHUSDT"])
        await market.drop_connections()
        await until(lambda: session.reconnects and session.connected and market.sockets)
        await market.quote("ETHUSDT")
        await until(lambda: "ETHUSDT" not in session.silent)
        speaking.cancel()


async def test_unknown_and_halted_symbols_are_left_out_with_a_reason(data: DataDir) -> None:
    market = ScriptedMarket("BTCUSDT", "OLDUSDT")
    market.symbols["OLDUSDT"] = "BREAK"
    async with feeding(data, market, "BTCUSDT", "NONEUSDT", "OLDUSDT") as session:
        await until(lambda: session.backfilled)
        assert session.ticker_table.symbols == ("BTCUSDT",)
        assert session.rejected == {"NONEUSDT": "is not listed here", "OLDUSDT": "its status is BREAK"}


async def test_a_symbol_whose_journal_cannot_be_opened_is_left_out(data: DataDir) -> None:
    data.klines_of("ETHUSDT", "1s").mkdir()
    market = ScriptedMarket()
    async with feeding(data, market) as session:
        await until(lambda: session.backfilled)
        assert session.ticker_table.symbols == ("BTCUSDT",)
        assert "ETHUSDT-1s" in session.rejected["ETHUSDT"]


async def test_without_any_journal_the_session_fails_with_a_message(data: DataDir) -> None:
    data.klines_of("BTCUSDT", "1s").mkdir()
    market = ScriptedMarket("BTCUSDT")
    async with serving(market.application) as at, SpotRest(at.rest) as rest:
        session = FeederSession(data, rest, at.stream, ["BTCUSDT"], "1s", structlog.get_logger(), no_trace)
        with pytest.raises(JournalError, match="BTCUSDT-1s"):
            await session.run(lambda: None)


async def test_what_the_disk_refused_is_fetched_again(data: DataDir) -> None:
    market = ScriptedMarket("BTCUSDT")
    async with feeding(data, market) as session:
        await until(lambda: session.backfilled and market.sockets)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        size = os.stat(data.klines_of("BTCUSDT", "1s")).st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        try:
            await market.close_bar("BTCUSDT")
            await until(lambda: session.disk_problem)
            await market.close_bar("BTCUSDT")
            asked = len(market.kline_requests)
            await until(lambda: len(market.kline_requests) >= asked + 2)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        await until(lambda: stored(data) == market.bars["BTCUSDT"])
        await until(lambda: session.disk_problem is None)


async def test_a_whole_session_at_the_simulated_exchange(data: DataDir) -> None:
    ready: asyncio.Future[ExchangeEndpoint] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    config = SimulatorConfig(symbols=("BTCUSDT", "ETHUSDT"), seed=4, history_ms=SHORT_HISTORY)
    simulator = asyncio.create_task(run_simulator(config, on_ready=ready.set_result, stop=stop))
    endpoint = await ready
    async with session_at(data, endpoint.rest_url, endpoint.stream_url, ["BTCUSDT", "ETHUSDT"]) as session:
        await until(lambda: session.backfilled and session.connected)
        count = len(stored(data))
        await until(lambda: len(stored(data)) >= count + 2)
        times = [kline.open_time for kline in stored(data)]
        assert times == list(range(times[0], times[-1] + 1, 1_000))
    stop.set()
    await simulator
