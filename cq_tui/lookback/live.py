"""Lets the trader's core decide again what it was told, and compares each fact with the history.

The recording is in parts (``cq_tui/trading/core/input_codec.py``). A part begins with the core as it was, so each
stands for itself. What comes after a first difference follows from it, so with it the replay of a part ends.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import orjson

from cq_tui.trading.core.codec import EventBody, from_event, to_event
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.effects import Record
from cq_tui.trading.core.input_codec import Beginning, LineReader, LineUnreadable, Told, read_beginning
from cq_tui.trading.core.own_event import OwnEvent
from cq_tui.trading.core.plain import decimal_text
from cq_tui.trading.core.tagged import to_tagged

#: Inputs between two reports of progress.
_PROGRESS_EVERY = 2_000


class RecordedPart(NamedTuple):
    """One part of a recording: its name, and its lines, the first apart."""

    name: str
    #: Empty if no line is whole.
    first: bytes
    #: Reads the others, as far as they are whole.
    rest: Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first fact of a part that is not the one of the history."""

    #: Of the input after which it came; 0 if it is the end of the part that differs.
    line: int
    #: Unix seconds, the exchange's.
    at: float
    told: Any
    #: What the history has, and what the core decided now; None for nothing.
    expected: EventBody | None
    got: EventBody | None
    #: Number of the history's event among the trader's; None if it has none.
    seq: int | None
    #: Why, where that is known.
    why: str
    #: What the book says of the symbol.
    book: tuple[str, ...] = ()


@dataclass(slots=True)
class PartAgain:
    """What became of one part."""

    name: str
    #: Of the program that recorded it.
    version: str = ""
    account: str = ""
    #: Unix seconds, the exchange's.
    began: float = 0.0
    ended: float = 0.0
    inputs: int = 0
    #: Facts that were decided again as the history has them.
    facts: int = 0
    #: Facts of the history after the last recorded input: what led to them is not recorded.
    not_covered: int = 0
    difference: Difference | None = None
    #: Why some of it, or all, was left out; empty if nothing was.
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class DecidedAgain:
    """What became of a recording."""

    parts: list[PartAgain] = field(default_factory=list)

    @property
    def facts(self) -> int:
        """Facts that are equal."""
        return sum(part.facts for part in self.parts)

    @property
    def inputs(self) -> int:
        """Inputs that were fed."""
        return sum(part.inputs for part in self.parts)

    @property
    def not_covered(self) -> int:
        """Facts whose inputs are not recorded."""
        return sum(part.not_covered for part in self.parts)

    @property
    def differences(self) -> list[tuple[PartAgain, Difference]]:
        """The first difference of each part that has one."""
        return [(part, part.difference) for part in self.parts if part.difference is not None]


def decide_again(
    parts: Sequence[RecordedPart],
    events: Callable[[int], Iterable[OwnEvent]],
    progress: Callable[[str, int], object] = lambda _name, _inputs: None,
) -> DecidedAgain:
    """Feed the core of each part what it was told. ``events``: the trader's own after a number, in their order.

    A recording goes on meanwhile; what is read of it is read before the events.
    """
    found = [PartAgain(part.name) for part in parts]
    readable = _of_this_history([*_readable(parts, found)])
    # Whatever led to these is recorded: all events that they need are written.
    last_lines = list(readable[-1][0].rest()) if readable else []
    names = [part.name for part in parts]
    source = _Events(events(readable[0][2].seq) if readable else ())
    for index, (part, again, beginning) in enumerate(readable):
        after = readable[index + 1][2] if index + 1 < len(readable) else None
        lines = last_lines if after is None else part.rest()
        facts = source.facts_of(beginning.account, beginning.seq, None if after is None else after.seq)
        is_next = index + 1 < len(readable) and names[names.index(part.name) + 1] == readable[index + 1][0].name
        is_whole = is_next and after is not None and after.session == beginning.session
        _Replay(again, beginning, facts, progress).run(lines, is_whole=is_whole)
    return DecidedAgain(found)


_Readable = tuple[RecordedPart, PartAgain, Beginning]


def _of_this_history(parts: Sequence[_Readable]) -> list[_Readable]:
    """Return the parts whose events the history has: numbers fall back where an older one was put in its place."""
    kept: list[_Readable] = []
    #: Numbers that the events of each of them reach at least.
    ends: list[int] = []
    for one in parts:
        seq = one[2].seq
        if ends:
            ends[-1] = max(ends[-1], seq)
        while ends and ends[-1] > seq:
            ends.pop()
            kept.pop()[1].left_out = "an older history was put in the place of its own"
        kept.append(one)
        ends.append(seq)
    return kept


def _readable(parts: Iterable[RecordedPart], found: Iterable[PartAgain]) -> Iterator[_Readable]:
    for part, again in zip(parts, found, strict=True):
        if not part.first:
            again.left_out = "has no whole line"
            continue
        try:
            beginning = read_beginning(part.first)
        except LineUnreadable as error:
            again.left_out = f"its first line {error}"
            continue
        again.version, again.account = beginning.version, beginning.account
        again.began = again.ended = beginning.began
        yield part, again, beginning


class _Expected(NamedTuple):
    seq: int
    body: EventBody


class _Events:
    """The trader's own events, read once."""

    def __init__(self, events: Iterable[OwnEvent]) -> None:
        self._events = iter(events)
        self._next: OwnEvent | None = next(self._events, None)

    def facts_of(self, account: str, after: int, until: int | None) -> Iterator[_Expected]:
        """Yield the facts of an account with numbers above ``after``, up to ``until``."""
        while (event := self._next) is not None and (until is None or event.seq <= until):
            self._next = next(self._events, None)
            is_ours = event.seq > after and event.metadata.get("account") == account
            if is_ours and from_event(event.event_type, event.data) is not None:
                yield _Expected(event.seq, EventBody(event.event_type, dict(event.data)))


class _Replay:
    """One part."""

    def __init__(
        self,
        again: PartAgain,
        beginning: Beginning,
        facts: Iterator[_Expected],
        progress: Callable[[str, int], object],
    ) -> None:
        self._again, self._core, self._facts, self._progress = again, beginning.core, facts, progress

    def run(self, lines: Iterable[bytes], *, is_whole: bool) -> None:
        """Feed all lines. ``is_whole``: the next part follows without a gap, so all facts must be there by its end."""
        reader, again = LineReader(), self._again
        for number, line in enumerate(lines, 2):
            try:
                told = reader.read(line)
            except LineUnreadable as error:
                again.left_out = f"line {number} {error}; the rest was left out"
                is_whole = False
                break
            again.inputs, again.ended = again.inputs + 1, told.moment.exchange
            if again.inputs % _PROGRESS_EVERY == 0:
                self._progress(again.name, again.inputs)
            again.difference = self._step(number, told)
            if again.difference is not None:
                _exhaust(self._facts)
                return
        left = deque(self._facts)
        if left and is_whole:
            what = "the history has it, and no recorded input leads to it"
            again.difference = self._difference(0, None, left[0], None, what)
        else:
            again.not_covered = len(left)

    def _step(self, line: int, told: Told) -> Difference | None:
        try:
            effects = self._core.step(*told)
        except Exception as error:  # noqa: BLE001 - whatever the core raises is what became of the input
            return self._difference(line, told, None, None, f"the core raises {type(error).__name__}: {error}")
        for effect in effects:
            for fact in effect.facts if isinstance(effect, Record) else ():
                got = _as_stored(to_event(fact, self._core.book.orders))
                expected = next(self._facts, None)
                if expected is None:
                    return self._difference(line, told, None, got, "the history does not have it")
                if _bytes_of(expected.body) != _bytes_of(got):
                    return self._difference(line, told, expected, got, "")
                self._again.facts += 1
        return None

    def _difference(
        self, line: int, told: Told | None, expected: _Expected | None, got: EventBody | None, why: str
    ) -> Difference:
        body = None if expected is None else expected.body
        symbol = next((str(one.data["symbol"]) for one in (got, body) if one and one.data.get("symbol")), "")
        return Difference(
            line,
            self._again.ended,
            None if told is None else to_tagged(told.told),
            body,
            got,
            None if expected is None else expected.seq,
            why,
            tuple(book_words(self._core, symbol)),
        )


def _as_stored(body: EventBody) -> EventBody:
    """Return an event as it is read back."""
    return EventBody(body.event_type, orjson.loads(orjson.dumps(body.data)))


def _bytes_of(body: EventBody) -> bytes:
    return orjson.dumps((body.event_type, body.data), option=orjson.OPT_SORT_KEYS)


def _exhaust(facts: Iterator[_Expected]) -> None:
    """Go past what belongs to this part."""
    for _ in facts:
        pass


def differing_fields(difference: Difference) -> list[str]:
    """Return the fields in which two events of one type differ."""
    expected, got = difference.expected, difference.got
    if expected is None or got is None or expected.event_type != got.event_type:
        return []
    names = dict.fromkeys((*expected.data, *got.data))
    return [name for name in names if expected.data.get(name) != got.data.get(name)]


def book_words(core: Core, symbol: str) -> Iterator[str]:
    """Yield what a core knows of a symbol, in words; of the whole account without one."""
    book = core.book
    for one, position in book.positions.items():
        if symbol in ("", one):
            yield f"{one} {position.state.value}, {decimal_text(book.quantity(one))} held"
    for order in islice(book.live_orders(), 20):
        if symbol in ("", order.symbol):
            yield f"order {order.client_order_id} {order.status.value}, {decimal_text(order.quantity)}"
    for one in dict.fromkeys(("", symbol)):
        for kind, text in book.doubts.get(one, {}).items():
            yield f"in doubt ({kind}): {text}"
