"""Where stored klines differ from the exchange's, and whether a rewritten journal says what the old one said. Pure."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from cq_tui.contracts.market import Kline

#: Klines whose content is remembered as one number.
_BLOCK = 64
#: Blocks that are remembered, the newest: more than a journal holds.
_MOST_BLOCKS = 512


class KlineDifference(NamedTuple):
    """What is wrong in a journal."""

    #: All that the journal should hold.
    klines: list[Kline]
    #: Of the klines that are changed, missing or too many, in order.
    open_times: list[int]


def compare_klines(stored: Sequence[Kline], truth: Sequence[Kline], *, to_end: bool) -> KlineDifference | None:
    """Compare stored klines with the exchange's, from the first of these on; None if they are equal.

    Stored klines after the last of ``truth`` are too many with ``to_end``, and not compared without.
    """
    if not truth or not stored:
        return None
    newest = max(kline.open_time for kline in stored)
    first, last = truth[0].open_time, newest if to_end else truth[-1].open_time
    inside = [kline for kline in stored if first <= kline.open_time <= last]
    expected = [kline for kline in truth if kline.open_time <= newest]
    if inside == expected:
        return None
    found = {kline.open_time: kline for kline in inside}
    wanted = {kline.open_time: kline for kline in expected}
    twice = {time for time, count in Counter(kline.open_time for kline in inside).items() if count > 1}
    wrong = {time for time in found.keys() | wanted.keys() if found.get(time) != wanted.get(time)} | twice
    if not wrong:
        # Only their order is wrong.
        wrong = set(wanted)
    before = [kline for kline in stored if kline.open_time < first]
    after = [kline for kline in stored if kline.open_time > last]
    return KlineDifference([*before, *expected, *after], sorted(wrong))


class SeenKlines:
    """What a reader has read of a journal, as one number for some klines: all of them would take too much memory."""

    def __init__(self) -> None:
        #: By block: open time of its first kline, and the number of its content.
        self._blocks: dict[int, tuple[int, int]] = {}
        self._length = 0

    def add(self, klines: Sequence[Kline]) -> None:
        """Add klines, in order and of one interval."""
        length = self._length = self._length or _BLOCK * (
            klines[0].close_time + 1 - klines[0].open_time if klines else 0
        )
        for block, members in groupby(klines, lambda kline: kline.open_time // length):
            found = list(members)
            first, content = self._blocks.get(block, (found[0].open_time, 0))
            self._blocks[block] = first, content + sum(map(hash, found))
        while len(self._blocks) > _MOST_BLOCKS:
            del self._blocks[next(iter(self._blocks))]

    def contradicts(self, other: "SeenKlines") -> bool:
        """Whether the other's klines, from their first on, differ from these.

        A journal that was cut begins within a block: these few klines, the oldest of all, are not compared.
        """
        if not self._blocks or not other._blocks:
            return False
        beginning = min(other._blocks)
        known, block = self._blocks.get(beginning), other._blocks[beginning]
        if known is not None and known[0] == block[0] and known != block:
            return True
        start = max(beginning + 1, min(self._blocks))
        later = {number for number in self._blocks.keys() | other._blocks.keys() if number >= start}
        return any(self._blocks.get(number) != other._blocks.get(number) for number in later)
