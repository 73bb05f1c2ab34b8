"""The last checkpoint this room has seen; kept in the room, then printed in the terminal, whatever happens on disk."""

from typing import TYPE_CHECKING

from cq_tui.ops.formatting import format_datetime, group_digest, pluralize

if TYPE_CHECKING:
    from cq_tui.contracts.health import MemoryHealth
    from cq_tui.store.checkpoints.checkpoint import Checkpoint


class LastCheckpoint:
    """The newest checkpoint by its own time. Its signature is not verified: it is for display only."""

    def __init__(self) -> None:
        self._note = ""
        self.checkpoint: Checkpoint | None = None

    def update(self, memory: "MemoryHealth | None") -> bool:
        """Read the checkpoint memory reports; return whether it is newer than the stored one."""
        note = memory.checkpoint if memory is not None else None
        if not note or note == self._note:
            return False
        # Imported late: not needed before memory has signed something, long after the first paint.
        from cq_tui.store.checkpoints.checkpoint import parse_unverified
        from cq_tui.store.checkpoints.signed_note import SignedNoteError

        self._note = note
        try:
            found = parse_unverified(note)
        except SignedNoteError:
            return False
        if self.checkpoint is not None and found.time <= self.checkpoint.time:
            return False
        self.checkpoint = found
        return True

    @property
    def short_text(self) -> str:
        """``checkpoint 12,800 9f3c 41aa``; empty without a checkpoint."""
        if self.checkpoint is None:
            return ""
        return f"checkpoint {self.checkpoint.size:,} {group_digest(self.checkpoint.root.hex(), 2).removesuffix(' …')}"

    @property
    def summary_line(self) -> str:
        """Size, full root and time in one line; empty without a checkpoint."""
        if self.checkpoint is None:
            return ""
        found = self.checkpoint
        return (
            f"last checkpoint: {pluralize(found.size, 'event')}, root {found.root.hex()}, {format_datetime(found.time)}"
        )
