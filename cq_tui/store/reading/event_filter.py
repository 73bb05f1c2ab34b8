"""Filtering events: by a line's bytes where these are conclusive, otherwise by the parsed event."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import orjson

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

    def matches(self, event: HistoryEvent) -> bool:
        """Whether an event passes the filter."""
        return (
            (not self.types or event.event_type in self.types)
            and (self.symbol is None or event.data.get("symbol") == self.symbol)
            and (self.since is None or event.timestamp >= self.since)
        )

    def candidates(self, offset: int, lines: Sequence[bytes]) -> list[tuple[int, bytes]]:
        """Return the lines that cannot be excluded by their bytes alone, each with its offset.

        ``offset`` is that of the first line.
        """
        places = zip(accumulate((len(line) + 1 for line in lines), initial=offset), lines, strict=False)
        is_unwanted = self._is_unwanted
        return [*places] if is_unwanted is None else [place for place in places if not is_unwanted(place[1])]

    def entries(self, places: Iterable[tuple[int, bytes]]) -> Iterator[HistoryEntry]:
        """Yield matching events and damaged lines."""
        for offset, line in places:
            event = parse_event(line)
            if event is None or self.matches(event):
                yield HistoryEntry(offset, line, event)


def _bytes_matcher(types: Collection[str], symbol: str | None) -> Callable[[bytes], object] | None:
    """Return a function that is true if a line's bytes exclude it; None if bytes alone never can.

    It only excludes lines that begin exactly as memory writes them, so it is never wrong about others.
    """
    names = b"|".join(re.escape(name.encode()) for name in sorted(types))
    other_type = re.compile(_BEFORE_TYPE + (rb'(?!(?:%b)")' % names) + _ANY_TYPE).match if types else None
    if symbol is None:
        return other_type
    of_symbol = b'"symbol":' + orjson.dumps(symbol)
    ours = re.compile(_BEFORE_TYPE + _ANY_TYPE).match
    if other_type is None:
        return lambda line: of_symbol not in line and ours(line)
    return lambda line: other_type(line) or (of_symbol not in line and ours(line))
