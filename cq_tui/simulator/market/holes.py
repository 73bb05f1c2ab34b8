"""Holes: the times in which a symbol has no klines, because the recorded exchange did not trade it."""

from typing import NamedTuple

import numpy as np

from cq_tui.simulator.market.ticks import Flags, Integers


class Holes(NamedTuple):
    """Ascending times (Unix ms): each hole begins at one of ``starts``, and lasts until before its end."""

    starts: Integers
    ends: Integers

    @classmethod
    def none(cls) -> "Holes":
        """Return no hole at all."""
        return cls(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))

    @classmethod
    def of_flags(cls, missing: Flags, origin: int, bar_ms: int) -> "Holes":
        """Return the runs of missing bars; the first bar opens at ``origin`` (Unix ms)."""
        edges = np.flatnonzero(np.diff(np.r_[False, missing, False]))
        return cls(origin + edges[::2] * bar_ms, origin + edges[1::2] * bar_ms)

    def contain(self, opened: Integers, ended: Integers) -> Flags:
        """Whether each time from ``opened`` to ``ended`` (exclusive) lies within one hole."""
        if not len(self.starts):
            return np.zeros(np.shape(opened), dtype=np.bool_)
        at = np.searchsorted(self.starts, opened, side="right") - 1
        return np.asarray((at >= 0) & (self.ends[np.maximum(at, 0)] >= ended))
