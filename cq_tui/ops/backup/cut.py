"""The files that grow together, all as they were at one moment, while their processes go on writing.

They are opened, and the size of each is noted; what is copied later is what was there then. The order makes it whole:

- chain and checkpoints before the events, which are always at least as many;
- spools before the events: what memory has merged and deleted is in the events;
- the exchange's ledger between two looks at the trader's spool that show the same: the trader writes what it intends
  before it sends it, and learns of a fill after the ledger has it. So no order in the ledger is unknown to the trader,
  and no fill that it knows is missing there.
"""

import os
import resource
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.backup.errors import BackupError
from cq_tui.store.history.hash_chain import TAIL_BYTES, ChainError, parse_tail
from cq_tui.store.journal import last_line_end
from cq_tui.store.regular_file import open_regular
from cq_tui.store.spools.spool_files import parse_spool_name, spool_path

#: How often the trader may write just then. A look takes a fraction of a millisecond.
_LOOKS = 500
_PAUSE = 0.003
_CHAIN_READS = 20


@dataclass(frozen=True, slots=True)
class OpenFile:
    """The first ``size`` bytes of a file, and what follows them in the copy. It can be read after its name is gone."""

    path: Path
    descriptor: int
    size: int
    tail: bytes = b""


@dataclass(slots=True)
class Cut:
    """The files of one moment."""

    files: list[OpenFile] = field(default_factory=list)
    #: Blocks in the chain document, the first included.
    chain_length: int = 0
    #: Whether the trader's spool and the exchange's ledger are of exactly one moment.
    is_exact: bool = True


@contextmanager
def take_cut(data: DataDir) -> Iterator[Cut]:
    """Open what grows together. Raises OSError, and BackupError if there are always other files."""
    _allow_many_files()
    with ExitStack() as opened:
        for _ in range(_LOOKS):
            attempt = ExitStack()
            before = _trader_state(data)
            cut = _look(data, attempt)
            if cut is not None:
                cut.is_exact = _trader_state(data) == before
                if cut.is_exact:
                    break
            attempt.close()
            time.sleep(_PAUSE)
        else:
            attempt = ExitStack()
            cut = _look(data, attempt)
            if cut is None:
                raise BackupError(f"{data.spool}: changes all the time. Try again")
            cut.is_exact = False
        opened.push(attempt.pop_all())
        yield cut


def _allow_many_files() -> None:
    """While memory does not run, each spool may have hundreds of segments."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else max(soft, 65536), hard))


def _trader_state(data: DataDir) -> tuple[int, int] | None:
    try:
        status = os.stat(spool_path(data.spool, "trader"))
    except OSError:
        return None
    return status.st_ino, status.st_size


def _look(data: DataDir, opened: ExitStack) -> Cut | None:
    """Return the files as they are now; None if a spool was closed or deleted meanwhile."""

    def journal(path: Path) -> OpenFile | None:
        descriptor = _open(path, opened)
        if descriptor is None:
            return None
        return OpenFile(path, descriptor, last_line_end(descriptor, os.fstat(descriptor).st_size))

    checkpoints = journal(data.checkpoints)
    chain, length = _open_chain(data.hash_chain, opened)
    names = _spool_names(data.spool)
    spools = [journal(path) for path in names]
    events = journal(data.events)
    ledger = journal(data.ledger)
    if None in spools or _spool_names(data.spool) != names:
        return None
    files = [checkpoints, *spools, chain, events, ledger]
    return Cut([file for file in files if file is not None], length)


def _open(path: Path, opened: ExitStack) -> int | None:
    """Open a file until the stack is closed; None if there is none."""
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    opened.callback(os.close, descriptor)
    return descriptor


def _spool_names(folder: Path) -> list[Path]:
    """Return the spools' files. One that is renamed by its writer gets another name."""
    try:
        paths = [Path(entry.path) for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    return sorted(path for path in paths if parse_spool_name(path))


def _open_chain(path: Path, opened: ExitStack) -> tuple[OpenFile | None, int]:
    """Open the document and note its tail: what lies before stays as it is, also when the file becomes the twin.

    One without a tail is damaged, and copied as it is: memory rebuilds it from the events.
    """
    found: OpenFile | None = None
    for _ in range(_CHAIN_READS):
        descriptor = _open(path, opened)
        if descriptor is None:
            return None, 0
        size = os.fstat(descriptor).st_size
        found = OpenFile(path, descriptor, size)
        tail = os.pread(descriptor, TAIL_BYTES, max(0, size - TAIL_BYTES))
        with suppress(ChainError):
            return OpenFile(path, descriptor, size - TAIL_BYTES, tail), parse_tail(tail).chain_length
        time.sleep(_PAUSE)
    return found, 0
