"""The state that memory keeps across restarts: open faults, and what was verified and signed."""

import contextlib
from dataclasses import dataclass, field
from typing import Any

from cq_tui.contracts.layout import DataDir
from cq_tui.store.checkpoints.acknowledgement import is_contradiction
from cq_tui.store.checkpoints.checkpoint import is_directory_id
from cq_tui.store.document import DocumentError, read_json, write_document
from cq_tui.store.history.chain_file import read_chain_tail
from cq_tui.store.history.faults import fault_id, headline_of
from cq_tui.store.history.hash_chain import ChainError


@dataclass(slots=True)
class MemoryState:
    """``state/memory.json``. Faults are keyed by id.

    It is not signed: it can add faults, but nothing in it can remove one.
    """

    #: Size of the events file when it was last known to be synced.
    watermark: int = 0
    faults: dict[str, str] = field(default_factory=dict)
    #: Accepted faults, not reported again. Not stored here, but in the signed log.
    accepted: dict[str, str] = field(default_factory=dict)
    #: Id of this data directory in its checkpoints.
    directory_id: str | None = None
    #: When the whole history was last verified (Unix seconds).
    last_full_check: float | None = None
    #: Whether event times lay ahead of the clock, as an event says.
    clock_behind: bool = False

    @classmethod
    def load(cls, data: DataDir) -> "MemoryState":
        """Read the file; missing or invalid values get their defaults.

        A chain document that was marked as not verified stays so, even if the list of faults was lost.
        """
        try:
            state = read_json(data.state_of("memory"))
        except DocumentError:
            state = {}
        watermark, checked, known = state.get("watermark"), state.get("last_full_check"), state.get("directory_id")
        loaded = cls(
            watermark=watermark if isinstance(watermark, int) else 0,
            faults=_by_id(state.get("faults")),
            directory_id=known if is_directory_id(known) else None,
            last_full_check=float(checked) if isinstance(checked, (int, float)) else None,
            clock_behind=state.get("clock_behind") is True,
        )
        with contextlib.suppress(ChainError, OSError):
            if not loaded.faults and not read_chain_tail(data.hash_chain).integrity_verified:
                loaded.add_fault(f"{data.hash_chain.name}: was not intact when it was last written")
        return loaded

    def save(self, data: DataDir) -> None:
        """Write the file. Raises OSError."""
        state = {
            "watermark": self.watermark,
            "faults": list(self.faults.values()),
            "directory_id": self.directory_id,
            "last_full_check": self.last_full_check,
            "clock_behind": self.clock_behind,
        }
        write_document(data.state_of("memory"), state)

    def add_fault(self, fault: str) -> bool:
        """Add a fault; return whether it is new and was not accepted before.

        Accepting a contradiction releases the checkpoint: if it is found again, it is a new fault.
        """
        name = fault_id(fault)
        if name in self.faults or (name in self.accepted and not is_contradiction(fault)):
            return False
        # 0.1.0 named the same fault without values.
        self.faults.pop(fault_id(headline_of(fault)), None)
        self.faults[name] = fault
        return True

    def accept_fault(self, name: str) -> None:
        """Move an open fault to the accepted ones."""
        self.accepted[name] = self.faults.pop(name)


def _by_id(texts: Any) -> dict[str, str]:
    found = [text for text in texts if isinstance(text, str) and text] if isinstance(texts, list) else []
    return {fault_id(text): text for text in found}
