"""What a strategy had of the bars of other symbols: whether they warm it up, and whether the latest are there."""

from collections.abc import Iterable, Mapping

from cq_tui.strategies.bars import Frame


class OtherBars:
    """Counts of consecutive bars of other symbols, in the frames of one strategy."""

    def __init__(self, symbols: Iterable[str], needed: Mapping[Frame, int], base_interval_ms: int) -> None:
        """``needed``: the bars of each frame that warm the strategy up."""
        self.symbols = tuple(symbols)
        self._needed, self._base = needed, base_interval_ms
        self._seen = {(symbol, frame): 0 for symbol in self.symbols for frame in needed}
        #: Close time of the latest bar, Unix ms.
        self._latest = dict.fromkeys(self._seen, -1)

    @property
    def is_warm(self) -> bool:
        """Whether each has the bars that are needed."""
        return all(seen >= self._needed[frame] for (_, frame), seen in self._seen.items())

    @property
    def slowest(self) -> tuple[int, str]:
        """The most base bars that are missing, and of what, such as ``ETHUSDT tide frame 412/600 bars``."""
        missing = ((frame * (self._needed[frame] - seen), (s, frame)) for (s, frame), seen in self._seen.items())
        bars, (symbol, frame) = max(missing, default=(0, ("", Frame.TRIGGER)))
        if bars <= 0:
            return 0, ""
        return bars, f"{symbol} {frame.label} frame {self._seen[symbol, frame]}/{self._needed[frame]} bars"

    def note(self, symbol: str, frame: Frame, close_time: int) -> None:
        """Count a bar."""
        self._seen[symbol, frame] += 1
        self._latest[symbol, frame] = close_time

    def reset(self, frame: Frame) -> None:
        """Begin anew in a frame."""
        for symbol in self.symbols:
            self._seen[symbol, frame] = 0

    def lacks(self, closed: int) -> bool:
        """Whether a bar is missing that closed before that own bar closed."""
        return any(latest + frame * self._base < closed for (_, frame), latest in self._latest.items())
