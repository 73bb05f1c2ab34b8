"""Fetching from an exchange on this machine: page by page, only what is missing, and on from wherever it ended."""

import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from cq_tui.binance.request_budget import ORDINARY_SHARE, BudgetState, RateWindow
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.shared_budget import LocalBudget
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline
from cq_tui.ops.market_data import fetching
from cq_tui.ops.market_data.column_folder import read_columns, read_summary
from cq_tui.ops.market_data.errors import MarketDataError
from cq_tui.ops.market_data.exchange import Fetched, Wanted, fetch_klines
from cq_tui.ops.market_data.fetching import Fetch, Stretch, missing_stretches
from cq_tui.ops.market_data.importing import import_klines
from cq_tui.ops.market_data.writing import Added
from tests.lookback.recorded_klines import FIRST, MINUTE, walk, write_journal
from tests.lookback.test_columns import columns_of
from tests.services.processes import AnnouncedExchange, data_directory
from tests.services.scripted_market import SECOND, ScriptedMarket, bar
from tests.services.serving import serving
from tests.services.waiting import until


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDir:
    monkeypatch.setattr(fetching, "_RETRIES", (0.0,))
    return data_directory(tmp_path / "data")


@asynccontextmanager
async def exchange(data: DataDir, market: ScriptedMarket) -> AsyncIterator[None]:
    announced = AnnouncedExchange(data)
    async with serving(market.application) as at:
        announced.at(at)
        yield
    announced.gone()


@contextmanager
def no_bar(total: int, word: str) -> Iterator[Callable[[int], object]]:
    yield lambda _: None


def wanted(market: ScriptedMarket, *symbols: str, bars: int | None = None) -> Wanted:
    """All that the market has, or the first bars."""
    first = market.bars["BTCUSDT"][0].open_time
    return Wanted(symbols or ("BTCUSDT",), "1s", first, None if bars is None else first + bars * SECOND, False)


def kept(data: DataDir, symbol: str = "BTCUSDT") -> list[Kline]:
    columns = read_columns(data.columns_of(symbol, "1s").parent)
    return [] if columns is None else columns.klines()


async def test_what_is_missing_is_fetched_once(data: DataDir) -> None:
    market = ScriptedMarket(history=2_345)
    done = list[int]()

    @contextmanager
    def bar_of(total: int, word: str) -> Iterator[Callable[[int], object]]:
        assert word == "fetching from simulated"
        done.append(-total)
        yield done.append

    async with exchange(data, market):
        fetched = await fetch_klines(data, wanted(market, bars=1_200), no_bar)
        assert fetched == Fetched([Added("BTCUSDT", "1s", 1_200, 1_200, 0, 0, 0, ())])
        assert kept(data) == market.bars["BTCUSDT"][:1_200]
        assert len(market.kline_requests) == 2
        await fetch_klines(data, wanted(market, "BTCUSDT", "ETHUSDT"), bar_of)
    assert kept(data) == market.bars["BTCUSDT"]
    assert kept(data, "ETHUSDT") == market.bars["ETHUSDT"]
    assert market.kline_requests[2:] == ["BTCUSDT"] * 2 + ["ETHUSDT"] * 3
    # The total and all steps to it.
    assert sum(done) == 0
    summary = read_summary(data.columns_of("BTCUSDT", "1s").parent)
    assert summary is not None
    assert summary.venue == "simulated"


async def test_a_bar_that_is_not_closed_is_not_kept_and_the_next_fetch_goes_on_there(data: DataDir) -> None:
    market = ScriptedMarket(history=10)
    market.clock_ahead_ms = 3_600_000
    async with exchange(data, market):
        async with SpotRest("http://127.0.0.1:1") as rest:
            now = rest.server_now_ms() + market.clock_ahead_ms
        market.bars["BTCUSDT"] += [bar(now // SECOND * SECOND + offset * SECOND, 9.0) for offset in (-3, 500)]
        await fetch_klines(data, wanted(market), no_bar)
        assert kept(data) == market.bars["BTCUSDT"][:-1]
        [added] = (await fetch_klines(data, Wanted(["BTCUSDT"], "1s", None, None, False), no_bar)).added
    assert isinstance(added, Added)
    assert (added.kept, added.added) == (11, 0)


async def test_a_connection_that_fails_keeps_what_came(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_PAGES_A_WRITE", 2)
    market = ScriptedMarket(history=5_500)
    real = market.bars["BTCUSDT"]

    class Breaking(list[Kline]):
        """Asked for the fourth time, it is gone."""

        asked = 0

        def __getitem__(self, at: Any) -> Any:
            if isinstance(at, slice):
                Breaking.asked += 1
                if Breaking.asked > 3:
                    raise OSError
            return super().__getitem__(at)

    market.bars["BTCUSDT"] = Breaking(real)
    async with exchange(data, market):
        fetched = await fetch_klines(data, wanted(market), no_bar)
        assert "What came is kept: the same command goes on from there" in fetched.problem
        assert kept(data) == real[:3_000]
        market.bars["BTCUSDT"] = real
        asked = len(market.kline_requests)
        fetched = await fetch_klines(data, wanted(market), no_bar)
    assert fetched.problem == ""
    assert kept(data) == real
    assert len(market.kline_requests) == asked + 3


async def test_an_unknown_symbol_stops_no_other(data: DataDir) -> None:
    market = ScriptedMarket(history=20)
    market.failing["ETHUSDT"] = 400
    async with exchange(data, market):
        fetched = await fetch_klines(data, wanted(market, "ETHUSDT", "BTCUSDT"), no_bar)
    [error, added] = fetched.added
    assert isinstance(error, MarketDataError)
    assert "ETHUSDT" in str(error)
    assert isinstance(added, Added)
    assert added.kept == 20


async def test_klines_of_two_exchanges_are_not_mixed(data: DataDir, tmp_path: Path) -> None:
    market = ScriptedMarket(history=20)
    assert list(import_klines(data, [write_journal(tmp_path / "BTCUSDT-1s.ndjson", market.bars["BTCUSDT"][:5])]))
    async with exchange(data, market):
        with pytest.raises(MarketDataError, match="holds klines of imported files, and these would be of simulated"):
            await fetch_klines(data, wanted(market), no_bar)
        with pytest.raises(MarketDataError, match="no klines of ETHUSDT are kept yet: say from when on with --from"):
            await fetch_klines(data, Wanted(["ETHUSDT"], "1s", None, None, False), no_bar)
    with pytest.raises(MarketDataError, match="klines come from the simulated exchange"):
        await fetch_klines(data, wanted(market), no_bar)


async def test_half_of_the_weight_is_left_to_the_stack(data: DataDir) -> None:
    budget, slept = LocalBudget(), list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        budget._state = BudgetState()

    async with SpotRest("http://127.0.0.1:1", budget=budget) as rest:
        fetch = Fetch(data, rest, "simulated", "BTCUSDT", 1_000, sleep=sleep)
        now = rest.server_now_ms()
        for used, waits in ((2_998, 0), (2_999, 1), (int(6_000 * ORDINARY_SHARE), 2)):
            budget._state = BudgetState(RateWindow(used=used, number=now // 60_000))
            await fetch._leave_room()
            assert len(slept) == waits
    assert all(0 < seconds <= 60 for seconds in slept)


def test_what_is_missing() -> None:
    columns = columns_of(walk(10, holes=(3, 4, 7)))
    at = [FIRST + number * MINUTE for number in range(13)]
    assert list(missing_stretches(columns, MINUTE, at[0], at[10])) == [Stretch(at[3], at[5]), Stretch(at[7], at[8])]
    assert list(missing_stretches(columns, MINUTE, at[0] - MINUTE, at[2])) == [Stretch(at[0] - MINUTE, at[0])]
    assert list(missing_stretches(columns, MINUTE, at[8], at[12])) == [Stretch(at[10], at[12])]
    assert list(missing_stretches(columns, MINUTE, at[11], at[12])) == [Stretch(at[11], at[12])]
    assert list(missing_stretches(None, MINUTE, at[1], at[2])) == [Stretch(at[1], at[2])]
    assert list(missing_stretches(None, MINUTE, at[2], at[2])) == []


#: The command, writing more often.
_COMMAND = """
from cq_tui.__main__ import main
from cq_tui.ops.market_data import fetching
fetching._PAGES_A_WRITE = 3
main()
"""


async def test_killed_in_the_middle_it_goes_on_from_what_is_kept(data: DataDir) -> None:
    market = ScriptedMarket("BTCUSDT", history=8_000)
    first = str(market.bars["BTCUSDT"][0].open_time)
    words = ["--data-dir", str(data.root), "data", "fetch", "BTCUSDT", "--interval", "1s", "--from", first]
    async with exchange(data, market):
        process = subprocess.Popen([sys.executable, "-c", _COMMAND, *words])
        await until(lambda: len(market.kline_requests) >= 5 or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert 3_000 <= len(kept(data)) < 8_000
        assert kept(data) == market.bars["BTCUSDT"][: len(kept(data))]
        last = kept(data)[-1].open_time
        # The ended process may have left a request that is read only now: it, too, asked for later klines.
        market.kline_starts.clear()
        [added] = (await fetch_klines(data, wanted(market), no_bar)).added
    assert isinstance(added, Added)
    assert min(market.kline_starts) > last
    assert kept(data) == market.bars["BTCUSDT"]
