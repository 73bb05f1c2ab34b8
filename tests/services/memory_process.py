"""What tests ask of a memory that runs: whether it is ready, what it found wrong."""

import os
from pathlib import Path
from typing import Any

from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import DocumentError, read_json
from cq_tui.store.spools.spool import EventSpool
from tests.services.processes import RunningService
from tests.services.waiting import until


def spool_of(data: DataDir, writer: str = "trader") -> EventSpool:
    return EventSpool(data.spool, writer, quarantine=data.quarantine)


async def ready(service: RunningService) -> None:
    await until(lambda: service.health.get("ready"))


def faults(service: RunningService) -> str:
    return " ".join(service.health.get("faults") or [])


def chain_of(data: DataDir) -> dict[str, Any]:
    """The chain document; empty where its two files change places just as it is read."""
    try:
        return read_json(data.hash_chain)
    except DocumentError:
        return {}


def flip(path: Path, marker: bytes) -> None:
    """Flip a bit of the first byte of a marker, in place and without a trace in name or size."""
    before = path.stat()
    with path.open("r+b") as file:
        place = file.read().index(marker)
        file.seek(place)
        file.write(bytes([marker[0] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def deleted(path: Path) -> bool:
    """Delete a file; False when its name was not there just now, as that of the hidden chain between two renames."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
