"""Reading a history from its first byte: what is intact, what is damaged, and where appending goes on.

Verification runs forward. Damage before the last synced watermark is a fault: it is named and nothing is cut.
Damage behind it is a torn tail: it is copied to quarantine and cut.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat, takewhile
from pathlib import Path

import orjson

from cq_tui.store.chain_file import read_chain_tail, stored_blocks
from cq_tui.store.event_line import EventHead, EventLineError, read_head
from cq_tui.store.hash_chain import Block, ChainError, block_hash, build_block, event_hash_of, genesis
from cq_tui.store.journal import keep_torn_bytes
from cq_tui.store.merkle import MerkleFrontier, leaf_hash
from cq_tui.store.scrub import Scrubber

#: Faults that are named one by one; beyond them only their number is.
_NAMED_FAULTS = 20
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
    #: Highest seq merged, by writer.
    cursors: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    fault_count: int = 0
    #: Blocks that the chain document lacks or that must replace what stands there, genesis included.
    blocks_on_disk: int = 0
    missing_blocks: list[bytes] = field(default_factory=list)
    #: The chain document cannot be continued and must be written anew from all blocks.
    rebuild: bool = False

    def blame(self, file: Path, reason: str, index: int | None = None) -> None:
        """Record a fault."""
        self.fault_count += 1
        if len(self.faults) < _NAMED_FAULTS:
            self.faults.append(Fault(file.name, reason, index))


def recover(events: Path, chain_path: Path, quarantine: Path, scrubber: Scrubber, *, watermark: int) -> Recovered:
    """Verify the history and return how it goes on. ``watermark`` is the size of the events file at its last sync."""
    found = Recovered()
    blocks = _open_chain(chain_path, found)
    first = next(blocks, None)
    if first is not None and block_hash(first) is None:
        found.blame(chain_path, "the genesis block does not match its hash", 0)
    if first is not None:
        found.blocks_on_disk = 1
        found.tip = Block(first, block_hash(first) or genesis("0.000000").hash)
    stored: Iterator[bytes | None] = chain(blocks, repeat(None))
    for offset, line in _lines(events):
        try:
            head = read_head(line)
            origin = orjson.loads(line)["metadata"]
            writer, seq = str(origin["writer"]), int(origin["seq"])
        except (EventLineError, orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            if offset >= watermark:
                cut_torn_tail(events, offset, quarantine)
                break
            found.blame(events, f"no event line ({error})", found.events + 1)
            head, writer, seq = None, "", 0
        scrubber.add(line + b"\n")
        _take(found, events, chain_path, line, head, next(stored), behind=offset >= watermark)
        if head is not None:
            found.last_head = head
            found.cursors[writer] = max(seq, found.cursors.get(writer, 0))
    surplus = sum(1 for _ in takewhile(lambda block: block is not None, stored))
    if surplus:
        found.blame(chain_path, f"has {surplus} blocks more than there are events: the end of the history is missing")
        found.rebuild = True
    return found


def _open_chain(path: Path, found: Recovered) -> Iterator[bytes]:
    try:
        read_chain_tail(path)
    except FileNotFoundError:
        found.rebuild = True
        return iter(())
    except (ChainError, OSError) as error:
        found.blame(path, str(error))
        found.rebuild = True
    return stored_blocks(path)


def _take(
    found: Recovered,
    events: Path,
    chain_path: Path,
    line: bytes,
    head: EventHead | None,
    stored: bytes | None,
    *,
    behind: bool,
) -> None:
    """Verify one event against its stored block and carry chain and tree on."""
    found.events += 1
    leaf = leaf_hash(line)
    index = found.events
    expected = build_block(index, head or _UNREADABLE, leaf.hex(), found.tip.hash)
    if stored is None:
        found.missing_blocks.append(expected.content)
    elif stored == expected.content:
        found.blocks_on_disk += 1
    elif behind:
        # The chain was not synced up to here: what it says is worth nothing, the events are.
        found.rebuild = True
    elif (own_hash := block_hash(stored)) is None:
        found.blame(chain_path, "the block does not match its hash", index)
        found.rebuild = True
    else:
        named = event_hash_of(stored)
        if named is not None and named != leaf:
            found.blame(events, "the event is not the one that was chained", index)
        else:
            found.blame(chain_path, "the block does not follow from the one before", index)
        found.blocks_on_disk += 1
        expected, leaf = Block(stored, own_hash), named or leaf
    found.tip = expected
    found.frontier.append(leaf)


def rebuilt_blocks(events: Path, first: Block) -> Iterator[Block]:
    """Yield the blocks that the events ask for, from the genesis block ``first`` on."""
    yield first
    tip = first
    for index, (_, line) in enumerate(_lines(events), 1):
        try:
            head = read_head(line)
        except EventLineError:
            head = _UNREADABLE
        tip = build_block(index, head, leaf_hash(line).hex(), tip.hash)
        yield tip


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


def cut_torn_tail(path: Path, offset: int, quarantine: Path) -> None:
    """Move everything from ``offset`` on into quarantine."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        keep_torn_bytes(descriptor, offset, os.fstat(descriptor).st_size, quarantine, path.name)
        os.ftruncate(descriptor, offset)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
