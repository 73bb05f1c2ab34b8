"""Looking up single events, blocks and subtree roots in the files of a history, which may be in use or damaged.

Files are never read whole, written or trusted: a block counts only if its bytes match its hash, and the tree index
only saves time. Indexes are those of blocks: the first event has index 1 and is leaf 0.
"""

import contextlib
import os
import re
import sys
from binascii import unhexlify
from collections.abc import Callable
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.chain_file import read_chain_tail
from cq_tui.store.history.chain_follower import block_event_key
from cq_tui.store.history.event_line import event_id_key
from cq_tui.store.history.hash_chain import TAIL_BYTES, block_of, parse_links
from cq_tui.store.history.line_inspection import block_key, event_key
from cq_tui.store.history.merkle import SUBTREE_LEAVES, leaf_hash
from cq_tui.store.history.tree_index import SubtreeIndex
from cq_tui.store.line_blocks import count_line_feeds
from cq_tui.store.line_search import Key, PositionedLine, find_first, lines_from
from cq_tui.store.proofs.merkle_proofs import tree_hash
from cq_tui.store.regular_file import open_regular

_EVENT_ID = re.compile(r"evt_[0-9]{1,18}_[0-9]{3,18}")
_EVENT_HASH = re.compile(rb'"event_hash":"(.{64})"\},"previous_hash":"')
Found = TypeVar("Found")


class LeavesUnreadable(Exception):
    """Leaf hashes cannot be read from the chain document; use ``event_leaves``."""


class HistoryFiles:
    """The files of one history, opened by name at each lookup. Index and leaves are kept for the next parts of a proof.

    Every method raises OSError if a file cannot be read; a missing chain document has no blocks.
    """

    def __init__(self, data: DataDir) -> None:
        self._data = data
        #: Of the subtrees looked into.
        self._leaves: dict[int, list[bytes]] = {}

    def events_count(self) -> int:
        """Return the number of events according to the chain. Raises ChainError if it is not a chain document."""
        return max(0, read_chain_tail(self._data.hash_chain).chain_length - 1)

    def block_at(self, index: int) -> bytes | None:
        """Return a stored block; None if it is missing or damaged."""
        return self.blocks(index, index + 1).get(index)

    def blocks(self, start: int, stop: int) -> dict[int, bytes]:
        """Return the stored blocks start to stop - 1 by index, without missing and damaged ones."""

        def look(file: BinaryIO) -> dict[int, bytes] | None:
            first = find_first(file, block_key, (start,))
            found: dict[int, bytes] = {}
            for entry in lines_from(file, first.offset) if first else ():
                key = block_key(entry.line)
                if key is not None and key[0] >= stop:
                    break
                if key is not None:
                    found[key[0]] = block_of(entry.line)
            return found or None

        return _retry_once(self._data.hash_chain, look) or {}

    def event_at(self, index: int) -> bytes | None:
        """Return the stored line of an event, even if it is not what was chained; None if there is none."""
        if not 1 <= index <= sys.maxsize:
            return None
        block = self.block_at(index)
        if block is not None:
            return self.event_by_id(_block_event(block) or "")
        # The block is damaged or missing: count lines instead.
        with open(self._data.events, "rb", opener=open_regular) as file:
            entry = next(islice(lines_from(file, 0), index - 1, None), None)
        return None if entry is None else entry.line

    def event_by_id(self, event_id: str) -> bytes | None:
        """Return the stored line of an event, even if it is not what was chained; None if there is none."""
        with open(self._data.events, "rb", opener=open_regular) as file:
            entry = _find_event(file, event_id)
        return None if entry is None else entry.line

    def index_of(self, event_id: str) -> int | None:
        """Return the index of an event; None if there is no such event."""
        target = _event_key(event_id)
        if target is None:
            return None

        def look(file: BinaryIO) -> int | None:
            entry = find_first(file, block_event_key, target)
            links = parse_links(block_of(entry.line)) if entry else None
            return links.index if links and links.event_id == event_id else None

        if (index := _retry_once(self._data.hash_chain, look)) is not None:
            return index
        # No sound block names it, perhaps because it is not chained yet: count lines instead.
        with open(self._data.events, "rb", opener=open_regular) as file:
            entry = _find_event(file, event_id)
            return None if entry is None else 1 + count_line_feeds(file, 0, entry.offset)

    def subtree(self, start: int, stop: int) -> bytes:
        """Return the tree hash of leaves start to stop - 1, a part of the tree. Raises LeavesUnreadable.

        Chain and index may be wrong: verify a proof made from it. Parts are no longer than the largest power of two
        that divides ``start``.
        """
        first, last = start // SUBTREE_LEAVES, stop // SUBTREE_LEAVES
        if start % SUBTREE_LEAVES or first == last:
            return tree_hash(self._leaves_between(start, stop))
        rest = [tree_hash(self._leaves_between(last * SUBTREE_LEAVES, stop))] if stop % SUBTREE_LEAVES else []
        return tree_hash(self._roots_until(last)[first:last] + rest)

    def event_leaves(self, count: int) -> list[bytes]:
        """Return the leaf hashes of the first ``count`` lines of the events file: slow, but trusts nothing else."""
        with open(self._data.events, "rb", opener=open_regular) as file:
            return [leaf_hash(entry.line) for entry in islice(lines_from(file, 0), count)]

    @cached_property
    def _tree_index(self) -> SubtreeIndex:
        return SubtreeIndex.load(self._data.tree_index) or SubtreeIndex(0)

    def _roots_until(self, count: int) -> list[bytes]:
        """Return the roots of the first full subtrees; those not in the index are computed once, from the chain."""
        roots = self._tree_index.roots
        while len(roots) < count:
            roots.append(tree_hash(self._read_leaves(len(roots), SUBTREE_LEAVES)))
        return roots

    def _leaves_between(self, start: int, stop: int) -> list[bytes]:
        """Return leaf hashes of one subtree."""
        number = start // SUBTREE_LEAVES
        before = number * SUBTREE_LEAVES
        leaves = self._leaves.get(number, [])
        if len(leaves) < stop - before:
            leaves = self._leaves[number] = self._read_leaves(number, stop - before)
        return leaves[start - before : stop - before]

    def _read_leaves(self, number: int, needed: int) -> list[bytes]:
        """Read the leaf hashes of a subtree from its blocks: all that exist, which must be as many as ``needed``."""

        def look(file: BinaryIO) -> list[bytes] | None:
            first, after = self._first_block(file, number), self._first_block(file, number + 1)
            if first is None:
                return None
            last = after.offset if after else os.fstat(file.fileno()).st_size - TAIL_BYTES
            found = _EVENT_HASH.findall(os.pread(file.fileno(), last - first.offset, first.offset))
            with contextlib.suppress(ValueError):
                leaves = [unhexlify(digest) for digest in found]
                return leaves[:SUBTREE_LEAVES] if len(leaves) >= (SUBTREE_LEAVES if after else needed) else None
            return None

        leaves = _retry_once(self._data.hash_chain, look)
        if leaves is None:
            begin, path = number * SUBTREE_LEAVES, self._data.hash_chain
            raise LeavesUnreadable(f"{path}: blocks {begin + 1} to {begin + needed} are not all there, or damaged")
        return leaves

    def _first_block(self, file: BinaryIO, number: int) -> PositionedLine | None:
        """Return the first block of a subtree, or the next sound one, using the index if it is right."""
        target = (number * SUBTREE_LEAVES + 1,)
        for offset in self._tree_index.block_offsets[number : number + 1]:
            entry = next(lines_from(file, offset), None)
            if entry is not None and block_key(entry.line) == target:
                return entry
        return find_first(file, block_key, target)


def _retry_once(path: Path, look: Callable[[BinaryIO], Found | None]) -> Found | None:
    """Look into the chain document; retry once if nothing is found, since its files change places as it grows."""
    for _ in range(2):
        with contextlib.suppress(FileNotFoundError), open(path, "rb", opener=open_regular) as file:
            if (found := look(file)) is not None:
                return found
    return None


def _block_event(line: bytes) -> str | None:
    links = parse_links(block_of(line))
    return links.event_id if links else None


def _event_key(event_id: str) -> Key | None:
    """Return the sort key of an event id; None if it is not an event id."""
    return event_id_key(event_id) if _EVENT_ID.fullmatch(event_id) else None


def _find_event(file: BinaryIO, event_id: str) -> PositionedLine | None:
    """Return the line of an event; if damaged lines hide it from binary search, read all lines."""
    target, beginning = _event_key(event_id), b'{"event_id":"%b",' % event_id.encode()
    if target is not None:
        entry = find_first(file, event_key, target)
        if entry is not None and entry.line.startswith(beginning):
            return entry
    return next((entry for entry in lines_from(file, 0) if entry.line.startswith(beginning)), None)
