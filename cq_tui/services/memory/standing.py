"""Faults that stand until a person accepts them, and what else memory must know after a restart."""

from dataclasses import dataclass, field
from typing import Any

from cq_tui.contracts.layout import DataDir
from cq_tui.store.checkpoints.acknowledgement import fault_id
from cq_tui.store.checkpoints.checkpoint_log import LoggedAcknowledgement, read_checkpoint_log
from cq_tui.store.document import DocumentError, read_json, write_document
from cq_tui.store.journal import JournalError


@dataclass(slots=True)
class Standing:
    """``state/memory.json``. Faults by their short names."""

    #: Size of the events file when it was last known to be synced.
    watermark: int = 0
    faults: dict[str, str] = field(default_factory=dict)
    #: What persons have accepted: found again, it is told no more.
    accepted: dict[str, str] = field(default_factory=dict)
    #: Id in the checkpoints of this data directory.
    directory_id: str | None = None
    #: When the whole history was last verified.
    last_full_check: float | None = None

    @classmethod
    def load(cls, data: DataDir) -> "Standing":
        """Read it; what is missing is taken from the checkpoint log, which holds every acknowledgement."""
        try:
            state = read_json(data.state_of("memory"))
        except DocumentError:
            return cls(accepted=_accepted_by_log(data))
        watermark, checked, known = state.get("watermark"), state.get("last_full_check"), state.get("directory_id")
        return cls(
            watermark=watermark if isinstance(watermark, int) else 0,
            faults=_by_id(state.get("faults")),
            accepted=_by_id(state.get("accepted")),
            directory_id=known if isinstance(known, str) else None,
            last_full_check=float(checked) if isinstance(checked, (int, float)) else None,
        )

    def save(self, data: DataDir) -> None:
        """Write it. Raises OSError."""
        state = {
            "watermark": self.watermark,
            "faults": list(self.faults.values()),
            "accepted": list(self.accepted.values()),
            "directory_id": self.directory_id,
            "last_full_check": self.last_full_check,
        }
        write_document(data.state_of("memory"), state)

    def add(self, fault: str) -> bool:
        """Let a fault stand; return whether it is new, and nobody has accepted it before."""
        name = fault_id(fault)
        if name in self.faults or name in self.accepted:
            return False
        self.faults[name] = fault
        return True

    def accept(self, name: str) -> None:
        """A person accepts a fault that stands."""
        self.accepted[name] = self.faults.pop(name)


def _by_id(texts: Any) -> dict[str, str]:
    return {fault_id(str(text)): str(text) for text in texts} if isinstance(texts, list) else {}


def _accepted_by_log(data: DataDir) -> dict[str, str]:
    try:
        entries = read_checkpoint_log(data.checkpoints, None).entries
    except JournalError:
        return {}
    found = [entry.acknowledgement for entry in entries if isinstance(entry, LoggedAcknowledgement)]
    return {each.fault_id: each.fault for each in found}
