"""Spools: what a process wants remembered, in a journal of its own that nothing else can stall.

Each line carries the writer's own ``seq``, from 1 without gaps, so that a lost event shows and a doubled one is
dropped. The numbering goes on after a restart.
"""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel

from cq_tui.store.journal import MAX_LINE_BYTES, JournalError, JournalWriter, last_lines, read_lines

#: Lines that are looked at to find a last number that can be read.
_LOOKED_AT = 1000
#: Whole numbers beyond it are not exact everywhere.
_SEQ_LIMIT = 2**53
#: Names that writers have.
WRITER = re.compile(r"[a-z]+(-[a-z0-9]+)?")


class UnspoolableEvent(ValueError):
    """No line can hold this event, whatever the disk does."""


class EventSpool:
    """The one writer of ``memory/spool/<writer>.ndjson``.

    ``writer`` is a service name, or ``room-<id>`` and ``cli-<id>`` for processes that come and go.
    """

    def __init__(self, folder: Path, writer: str, *, quarantine: Path) -> None:
        if not WRITER.fullmatch(writer):
            raise ValueError(f"spool writer {writer!r} must look like 'trader' or 'room-1a2b'")
        path = folder / f"{writer}.ndjson"
        history = folder.parent / "event_chain.ndjson"
        self.writer = writer
        self.source = writer.partition("-")[0]
        self._journal = JournalWriter(path, quarantine=quarantine)
        # A writer that comes once has a new name each time; only the names that stay can have a past elsewhere.
        self._seq = _last_seq(path) or (_last_merged_seq(history, writer) if self.source == writer else 0)

    @property
    def seq(self) -> int:
        """Number of the last spooled event; 0 before the first."""
        return self._seq

    def emit(
        self,
        event_type: str,
        data: BaseModel | Mapping[str, Any],
        *,
        metadata: Mapping[str, Any] | None = None,
        durable: bool = False,
        now: float | None = None,
    ) -> int:
        """Spool one event and return its seq. ``durable`` waits until the disk has it.

        Raises JournalError when the disk refuses it, UnspoolableEvent when no line can hold it.
        """
        try:
            plain = data.model_dump(mode="json", exclude_none=True) if isinstance(data, BaseModel) else dict(data)
            line = orjson.dumps(
                {
                    "seq": self._seq + 1,
                    "occurred_at": time.time() if now is None else now,
                    "event_type": event_type,
                    "source": self.source,
                    "data": plain,
                    "metadata": dict(metadata or {}),
                }
            )
        except (TypeError, ValueError) as error:
            raise UnspoolableEvent(f"{event_type} cannot be written as JSON: {error}") from None
        if len(line) > MAX_LINE_BYTES:
            raise UnspoolableEvent(f"{event_type} takes {len(line):,} bytes, more than {MAX_LINE_BYTES:,}")
        self._journal.append([line], durable=durable)
        self._seq += 1
        return self._seq

    def close(self) -> None:
        """Close the spool."""
        self._journal.close()


def _last_seq(path: Path) -> int:
    """Return the number of the last line. Each line has one, so damaged lines at the end are counted."""
    lines = last_lines(path, _LOOKED_AT)
    for damaged, line in enumerate(reversed(lines)):
        if seq := _number(line):
            return seq + damaged
    if lines:
        raise JournalError(f"{path}: its last lines are no spooled events. Move the file to memory/quarantine")
    return 0


def _last_merged_seq(history: Path, writer: str) -> int:
    """Return the highest number of a writer in the history, for a spool that was deleted or moved away."""
    mark = re.compile(rb'"metadata":\{"writer":"%s","seq":(\d{1,16}),' % writer.encode())
    # Metadata stands last in a line; what looks like it before is somebody's payload.
    found = (mark.findall(line)[-1:] for line in read_lines(history))
    return max((int(numbers[0]) for numbers in found if numbers), default=0)


def _number(line: bytes) -> int:
    try:
        seq = orjson.loads(line)["seq"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return 0
    return seq if type(seq) is int and 0 < seq < _SEQ_LIMIT else 0
