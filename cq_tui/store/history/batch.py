"""Fast verification of a batch of events: its blocks are rebuilt from its lines, to be compared byte by byte.

Nothing passes that ``parse_event``, which says what an event is, would refuse. A batch with rare lines, such as deeply
nested ones, is left to ``Verifier`` to verify line by line.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from operator import le, lt
from typing import NamedTuple

from cq_tui.store.history.event_line import (
    HEADER,
    MAX_LEAP,
    ORIGIN_FIELDS,
    SEQ_LIMIT,
    EventHeader,
    HeaderFields,
    event_id_key,
    is_writer_name,
)
from cq_tui.store.history.hash_chain import ChainBlock, build_blocks
from cq_tui.store.history.merkle import leaf_hashes

#: Events verified together; fits the processor's cache.
BATCH_EVENTS = 256


#: The JSON (RFC 8259) of a number that is not huge.
_NUMBER = r"-?+(?:0|[1-9][0-9]{0,17}+)(?:\.[0-9]{1,40}+)?+(?:[eE](?:-[0-9]{1,3}+|\+?[0-9]{1,2}+))?+"


@cache
def _lines_pattern(*, unnumbered: bool = False) -> re.Pattern[str]:
    """Return the JSON (RFC 8259) of event lines whose values are not nested deeply, and whose numbers are not huge.

    Possessive, so that no line takes more than one pass. Compiled once there is a history to verify: it takes a while.
    """
    string = r'"[^"\\\x00-\x1f]*+(?:\\["\\/bfnrt][^"\\\x00-\x1f]*+)*+"'
    value = plain = f"{string}|{_NUMBER}|true|false|null"
    for _ in range(2):
        member = f"{string}:(?:{value})"
        value = rf"{plain}|\{{(?:{member}(?:,{member})*+)?+\}}|\[(?:(?:{value})(?:,(?:{value}))*+)?+\]"
    member = f"{string}:(?:{value})"
    origin = rf'"writer":"([a-z0-9-]++)","seq":([1-9][0-9]{{0,14}}+),"occurred_at":{_NUMBER}'
    further = rf'(?!"(?:{"|".join(ORIGIN_FIELDS)})"){member}'
    data = rf"\{{(?:{member}(?:,{member})*+)?+\}}"
    metadata = rf',"metadata":\{{{origin}(?:,{further})*+\}}'
    if unnumbered:
        metadata = rf'(?:,"metadata":(?:null|\{{(?:{further}(?:,{further})*+)?+\}}))?+'
    return re.compile(rf'^{HEADER}"data":{data}{metadata}\}}\n', re.MULTILINE)


class WriterSequences(NamedTuple):
    """The sequence numbers in a batch. A writer's numbers grow by one, or events were lost."""

    #: Last number, by writer.
    last: dict[str, int]
    #: First number, by writer.
    first: dict[str, int]
    #: How many numbers between them are missing, by writer.
    missing: dict[str, int]


class VerifiedBatch(NamedTuple):
    """What a sound batch of events adds to a history."""

    leaves: list[bytes]
    #: The joined blocks that the document must have.
    blocks: bytes
    last_header: EventHeader
    tip: ChainBlock
    sequences: WriterSequences
    #: Types of its numbered events.
    event_types: set[str]


#: Of events that have no numbers.
_NO_SEQUENCES = WriterSequences({}, {}, {})


def check_batch(
    events: bytes, lines: Sequence[bytes], index: int, tip: ChainBlock, last_id: str | None
) -> VerifiedBatch | None:
    """Return what a batch adds if its events and their order are sound, else None. The caller compares the blocks.

    ``events`` are whole lines, ``lines`` the same without line feeds; ``index`` is that of the first, ``tip`` the
    block before it and ``last_id`` the event before it.
    """
    found = _match_lines(_lines_pattern(), events, len(lines))
    if found is None:
        return None
    ids, times, types, writers, numbers = found
    sequences = count_sequences(zip(writers, map(int, numbers), strict=True))
    if sequences is None or not _in_order(ids, times, last_id):
        return None
    headers = list(zip(ids, times, types, strict=True))
    return _make_batch(lines, headers, index, tip, sequences, set(types))


def check_unnumbered_batch(
    events: bytes, lines: Sequence[bytes], index: int, tip: ChainBlock, last_id: str | None
) -> VerifiedBatch | None:
    """Like ``check_batch``, for events of data versions before 1.3 only: they tell neither writer nor number."""
    found = _match_lines(_lines_pattern(unnumbered=True), events, len(lines))
    if found is None or not _in_order(found[0], found[1], last_id):
        return None
    return _make_batch(lines, list(zip(*found, strict=True)), index, tip, _NO_SEQUENCES, set())


def _match_lines(pattern: re.Pattern[str], events: bytes, count: int) -> list[tuple[str, ...]] | None:
    """Return the groups of the pattern, each for all lines; None unless every one of ``count`` lines matches."""
    try:
        found = pattern.findall(events.decode())
    except UnicodeDecodeError:
        return None
    return list(zip(*found, strict=True)) if len(found) == count else None


def _make_batch(
    lines: Sequence[bytes],
    headers: Sequence[HeaderFields],
    index: int,
    tip: ChainBlock,
    sequences: WriterSequences,
    event_types: set[str],
) -> VerifiedBatch:
    leaves = leaf_hashes(lines)
    blocks, last = build_blocks(index, headers, leaves, tip.hash)
    return VerifiedBatch(leaves, blocks, EventHeader(*headers[-1]), last, sequences, event_types)


def count_sequences(numbered: Iterable[tuple[str, int]]) -> WriterSequences | None:
    """Return the sequence numbers by writer; None if they do not grow, or leap."""
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for writer, number in numbered:
        numbers[writer].append(number)
    last: dict[str, int] = {}
    first: dict[str, int] = {}
    missing: dict[str, int] = {}
    for writer, own in numbers.items():
        first[writer], last[writer] = own[0], own[-1]
        if not (is_writer_name(writer) and own[0] > 0 and own[-1] < SEQ_LIMIT):
            return None
        if own != list(range(own[0], own[0] + len(own))):
            if not all(0 < other - one <= MAX_LEAP for one, other in pairwise(own)):
                return None
            missing[writer] = own[-1] - own[0] + 1 - len(own)
    return WriterSequences(last, first, missing)


def _in_order(ids: Sequence[str], times: Sequence[str], last_id: str | None) -> bool:
    """Whether ids increase strictly and times never decrease."""
    if last_id is not None:
        ids = (last_id, *ids)
    # Texts sort like their numbers unless the number of digits changes: then numbers are compared.
    grows = all(map(lt, ids, ids[1:])) or all(one < other for one, other in pairwise(map(event_id_key, ids)))
    return grows and (
        all(map(le, times, times[1:])) or all(float(one) <= float(other) for one, other in pairwise(times))
    )
