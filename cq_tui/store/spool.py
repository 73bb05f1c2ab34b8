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

from cq_tui.store.journal import JournalError, JournalWriter, last_lines

_WRITER = re.compile(r"[a-z]+(-[a-z0-9]+)?")


class EventSpool:
    """The one writer of ``memory/spool/<writer>.ndjson``.

    ``writer`` is a service name, or ``room-<id>`` and ``cli-<id>`` for processes that come and go.
    """

    def __init__(self, folder: Path, writer: str, *, quarantine: Path) -> None:
        if not _WRITER.fullmatch(writer):
            raise ValueError(f"spool writer {writer!r} must look like 'trader' or 'room-1a2b'")
        path = folder / f"{writer}.ndjson"
        self.writer = writer
        self.source = writer.partition("-")[0]
        self._journal = JournalWriter(path, quarantine=quarantine)
        self._seq = _last_seq(path)

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
        """Spool one event and return its seq. ``durable`` waits until the disk has it. Raises JournalError."""
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
        self._journal.append([line], durable=durable)
        self._seq += 1
        return self._seq

    def close(self) -> None:
        """Close the spool."""
        self._journal.close()


def _last_seq(path: Path) -> int:
    lines = last_lines(path, 1)
    if not lines:
        return 0
    try:
        return int(orjson.loads(lines[0])["seq"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise JournalError(f"{path}: its last line is no spooled event. Move the file to memory/quarantine") from None
