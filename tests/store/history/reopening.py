"""A history that is opened again after something happened to its files, and what was found then."""

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.writer import HistoryWriter

COUNT = 12


def reopened(data: DataDir, watermark: int | None = None) -> HistoryWriter:
    """Open a history again; it is known to be synced up to the watermark (all of it unless said)."""
    return HistoryWriter(data, watermark=data.events.stat().st_size if watermark is None else watermark, now=2000.0)


def quarantine(data: DataDir) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(data.quarantine.iterdir()) if path.is_file())


def reasons(history: HistoryWriter) -> list[tuple[str, int | None]]:
    return [(fault.reason, fault.index) for fault in history.faults]
