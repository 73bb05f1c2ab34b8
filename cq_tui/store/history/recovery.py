"""Reading a history from its first byte: what is intact, what is damaged, and where appending goes on.

Verification runs forward. An event is *known* when it lies before the last synced watermark, or when a sound block
names it, since the chain never runs ahead of synced events. A known event that is damaged is a fault: it is named and
nothing is cut. What is not known and cannot be read is a torn tail: it is copied to quarantine and cut.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from cq_tui.store.history.chain_file import begins_as_chain, read_chain_tail, stored_blocks
from cq_tui.store.history.event_line import EventHead, EventLineError, read_head
from cq_tui.store.history.hash_chain import Block, ChainError, ChainTail, Links, build_block, genesis, read_links
from cq_tui.store.history.merkle import MerkleFrontier, leaf_hash
from cq_tui.store.history.scrub import Scrubber
from cq_tui.store.journal import keep_torn_bytes

#: Faults that are named one by one; beyond them only their number is.
_NAMED_FAULTS = 20
_TIMESTAMP = re.compile(rb'"timestamp":(\d+\.\d{6})')
_UNREADABLE = EventHead("evt_0_000", "0.000000", "unreadable")


@dataclass(slots=True)
class Fault:
    """One thing that is wrong with the history."""

    file: str
    reason: str
    index: int | None = None

    def __str__(self) -> str:
        """Say it in a line."""
        where = "" if self.index is None else f" at index {self.index}"
        return f"{self.file}{where}: {self.reason}"


@dataclass(slots=True)
class Recovered:
    """Everything that appending needs to go on, and what was found on the way."""

    frontier: MerkleFrontier = field(default_factory=MerkleFrontier)
    tip: Block = field(default_factory=lambda: genesis("0.000000"))
    events: int = 0
    last_head: EventHead | None = None
    #: Highest seq merged, by writer; damaged events do not count.
    cursors: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    fault_count: int = 0
    #: Blocks of events that the end of the chain document lacks.
    missing_blocks: list[bytes] = field(default_factory=list)
    #: The chain document cannot be continued and must be written anew: sound blocks as they stand, others from events.
    rebuild: bool = False

    def blame(self, file: Path, reason: str, index: int | None = None) -> None:
        """Record a fault."""
        self.fault_count += 1
        if len(self.faults) < _NAMED_FAULTS:
            self.faults.append(Fault(file.name, reason, index))


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the events file, and what it says if it is an event."""

    offset: int
    content: bytes
    leaf: bytes
    head: EventHead | None
    #: Writer and seq.
    origin: tuple[str, int] | None
    problem: str


class _StoredBlocks:
    """The lines of the chain document, asked for by index, so that a lost or a glued line costs no other."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self.next = next(lines, None)

    def advance(self) -> None:
        self.next = next(self._lines, None)

    def take(self, index: int, expected: bytes) -> tuple[bytes | None, Links | None]:
        """Return what stands at an index and, when it is sound, its links; nothing where a later block follows."""
        while (line := self.next) is not None:
            links = None if line == expected else read_links(line)
            if links is not None and links.index > index:
                return None, None
            self.advance()
            if links is None or links.index == index:
                return line, links
        return None, None

    def peek(self) -> Links | None:
        """Return the links of the next block if it is sound."""
        return None if self.next is None else read_links(self.next)


class _Verification:
    """One pass over events and blocks. ``sink`` gets every block that should stand, in order."""

    def __init__(
        self, events: Path, chain_path: Path, watermark: int, sink: Callable[[bytes], None], first: Block | None
    ) -> None:
        self.found = Recovered()
        self._events, self._chain, self._watermark, self._sink = events, chain_path, watermark, sink
        self._tail = self._read_tail()
        self._blocks = _StoredBlocks(stored_blocks(chain_path) if self._tail is not None else iter(()))
        self._begin(first or genesis("0.000000"))

    def _read_tail(self) -> ChainTail | None:
        """Return the document's tail, also when only its blocks are of use; None when there is no document."""
        try:
            return read_chain_tail(self._chain)
        except FileNotFoundError:
            self.found.rebuild = True
            if self._events.exists() and self._events.stat().st_size:
                self.found.blame(self._chain, "is missing, although there are events: made anew from them")
        except (ChainError, OSError) as error:
            self.found.rebuild = True
            self.found.blame(self._chain, str(error))
            if self._chain.is_file():
                return ChainTail("", -1, integrity_verified=False)
        return None

    def _begin(self, first: Block) -> None:
        """Take the genesis block; a damaged one is repaired when the block after it tells that the repair is right."""
        found, stored = self.found, self._blocks.next
        if self._tail is not None and not begins_as_chain(self._chain):
            found.blame(self._chain, "does not begin as a chain")
            found.rebuild = True
        links = None if stored is None else read_links(stored)
        if links is not None and links.index == 0:
            self._blocks.advance()
            first = Block(stored or b"", links.hash)
        else:
            found.rebuild = True
            if self._tail is not None:
                found.blame(self._chain, "the genesis block is missing or does not match its hash", 0)
            if links is None and stored is not None:
                self._blocks.advance()
            first = self._repaired_genesis(stored or b"", first)
        found.tip = first
        self._sink(first.content)
        self._compare_root()

    def _repaired_genesis(self, stored: bytes, otherwise: Block) -> Block:
        following, time = self._blocks.peek(), _TIMESTAMP.search(stored)
        if following is None or following.index != 1:
            return otherwise
        repaired = genesis(time[1].decode()) if time else otherwise
        return (
            repaired if repaired.hash == following.previous_hash else Block(otherwise.content, following.previous_hash)
        )

    def is_known(self, offset: int) -> bool:
        """Whether the next event was synced: by the watermark, or because a sound block names it."""
        following = self._blocks.peek()
        return offset < self._watermark or (following is not None and following.index == self.found.events + 1)

    def take(self, line: _Line, next_leaf: bytes | None) -> None:
        """Verify one event against its stored block and carry chain and tree on."""
        while True:
            index = self.found.events + 1
            block = build_block(index, line.head or _UNREADABLE, line.leaf.hex(), self.found.tip.hash)
            if self._blocks.next == block.content:
                break
            now = self._blocks.peek()
            if now is None or now.index != index or now.event_hash in (None, line.leaf):
                break
            if next_leaf == now.event_hash:
                self.found.blame(self._events, "a line that is no event of this history stands before this one", index)
                return
            stored, links = self._blocks.take(index, block.content)
            later = self._blocks.peek()
            if later is None or later.event_hash != line.leaf:
                self._stand(line, block, stored, links)
                return
            # The next block names this event: the one that belongs here is gone.
            self.found.blame(self._events, "the event is missing", index)
            self._carry_on(Block(stored or b"", now.hash), now.event_hash or line.leaf)
        self._stand(line, block, *self._blocks.take(index, block.content))

    def _stand(self, line: _Line, block: Block, stored: bytes | None, links: Links | None) -> None:
        """Decide which block stands for this event."""
        found, index = self.found, self.found.events + 1
        intact, leaf = line.head is not None, line.leaf
        if not intact:
            found.blame(self._events, f"no event line ({line.problem})", index)
        if links is not None:
            same = self._compare(index, line, links)
            block, leaf, intact = Block(stored or b"", links.hash), links.event_hash or leaf, intact and same
        elif stored != block.content:
            self._replace(index, stored, block, is_known=line.offset < self._watermark)
        self._carry_on(block, leaf)
        if line.head is not None:
            found.last_head = line.head
        if intact and line.origin is not None:
            writer, seq = line.origin
            found.cursors[writer] = max(seq, found.cursors.get(writer, 0))

    def _carry_on(self, block: Block, leaf: bytes) -> None:
        self.found.events += 1
        self.found.tip = block
        self.found.frontier.append(leaf)
        self._sink(block.content)
        self._compare_root()

    def _compare(self, index: int, line: _Line, links: Links) -> bool:
        """Blame what differs between an event and its sound block, which stands; return whether the event is intact."""
        if links.event_hash is not None and links.event_hash != line.leaf:
            if line.head is not None:
                self.found.blame(self._events, "the event is not the one that was chained", index)
            return False
        follows = links.previous_hash == self.found.tip.hash
        reason = "is not that of its event" if follows else "does not follow from the one before"
        self.found.blame(self._chain, f"the block {reason}", index)
        return True

    def _replace(self, index: int, stored: bytes | None, block: Block, *, is_known: bool) -> None:
        """Have a block that is missing or damaged made from its event."""
        if is_known and self._tail is not None:
            reason = "the block is missing" if stored is None else "the block does not match its hash"
            self.found.blame(self._chain, reason, index)
        if stored is None and self._blocks.next is None:
            self.found.missing_blocks.append(block.content)
        else:
            self.found.rebuild = True

    def _compare_root(self) -> None:
        tail = self._tail
        if tail is None or tail.chain_length != self.found.events + 1:
            return
        if tail.merkle_root != self.found.frontier.root().hex():
            self.found.blame(self._chain, f"names another Merkle root than that of its {self.found.events} events")
            self.found.rebuild = True

    def finish(self, size: int) -> Recovered:
        """Look at what is left over when the events have ended."""
        surplus = 0
        while self._blocks.next is not None:
            surplus += 1
            self._blocks.advance()
        if surplus:
            reason = f"has {surplus} blocks more than there are events: the end of the history is missing"
            self.found.blame(self._chain, reason)
            self.found.rebuild = True
        elif size < self._watermark:
            missing = f"{self._watermark - size} bytes"
            self.found.blame(self._events, f"is {missing} shorter than it was: the end of the history is missing")
        return self.found


def recover(
    events: Path,
    chain_path: Path,
    quarantine: Path,
    scrubber: Scrubber,
    *,
    watermark: int,
    sink: Callable[[bytes], None] = lambda _: None,
    first: Block | None = None,
) -> Recovered:
    """Verify the history and return how it goes on. ``watermark`` is the size of the events file at its last sync.

    ``sink`` is given every block that should stand; ``first`` is the genesis block to use when there is none.
    """
    verification = _Verification(events, chain_path, watermark, sink, first)
    size = 0
    for line, after in _with_next(map(_read, _lines(events))):
        if line.head is None and not verification.is_known(line.offset):
            if cut_torn_tail(events, line.offset, quarantine):
                reason = f"what stands from byte {line.offset} on is no event of this history: moved to quarantine"
                verification.found.blame(events, reason)
            break
        scrubber.add(line.content + b"\n")
        verification.take(line, None if after is None else after.leaf)
        size = line.offset + len(line.content) + 1
    return verification.finish(size)


def _read(place: tuple[int, bytes]) -> _Line:
    offset, content = place
    head, origin, problem = None, None, ""
    try:
        metadata = orjson.loads(content)["metadata"]
        origin = str(metadata["writer"]), int(metadata["seq"])
        head = read_head(content)
    except (EventLineError, orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        problem = str(error)
    return _Line(offset, content, leaf_hash(content), head, origin, problem)


def _with_next(lines: Iterator[_Line]) -> Iterator[tuple[_Line, _Line | None]]:
    """Yield each line with the one after it."""
    line = next(lines, None)
    while line is not None:
        after = next(lines, None)
        yield line, after
        line = after


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, line) of every whole line."""
    offset = 0
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield offset, line[:-1]
            offset += len(line)


def cut_torn_tail(path: Path, offset: int, quarantine: Path) -> bool:
    """Move everything from ``offset`` on into quarantine; return whether a whole JSON object was among it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        kept = keep_torn_bytes(descriptor, offset, os.fstat(descriptor).st_size, quarantine, path.name)
        os.ftruncate(descriptor, offset)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return any(_is_object(line) for _, line in _lines(kept))


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False
