"""Chooses the symbols for entries of SYMBOLS such as ``top:50:USDT``, and reviews the choice every hour."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from structlog.typing import FilteringBoundLogger

from cq_tui.binance.errors import BinanceError
from cq_tui.binance.rest import SpotRest
from cq_tui.contracts.symbol_choice import TopEntry, choose_top, top_entry

#: Seconds between two reviews, and until the next one after a request failed.
_PERIOD = 3_600.0
_AGAIN_AFTER = 30.0
#: Seconds between two looks at the entries, which settings may change.
_LOOK = 1.0

Choice = dict[str, list[str]]


class TopSymbols:
    """The choice of one mode, by entry; ``problem`` says why it cannot be reviewed now."""

    def __init__(
        self,
        rest: SpotRest,
        entries: Callable[[], Sequence[str]],
        chosen: Mapping[str, Sequence[str]],
        changed: Callable[[Choice], None],
        log: FilteringBoundLogger,
    ) -> None:
        """``entries`` returns SYMBOLS as it is written now; ``chosen`` was the choice before a restart.

        ``changed`` is called with each new choice, and may raise OSError.
        """
        self._rest = rest
        self._entries = entries
        self._changed = changed
        self._log = log
        self.chosen: Choice = {entry: list(symbols) for entry, symbols in chosen.items()}
        self.problem: str | None = None

    async def run(self) -> None:
        """Choose and review until canceled."""
        reviewed: set[str] = set()
        due_at = 0.0
        now = asyncio.get_running_loop().time
        while True:
            wanted = {text: entry for text in self._entries() if (entry := top_entry(text)) is not None}
            if not wanted.keys() <= reviewed or now() >= due_at:
                is_done = await self._review(wanted)
                reviewed, due_at = set(wanted), now() + (_PERIOD if is_done else _AGAIN_AFTER)
            await asyncio.sleep(_LOOK)

    async def _review(self, wanted: Mapping[str, TopEntry]) -> bool:
        if not wanted:
            return True
        try:
            chosen = {text: await self._choose(text, entry) for text, entry in wanted.items()}
        except BinanceError as error:
            self.problem = f"{', '.join(wanted)}: {error}"
            self._log.warning("symbols not chosen", problem=self.problem)
            return False
        self.problem = None
        for text, symbols in chosen.items():
            self._tell(text, symbols)
        if chosen == self.chosen:
            return True
        try:
            self._changed(chosen)
        except OSError as error:
            self.problem = f"the choice of {', '.join(wanted)} cannot be written: {error.strerror}"
            return False
        self.chosen = chosen
        return True

    async def _choose(self, text: str, entry: TopEntry) -> list[str]:
        """Return the symbols of an entry. Raises BinanceError."""
        volumes = await self._rest.quote_volumes()
        # The name alone does not tell the quote asset: FDUSD ends like USD. The rules of the first candidates do.
        candidates = [name for name in sorted(volumes, key=lambda name: -volumes[name]) if name.endswith(entry.quote)]
        rules = (await self._rest.exchange_info(candidates[: 2 * entry.kept_rank])).symbols if candidates else {}
        trading = {name for name, each in rules.items() if each.quote_asset == entry.quote and each.status == "TRADING"}
        return choose_top(entry, [name for name in candidates if name in trading], self.chosen.get(text, ()))

    def _tell(self, text: str, symbols: Sequence[str]) -> None:
        before = self.chosen.get(text, [])
        added = [symbol for symbol in symbols if symbol not in before]
        dropped = [symbol for symbol in before if symbol not in symbols]
        if added or dropped:
            self._log.info("symbols chosen", entry=text, count=len(symbols), added=added, dropped=dropped)
