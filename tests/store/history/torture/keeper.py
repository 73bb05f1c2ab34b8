"""A process that keeps a history and behaves as the memory service does when the disk refuses something."""

from collections.abc import Callable
from typing import Any

from cq_tui.contracts.history import SnapshotSystem
from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import DocumentError, read_json, write_document
from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.journal import JournalBroken, JournalError
from cq_tui.store.snapshots.snapshot_store import SnapshotStore, recent_histories
from tests.store.history.histories import event

_SYSTEM = SnapshotSystem(active_services=[], health_status="ok", memory_usage=0.0)


def opened(data: DataDir) -> HistoryWriter:
    """Open a history as the service does, from the newest snapshot that its files confirm."""
    return HistoryWriter(data, watermark=stored_watermark(data), now=50.0, snapshots=recent_histories(data))


def stored_watermark(data: DataDir) -> int:
    """The watermark as the service reads it when it starts."""
    try:
        return int(read_json(data.state_of("memory"))["watermark"])
    except DocumentError:
        return 0


class Keeper:
    """Appends events 1, 2, 3 and so on; a refused act is tried again, and after a broken journal a new one starts."""

    def __init__(self, data: DataDir, *, end_process: Callable[[], None], acknowledge: Callable[[int], None]) -> None:
        self._data, self._end_process, self._acknowledge = data, end_process, acknowledge
        self._history: HistoryWriter | None = None
        self._seq = 0
        #: What was refused, in order.
        self.refused: list[Exception] = []
        #: Faults that were found when a history was opened.
        self.faults: list[str] = []

    def append(self, count: int, **data: Any) -> None:
        """Append so many events."""
        events = [event(seq, **data) for seq in range(self._seq + 1, self._seq + count + 1)]
        self._until_done(lambda history: self._append_rest(history, events))
        self._seq += count
        self._acknowledge(self._seq)

    def flush(self) -> None:
        """Flush the chain document."""
        self._until_done(lambda history: history.flush_chain())

    def save(self) -> None:
        """Save the watermark as the service does."""
        state = self._data.state_of("memory")
        self._until_done(lambda history: write_document(state, {"watermark": history.watermark}))

    def snapshot(self) -> None:
        """Take a snapshot, from which the next start goes on."""
        store = SnapshotStore(self._data)
        self._until_done(
            lambda history: store.take_snapshot(100.0, _SYSTEM, history.sync_state(), kept=2, full_every=2)
        )
        self.save()

    def close(self) -> None:
        """Close in good order."""
        self._until_done(lambda history: history.close())
        self._history = None

    def _append_rest(self, history: HistoryWriter, events: list[NewEvent]) -> None:
        """Append what is not in the history yet, as the merge does after a restart."""
        merged = history.cursors.get("trader", 0)
        if rest := [new for new in events if new.seq > merged]:
            history.append(rest, 1000.0 + rest[0].seq)

    def _until_done(self, act: Callable[[HistoryWriter], object]) -> None:
        for _ in range(5):
            try:
                if self._history is None:
                    self._history = opened(self._data)
                    self.faults += map(str, self._history.faults)
                act(self._history)
                return
            except JournalBroken as error:
                self._die(error)
            except (JournalError, OSError) as error:
                self.refused.append(error)
                if self._history is None:
                    self._die(error)
        raise AssertionError(f"it does not recover: {self.refused}")

    def _die(self, error: Exception) -> None:
        self.refused.append(error)
        self._history = None
        self._end_process()


#: Both days append so many events.
EVENTS = 11
Day = Callable[[Keeper], None]


def flushes(keeper: Keeper) -> None:
    """Made, appended to, flushed, closed, opened and closed again."""
    keeper.append(3)
    keeper.flush()
    keeper.append(2, fill="x" * 300)
    keeper.flush()
    keeper.append(1)
    keeper.append(1)
    keeper.flush()
    keeper.save()
    keeper.close()
    keeper.append(4)
    keeper.close()
    keeper.save()
    keeper.close()


def snapshots(keeper: Keeper) -> None:
    """Snapshots taken, and gone on from."""
    keeper.append(2)
    keeper.flush()
    keeper.append(2)
    keeper.snapshot()
    keeper.append(2)
    keeper.close()
    keeper.append(4)
    keeper.snapshot()
    keeper.append(1)
    keeper.close()
    keeper.save()
    keeper.close()
