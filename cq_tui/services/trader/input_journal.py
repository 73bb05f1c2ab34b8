"""Records what the core is told, in parts, so that it can decide again elsewhere. Never in the way of what it decides.

Inputs are noted in memory and written a moment later, unsynced, when the requests that they led to are on their way.
Whatever goes wrong ends the recording for a while and nothing else.
"""

import asyncio
import gzip
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from structlog.typing import FilteringBoundLogger

from cq_tui import __version__
from cq_tui.store.durable import write_all
from cq_tui.store.regular_file import open_regular
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.input_codec import LineWriter, Told, beginning_line
from cq_tui.trading.core.inputs import Input, Tick
from cq_tui.trading.core.moment import Moment

#: A part of this size is followed by the next one as soon as nothing is on its way, one four times as large at once.
PART_BYTES = 8 * 1024 * 1024
#: A file of more times that size is none that was written here; and the bytes that are compressed at once.
_LARGEST, _PIECE = 16, 1024 * 1024
#: With less free space nothing is recorded: it is needed for the history.
_LEAST_FREE: Final = 64 * 1024 * 1024
#: Seconds from an input to its line, and from a failure to the next attempt.
_PAUSE, _AFTER_FAILURE = 0.05, 60.0
_NAME: Final = re.compile(r"(\d{1,12})\.ndjson(\.gz)?")
_tidying = threading.Lock()


class Part(NamedTuple):
    """A file of the recording. Those that are not written any more are compressed."""

    number: int
    path: Path


def parts_in(folder: Path) -> list[Part]:
    """Return the parts, oldest first; each once. Raises OSError if they cannot be listed."""
    found: dict[int, Path] = {}
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if (name := _NAME.fullmatch(entry.name)) and (int(name[1]) not in found or name[2] is None):
                found[int(name[1])] = folder / entry.name
    return [Part(number, found[number]) for number in sorted(found)]


class InputJournal:
    """The recording of one core. ``limit``: most bytes of all parts; 0 records nothing.

    ``last_seq``: number of the trader's last event in the spool; None while events wait.
    """

    def __init__(
        self,
        folder: Path,
        core: Core,
        account: str,
        last_seq: Callable[[], int | None],
        limit: Callable[[], int],
        log: FilteringBoundLogger,
    ) -> None:
        self._folder, self._core, self._account = folder, core, account
        self._last_seq, self._limit, self.log = last_seq, limit, log
        self._session = _new_session()
        self._waiting: list[Told] = []
        self._timer: asyncio.TimerHandle | None = None
        self._part: _Writer | None = None
        self._not_before = 0.0
        #: The latest moment by which the core judges whether its clock was set back, and the last tick left out.
        self._latest = float("-inf")
        self._left_out: Moment | None = None

    def note(self, told: Input, moment: Moment) -> None:
        """Note an input before the core takes it.

        A tick before its time does nothing to a core but tell how late it is, which matters if the clock is set back.
        """
        if type(told) is Tick and self._latest <= moment.exchange < self._core.next_due:
            self._latest, self._left_out = moment.exchange, moment
            return
        if self._left_out is not None and moment.exchange < self._latest:
            self._waiting.append(Told(Tick(), self._left_out))
        self._latest, self._left_out = moment.exchange, None
        self._waiting.append(Told(told, moment))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_PAUSE, self._write)

    def close(self) -> None:
        """Write what waits, and write nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._write()
        self._end_part()

    def _write(self) -> None:
        """Write what waits. Without a part one begins, with the core as it is now."""
        self._timer = None
        waiting, self._waiting = self._waiting, []
        try:
            if self._part is not None:
                self._part.write(waiting)
            if not self._limit():
                self._interrupt()
            elif self._is_part_due():
                self._begin_part()
        except Exception as error:  # noqa: BLE001 - nothing that is wrong with a recording may stop the trader
            self._interrupt()
            self._not_before = time.monotonic() + _AFTER_FAILURE
            problem = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
            self.log.warning("inputs not recorded", problem=problem)

    def _is_part_due(self) -> bool:
        if self._part is None:
            return time.monotonic() >= self._not_before
        is_quiet = not self._core.situation.flights
        return self._part.size >= PART_BYTES * (1 if is_quiet else 4)

    def _begin_part(self) -> None:
        seq = self._last_seq()
        if seq is None:
            # What the core has decided has no number yet.
            return
        self._folder.mkdir(mode=0o700, exist_ok=True)
        free = os.statvfs(self._folder)
        if free.f_bavail * free.f_frsize < _LEAST_FREE:
            raise OSError(0, "less than 64 MiB of the disk are free")
        first = beginning_line(self._core, __version__, self._account, self._session, seq)
        self._end_part()
        number = max((part.number for part in parts_in(self._folder)), default=0) + 1
        self._part = _Writer(self._folder / f"{number}.ndjson", first)
        limit = self._limit()
        asyncio.get_running_loop().run_in_executor(None, _tidy, self._folder, number, limit)

    def _interrupt(self) -> None:
        """End the part; what the core is told meanwhile is in no part."""
        self._end_part()
        self._session = _new_session()

    def _end_part(self) -> None:
        if self._part is not None:
            self._part.close()
            self._part = None


def _new_session() -> str:
    return f"{time.time_ns():x}"


class _Writer:
    """One part that is being written."""

    def __init__(self, path: Path, first: bytes) -> None:
        self._lines = LineWriter()
        self.size = 0
        self._descriptor = open_regular(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND)
        self._append([first])

    def write(self, told: Iterable[Told]) -> None:
        """Append inputs. Raises OSError, and TypeError if one has what cannot be told."""
        self._append([self._lines.line(*one) for one in told])

    def _append(self, lines: list[bytes]) -> None:
        content = b"\n".join((*lines, b""))
        write_all(self._descriptor, content)
        self.size += len(content)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def _tidy(folder: Path, current: int, limit: int) -> None:
    """Compress the parts before the current one, and remove the oldest beyond the limit. In a thread of its own."""
    with _tidying, suppress(OSError):
        for part in parts_in(folder):
            if part.number < current and part.path.suffix != ".gz":
                # What somebody else put there, a pipe say, stays as it is.
                with suppress(OSError):
                    _compress(part.path)
        for path in _beyond(folder, current, limit):
            with suppress(OSError):
                path.unlink()


def _compress(path: Path) -> None:
    """Compress a part, in pieces: a file that somebody else made must not cost the trader its memory or its time."""
    packed, being_written = path.with_name(f"{path.name}.gz"), path.with_name(f".{path.name}.tmp")
    with open(path, "rb", opener=open_regular) as part:
        if os.fstat(part.fileno()).st_size > _LARGEST * PART_BYTES:
            return
        try:
            with (
                open(open_regular(being_written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as target,
                gzip.GzipFile("", "wb", fileobj=target, mtime=0) as zipped,
            ):
                shutil.copyfileobj(part, zipped, _PIECE)
        except OSError:
            being_written.unlink(missing_ok=True)
            raise
    being_written.replace(packed)
    path.unlink()


def _beyond(folder: Path, current: int, limit: int) -> Iterator[Path]:
    """Yield the oldest parts, as far as all together exceed the limit."""
    parts = [part for part in parts_in(folder) if part.number < current]
    left = limit - sum(_size(part.path) for part in parts)
    for part in parts:
        if left >= 0:
            return
        left += _size(part.path)
        yield part.path


def _size(path: Path) -> int:
    """Return the bytes of a part itself, not of where a symbolic link leads."""
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0
