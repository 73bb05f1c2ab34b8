"""Damaged lines of a spool: each is quarantined once, however often it is read."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from cq_tui.store.journal import JournalWriter, read_lines


class DamagedLines:
    """``quarantine/spool-<writer>.lines``. After a restart a spool is read again; no line is added twice."""

    def __init__(self, quarantine: Path, writer: str) -> None:
        self.path = quarantine / f"spool-{writer}.lines"
        self._kept: set[bytes] | None = None

    def quarantine(self, lines: Sequence[bytes]) -> int:
        """Add lines, synced, and return how many of them are new. Raises JournalError."""
        if self._kept is None:
            self._kept = {_digest(line) for line in read_lines(self.path)}
        new = {digest: line for line in lines if (digest := _digest(line)) not in self._kept}
        if new:
            writer = JournalWriter(self.path)
            try:
                writer.append(list(new.values()), durable=True)
            finally:
                writer.close()
            self._kept.update(new)
        return len(new)


def _digest(line: bytes) -> bytes:
    return sha256(line).digest()[:8]
