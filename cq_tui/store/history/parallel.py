"""Verifying a history with several processes, each of which verifies one part.

The parts fit together if each begins at the block with which the one before it ended. If anything is wrong, a single
process verifies everything again and names the faults.
"""

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkContext, SpawnContext
from typing import NamedTuple

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.batch import WriterSequences
from cq_tui.store.history.chain_file import read_chain_tail
from cq_tui.store.history.event_line import event_id_key, parse_header
from cq_tui.store.history.hash_chain import ChainBlock, ChainError, ChainTail, block_of, parse_links
from cq_tui.store.history.line_inspection import block_key, event_key
from cq_tui.store.history.merkle import SUBTREE_LEAVES, MerkleFrontier, leaf_hash
from cq_tui.store.history.noted import NotedEvent, NotedEvents
from cq_tui.store.history.position import HistoryMark, HistoryPosition, VerificationLimits
from cq_tui.store.history.verification import PROGRESS_INTERVAL, Progress, VerificationResult, verify
from cq_tui.store.history.verifier import Verifier
from cq_tui.store.line_search import find_first
from cq_tui.store.regular_file import open_regular

#: With fewer events a second process costs more than it saves.
_FEWEST = 64 * SUBTREE_LEAVES


class _PartMark(NamedTuple):
    """The tree over a part at some size, and the tip there."""

    #: Number of full subtrees.
    subtrees: int
    #: The smaller roots after them, largest first.
    rest: tuple[bytes, ...]
    #: Hex hash of the last block.
    tip: str


@dataclass(frozen=True, slots=True)
class _Part:
    """One part of the history. The last one has no end."""

    data: DataDir
    start: HistoryPosition | None
    end: int | None
    #: Tree sizes whose marks are wanted, counted from the first event of the history.
    sizes: Collection[int]


@dataclass(frozen=True, slots=True)
class _PartResult:
    """What a process found in its part. Only valid if ``is_sound``."""

    is_sound: bool
    events: int
    subtrees: list[bytes]
    #: The mark at each wanted size and at the end.
    marks: dict[int, _PartMark]
    noted: list[NotedEvent]
    tip: ChainBlock
    sequences: WriterSequences
    #: Events that tell no number.
    unnumbered: int
    unchained: int
    torn_bytes: int


def verify_in_parallel(
    workers: int,
    data: DataDir,
    sizes: Collection[int] = (),
    progress: Progress = lambda _: None,
    *,
    watermark: int = 0,
    fewest: int = _FEWEST,
) -> VerificationResult:
    """Like ``verify``, with ``workers`` processes if there are at least ``fewest`` events. Raises OSError."""
    starts, tail = _split_points(data, workers, fewest)
    if not starts or tail is None:
        return verify(data, sizes, progress, watermark=watermark)
    reported = 0

    def count(size: int) -> None:
        nonlocal reported
        reported += size
        progress(size)

    length = tail.chain_length - 1
    parts = _run_parts(_split_parts(data, starts, {*sizes, length}), count)
    found = _join_parts(starts, parts, sizes, (length, bytes.fromhex(tail.merkle_root)))
    if found is not None and not (watermark and found.unchained):
        return found
    progress(-reported)
    return verify(data, sizes, progress, watermark=watermark)


def _split_points(data: DataDir, workers: int, fewest: int) -> tuple[list[HistoryPosition], ChainTail | None]:
    """Return where the second and later parts begin, and the tail of the chain.

    There are none if one process is enough, or if damage prevents a split.
    """
    try:
        tail = read_chain_tail(data.hash_chain)
        events = tail.chain_length - 1
        if workers < 2 or events < fewest:
            return [], tail
        subtrees = events // SUBTREE_LEAVES
        counts = [part * subtrees // workers * SUBTREE_LEAVES for part in range(1, workers)]
        positions = [position_after(data, count) for count in counts]
    except (ChainError, FileNotFoundError):
        return [], None
    return [position for position in positions if position is not None] if all(positions) else [], tail


def position_after(data: DataDir, count: int) -> HistoryPosition | None:
    """Return the position after ``count`` events, with an empty tree; None if damage prevents finding it."""
    with open(data.hash_chain, "rb", opener=open_regular) as chain:
        block = find_first(chain, block_key, (count,))
    content = block_of(block.line) if block else b""
    links = parse_links(content)
    if block is None or links is None or links.index != count or links.event_id is None:
        return None
    with open(data.events, "rb", opener=open_regular) as events:
        line = find_first(events, event_key, event_id_key(links.event_id))
    if line is None or leaf_hash(line.line) != links.event_hash:
        return None
    return HistoryPosition(
        events=count,
        tip=ChainBlock(content, links.hash),
        last_header=parse_header(line.line),
        event_end=line.end,
        block_end=block.offset + len(content),
    )


def _split_parts(data: DataDir, starts: Sequence[HistoryPosition], sizes: Collection[int]) -> list[_Part]:
    edges = pairwise([-1, *(position.events for position in starts), sys.maxsize])
    ends = [*(position.event_end for position in starts), None]
    return [
        _Part(data, start, end, {size for size in sizes if before < size <= last})
        for start, end, (before, last) in zip([None, *starts], ends, edges, strict=True)
    ]


def _run_parts(tasks: Sequence[_Part], progress: Progress) -> list[_PartResult | None]:
    """Run each part in its own process; None stands for one that did not finish."""
    # A fork shares loaded modules; where forking is not safe, processes are spawned.
    context: ForkContext | SpawnContext = get_context("fork") if sys.platform == "linux" else get_context("spawn")
    results: dict[Connection, _PartResult | None] = {}
    processes = []
    for task in tasks:
        mine, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_verify_part, args=(task, theirs), daemon=True)
        process.start()
        theirs.close()
        processes.append(process)
        results[mine] = None
    try:
        waiting = set(results)
        while waiting:
            for connection in wait(list(waiting)):
                assert isinstance(connection, Connection)
                try:
                    reported = connection.recv()
                except EOFError:
                    waiting.discard(connection)
                    continue
                if isinstance(reported, int):
                    progress(reported)
                else:
                    results[connection] = reported
    finally:
        for process in processes:
            process.terminate()
            process.join()
        for connection in results:
            connection.close()
    return list(results.values())


def _verify_part(task: _Part, answer: Connection) -> None:
    limits = VerificationLimits(end=task.end, sizes=task.sizes, max_faults=1)
    verifier = Verifier(task.data.events, task.data.hash_chain, limits, start=task.start)
    first, reported, batches = verifier.position.events, verifier.position.event_end, 0
    marks: dict[int, _PartMark] = {}
    _add_mark(marks, task.sizes, verifier.position)
    while verifier.step():
        batches += 1
        _add_mark(marks, task.sizes, verifier.position)
        if batches % PROGRESS_INTERVAL == 0:
            answer.send(verifier.position.event_end - reported)
            reported = verifier.position.event_end
    if task.end is None:
        verifier.finish()
    verifier.close()
    answer.send(verifier.position.event_end - reported)
    position, tail = verifier.position, verifier.tail
    _add_mark(marks, [position.events], position)
    answer.send(
        _PartResult(
            is_sound=verifier.is_sound,
            events=position.events - first,
            subtrees=position.frontier.subtrees,
            marks=marks,
            noted=list(verifier.noted),
            tip=position.tip,
            sequences=WriterSequences(position.cursors, position.first_seqs, position.missing_counts),
            unnumbered=position.unnumbered,
            unchained=max(0, position.events - (tail.chain_length - 1 if tail is not None else 0)),
            torn_bytes=verifier.unverified_bytes,
        )
    )
    answer.close()


def _add_mark(marks: dict[int, _PartMark], sizes: Collection[int], position: HistoryPosition) -> None:
    """Add the mark at this position if it is wanted."""
    if position.events in sizes:
        frontier = position.frontier
        loose = (frontier.size % SUBTREE_LEAVES).bit_count()
        rest = frontier.roots[len(frontier.roots) - loose :]
        marks[position.events] = _PartMark(len(frontier.subtrees), rest, position.tip.hash)


def _join_parts(
    starts: Sequence[HistoryPosition],
    parts: Sequence[_PartResult | None],
    sizes: Collection[int],
    chained: tuple[int, bytes],
) -> VerificationResult | None:
    """Join the parts; None if they do not make a sound history with the root that the chain names."""
    whole = HistoryPosition()
    marks: dict[int, HistoryMark] = {}
    noted = NotedEvents()
    done = [part for part in parts if part is not None and part.is_sound]
    if len(done) != len(parts):
        return None
    for part, following in zip(done, [*starts, None], strict=True):
        frontier = whole.frontier
        for size, mark in part.marks.items():
            root = _extend_frontier(frontier, part.subtrees, size, mark).root()
            if size == chained[0] and root != chained[1]:
                return None
            if size in sizes:
                marks[size] = HistoryMark(root, mark.tip)
        noted.note(part.noted)
        whole.events += part.events
        whole.frontier = _extend_frontier(frontier, part.subtrees, whole.events, part.marks[whole.events])
        if following is not None and (part.tip, whole.events) != (following.tip, following.events):
            return None
        if not whole.precedes(part.sequences) or (part.unnumbered and whole.cursors):
            return None
        whole.add_sequences(part.sequences)
    return VerificationResult(
        events=whole.events,
        merkle_root=whole.frontier.root().hex(),
        unchained=done[-1].unchained,
        torn_bytes=done[-1].torn_bytes,
        marks=marks,
        noted=noted,
        gaps=whole.gaps,
    )


def _extend_frontier(frontier: MerkleFrontier, subtrees: Sequence[bytes], size: int, mark: _PartMark) -> MerkleFrontier:
    """Return the frontier extended by a part's subtrees up to the mark at ``size``."""
    grown = MerkleFrontier.restored(frontier.size, frontier.roots)
    for root in subtrees[: mark.subtrees]:
        grown.add_subtree(root, SUBTREE_LEAVES)
    loose = size % SUBTREE_LEAVES
    for root in mark.rest:
        width = 1 << loose.bit_length() - 1
        grown.add_subtree(root, width)
        loose -= width
    return grown
