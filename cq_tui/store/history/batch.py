"""Fast verification of a batch of events: its blocks are rebuilt from its lines, to be compared byte by byte.

Only lines spelled exactly as memory spells them pass. A batch with others is left to ``Verifier`` to verify line by
line; ``parse_event`` says what an event is.
"""

import gc
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import le, lt
from secrets import token_hex
from typing import Any, NamedTuple

import orjson

from cq_tui.store.history.event_line import (
    HEADER,
    MAX_LEAP,
    ORIGIN_FIELDS,
    SEQ_LIMIT,
    EventHeader,
    HeaderFields,
    is_writer_name,
)
from cq_tui.store.history.hash_chain import ChainBlock, build_blocks
from cq_tui.store.history.merkle import leaf_hashes

#: Events verified together; fits the processor's cache.
BATCH_EVENTS = 256
_HEADERS = re.compile("\n" + HEADER)
#: Stands between the lines of a batch when they are parsed as one list. Nobody can guess it, so no line can begin a
#: value that another one ends.
_MARK = token_hex(16)
_BETWEEN = f',"{_MARK}",{{'


class VerifiedBatch(NamedTuple):
    """What a sound batch of events adds to a history."""

    leaves: list[bytes]
    #: The joined blocks that the document must have.
    blocks: bytes
    last_header: EventHeader
    tip: ChainBlock
    sequences: "WriterSequences"
    event_types: set[str]


class WriterSequences(NamedTuple):
    """The sequence numbers in a batch. A writer's numbers grow by one, or events were lost."""

    #: Last number, by writer.
    last: dict[str, int]
    #: First number, by writer.
    first: dict[str, int]
    #: How many numbers between them are missing, by writer.
    missing: dict[str, int]


def check_batch(
    events: bytes, lines: Sequence[bytes], index: int, tip: ChainBlock, last_id: str | None
) -> VerifiedBatch | None:
    """Return what a batch adds if its events and their order are sound, else None. The caller compares the blocks.

    ``events`` are whole lines, ``lines`` the same without line feeds; ``index`` is that of the first, ``tip`` the
    block before it and ``last_id`` the event before it.
    """
    parsed = _parse(events, len(lines))
    if parsed is None or not _in_order(parsed[0], last_id):
        return None
    headers, sequences = parsed
    leaves = leaf_hashes(lines)
    blocks, last = build_blocks(index, headers, leaves, tip.hash)
    return VerifiedBatch(leaves, blocks, EventHeader(*headers[-1]), last, sequences, {each[2] for each in headers})


def _parse(events: bytes, count: int) -> tuple[list[HeaderFields], WriterSequences] | None:
    """Return headers and sequence numbers of ``count`` lines; None if one of them is not spelled as memory does."""
    collects = gc.isenabled()
    # What is parsed here is dropped again at once.
    gc.disable()
    try:
        first, *parts = _HEADERS.split("\n" + events[:-1].decode())
        headers = list(zip(parts[::4], parts[1::4], parts[2::4], strict=True))
        if first or len(headers) != count:
            return None
        content = f"[{{{_BETWEEN.join(parts[3::4])}]".encode()
        parsed = orjson.loads(content)
        # The same bytes again: nothing stands twice, and nothing is spelled in another way.
        if parsed[1::2] != [_MARK] * (count - 1) or orjson.dumps(parsed) != content:
            return None
        sequences = _parse_origins(parsed[::2])
        return None if sequences is None else (headers, sequences)
    except (UnicodeDecodeError, orjson.JSONDecodeError, KeyError, TypeError):
        return None
    finally:
        if collects:
            gc.enable()


def _parse_origins(entries: list[dict[str, Any]]) -> WriterSequences | None:
    """Return the sequence numbers in the metadata of events; None if one is not as memory writes it."""
    metadata = [entry["metadata"] for entry in entries]
    if set(map(len, entries)) != {2} or set(map(type, metadata)) != {dict}:
        return None
    if any(keys[:3] != ORIGIN_FIELDS for keys in set(map(tuple, metadata))):
        return None
    writers, numbers, times, *_ = zip(*map(dict.values, metadata), strict=False)
    if set(map(type, numbers)) != {int} or not set(map(type, times)) <= {int, float}:
        return None
    return count_sequences(zip(writers, numbers, strict=True))


def count_sequences(numbered: Iterable[tuple[str, int]]) -> WriterSequences | None:
    """Return the sequence numbers by writer; None if they do not grow, or leap."""
    numbers: dict[str, list[int]] = {}
    for writer, number in numbered:
        numbers.setdefault(writer, []).append(number)
    last: dict[str, int] = {}
    first: dict[str, int] = {}
    missing: dict[str, int] = {}
    for writer, own in numbers.items():
        first[writer], last[writer] = own[0], own[-1]
        if not (is_writer_name(writer) and own[0] > 0 and own[-1] < SEQ_LIMIT):
            return None
        if not all(map(lt, own, own[1:])):
            return None
        if lost := own[-1] - own[0] + 1 - len(own):
            if any(other - one > MAX_LEAP for one, other in pairwise(own)):
                return None
            missing[writer] = lost
    return WriterSequences(last, first, missing)


def _in_order(headers: Sequence[HeaderFields], last_id: str | None) -> bool:
    """Whether ids increase strictly and times never decrease."""
    ids, times, _ = zip(*headers, strict=True)
    if last_id is not None:
        ids = (last_id, *ids)
    # Texts sort like their numbers unless the number of digits changes: then numbers are compared.
    grows = all(map(lt, ids, ids[1:])) or all(one < other for one, other in pairwise(map(event_id_key, ids)))
    return grows and (
        all(map(le, times, times[1:])) or all(float(one) <= float(other) for one, other in pairwise(times))
    )


def event_id_key(event_id: str) -> tuple[int, int]:
    """Return second and count of an id, by which events are ordered."""
    _, second, count = event_id.split("_")
    return int(second), int(count)
