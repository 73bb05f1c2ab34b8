"""Verifying a history forward from a sound position: fast in batches, line by line where a batch is not sound.

An event is *known* if it lies before the last synced watermark or a sound block names it, since the chain never runs
ahead of synced events. A damaged known event is a fault, and nothing is truncated. Unreadable bytes after the last
known event are a torn tail.

An unnumbered event, of a data version before 1.3, is one only before the first that tells its number, and only if its
block names its bytes, or it follows such events. Anywhere else it lost its metadata, and is damaged.
"""

import contextlib
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

from cq_tui.store.history.batch import VerifiedBatch, WriterSequences, check_batch, check_unnumbered_batch
from cq_tui.store.history.chain_file import hidden_twin, read_chain_tail, read_genesis, starts_as_chain
from cq_tui.store.history.event_line import EventHeader, event_id_key
from cq_tui.store.history.faults import HistoryFault
from cq_tui.store.history.hash_chain import (
    DOCUMENT_START,
    SEPARATOR,
    BlockLinks,
    ChainBlock,
    ChainError,
    ChainTail,
    build_block,
    genesis_block,
    parse_genesis,
    parse_links,
    parse_tail,
    verified_block_hash,
)
from cq_tui.store.history.line_inspection import InspectedLine, claimed_hash, inspect_line
from cq_tui.store.history.merkle import SUBTREE_LEAVES, leaf_hash
from cq_tui.store.history.noted import NOTED_TYPES, NotedEvent, NotedEvents
from cq_tui.store.history.position import INITIAL_TIP, HistoryMark, HistoryPosition, VerificationLimits
from cq_tui.store.history.stored_lines import BlockLines, EventLines
from cq_tui.store.history.tree_index import SubtreeIndex

#: Lines, and blocks, that are looked at beyond the next one where these do not belong together.
_LOOKED_AT = 100
#: If more blocks are missing, the document is rewritten.
_MAX_MISSING_KEPT = 20_000
_TIMESTAMP = re.compile(rb'"timestamp":(\d+\.\d{6})')
_CHANGED_EVENT = "the event is not the one that was chained"
_UNREADABLE = EventHeader("evt_0_000", "0.000000", "unreadable")
_NO_TAIL = ChainTail("", -1, integrity_verified=False)


class Verifier:
    """One pass over events and blocks, a batch per ``step``.

    ``start`` is a position known to be sound. ``sink`` receives the chain document as it should be, without its tail,
    part by part; ``take_bytes`` the events file. ``first`` is the genesis block to use if neither the document nor its
    twin has one.
    """

    def __init__(
        self,
        events: Path,
        chain: Path,
        limits: VerificationLimits,
        *,
        start: HistoryPosition | None = None,
        sink: Callable[[bytes], None] | None = None,
        take_bytes: Callable[[bytes], None] | None = None,
        first: ChainBlock | None = None,
    ) -> None:
        self.position = start or HistoryPosition()
        self.faults: list[HistoryFault] = []
        self.fault_count = 0
        #: Blocks missing at the end of the chain document.
        self.missing_blocks: list[bytes] = []
        #: The chain document must be rewritten: sound blocks are kept, others rebuilt from events.
        self.needs_rebuild = False
        #: Root and tip at each wanted size that was reached.
        self.marks: dict[int, HistoryMark] = {}
        #: Sound events about the history itself.
        self.noted = NotedEvents()
        #: The genesis block, if verification began there.
        self.genesis = INITIAL_TIP
        #: Blocks after that of the last event.
        self.surplus_blocks = 0
        #: Offset at which a torn tail begins.
        self.torn_at: int | None = None
        #: Ends of the full subtrees so far, in events file and chain document.
        self.subtree_ends: list[tuple[int, int]] = []
        self._events_path, self._chain_path, self._limits = events, chain, limits
        self._sink, self._take_bytes = sink, take_bytes
        #: The chain document's tail when verification began.
        self.tail = self._read_tail()
        usable, has_tail = chain if self.tail else None, self.tail not in (None, _NO_TAIL)
        if start is None:
            self._blocks = BlockLines.from_start(usable, has_tail=has_tail)
        else:
            self._blocks = BlockLines(usable, start.block_end + len(SEPARATOR), has_tail=has_tail)
        if has_tail:
            # From the file whose blocks are read: its name may belong to another one by now.
            with contextlib.suppress(ChainError):
                self.tail = parse_tail(self._blocks.read_tail())
        # Opened after the chain, which never runs ahead of the events.
        self._lines = EventLines(events, self.position.event_end, limits.end)
        if start is None:
            self._read_genesis(first or INITIAL_TIP)
        else:
            self._compare_root()
        self._boundaries = sorted({*limits.sizes, *([self.tail.chain_length - 1] if self.tail else [])})

    @property
    def index(self) -> SubtreeIndex:
        """The subtrees that were completed since verification began."""
        index = SubtreeIndex(len(DOCUMENT_START) + len(self.genesis.content) + len(SEPARATOR))
        for root, (event_end, block_end) in zip(self.position.frontier.subtrees, self.subtree_ends, strict=True):
            index.add_subtree(root, event_end, block_end + len(SEPARATOR))
        return index

    @property
    def unverified_bytes(self) -> int:
        """Bytes of the events file, at its size when opened, that are not verified."""
        return self._lines.stop - self.position.event_end

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong so far."""
        return not (self.fault_count or self.needs_rebuild or self.surplus_blocks or self.torn_at is not None)

    def add_fault(self, file: Path, reason: str, index: int | None = None, expected: str = "", found: str = "") -> None:
        """Record a fault."""
        self.fault_count += 1
        if len(self.faults) < self._limits.max_faults:
            self.faults.append(HistoryFault(file.name, reason, index, expected or None, found or None))

    def step(self) -> bool:
        """Verify the next batch; return whether there may be more."""
        if self.torn_at is not None:
            return False
        room, position = self._batch_limit(), self.position
        events, lines = self._lines.peek(room)
        if not lines:
            return False
        found = self._check_batch(events, lines)
        if found is not None and position.precedes(found.sequences) and self._blocks.starts_with(found.blocks):
            if not NOTED_TYPES.isdisjoint(found.event_types):
                self.noted.note(map(NotedEvent, count(position.events + 1), lines))
            self._accept_batch(events, found)
        else:
            lines = self._lines.peek(room + _LOOKED_AT, least=2)[1]
            # The last ones are only looked at, unless it is the last of the file.
            own = max(1, min(room, len(lines) - 1))
            self._verify_closely(lines[:own], lines[own:])
        return True

    def _check_batch(self, events: bytes, lines: list[bytes]) -> VerifiedBatch | None:
        position, last = self.position, self.position.last_header
        before = position.events + 1, position.tip, last.event_id if last else None
        found = check_batch(events, lines, *before)
        return check_unnumbered_batch(events, lines, *before) if found is None and not position.cursors else found

    def finish(self) -> None:
        """Verify the rest, and check what remains after the last event."""
        while self.step():
            pass
        while (line := self._blocks.next_line) is not None:
            links = parse_links(line)
            if links is None or links.index != self.position.events + self.surplus_blocks + 1:
                self.add_fault(self._chain_path, "what stands behind the last block is no block of this history")
                self.needs_rebuild = True
                break
            self.surplus_blocks += 1
            self._blocks.advance()
        self._compare_count()
        self.close()

    def _compare_count(self) -> None:
        """Compare the document's count of blocks with the blocks that exist."""
        if self.tail is None or self.fault_count or self.needs_rebuild:
            return
        counted = self.tail.chain_length
        there = self.position.events + 1 + self.surplus_blocks - len(self.missing_blocks)
        if counted > there:
            # It was complete once: blocks it counts but lacks are gone, with their events.
            self.surplus_blocks += counted - there
        elif counted < there:
            self.add_fault(self._chain_path, "counts other blocks than it holds", None, str(there), str(counted))
            self.needs_rebuild = True

    def close(self) -> None:
        """Close the files."""
        self._lines.close()
        self._blocks.close()

    # -- the document as a whole

    def _read_tail(self) -> ChainTail | None:
        """Return the document's tail; ``_NO_TAIL`` if only its blocks may be usable, None if nothing is."""
        try:
            return read_chain_tail(self._chain_path)
        except FileNotFoundError:
            self.needs_rebuild = True
            if self._events_path.exists() and self._events_path.stat().st_size:
                self.add_fault(self._chain_path, "is missing, although there are events: made anew from them")
        except (ChainError, IsADirectoryError) as error:
            self.needs_rebuild = True
            self.add_fault(self._chain_path, str(error))
            if self._chain_path.is_file():
                return _NO_TAIL
        return None

    def _read_genesis(self, first: ChainBlock) -> None:
        """Read the genesis block; repair a damaged one if the block after it confirms the repair."""
        stored = self._blocks.next_line
        if self.tail is not None and not starts_as_chain(self._chain_path):
            self.add_fault(self._chain_path, "does not begin as a chain")
            self.needs_rebuild = True
        digest = None if stored is None else verified_block_hash(stored)
        if stored is not None and digest is not None and stored.startswith(b'{"index":0,'):
            self._blocks.advance()
            first = ChainBlock(stored, digest)
            if parse_genesis(stored) is None:
                self.add_fault(self._chain_path, "the first block is no genesis block", 0)
        else:
            self.needs_rebuild = True
            if self.tail is not None:
                self.add_fault(self._chain_path, "the genesis block is missing or does not match its hash", 0)
            if digest is None and stored is not None:
                self._blocks.advance()
            first = self._repair_genesis(stored or b"", read_genesis(hidden_twin(self._chain_path)) or first)
        self.genesis = self.position.tip = first
        self.position.block_end = len(DOCUMENT_START) + len(first.content)
        if self._sink is not None:
            self._sink(DOCUMENT_START + first.content)
        self._compare_root()

    def _repair_genesis(self, stored: bytes, otherwise: ChainBlock) -> ChainBlock:
        following, time = self._blocks.next_links(), _TIMESTAMP.search(stored)
        if following is None or following.index != 1:
            return otherwise
        repaired = genesis_block(time[1].decode()) if time else otherwise
        digest = following.previous_hash
        return repaired if repaired.hash == digest else ChainBlock(otherwise.content, digest)

    # -- batches

    def _batch_limit(self) -> int:
        """Return the size of the next batch: roots are compared only between batches."""
        events = self.position.events
        while self._boundaries and self._boundaries[0] <= events:
            self._boundaries.pop(0)
        room = min(self._limits.batch_size, SUBTREE_LEAVES - events % SUBTREE_LEAVES)
        return min(room, self._boundaries[0] - events) if self._boundaries else room

    def _accept_batch(self, events: bytes, batch: VerifiedBatch) -> None:
        self._consume_lines(events)
        self._blocks.consume(batch.blocks)
        self.position.last_header = batch.last_header
        self.position.add_sequences(batch.sequences)
        if not batch.sequences.last:
            self.position.unnumbered += len(batch.leaves)
        self._append_blocks(batch.blocks, batch.leaves, batch.tip)

    def _consume_lines(self, content: bytes) -> None:
        for part in self._lines.consume(content):
            self.position.event_end += len(part)
            if self._take_bytes is not None:
                self._take_bytes(part)

    def _append_blocks(self, content: bytes, leaves: list[bytes], tip: ChainBlock) -> None:
        """Extend chain and tree, and do what is due at the size that they reach. The events are consumed already."""
        position = self.position
        position.append_blocks(content, leaves, tip)
        if self._sink is not None:
            self._sink(SEPARATOR + content)
        if position.events % SUBTREE_LEAVES == 0:
            self.subtree_ends.append((position.event_end, position.block_end))
        self._compare_root()

    def _compare_root(self) -> None:
        position, tail = self.position, self.tail
        if position.frontier.size != position.events:
            # Only one part is verified: roots are compared when the parts are joined.
            return
        if position.events in self._limits.sizes:
            self.marks[position.events] = position.mark
        if tail is None or tail.chain_length != position.events + 1:
            return
        root = position.frontier.root().hex()
        if tail.merkle_root != root:
            reason = f"names another Merkle root than that of its {position.events} events"
            self.add_fault(self._chain_path, reason, None, root, tail.merkle_root)
            self.needs_rebuild = True

    # -- line by line

    def _verify_closely(self, batch: list[bytes], following: list[bytes]) -> None:
        inspected = [inspect_line(content) for content in batch]
        leaves = [*(line.leaf for line in inspected), *map(leaf_hash, following)]
        begin, faults = self._blocks.offset, self.fault_count
        self._consumed = 0
        for number, read in enumerate(inspected, 1):
            line = self._read_unnumbered(read)
            if line.header is None and not self._is_known():
                self.torn_at = self.position.event_end
                return
            before = self.position.events
            self._consume_lines(line.content + b"\n")
            self._verify_event(line, leaves[number : number + _LOOKED_AT])
            if self.position.events // SUBTREE_LEAVES != before // SUBTREE_LEAVES:
                # From here on, batches must end at subtree boundaries again.
                break
        passed = self._blocks.offset - begin
        # There is no separator after the last block.
        if self.fault_count == faults and passed not in (self._consumed, self._consumed - len(SEPARATOR)):
            self.add_fault(self._chain_path, "holds something between its blocks", self.position.events)
            self.needs_rebuild = True

    def _read_unnumbered(self, line: InspectedLine) -> InspectedLine:
        """Return an unnumbered line as an event where it may be one."""
        if line.unnumbered is None or self.position.cursors:
            return line
        links = self._blocks.next_links()
        is_named = links is not None and (links.index, links.event_hash) == (self.position.events + 1, line.leaf)
        return replace(line, header=line.unnumbered) if is_named or self.position.unnumbered else line

    def _is_known(self) -> bool:
        """Whether the next event was synced: by the watermark, or because a sound block names it."""
        following = self._blocks.next_links()
        return self.position.event_end < self._limits.watermark or (
            following is not None and following.index == self.position.events + 1
        )

    def _verify_event(self, line: InspectedLine, later: list[bytes]) -> None:
        """Verify one event against its stored block, and extend chain and tree. ``later``: leaves of the next lines."""
        blocks = self._blocks
        while True:
            # An event before it that is missing may be why it was none.
            line = self._read_unnumbered(line)
            index = self.position.events + 1
            block = build_block(index, line.header or _UNREADABLE, line.leaf.hex(), self.position.tip.hash)
            if blocks.next_line == block.content:
                break
            now = blocks.next_links()
            if now is None or now.index != index or now.event_hash in (None, line.leaf):
                break
            if self._stands_before(line.leaf, now.event_hash, later):
                reason = "a line that is no event of this history stands before this one"
                self.add_fault(self._events_path, reason, index, (now.event_hash or b"").hex(), line.leaf.hex())
                return
            stored, links = blocks.consume_index(index, block.content)
            beyond = blocks.next_links()
            if beyond is None or beyond.event_hash != line.leaf:
                self._resolve_block(line, block, stored, links)
                return
            # The next block names this event: the one that belongs here is missing.
            expected = now.event_hash or line.leaf
            self.add_fault(self._events_path, "the event is missing", index, expected.hex())
            self._append_blocks(stored or b"", [expected], ChainBlock(stored or b"", now.hash))
        self._resolve_block(line, block, *blocks.consume_index(index, block.content))

    def _stands_before(self, leaf: bytes, named: bytes | None, later: list[bytes]) -> bool:
        """Whether the line that the next block names comes later, and what stands before it belongs nowhere."""
        if named is None or named not in later:
            return False
        between = later[: later.index(named)]
        # A single line was always called so, wherever it belongs: an accepted fault must keep its id.
        return not between or self._blocks.next_hashes(_LOOKED_AT).isdisjoint((leaf, *between))

    def _resolve_block(
        self, line: InspectedLine, block: ChainBlock, stored: bytes | None, links: BlockLinks | None
    ) -> None:
        """Decide which block belongs to this event, and append it."""
        position, index = self.position, self.position.events + 1
        if stored is not None:
            self._consumed += len(stored) + len(SEPARATOR)
        intact, leaf = line.header is not None, line.leaf
        if not intact:
            expected = links.event_hash.hex() if links and links.event_hash else ""
            # An event that is only misspelled was always called changed: an accepted fault must keep its id.
            changed = line.is_misspelled and expected not in ("", leaf.hex())
            reason = _CHANGED_EVENT if changed else f"no event line ({line.problem})"
            self.add_fault(self._events_path, reason, index, expected, leaf.hex())
        if links is not None:
            same = self._compare_links(index, line, links)
            block, leaf, intact = ChainBlock(stored or b"", links.hash), links.event_hash or leaf, intact and same
        elif stored != block.content:
            self._replace_block(index, stored, block, is_known=self._must_have_block(index, len(line.content) + 1))
        if line.header is not None and intact:
            self._compare_order(index, line.header)
        self._append_blocks(block.content, [leaf], block)
        if line.header is not None:
            position.last_header = line.header
        if intact and line.origin is None:
            position.unnumbered += 1
        elif intact and line.origin is not None:
            self.noted.note([NotedEvent(index, line.content)])
            writer, seq = line.origin
            last = position.cursors.get(writer, 0)
            if position.allows(writer, seq):
                position.add_sequences(WriterSequences({writer: seq}, {writer: seq}, {}))
            else:
                wrong = "was there before" if seq <= last else "is too far ahead of the one before"
                reason = f"number {seq} of {writer} {wrong}"
                self.add_fault(self._events_path, reason, index, str(last + 1), str(seq))

    def _must_have_block(self, index: int, size: int) -> bool:
        """Whether the block of the event just consumed, of ``size`` bytes, must have been written."""
        is_counted = self.tail is not None and index < self.tail.chain_length
        return self.position.event_end - size < self._limits.watermark or (self._limits.strict and is_counted)

    def _compare_order(self, index: int, header: EventHeader) -> None:
        last = self.position.last_header
        if last is None:
            return
        is_later = event_id_key(header.event_id) > event_id_key(last.event_id)
        if not is_later or float(header.timestamp) < float(last.timestamp):
            reason = "the event does not come after the one before it"
            self.add_fault(self._events_path, reason, index, f"after {last.event_id}", header.event_id)

    def _compare_links(self, index: int, line: InspectedLine, links: BlockLinks) -> bool:
        """Record what differs between an event and its sound block; return whether the event is intact."""
        if links.event_hash is not None and links.event_hash != line.leaf:
            if line.header is not None:
                self.add_fault(self._events_path, _CHANGED_EVENT, index, links.event_hash.hex(), line.leaf.hex())
            return False
        tip = self.position.tip.hash
        if links.previous_hash != tip:
            reason = "the block does not follow from the one before"
            self.add_fault(self._chain_path, reason, index, tip, links.previous_hash)
        elif line.header is not None:
            self.add_fault(self._chain_path, "the block is not that of its event", index)
        return True

    def _replace_block(self, index: int, stored: bytes | None, block: ChainBlock, *, is_known: bool) -> None:
        """Replace a missing or damaged block by one built from its event."""
        if is_known and self.tail is not None:
            missing = stored is None
            reason = "the block is missing" if missing else "the block does not match its hash"
            self.add_fault(self._chain_path, reason, index, block.hash, "" if missing else claimed_hash(stored or b""))
        if stored is None and self._blocks.next_line is None and len(self.missing_blocks) < _MAX_MISSING_KEPT:
            self.missing_blocks.append(block.content)
        else:
            self.needs_rebuild = True
