"""Fetches the closed klines of a symbol over REST: which bars of an answer are closed."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from cq_tui.binance.rest import SpotRest
from cq_tui.contracts.freshness import CLOCK_TOLERANCE
from cq_tui.contracts.market import Kline

_PAGE_LIMIT = 1000
#: Milliseconds after its end at which a bar counts as closed although no later one shows it, as when the symbol has
#: stopped trading. Generous: by a clock that is ahead of the exchange's, a bar ends early.
_SETTLED_AFTER = 60_000


class Withdrawn(Exception):
    """The klines were no longer wanted while they were fetched."""


class History(NamedTuple):
    """The exchange's klines from some time on."""

    #: All that are closed, oldest first.
    klines: list[Kline]
    #: The last of the answer, mostly still forming; None if there was none.
    newest: Kline | None
    #: Clock read before the last request, ms of the exchange.
    asked_at: int

    @property
    def is_unsettled(self) -> bool:
        """Whether the newest should be closed by now, but nothing shows it yet: ask again."""
        newest = self.newest
        return newest is not None and newest.close_time < self.asked_at and newest not in self.klines[-1:]

    @property
    def may_be_closed(self) -> bool:
        """Whether the newest may be closed, as far as clocks agree."""
        return self.newest is not None and self.newest.close_time < self.asked_at + CLOCK_TOLERANCE * 1000


async def fetch_history(
    rest: SpotRest,
    symbol: str,
    interval: str,
    start: int,
    is_wanted: Callable[[], bool],
    *,
    pause: float = 0.0,
) -> History:
    """Return all closed klines from ``start`` (ms) on, with ``pause`` seconds between two requests.

    Raises BinanceError, and Withdrawn once they are unwanted.

    A bar is closed if a later one follows it: this needs no clock. The last one may have been forming when the
    exchange answered, however long the answer traveled; so only a clock read before the request may judge it.
    """
    klines: list[Kline] = []
    while True:
        # A changed clock must not make an open bar look closed.
        await rest.resync_changed_clock()
        asked_at = rest.server_now_ms()
        page = await rest.klines(symbol, interval, start_time=start, limit=_PAGE_LIMIT)
        if not is_wanted():
            raise Withdrawn
        klines += page[:-1]
        newest = page[-1] if page else None
        if newest is not None and len(page) >= _PAGE_LIMIT and newest.open_time > start:
            start = newest.open_time
            await asyncio.sleep(pause)
            continue
        if newest is not None and newest.close_time + _SETTLED_AFTER < asked_at:
            klines.append(newest)
        return History(klines, newest, asked_at)
