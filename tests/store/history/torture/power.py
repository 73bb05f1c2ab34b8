"""What a disk may hold after a power loss, worked out from the log of what was asked of it.

What was synced is there. Of the rest each file has all, nothing, the beginning, some of the writes, or its new size
with zeros in it, each file by itself; the last write may be torn. Names of a folder follow their order, as a journaling
file system keeps it, up to any moment after the folder's last sync.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.store.history.torture.file_layer import Operation


@dataclass
class _File:
    synced: bytes = b""
    #: Writes and cuts since the last sync.
    pending: list[Operation] = field(default_factory=list)

    def sync(self) -> None:
        self.synced = _applied(self.synced, self.pending)
        self.pending = []

    def after_loss(self, chance: random.Random) -> bytes:
        pending = self.pending
        match chance.choice(["all", "nothing", "beginning", "some", "zeros"]):
            case "all":
                kept = pending
            case "nothing":
                kept = []
            case "beginning":
                kept = pending[: chance.randrange(len(pending) + 1)]
            case "some":
                kept = [operation for operation in pending if chance.random() < 0.5]
            case _:
                size = len(_applied(self.synced, pending))
                return self.synced[:size].ljust(size, b"\x00")
        if kept and kept[-1].kind == "write" and chance.random() < 0.5:
            torn = kept[-1].content[: chance.randrange(len(kept[-1].content) + 1)]
            kept = [*kept[:-1], kept[-1]._replace(content=torn)]
        return _applied(self.synced, kept)


def _applied(content: bytes, operations: Iterable[Operation]) -> bytes:
    for operation in operations:
        if operation.kind == "truncate":
            content = content[: operation.offset].ljust(operation.offset, b"\x00")
        else:
            end = operation.offset + len(operation.content)
            content = content.ljust(operation.offset, b"\x00")
            content = content[: operation.offset] + operation.content + content[end:]
    return content


class Disk:
    """A disk that follows a log."""

    def __init__(self) -> None:
        self._files: dict[int, _File] = {}
        self._names: dict[str, int] = {}
        self._waiting: list[Operation] = []
        #: Number of the last event that was acknowledged.
        self.acknowledged = 0

    def follow(self, operation: Operation) -> None:
        """Take in the next thing that was asked."""
        match operation.kind:
            case "acknowledged":
                self.acknowledged = operation.offset
            case "found":
                self._files[operation.file] = _File(operation.content)
                self._names[operation.path] = operation.file
            case "create":
                self._files[operation.file] = _File()
                self._waiting.append(operation)
            case "write" | "truncate":
                self._files[operation.file].pending.append(operation)
            case "sync" if operation.file:
                self._files[operation.file].sync()
            case "sync":
                self._sync_folder(operation.path)
            case _:
                self._waiting.append(operation)

    def _sync_folder(self, folder: str) -> None:
        """Make durable what happened up to the last change of a name in this folder."""
        inside = [folder in (_parent(each.path), _parent(each.to)) for each in self._waiting]
        last = max((place for place, is_inside in enumerate(inside) if is_inside), default=-1)
        self._names = _renamed(self._names, self._waiting[: last + 1])
        del self._waiting[: last + 1]

    def lose_power(self, chance: random.Random, root: str, target: Path) -> None:
        """Write what is left of ``root`` to ``target``."""
        names = _renamed(self._names, self._waiting[: chance.choice([0, None, chance.randrange(100)])])
        content = {file: self._files[file].after_loss(chance) for file in sorted(set(names.values()))}
        for name, file in names.items():
            path = target / Path(name).relative_to(root)
            if not path.is_dir():
                path.write_bytes(content[file])


def _renamed(names: dict[str, int], operations: Iterable[Operation]) -> dict[str, int]:
    names = dict(names)
    for operation in operations:
        match operation.kind:
            case "create":
                names[operation.path] = operation.file
            case "link":
                names[operation.to] = names[operation.path]
            case "rename":
                if names.get(operation.to) != names[operation.path]:
                    names[operation.to] = names.pop(operation.path)
            case _:
                del names[operation.path]
    return names


def _parent(path: str) -> str:
    return path.rpartition("/")[0]
