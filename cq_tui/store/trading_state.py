"""The files that stop trading: ``control/halted`` and ``control/reducing``.

That one exists counts, so stopping needs no space: it renames a file that was prepared. What it says is a comment: who,
when and why. A prepared file says the same of the last resumption. By these comments memory records what the one who
acted could not.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.settings import TRADING_STATES
from cq_tui.store.document import DocumentError, read_with_owner
from cq_tui.store.durable import sync_folder, write_all
from cq_tui.store.regular_file import open_regular
from cq_tui.store.reserve import Reserve

#: The states with a file, the most careful first.
STOPPED: tuple[str, ...] = tuple(reversed(TRADING_STATES[1:]))
#: A prepared file has this size already, so that its comment fits on a full disk.
_PREPARED_BYTES = 4096
_MAX_NOTE = 200
_COMMENT = re.compile(
    r"(?P<person>.{1,200}?), (?P<when>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3,6})?Z), (?P<verb>halt|reduce|resume): "
    r"(?P<old>active|reducing|halted) to (?P<new>active|reducing|halted) "
    r"\((?P<writer>(?:cli|room|signal)-[0-9a-f]{8})\)(?:: (?P<why>.{1,1000}))?"
)
#: The states with a file, by what asks for them.
STATE_OF: dict[str, str] = {"halt": "halted", "reduce": "reducing"}
#: Who stops trading without a comment, in words.
_UNSIGNED = {"signal": "a signal", "direct": "the command that sells"}
#: How an asker is called in events, by its spool.
_BY = {"cli": "command", "room": "room", "signal": "signal"}


@dataclass(frozen=True, slots=True)
class StateRequest:
    """One person's wish to change the trading state."""

    #: ``halt``, ``reduce`` or ``resume``.
    verb: str
    person: str
    #: Unix seconds, to the microsecond.
    ts: float
    #: The trading state before and after, by files and settings.
    old_state: str
    new_state: str
    #: The spool of its event: ``cli-``, ``room-`` or ``signal-``, and eight hex digits that are used once.
    writer: str
    why: str | None = None

    @property
    def by(self) -> str:
        """How it was asked: command, room or signal."""
        return _BY[self.writer.partition("-")[0]]

    def comment(self) -> str:
        """Return it in one line."""
        when = datetime.fromtimestamp(self.ts, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        text = f"{self.person}, {when}, {self.verb}: {self.old_state} to {self.new_state} ({self.writer})"
        return f"{text}: {self.why}" if self.why else text


@dataclass(frozen=True, slots=True)
class Stop:
    """What keeps trading from being active, beside the settings: a file, a signal that the trader got, a command."""

    #: ``halted`` or ``reducing``.
    state: str
    #: Since when, Unix seconds; None if that cannot be seen.
    since: float | None = None
    #: Who asked; None if the comment does not say it.
    request: StateRequest | None = None
    #: Another comment.
    note: str = ""
    #: ``file``, ``signal``, or ``direct`` of a command that sells in the trader's place.
    by: str = "file"

    def describe(self) -> str:
        """Return who, since when and why, such as ``by kim since 2026-11-30 13:40 UTC: maintenance``."""
        request = self.request
        who = request.person if request else _UNSIGNED.get(self.by, f"the file control/{self.state}")
        since = "" if self.since is None else f" since {datetime.fromtimestamp(self.since, UTC):%Y-%m-%d %H:%M} UTC"
        why = request.why if request else self.note
        return f"by {who}{since}" + (f": {why}" if why else "")


def parse_comment(text: str) -> StateRequest | None:
    """Return what a comment of ours says; None for any other."""
    found = _COMMENT.fullmatch(text)
    if found is None:
        return None
    try:
        ts = datetime.fromisoformat(found["when"]).timestamp()
    except ValueError:
        return None
    return StateRequest(found["verb"], found["person"], ts, found["old"], found["new"], found["writer"], found["why"])


#: What tells whether a file is there, and the same as before; None if it is not there.
Seen = tuple[int, int, int] | None


def seen_stops(data: DataDir) -> tuple[Seen, ...]:
    """Return what changes whenever a file that stops trading comes, changes or goes."""
    return tuple(_look(data.stop_of(state)) for state in STOPPED)


def seen_prepared(data: DataDir) -> tuple[Seen, ...]:
    """Return the same for the prepared files, which tell of resumptions."""
    return tuple(_look(data.prepared_stop_of(state)) for state in STOPPED)


def _look(path: Path) -> Seen:
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        # It may be there.
        return 0, 0, 0
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def standing_stops(data: DataDir) -> tuple[Stop, ...]:
    """Return what stops trading now, the most careful first. Whatever is there counts, whether or not it is a file."""
    return tuple(_read_stop(data, state) for state in STOPPED if _look(data.stop_of(state)) is not None)


def _read_stop(data: DataDir, state: str) -> Stop:
    path, since = data.stop_of(state), None
    with suppress(OSError):
        # A rename changes this time, not that of the content.
        since = os.lstat(path).st_ctime
    text = read_comment(path)
    request = parse_comment(text)
    if request is None or STATE_OF.get(request.verb) != state:
        return Stop(state, since, note=text[:_MAX_NOTE])
    return Stop(state, request.ts, request, by=request.by)


def read_comment(path: Path) -> str:
    """Return the first line of what is in a file; empty if it cannot be read."""
    try:
        content, _ = read_with_owner(path, 64 * 1024, opener=open_regular)
    except DocumentError:
        return ""
    lines = content.decode(errors="replace").splitlines()
    return lines[0].strip() if lines else ""


def last_resumption(data: DataDir, state: str) -> StateRequest | None:
    """Return who took this stop away last, if that is known."""
    request = parse_comment(read_comment(data.prepared_stop_of(state)))
    return request if request is not None and request.verb == "resume" else None


def prepare_stops(data: DataDir) -> None:
    """Keep a file ready for each state, with room for its comment; what cannot be done now is done another time."""
    for state in STOPPED:
        with suppress(OSError):
            _prepare(data, state)


def _prepare(data: DataDir, state: str) -> None:
    """Make the file, empty if the disk is full. Raises OSError if there is not even room for a name."""
    path = data.prepared_stop_of(state)
    with suppress(FileNotFoundError):
        if os.lstat(path).st_size:
            return
    # What root prepares in another user's directory must be readable for that user's processes.
    mode = 0o600 if os.geteuid() == data.control.stat().st_uid else 0o644
    descriptor = open_regular(path, os.O_WRONLY | os.O_CREAT, mode)
    try:
        with suppress(OSError):
            write_all(descriptor, _padded(""))
    finally:
        os.close(descriptor)


def _padded(text: str) -> bytes:
    return text.encode(errors="replace").ljust(_PREPARED_BYTES - 1) + b"\n"


def put_stop(data: DataDir, request: StateRequest, record: Callable[[StateRequest], object]) -> bool:
    """Make the file that a request to halt or reduce asks for; False if it is there already.

    Raises OSError only if that is impossible. ``record`` is called once it is there, unless its comment could not be
    written: then memory records it.
    """
    state = STATE_OF[request.verb]
    path, prepared = data.stop_of(state), data.prepared_stop_of(state)
    if _look(path) is not None:
        return False
    if _look(prepared) is None:
        # Only now, not for what may never be needed, is the reserve spent.
        Reserve(data).spend(lambda: _prepare(data, state))
    with _commented(data, prepared, request) as is_told:
        try:
            os.rename(prepared, path)
        except FileNotFoundError:
            if _look(path) is None:
                raise
            # Somebody else was faster.
            return False
    _sync(data)
    if is_told:
        record(request)
    prepare_stops(data)
    return True


def lift_stops(data: DataDir, request: StateRequest, record: Callable[[StateRequest], object]) -> tuple[str, ...]:
    """Take away every file that stops trading; return their states. Raises OSError, which names the one that stays."""
    lifted, is_told = [], False
    for state in reversed(STOPPED):
        path = data.stop_of(state)
        if _look(path) is None:
            continue
        prepare_stops(data)
        with _commented(data, data.prepared_stop_of(state), request) as told:
            _remove(path)
        is_told = is_told or told
        lifted.append(state)
    _sync(data)
    if is_told:
        record(request)
    return tuple(lifted)


def _remove(path: Path) -> None:
    if stat.S_ISDIR(os.lstat(path).st_mode):
        os.rmdir(path)
    else:
        os.unlink(path)


@contextmanager
def _commented(data: DataDir, path: Path, request: StateRequest) -> Iterator[bool]:
    """Write a comment before the file is moved, or another removed; yield whether it could be written."""
    descriptor = None
    try:
        descriptor = open_regular(path, os.O_RDWR)
        # In place: the bytes are there already.
        found, content = descriptor, _padded(request.comment())
        Reserve(data).spend(lambda: _write_at_start(found, content))
        is_told = True
    except OSError:
        is_told = False
    try:
        yield is_told
        if descriptor is not None:
            with suppress(OSError):
                os.fsync(descriptor)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _write_at_start(descriptor: int, content: bytes) -> None:
    """Write every byte from the beginning of a file on, or raise OSError."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    write_all(descriptor, content)


def _sync(data: DataDir) -> None:
    with suppress(OSError):
        sync_folder(data.control)
