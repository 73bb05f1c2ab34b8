"""One machine that signs: its configuration folder, its data directory, and copies of it that are put back."""

import shutil
from pathlib import Path

import orjson

from cq_tui.contracts.layout import DataDir
from cq_tui.store.checkpoints.acknowledgement import Acknowledgement, make_acknowledgement
from cq_tui.store.checkpoints.anchoring import Anchoring
from cq_tui.store.checkpoints.anchors import anchor_path
from cq_tui.store.history.noted import NotedEvent
from tests.store.checkpoints.signing import NOW, mark_of, root_of
from tests.store.history.histories import data_dir

SIZES = (100, 200, 300)


class Desk:
    """One machine: a configuration folder and a data directory, which may be copied and put back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config"
        self.copy = folder / "copy.checkpoint"
        self.data = data_dir(folder / "data")
        self.opened: dict[DataDir, Anchoring] = {}

    def open(self, data: DataDir | None = None, *, known_id: str | None = None, copy: bool = False) -> Anchoring:
        """Start memory there, after the end of the one before."""
        chosen, data = str(self.copy) if copy else None, data or self.data
        if data in self.opened:
            self.opened[data].close()
        self.opened[data] = Anchoring(data, known_id=known_id, copy=chosen, folder=self.config)
        return self.opened[data]

    def signed(self, *sizes: int, copy: bool = False) -> Anchoring:
        anchoring = self.open(copy=copy)
        for size in sizes:
            assert sign(anchoring, size)
        return anchoring

    def backup(self, name: str = "backup") -> DataDir:
        shutil.copytree(self.data.root, self.folder / name)
        return DataDir(self.folder / name)

    def put_back(self, backup: DataDir) -> None:
        shutil.rmtree(self.data.root)
        backup.root.rename(self.data.root)

    def anchor(self, anchoring: Anchoring) -> Path:
        return anchor_path(self.config, anchoring.directory_id)


def sign(anchoring: Anchoring, size: int, branch: str = "") -> bool:
    """Sign a history of so many events, in which all acceptances are recorded; return whether it was signed."""
    record(anchoring)
    return anchoring.sign(size, mark_of(size, branch), NOW + size) is not None


def record(anchoring: Anchoring) -> None:
    """Let the history record the acceptances, as memory does."""
    notes = [each.text for each in anchoring.evidence.acceptances]
    anchoring.evidence.add_noted(NotedEvent(index, acknowledged(note)) for index, note in enumerate(notes, 1))


def acknowledged(note: str) -> bytes:
    return orjson.dumps(
        {"event_type": "integrity_acknowledged", "data": {"note": note}, "metadata": {"writer": "memory"}}
    )


def expected_roots(anchoring: Anchoring) -> dict[int, bytes]:
    """Return the root that the history must have at each size in a binding checkpoint."""
    return {each.checkpoint.size: each.checkpoint.root for each in anchoring.evidence.statements}


def faults(anchoring: Anchoring, events: int, branch: str = "", since: int = 0) -> list[str]:
    """Hold a history of so many events against what was signed; from ``since`` on it is another one."""
    marks = {size: mark_of(size, branch if size > since else "") for size in anchoring.evidence.sizes if size <= events}
    return anchoring.evidence.find_faults(events, marks)


def acceptance(anchoring: Anchoring, reason: str, events: int) -> Acknowledgement:
    origin = f"coinquant.r11/{anchoring.directory_id}"
    fault = f"checkpoints.log: {reason}"
    return make_acknowledgement(origin, events, root_of(events), NOW + 1000, fault=fault, who="operator")


def grow(desk: Desk) -> None:
    """Let there be a history."""
    desk.data.events.write_bytes(b"{}\n")


def logged(desk: Desk) -> list[bytes]:
    return [b"\x1e" + entry for entry in desk.data.checkpoints.read_bytes().split(b"\x1e")[1:]]
