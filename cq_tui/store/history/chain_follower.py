"""Following the blocks of the chain document as it grows: each new block once, without reading the others.

Neither of the document's two files changes before its tail, so blocks stay where they are. Each proves itself, by its
own hash and that of the block before it, even if the file is written while it is read.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cq_tui.store.history.event_line import event_id_key
from cq_tui.store.history.hash_chain import SEPARATOR, TAIL_BYTES, BlockLinks, block_of, parse_links
from cq_tui.store.line_search import Key, find_first
from cq_tui.store.regular_file import open_regular

#: Bytes read at once: some thousand blocks.
_READ = 512 * 1024
_ATTEMPTS = 5


class PositionedBlock(NamedTuple):
    """A sound block of an event, and the offset at which the next one begins."""

    links: BlockLinks
    end: int


class ChainFollower:
    """Reads the blocks that come after an event. The document may be missing, rewritten or replaced meanwhile."""

    def __init__(self, path: Path, last: Key = ()) -> None:
        """Follow after the event with this key (``event_id_key``); the empty key comes before the first event."""
        self._path = path
        self._last = last
        #: Hash of the block before the next one; empty if it is not known.
        self._previous = ""
        #: Where the next block begins; None if it has to be searched.
        self._offset: int | None = None

    def peek(self) -> list[PositionedBlock]:
        """Return the next blocks, as many as are read at once; none if there are none yet. Raises OSError."""
        for attempt in range(_ATTEMPTS):
            size, content = -len(SEPARATOR), b""
            with suppress(FileNotFoundError), open(self._path, "rb", opener=open_regular) as file:
                if self._offset is not None or self._search(file, skip=attempt == _ATTEMPTS - 1):
                    begin = self._offset or 0
                    size = os.fstat(file.fileno()).st_size - TAIL_BYTES - begin
                    content = os.pread(file.fileno(), min(size, _READ), begin) if size > 0 else b""
            if blocks := self._parse(content):
                return blocks
            if size == -len(SEPARATOR):
                # There is no next block yet.
                return []
            # Rewritten, or written while it was read; else what comes next is damaged, and in the end it is skipped.
            self._offset, self._previous = None, ""
        return []

    def consume(self, block: PositionedBlock) -> None:
        """Continue after a block that ``peek`` returned."""
        self._offset, self._previous, self._last = block.end, block.links.hash, _key_of(block.links) or self._last

    def _search(self, file: BinaryIO, *, skip: bool) -> bool:
        """Find where the next block begins, or will begin; with ``skip``, the next that is sound."""
        found = find_first(file, block_event_key, (*self._last, 0) if skip and self._last else self._last)
        links = parse_links(block_of(found.line)) if found else None
        if found is None or links is None:
            return False
        self._offset = found.offset
        if _key_of(links) == self._last:
            self._offset, self._previous = found.offset + len(block_of(found.line)) + len(SEPARATOR), links.hash
        return True

    def _parse(self, content: bytes) -> list[PositionedBlock]:
        """Return the blocks, up to the first that is not sound or does not follow the one before."""
        blocks: list[PositionedBlock] = []
        previous, end = self._previous, self._offset or 0
        for stored in content.split(SEPARATOR):
            links = parse_links(stored)
            if links is None or links.event_id is None or previous not in ("", links.previous_hash):
                break
            previous, end = links.hash, end + len(stored) + len(SEPARATOR)
            blocks.append(PositionedBlock(links, end))
        return blocks


def find_event_hash(path: Path, key: Key) -> bytes | None:
    """Return the leaf hash in the block of the event with this key; None if there is no sound one. Raises OSError."""
    with suppress(FileNotFoundError), open(path, "rb", opener=open_regular) as file:
        found = find_first(file, block_event_key, key)
        links = parse_links(block_of(found.line)) if found else None
        return links.event_hash if links and _key_of(links) == key else None
    return None


def block_event_key(line: bytes) -> Key | None:
    """Return what orders the events that blocks name, from a line of the document; None for any other line."""
    links = parse_links(block_of(line))
    return None if links is None else _key_of(links)


def _key_of(links: BlockLinks) -> Key | None:
    return None if links.event_id is None else event_id_key(links.event_id)
