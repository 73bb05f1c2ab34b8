"""Filtering events: by a line's bytes where these are conclusive, otherwise by the parsed event."""

import re
from collections.abc import Callable, Collection, Iterator
from itertools import accumulate
from typing import NamedTuple

import orjson

from cq_tui.store.line_blocks import LineBlock
from cq_tui.store.reading.event import HistoryEvent, parse_event

_BEFORE_TYPE = rb'\{"event_id":"evt_\d+_\d{3,}","timestamp":\d+\.\d{6},"event_type":"'
_ANY_TYPE = rb'[A-Za-z0-9_.:-]+","source":"'


class HistoryEntry(NamedTuple):
    """A line without its line feed, its offset, and its event; None if the line is damaged."""

    offset: int
    line: bytes
    event: HistoryEvent | None


class EventFilter:
    """Which events to return; by default all. ``since`` is in Unix seconds, by the history's clock."""

    def __init__(self, types: Collection[str] = (), symbol: str | None = None, since: float | None = None) -> None:
        self.types = frozenset(types)
        self.symbol = symbol
        self.since = since
        self._is_unwanted = _bytes_matcher(self.types, symbol)
        self._is_selective = bool(self.types) or symbol is not None or since is not None

    def matches(self, event: HistoryEvent) -> bool:
        """Whether an event passes the filter."""
        return (
            (not self.types or event.event_type in self.types)
            and (self.symbol is None or event.data.get("symbol") == self.symbol)
            and (self.since is None or event.timestamp >= self.since)
        )

    def entries(self, block: LineBlock, *, newest_first: bool = False) -> Iterator[HistoryEntry]:
        """Yield matching events and damaged lines of a block; lines excluded by their bytes are not parsed."""
        offsets = accumulate((len(line) + 1 for line in block.lines), initial=block.offset)
        places = [*zip(offsets, block.lines, strict=False)]
        if is_unwanted := self._is_unwanted:
            places = [place for place in places if not is_unwanted(place[1])]
        matches = self.matches if self._is_selective else None
        for offset, line in reversed(places) if newest_first else places:
            event = parse_event(line)
            if event is None or matches is None or matches(event):
                yield HistoryEntry(offset, line, event)


def _bytes_matcher(types: Collection[str], symbol: str | None) -> Callable[[bytes], object] | None:
    """Return a test of lines that their bytes exclude, and that begin as memory writes them; None if none can be."""
    names = b"|".join(re.escape(name.encode()) for name in sorted(types))
    other_type = re.compile(_BEFORE_TYPE + (rb'(?!(?:%b)")' % names) + _ANY_TYPE).match if types else None
    if symbol is None:
        return other_type
    of_symbol = b'"symbol":' + orjson.dumps(symbol)
    ours = re.compile(_BEFORE_TYPE + _ANY_TYPE).match
    if other_type is None:
        return lambda line: of_symbol not in line and ours(line)
    return lambda line: other_type(line) or (of_symbol not in line and ours(line))
