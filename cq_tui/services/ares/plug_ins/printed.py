"""What plug-ins print, as lines for the log of ARES: none is lost silently, and a flood fills no disk."""

from collections.abc import Iterator

_A_MINUTE = 60.0
_MAX_LINES = 100
_MAX_LINE = 500
#: A line without an end is cut here.
_MAX_PARTIAL = 64 * 1024


class PrintedLines:
    """Cuts output into lines, at most a hundred a minute."""

    def __init__(self) -> None:
        self._partial = b""
        self._minute = 0.0
        self._lines = self._dropped = 0

    def feed(self, piece: bytes, now: float) -> Iterator[str]:
        """Yield the lines to log; ``now`` in seconds, of a clock that only moves forward."""
        if now - self._minute >= _A_MINUTE:
            if self._dropped:
                yield f"{self._dropped:,} more lines"
            self._minute, self._lines, self._dropped = now, 0, 0
        *lines, self._partial = (self._partial + piece).split(b"\n")
        if len(self._partial) > _MAX_PARTIAL:
            lines.append(self._partial)
            self._partial = b""
        for line in filter(None, map(bytes.strip, lines)):
            if self._lines < _MAX_LINES:
                self._lines += 1
                yield line[:_MAX_LINE].decode(errors="replace")
            else:
                self._dropped += 1
