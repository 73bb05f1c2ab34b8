"""Reads the rules of symbols over REST, as the refresh policy says."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping

from cq_tui.binance.errors import BinanceError, InvalidSymbol
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.rules_refresh import RulesChange, RulesRefresh

#: Seconds after which the policy is asked again, at the latest: the clock may have been set.
_LOOK_AGAIN = 5.0
#: Symbols named in a message, few enough that the reason after them stays visible.
_MAX_NAMED = 3


class SymbolRulesReader:
    """Keeps a ``RulesRefresh`` current: the one place from which a service gets the rules of symbols."""

    def __init__(self, rest: SpotRest, refresh: RulesRefresh, clock: Callable[[], float] = time.time) -> None:
        self._rest = rest
        self._clock = clock
        self._wake = asyncio.Event()
        self.refresh = refresh
        #: Why the last request failed; None if it did not.
        self.problem: str | None = None

    async def read_due(self) -> list[RulesChange]:
        """Read everything that is due now and return what changed. Raises BinanceError; it is due again later."""
        changes: list[RulesChange] = []
        while symbols := self.refresh.due(self._clock()):
            changes += await self._read(symbols)
        return changes

    async def _read(self, symbols: list[str]) -> list[RulesChange]:
        try:
            info = await self._rest.exchange_info(symbols)
        except InvalidSymbol:
            self.problem = None
            return self.refresh.take_unlisted(symbols, self._clock())
        except BinanceError as error:
            self.problem = str(error)
            self.refresh.failed(symbols, self._clock())
            raise
        self.problem = None
        return self.refresh.take(symbols, info, self._clock())

    def want(self, symbols: Iterable[str]) -> None:
        """Replace the wanted symbols."""
        self.refresh.want(symbols)
        self._wake.set()

    def note_refusal(self, symbol: str, code: int | None) -> None:
        """Note that the exchange refused a request for a symbol with this code."""
        self.refresh.note_refusal(symbol, code, self._clock())
        self._wake.set()

    def suspect(self, symbol: str) -> None:
        """Read a symbol again at once: something about it is odd."""
        self.refresh.suspect(symbol, self._clock())
        self._wake.set()

    def hurry(self) -> None:
        """Read what does not trade again soon: the exchange may have come back."""
        self.refresh.hurry(self._clock())
        self._wake.set()

    async def wait_until_due(self) -> None:
        """Return when something may be due."""
        pause = min(_LOOK_AGAIN, max(0.0, self.refresh.next_due() - self._clock()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._wake.wait()
        self._wake.clear()


def describe_left_out(reasons: Mapping[str, str]) -> str:
    """Name the symbols that are left out, those of one reason together; empty without any."""
    symbols_of: dict[str, list[str]] = {}
    for symbol, reason in reasons.items():
        symbols_of.setdefault(reason, []).append(symbol)
    return "; ".join(f"{name_symbols(symbols)}: {reason}" for reason, symbols in symbols_of.items())


def name_symbols(symbols: Collection[str]) -> str:
    """Name the first symbols, and how many more there are."""
    named = ", ".join(list(symbols)[:_MAX_NAMED])
    return named if len(symbols) <= _MAX_NAMED else f"{named} and {len(symbols) - _MAX_NAMED} more"
