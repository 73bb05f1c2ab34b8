"""The oracle: what every reader says of one data directory, and the rules that hold for any two of them."""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import orjson

from cq_tui.contracts.health import MemoryHealth
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.bundle import _integrity
from cq_tui.ops.history_verdicts import HistoryVerdicts
from cq_tui.ops.status import read_status
from cq_tui.ops.verification_report import VerificationReport
from cq_tui.ops.verify import NoHistory, verify_history
from cq_tui.room.state import RoomState
from cq_tui.services.memory.background_checks import HistoryReplaced
from cq_tui.store.data_directory import DataDirError
from cq_tui.store.journal import JournalError
from cq_tui.store.lock import read_holder
from tests.services.memory_battery.site import Site, content_of, files_of
from tests.services.memory_in_process import memory_of

#: Memory mends what it can, and says so: the rest of the sentence is the same.
_MENDED = re.compile(r": (moved to quarantine|made anew from them)$")
_STARTS = 4


class Words(NamedTuple):
    """What one reader says of integrity and completeness."""

    integrity: str
    completeness: str


@dataclass
class Started:
    """What memory found."""

    #: Texts of its open faults.
    faults: list[str]
    health: MemoryHealth
    #: The words while it ran, by reader.
    words: dict[str, Words | None]


class Unusable(NamedTuple):
    """Why a reader could not begin."""

    problem: str


def verify(data: DataDir) -> VerificationReport | Unusable:
    """Verify as the command does; the directory stays as it is, and the report can be printed."""
    before = contents(data)
    try:
        report = verify_history(data, workers=1)
    except (NoHistory, JournalError, OSError) as error:
        return Unusable(str(error))
    assert "\n".join(report.lines())
    orjson.dumps(report.to_json())
    assert contents(data) == before
    return report


async def start(site: Site) -> Started | Unusable:
    """Start memory until everything is verified, as often as its supervisor would; then stop it."""
    for _ in range(_STARTS):
        try:
            async with memory_of(site.data) as memory:
                health = memory.health(time.time())
                memory.runtime.publish_health(health)
                return Started(list(memory.integrity.faults.values()), health, read(site.data))
        except HistoryReplaced:
            continue
        except (OSError, JournalError, DataDirError) as error:
            return Unusable(str(error))
    raise AssertionError("memory never comes to an end with this history")


def words_of(verdicts: HistoryVerdicts) -> Words:
    """Return the words of integrity and completeness."""
    return Words(verdicts.integrity.word, verdicts.completeness.word)


def read(data: DataDir) -> dict[str, Words | None]:
    """Return what status, bundle and room say; None if memory's report cannot be read."""
    status = read_status(data, find_holder=read_holder)
    bundle = _integrity(data, status)
    room = RoomState(data)
    room.poll_files()
    shown, told = room.history(time.time()), status.history
    sealed = bundle.integrity, bundle.completeness
    return {
        "status": told and words_of(told),
        "room": shown and words_of(shown),
        "bundle": Words(sealed[0].word, sealed[1].word) if sealed[0] and sealed[1] else None,
    }


def untold(report: VerificationReport, memory: Started) -> list[str]:
    """Return the faults that ``verify`` names and memory does not."""
    told = {_MENDED.sub("", fault) for fault in memory.faults}
    return [str(fault) for fault in report.faults if _MENDED.sub("", str(fault)) not in told]


def contents(data: DataDir) -> dict[Path, bytes | int]:
    """Return what is in memory's files."""
    folders = data.memory, data.state_of("memory").parent
    return {path: content_of(path) for folder in folders for path in files_of(folder)}
