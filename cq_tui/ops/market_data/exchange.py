"""``data fetch``: which exchange, which symbols and times, and what came of each."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from typing import NamedTuple

import numpy as np

from cq_tui.binance.errors import BinanceError
from cq_tui.binance.hosts import venue_of
from cq_tui.binance.rest import SpotRest
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import effective_mode
from cq_tui.ops.market_data.column_folder import read_summary
from cq_tui.ops.market_data.errors import MarketDataError
from cq_tui.ops.market_data.fetching import Fetch, Stretch
from cq_tui.ops.market_data.reading import interval_ms_of
from cq_tui.ops.market_data.writing import Added, folder_of, only_writer
from cq_tui.services.endpoints import ExchangeUnavailable, market_data_access, request_budget
from cq_tui.simulator.market.bars import bucket_open
from cq_tui.store.settings_in_force import SettingsInForce
from cq_tui.strategies.bars import interval_label

#: Shows, for a total and a word, how much of it is done.
ProgressBar = Callable[[int, str], AbstractContextManager[Callable[[int], object]]]


class Wanted(NamedTuple):
    """Klines to be fetched. Times are Unix ms; None is where the kept ones end, or now."""

    symbols: Sequence[str]
    interval: str
    from_ms: int | None
    to_ms: int | None
    #: From Binance's public market data, whatever the mode.
    is_public: bool


class Fetched(NamedTuple):
    """What came of each symbol, and why it ended early; empty if it did not."""

    added: list[Added | MarketDataError]
    problem: str = ""


async def fetch_klines(data: DataDir, wanted: Wanted, bar: ProgressBar) -> Fetched:
    """Fetch what is not kept yet. Raises MarketDataError before anything is fetched, SettingsError and OSError."""
    interval_ms = interval_ms_of(wanted.interval)
    results = list[Added | MarketDataError]()
    with only_writer(data):
        async with _exchange(data, is_public=wanted.is_public) as (rest, venue):
            try:
                await rest.sync_clock()
                parts = [_part(data, rest, venue, symbol, interval_ms, wanted) for symbol in wanted.symbols]
                total = sum(stretch.stop - stretch.start for _, stretches in parts for stretch in stretches)
                with bar(total, f"fetching from {venue}") as progress:
                    for fetch, stretches in parts:
                        results.append(await _run(fetch, stretches, progress))
            except BinanceError as error:
                return Fetched(results, f"{error}. What came is kept: the same command goes on from there")
    return Fetched(results)


@asynccontextmanager
async def _exchange(data: DataDir, *, is_public: bool) -> AsyncIterator[tuple[SpotRest, str]]:
    """Open the exchange of the settings; yield it with its venue. Raises MarketDataError."""
    settings = SettingsInForce(data).load().settings
    mode = effective_mode(settings).mode
    try:
        access = market_data_access("paper" if is_public else mode, settings, data)
    except ExchangeUnavailable as reason:
        raise MarketDataError(
            f"in {mode}, klines come from {reason}. Start it with `cq-tui up`, or fetch from Binance with --public"
        ) from None
    async with SpotRest(access.endpoints.rest, budget=request_budget(access, data)) as rest:
        yield rest, venue_of(access.endpoints.rest)


def _part(
    data: DataDir, rest: SpotRest, venue: str, symbol: str, interval_ms: int, wanted: Wanted
) -> tuple[Fetch, list[Stretch]]:
    fetch = Fetch(data, rest, venue, symbol, interval_ms)
    start = wanted.from_ms
    if start is None:
        summary = read_summary(folder_of(data, symbol, interval_ms))
        if summary is None:
            raise MarketDataError(f"no klines of {symbol} are kept yet: say from when on with --from")
        start = summary.last_open_time + interval_ms
    now = rest.server_now_ms()
    stop = now if wanted.to_ms is None else min(wanted.to_ms, now)
    # The first that opens at or after a time is the one after that which is open just before it.
    opens = [_open_time(at - 1, interval_ms) + interval_ms for at in (start, stop)]
    return fetch, fetch.missing(opens[0], min(opens[1], _open_time(now, interval_ms)))


def _open_time(at_ms: int, interval_ms: int) -> int:
    return int(bucket_open(np.array([at_ms]), interval_label(interval_ms))[0])


async def _run(fetch: Fetch, stretches: list[Stretch], progress: Callable[[int], object]) -> Added | MarketDataError:
    try:
        return fetch.in_all(await fetch.run(stretches, progress))
    except BinanceError as error:
        if error.is_about_symbol:
            return MarketDataError(f"the exchange refuses {fetch.symbol} ({error}). Check its name")
        raise
    except MarketDataError as error:
        return error
