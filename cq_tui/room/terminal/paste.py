"""Collecting one bracketed paste, whatever is in it and wherever reads cut it."""

START = b"\x1b[200~"
END = b"\x1b[201~"

#: Bytes that are kept; the rest of a longer paste is dropped.
MAX_BYTES = 2 * 1024 * 1024
#: Seconds without input after which the last end is the end: some terminals send an end that the pasted text contains.
SETTLING = 0.03
#: Seconds that the first end is doubted at most.
MAX_SETTLING = 0.3
#: Seconds after which a paste that has no end is given up, so that keys are heard again.
PATIENCE = 5.0
#: Input that comes faster than this many seconds after the last, or in reads of so many bytes, is no typing.
_TYPING_GAP = 0.1
_TYPING_BYTES = 16


class PasteCollector:
    """Takes what follows ``START`` until the paste has ended or is given up."""

    def __init__(self, now: float) -> None:
        self._kept = bytearray()
        #: The last bytes seen, in which an end may have begun.
        self._tail = b""
        #: What came after the end; None before one came.
        self._after: bytearray | None = None
        self._ended_at = now
        self._fed_at = now
        #: When to look again, in seconds of the caller's clock.
        self.deadline = now + PATIENCE

    def feed(self, data: bytes, now: float) -> None:
        """Take what was read."""
        if self._after is None:
            if now - self._fed_at < _TYPING_GAP or len(data) >= _TYPING_BYTES:
                self.deadline = now + PATIENCE
            self._take(data, now)
        else:
            self._after += data
            self._take_later_end()
        self._fed_at = now
        if self._after is not None:
            self.deadline = min(now + SETTLING, self._ended_at + MAX_SETTLING)

    def finish(self) -> tuple[str | None, bytes]:
        """Return the text, or None for a paste without an end, and what was typed after it."""
        if self._after is None:
            return None, b""
        return clean_paste(bytes(self._kept)), bytes(self._after)

    def _take(self, data: bytes, now: float) -> None:
        seen = self._tail + data
        before, end, after = seen.partition(END)
        if end:
            self._keep(before)
            self._after, self._ended_at, self._tail = bytearray(after), now, b""
            self._take_later_end()
        else:
            cut = max(0, len(seen) - len(END) + 1)
            self._keep(seen[:cut])
            self._tail = seen[cut:]

    def _take_later_end(self) -> None:
        assert self._after is not None
        before, end, after = self._after.rpartition(END)
        if end:
            self._keep(bytes(before))
            self._after = bytearray(after)

    def _keep(self, content: bytes) -> None:
        self._kept += content[: MAX_BYTES - len(self._kept)]


def clean_paste(content: bytes) -> str:
    """Return pasted bytes as text: markers, escapes and other control characters are taken out."""
    text = content.replace(START, b"").replace(END, b"").decode("utf-8", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS)


_CONTROLS = dict.fromkeys((*(code for code in range(0x20) if chr(code) not in "\n\t"), *range(0x7F, 0xA0)))
