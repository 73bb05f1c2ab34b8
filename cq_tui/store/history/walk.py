"""Verifying a history forward from a sound place: quickly by runs, closely wherever a run is not as it should be.

An event is *known* when it lies before the last synced watermark, or when a sound block names it, since the chain
never runs ahead of synced events. A known event that is damaged is a fault: it is named and nothing is cut. What is
not known and cannot be read is a torn tail.
"""

import contextlib
import re
from collections.abc import Callable
from pathlib import Path

from cq_tui.store.history.chain_file import begins_as_chain, read_chain_tail
from cq_tui.store.history.event_line import EventHead
from cq_tui.store.history.faults import Fault
from cq_tui.store.history.hash_chain import (
    HEAD,
    SEPARATOR,
    Block,
    ChainError,
    ChainTail,
    Links,
    build_block,
    genesis,
    read_links,
    read_tail,
)
from cq_tui.store.history.line_look import Line, look, said_hash
from cq_tui.store.history.merkle import SUBTREE_LEAVES
from cq_tui.store.history.place import FROM_THE_START, Limits, Place
from cq_tui.store.history.runs import Origins, Run, check_run, id_key
from cq_tui.store.history.stored_lines import BlockLines, EventLines

#: More missing blocks than this are not kept: the document is written anew.
_MISSING_KEPT = 20_000
_TIMESTAMP = re.compile(rb'"timestamp":(\d+\.\d{6})')
_UNREADABLE = EventHead("evt_0_000", "0.000000", "unreadable")


class Walk:
    """One pass over events and blocks, some at each ``step``.

    ``start`` is a place that is known to be sound. ``sink`` gets the chain document as it should stand, without its
    tail, part by part; ``take_bytes`` the events file. ``first`` is the genesis block to use when there is none.
    """

    def __init__(
        self,
        events: Path,
        chain: Path,
        limits: Limits,
        *,
        start: Place | None = None,
        sink: Callable[[bytes], None] | None = None,
        take_bytes: Callable[[bytes], None] | None = None,
        first: Block | None = None,
    ) -> None:
        self.place = start or Place()
        self.faults: list[Fault] = []
        self.fault_count = 0
        #: Blocks of events that the end of the chain document lacks.
        self.missing_blocks: list[bytes] = []
        #: The chain document cannot be continued and must be written anew: sound blocks stand, others come from events.
        self.rebuild = False
        #: Root at each wanted size that was reached.
        self.roots: dict[int, bytes] = {}
        #: The first block, when the walk began there.
        self.genesis = FROM_THE_START
        #: Blocks that stand behind that of the last event.
        self.surplus = 0
        #: Byte at which a torn tail begins.
        self.torn_at: int | None = None
        #: Ends of the full subtrees that were passed, in events file and chain document.
        self.subtree_ends: list[tuple[int, int]] = []
        self._events_path, self._chain_path, self._limits = events, chain, limits
        self._sink, self._take_bytes = sink, take_bytes
        self._tail = self._read_tail()
        if start is None:
            self._blocks = BlockLines.from_head(self._usable_chain, has_tail=self._has_tail)
        else:
            self._blocks = BlockLines(self._usable_chain, start.block_end + len(SEPARATOR), has_tail=self._has_tail)
        if self._has_tail:
            # That of the very file whose blocks are read: by its name there may be another one by now.
            with contextlib.suppress(ChainError):
                self._tail = read_tail(self._blocks.tail())
        # Opened after the chain, which never runs ahead of the events.
        self._lines = EventLines(events, self.place.event_end, limits.end)
        if start is None:
            self._begin(first or FROM_THE_START)
        self._stops = sorted({*limits.sizes, *([self._tail.chain_length - 1] if self._tail else [])})

    @property
    def tail(self) -> ChainTail | None:
        """The chain document's tail as it was when the walk began."""
        return self._tail

    @property
    def rest(self) -> int:
        """Bytes of the events file, as long as it was at the beginning, that are not verified."""
        return self._lines.stop - self.place.event_end

    def blame(self, file: Path, reason: str, index: int | None = None, expected: str = "", found: str = "") -> None:
        """Record a fault."""
        self.fault_count += 1
        if len(self.faults) < self._limits.named:
            self.faults.append(Fault(file.name, reason, index, expected or None, found or None))

    def step(self) -> bool:
        """Verify the next events; return whether there may be more."""
        if self.torn_at is not None:
            return False
        room, place = self._room(), self.place
        events, lines = self._lines.peek(room)
        if not lines:
            return False
        last = place.last_head
        found = check_run(events, lines, place.events + 1, place.tip, last.event_id if last else None)
        if found is not None and place.follows(found.origins) and self._blocks.holds(found.blocks):
            self._accept(events, found)
        else:
            lines = self._lines.peek(room + 1)[1]
            self._look_closely(lines[:room], lines[room:])
        return True

    def finish(self) -> None:
        """Go to the end, and look at what is left over there."""
        while self.step():
            pass
        while (line := self._blocks.next) is not None:
            links = read_links(line)
            if links is None or links.index != self.place.events + self.surplus + 1:
                self.blame(self._chain_path, "what stands behind the last block is no block of this history")
                self.rebuild = True
                break
            self.surplus += 1
            self._blocks.advance()
        self._compare_count()
        self.close()

    def _compare_count(self) -> None:
        """Compare how many blocks the document counts with those that are there."""
        counted = self._tail.chain_length if self._has_tail and self._tail is not None else None
        if counted is None or self.fault_count or self.rebuild:
            return
        there = self.place.events + 1 + self.surplus - len(self.missing_blocks)
        if counted > there:
            # It was whole once: what it counts and does not hold is gone, events and all.
            self.surplus += counted - there
        elif counted < there:
            self.blame(self._chain_path, "counts other blocks than it holds", None, str(there), str(counted))
            self.rebuild = True

    def close(self) -> None:
        """Close the files."""
        self._lines.close()
        self._blocks.close()

    # -- the document as a whole

    def _read_tail(self) -> ChainTail | None:
        self._usable_chain: Path | None = None
        self._has_tail = False
        try:
            tail = read_chain_tail(self._chain_path)
            self._usable_chain, self._has_tail = self._chain_path, True
            return tail
        except FileNotFoundError:
            self.rebuild = True
            if self._events_path.exists() and self._events_path.stat().st_size:
                self.blame(self._chain_path, "is missing, although there are events: made anew from them")
        except (ChainError, IsADirectoryError) as error:
            self.rebuild = True
            self.blame(self._chain_path, str(error))
            if self._chain_path.is_file():
                # Its blocks may be of use all the same.
                self._usable_chain = self._chain_path
                return ChainTail("", -1, integrity_verified=False)
        return None

    def _begin(self, first: Block) -> None:
        """Take the genesis block; a damaged one is repaired when the block after it tells that the repair is right."""
        stored = self._blocks.next
        if self._tail is not None and not begins_as_chain(self._chain_path):
            self.blame(self._chain_path, "does not begin as a chain")
            self.rebuild = True
        links = None if stored is None else read_links(stored)
        if links is not None and links.index == 0:
            self._blocks.advance()
            first = Block(stored or b"", links.hash)
            if (time := _TIMESTAMP.search(first.content)) is None or genesis(time[1].decode()) != first:
                self.blame(self._chain_path, "the first block is no genesis block", 0)
        else:
            self.rebuild = True
            if self._tail is not None:
                self.blame(self._chain_path, "the genesis block is missing or does not match its hash", 0)
            if links is None and stored is not None:
                self._blocks.advance()
            first = self._repaired_genesis(stored or b"", first)
        self.genesis = self.place.tip = first
        self.place.block_end = len(HEAD) + len(first.content)
        if self._sink is not None:
            self._sink(HEAD + first.content)
        self._compare_root()

    def _repaired_genesis(self, stored: bytes, otherwise: Block) -> Block:
        following, time = self._blocks.next_links(), _TIMESTAMP.search(stored)
        if following is None or following.index != 1:
            return otherwise
        repaired = genesis(time[1].decode()) if time else otherwise
        return (
            repaired if repaired.hash == following.previous_hash else Block(otherwise.content, following.previous_hash)
        )

    # -- runs

    def _room(self) -> int:
        """Return how many events may be looked at together: roots are compared only between runs."""
        events = self.place.events
        while self._stops and self._stops[0] <= events:
            self._stops.pop(0)
        room = min(self._limits.run, SUBTREE_LEAVES - events % SUBTREE_LEAVES)
        return min(room, self._stops[0] - events) if self._stops else room

    def _accept(self, events: bytes, run: Run) -> None:
        place = self.place
        place.events += len(run.leaves)
        place.frontier.extend(run.leaves)
        place.tip, place.last_head = run.tip, run.last_head
        place.count(run.origins)
        self._pass_lines(events)
        self._blocks.take(run.blocks)
        place.block_end += len(SEPARATOR) + len(run.blocks)
        if self._sink is not None:
            self._sink(SEPARATOR + run.blocks)
        self._reach()

    def _pass_lines(self, content: bytes) -> None:
        for part in self._lines.take(content):
            self.place.event_end += len(part)
            if self._take_bytes is not None:
                self._take_bytes(part)

    def _reach(self) -> None:
        """Look at what is due at this size of the tree."""
        if self.place.events % SUBTREE_LEAVES == 0:
            self.subtree_ends.append((self.place.event_end, self.place.block_end))
        self._compare_root()

    def _compare_root(self) -> None:
        place, tail = self.place, self._tail
        if place.frontier.size != place.events:
            # The tree of a walk that is only a part of one: the roots are compared where the parts are joined.
            return
        if place.events in self._limits.sizes:
            self.roots[place.events] = place.frontier.root()
        if tail is None or tail.chain_length != place.events + 1:
            return
        root = place.frontier.root().hex()
        if tail.merkle_root != root:
            reason = f"names another Merkle root than that of its {place.events} events"
            self.blame(self._chain_path, reason, None, root, tail.merkle_root)
            self.rebuild = True

    # -- the close look

    def _look_closely(self, run: list[bytes], following: list[bytes]) -> None:
        looked = [look(content) for content in (*run, *following)]
        begin, faults = self._blocks.offset, self.fault_count
        self._taken = 0
        for number, line in enumerate(looked[: len(run)], 1):
            after = looked[number] if number < len(looked) else None
            if line.head is None and not self._is_known():
                self.torn_at = self.place.event_end
                return
            before = self.place.events
            self._pass_lines(line.content + b"\n")
            self._take(line, None if after is None else after.leaf)
            if self.place.events // SUBTREE_LEAVES != before // SUBTREE_LEAVES:
                # The runs from here on must end at the subtrees again.
                break
        passed = self._blocks.offset - begin
        # Behind the last block of all stands no separator.
        if self.fault_count == faults and passed not in (self._taken, self._taken - len(SEPARATOR)):
            self.blame(self._chain_path, "holds something between its blocks", self.place.events)
            self.rebuild = True

    def _is_known(self) -> bool:
        """Whether the next event was synced: by the watermark, or because a sound block names it."""
        following = self._blocks.next_links()
        return self.place.event_end < self._limits.watermark or (
            following is not None and following.index == self.place.events + 1
        )

    def _take(self, line: Line, next_leaf: bytes | None) -> None:
        """Verify one event against its stored block and carry chain and tree on."""
        blocks = self._blocks
        while True:
            index = self.place.events + 1
            block = build_block(index, line.head or _UNREADABLE, line.leaf.hex(), self.place.tip.hash)
            if blocks.next == block.content:
                break
            now = blocks.next_links()
            if now is None or now.index != index or now.event_hash in (None, line.leaf):
                break
            if next_leaf == now.event_hash:
                reason = "a line that is no event of this history stands before this one"
                self.blame(self._events_path, reason, index, next_leaf.hex() if next_leaf else "", line.leaf.hex())
                return
            stored, links = blocks.take_index(index, block.content)
            later = blocks.next_links()
            if later is None or later.event_hash != line.leaf:
                self._stand(line, block, stored, links)
                return
            # The next block names this event: the one that belongs here is gone.
            expected = now.event_hash or line.leaf
            self.blame(self._events_path, "the event is missing", index, expected.hex())
            self._carry_on(Block(stored or b"", now.hash), expected)
        self._stand(line, block, *blocks.take_index(index, block.content))

    def _count_taken(self, stored: bytes | None) -> None:
        """Take note of a stored block that was passed."""
        if stored is not None:
            self._taken += len(stored) + len(SEPARATOR)

    def _stand(self, line: Line, block: Block, stored: bytes | None, links: Links | None) -> None:
        """Decide which block stands for this event."""
        place, index = self.place, self.place.events + 1
        self._count_taken(stored)
        intact, leaf = line.head is not None, line.leaf
        if not intact:
            expected = links.event_hash.hex() if links and links.event_hash else ""
            self.blame(self._events_path, f"no event line ({line.problem})", index, expected, leaf.hex())
        if links is not None:
            same = self._compare(index, line, links)
            block, leaf, intact = Block(stored or b"", links.hash), links.event_hash or leaf, intact and same
        elif stored != block.content:
            self._replace(index, stored, block, is_known=self._must_stand(index, len(line.content) + 1))
        if line.head is not None and intact:
            self._compare_order(index, line.head)
        self._carry_on(block, leaf)
        if line.head is not None:
            place.last_head = line.head
        if intact and line.origin is not None:
            writer, seq = line.origin
            if seq > place.cursors.get(writer, 0):
                place.count(Origins({writer: seq}, {writer: seq}, {}))
            else:
                again = f"number {seq} of {writer} was there before"
                self.blame(self._events_path, again, index, str(place.cursors[writer] + 1), str(seq))

    def _must_stand(self, index: int, size: int) -> bool:
        """Whether the block of the event just passed, of ``size`` bytes, is known to have been written."""
        is_counted = self._tail is not None and index < self._tail.chain_length
        return self.place.event_end - size < self._limits.watermark or (self._limits.strict and is_counted)

    def _carry_on(self, block: Block, leaf: bytes) -> None:
        place = self.place
        place.events += 1
        place.tip = block
        place.frontier.append(leaf)
        place.block_end += len(SEPARATOR) + len(block.content)
        if self._sink is not None:
            self._sink(SEPARATOR + block.content)
        self._reach()

    def _compare_order(self, index: int, head: EventHead) -> None:
        last = self.place.last_head
        if last is None:
            return
        if id_key(head.event_id) <= id_key(last.event_id) or float(head.timestamp) < float(last.timestamp):
            reason = "the event does not come after the one before it"
            self.blame(self._events_path, reason, index, f"after {last.event_id}", head.event_id)

    def _compare(self, index: int, line: Line, links: Links) -> bool:
        """Blame what differs between an event and its sound block, which stands; return whether the event is intact."""
        if links.event_hash is not None and links.event_hash != line.leaf:
            if line.head is not None:
                reason = "the event is not the one that was chained"
                self.blame(self._events_path, reason, index, links.event_hash.hex(), line.leaf.hex())
            return False
        tip = self.place.tip.hash
        if links.previous_hash != tip:
            reason = "the block does not follow from the one before"
            self.blame(self._chain_path, reason, index, tip, links.previous_hash)
        else:
            self.blame(self._chain_path, "the block is not that of its event", index)
        return True

    def _replace(self, index: int, stored: bytes | None, block: Block, *, is_known: bool) -> None:
        """Have a block that is missing or damaged made from its event."""
        if is_known and self._tail is not None:
            missing = stored is None
            reason = "the block is missing" if missing else "the block does not match its hash"
            self.blame(self._chain_path, reason, index, block.hash, "" if missing else said_hash(stored or b""))
        if stored is None and self._blocks.next is None and len(self.missing_blocks) < _MISSING_KEPT:
            self.missing_blocks.append(block.content)
        else:
            self.rebuild = True
