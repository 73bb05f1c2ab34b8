"""Strategies whose settings changed start over, each by itself: the others on the symbol go on meanwhile.

History is read again for it, which takes a while with many symbols: some at a time, between the bars that arrive.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from cq_tui.contracts.market import Kline
from cq_tui.store.klines import KlineJournalReader
from cq_tui.strategies.bars import Frame
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.past_bars import PastBars

#: Seconds for it before the next look at new bars.
_AT_A_TIME = 0.05


class Retuning:
    """What is still to be started over, by symbol."""

    def __init__(
        self,
        make: Callable[[str, Collection[str]], SymbolEngine],
        past: Callable[[str, Sequence[Kline]], Mapping[Frame, PastBars]],
    ) -> None:
        """``make`` returns a new engine of a symbol with those of the named strategies that run on it.

        ``past`` returns what is known of a symbol from before these klines.
        """
        self._make, self._past = make, past
        self._waiting: dict[str, set[str]] = {}

    def __bool__(self) -> bool:
        """Whether anything is to be done."""
        return bool(self._waiting)

    def begin(self, names: Collection[str], running: Collection[str], engines: Mapping[str, SymbolEngine]) -> None:
        """Drop these strategies at once: nothing more is signaled by settings that are no longer wanted.

        Those that are still ``running`` start over.
        """
        again = [name for name in names if name in running]
        for symbol, engine in engines.items() if names else ():
            for name in names:
                engine.drop(name)
            waiting = self._waiting.pop(symbol, set()) - set(names) | set(again)
            if waiting:
                self._waiting[symbol] = waiting

    def forget(self, symbol: str) -> None:
        """A new engine has all strategies of the symbol."""
        self._waiting.pop(symbol, None)

    def go_on(
        self,
        order: Sequence[str],
        engines: Mapping[str, SymbolEngine],
        readers: Mapping[str, KlineJournalReader],
        now_ms: float,
    ) -> None:
        """Start strategies over for a while; what the engine has seen of the journal is their history.

        ``order`` has all strategies, as they decide on a bar.
        """
        began = time.monotonic()
        while self._waiting and time.monotonic() - began < _AT_A_TIME:
            symbol, names = self._waiting.popitem()
            engine, fresh = engines[symbol], self._make(symbol, names)
            if (last := engine.last_open_time) is not None:
                klines = KlineJournalReader(readers[symbol].path).read_new(now_ms).klines
                history = [kline for kline in klines if kline.open_time <= last]
                fresh.warm_up(history, self._past(symbol, history))
            if fresh.last_open_time == last:
                engine.adopt(fresh, order)
            else:
                # The journal was replaced just now: its reader will say by what.
                self._waiting[symbol] = names
                return
