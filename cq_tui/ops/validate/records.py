"""The records of a file one after another in bounded memory: its lines, or the items of a JSON array."""

import json
import os
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from cq_tui.contracts.rules.finding import Finding
from cq_tui.store.journal import MAX_LINE_BYTES, OVERLONG, last_line_end
from cq_tui.store.line_blocks import blocks

_BLOCK = 256 * 1024
#: Where an array begins: at the beginning of a file, or as a field of an object.
_ARRAY = re.compile(rb"\s*\[")
_BETWEEN = re.compile(r"[\s,]*")
_MARK = b"\xef\xbb\xbf"


class Records(NamedTuple):
    """Some records, with the number of bytes that were read for them."""

    lines: list[bytes]
    size: int


def line_end(file: BinaryIO) -> tuple[int, int]:
    """Return where the last whole line ends, and the size of the file. Raises OSError."""
    size = os.fstat(file.fileno()).st_size
    return last_line_end(file.fileno(), size), size


def read_lines(file: BinaryIO, start: int, end: int) -> Iterator[Records]:
    """Yield the lines between two line starts; one that is too long to hold is ``OVERLONG``. Raises OSError."""
    before = start
    for block in blocks(file, start, end, _BLOCK):
        after = end if block.lines == [OVERLONG] else block.offset + sum(map(len, block.lines)) + len(block.lines)
        yield Records(block.lines, max(0, after - before))
        before = max(before, after)


def array_start(file: BinaryIO, field: bytes | None = None) -> int | None:
    """Return the offset after the bracket of an array: the file itself, or a ``field`` near its beginning."""
    head = os.pread(file.fileno(), _BLOCK, 0)
    skipped = len(_MARK) if head.startswith(_MARK) else 0
    found = _ARRAY.match(head, skipped) if field is None else re.search(rb'"%s"\s*:\s*\[' % re.escape(field), head)
    return None if found is None else found.end()


class ArrayItems:
    """The items of a JSON array, from just after its bracket; what follows it is ``rest``."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        self._file, self._offset = file, start
        self._text = ""
        self._held = b""
        #: Why the items end before the array does.
        self.problem: Finding | None = None
        #: Bytes after the closing bracket, at most one block of them.
        self.rest = b""

    def __iter__(self) -> Iterator[Records]:
        decoder = json.JSONDecoder()
        size = 1
        while size:
            size = self._fill()
            items, is_done = self._split(decoder, is_last=not size)
            yield Records(items, size)
            if is_done:
                return
        if self.problem is None:
            self.problem = Finding("json.syntax", "is no valid JSON: the list has no end")

    def _fill(self) -> int:
        content = os.pread(self._file.fileno(), _BLOCK, self._offset)
        self._offset += len(content)
        whole = self._held + content
        try:
            self._text, self._held = self._text + whole.decode(), b""
        except UnicodeDecodeError as error:
            # A character may be cut in two at the end of a block.
            cut = error.start if error.end == len(whole) and len(whole) - error.start < 4 and content else None
            self._text += whole[:cut].decode(errors="surrogateescape")
            self._held = b"" if cut is None else whole[cut:]
        return len(content)

    def _split(self, decoder: json.JSONDecoder, *, is_last: bool) -> tuple[list[bytes], bool]:
        """Return the whole items held, and whether the array, or reading it, has ended."""
        items, at, text = list[bytes](), 0, self._text
        while True:
            at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]
            if text.startswith("]", at):
                self.rest = text[at + 1 :].encode(errors="surrogateescape")
                return items, True
            if at == len(text):
                break
            try:
                _, end = decoder.raw_decode(text, at)
            except RecursionError:
                self.problem = Finding("json.depth", "is nested too deeply")
                return items, True
            except json.JSONDecodeError as error:
                if is_last or len(text) - at > MAX_LINE_BYTES:
                    too_long = not is_last and len(text) - at > MAX_LINE_BYTES
                    self.problem = _problem(too_long, error)
                    return items, True
                break
            if end == len(text) and not is_last:
                break  # a number may go on
            items.append(text[at:end].encode(errors="surrogateescape"))
            at = end
        self._text = text[at:]
        return items, False


def _problem(too_long: bool, error: json.JSONDecodeError) -> Finding:
    if too_long:
        return Finding("line.too_long", "has no end within 1 MiB; what follows was not checked")
    return Finding("json.syntax", f"is no valid JSON ({error.msg}); what follows was not checked")
