"""The version of a data directory's files: read from ``version.json``, or inferred from the files themselves.

It is asked at every start, and before the room first paints: the usual document costs one read and no parser. What may
not be looked at says nothing, and raises nothing (``os.path``, unlike ``Path``): another user may halt.
"""

import contextlib
import math
import os
import re
import time
from pathlib import Path
from typing import Any, NamedTuple

from cq_tui import __version__
from cq_tui.contracts.data_version import CURRENT, DEFAULT_BASE_INTERVAL, R11, is_newer, is_older
from cq_tui.contracts.layout import DataDir
from cq_tui.store.durable import sync_folder, write_all
from cq_tui.store.regular_file import open_regular

#: More than any such document has; what is longer is none.
_MAX_BYTES = 64 * 1024
#: How much of a file is read to tell what it is.
_HEAD_BYTES = 64 * 1024
#: What stands in ``migration/`` until a migration, or its undoing, has changed all that it changes.
_UNFINISHED = ("plan.json", "undoing.json")
#: The document as it is written here.
_USUAL = re.compile(
    rb'\{"data_version":"%s","written_by":"[\w.+-]{1,40}","since":[0-9]+\.[0-9]+(,"base_interval":"\w+")?\}\n'
    % re.escape(CURRENT).encode()
)
#: What an R11 installation calls its files, at the root or in ``memory/``.
_R11_FILES = ("events.jsonl", "deltas.jsonl")
_R11_ROOT_FILES = ("config.env", "account_snapshot.json", "positions_snapshot.json")
#: Fields of the contract's health documents that came with version 1.2, by service.
_HEALTH_FIELDS = {
    "feeder": ("ws_connected", "rest_api_ok", "symbols_count"),
    "ares": ("feeder_health_ok", "default_signals_blocked"),
    "trader": ("account_balance_ok", "ares_health_ok"),
    "memory": ("integrity_ok", "merkle_root", "chain_length"),
}


class FoundVersion(NamedTuple):
    """The version of a data directory, and what says so."""

    #: None of a directory that holds nothing yet.
    version: str | None
    #: What it follows from, as a part of a sentence.
    because: str
    #: Whether ``version.json`` says it, or says what cannot be told.
    is_recorded: bool = False
    #: Version of the cq-tui that wrote ``version.json``, as far as it says.
    written_by: str | None = None
    #: Whether a migration, or its undoing, was interrupted: some files are in place and some are not.
    is_interrupted: bool = False

    @property
    def is_newer(self) -> bool:
        """Whether this cq-tui might misread the files."""
        return self.version is not None and is_newer(self.version)

    @property
    def is_older(self) -> bool:
        """Whether the files have to be migrated before they are used."""
        return self.version is not None and is_older(self.version)

    def refusal(self, data: DataDir) -> str | None:
        """Return why nothing may act on the directory, and what to do; None if it may be used."""
        if self.is_interrupted:
            finish, back = migrate_command(data), migrate_command(data, "--undo")
            return (
                f"a migration of {data.root} was interrupted. {finish} finishes it, {back} brings back what was there"
            )
        if self.is_newer:
            writer = f", written by cq-tui {self.written_by}" if self.written_by else ""
            return (
                f"{data.version} says data version {self.version}{writer}; this is cq-tui {__version__}, which knows "
                f"versions up to {CURRENT}. Install a newer cq-tui, or choose another directory with --data-dir"
            )
        if self.is_older:
            what = "the layout of an R11 installation" if self.version == R11 else f"data version {self.version}"
            return (
                f"data directory {data.root} has {what} ({self.because}), and this cq-tui uses {CURRENT}. "
                f"{migrate_command(data)} brings it there; with --dry-run it only shows what it would do"
            )
        return None


def migrate_command(data: DataDir, *words: str) -> str:
    """Return the command that migrates this directory, in backquotes."""
    import shlex

    return f"`{shlex.join(['cq-tui', 'migrate', *words, '--data-dir', str(data.root)])}`"


def find_version(data: DataDir) -> FoundVersion:
    """Return the version of a data directory. Writes nothing; what cannot be read does not say."""
    found = _find_version(data)
    if any(os.path.exists(data.migration / name) for name in _UNFINISHED):
        return found._replace(is_interrupted=True)
    return found


def _find_version(data: DataDir) -> FoundVersion:
    content = _read_head(data.version, _MAX_BYTES + 1)
    if content is not None and _USUAL.fullmatch(content):
        return FoundVersion(CURRENT, f"{data.version.name} says so", is_recorded=True)
    document = None if content is None or len(content) > _MAX_BYTES else _parse_object(content)
    if document is not None and "data_version" in document:
        return _said_by(document, data.version.name)
    found = infer_version(data)
    if not os.path.lexists(data.version):
        return found
    # Other programs have such a file, too.
    problem = "cannot be read" if document is None else "has no data_version"
    return found._replace(because=f"{data.version.name} {problem}, and {found.because}")


def _said_by(document: dict[str, Any], name: str) -> FoundVersion:
    version, writer = document.get("data_version"), document.get("written_by")
    told = writer[:40] if isinstance(writer, str) and writer.isprintable() else None
    text = str(version)[:40] if isinstance(version, (str, int, float)) else "unknown"
    return FoundVersion(ascii(text)[1:-1], f"{name} says so", is_recorded=True, written_by=told)


def infer_version(data: DataDir) -> FoundVersion:
    """Return the version that the files themselves show, without ``version.json``."""
    has_events = _size(data.events) > 0
    if not has_events and (sign := _r11_sign(data)):
        return FoundVersion(R11, f"it holds {sign}")
    if os.path.isdir(data.spool) or os.path.exists(data.checkpoints):
        return FoundVersion(CURRENT, f"cq-tui has run here: it holds {_own_sign(data)}")
    if has_events:
        return _version_of_events(data)
    if _size(data.hash_chain) > 0:
        return FoundVersion("1.0", f"it holds {_shown(data, data.hash_chain)} and no events")
    return FoundVersion(None, "it holds no history yet")


def _own_sign(data: DataDir) -> str:
    return _shown(data, data.spool if os.path.isdir(data.spool) else data.checkpoints)


def _shown(data: DataDir, path: Path) -> str:
    return str(path.relative_to(data.root))


def _r11_sign(data: DataDir) -> str | None:
    """Return which file shows an R11 installation; None if none does."""
    names = [path for folder in (data.memory, data.root) for path in (folder / name for name in _R11_FILES)]
    names += [data.root / name for name in _R11_ROOT_FILES]
    for path in names:
        if os.path.isfile(path):
            return _shown(data, path)
    for path in (data.hash_chain, data.root / data.hash_chain.name):
        if b'"blocks"' in (_read_head(path, _HEAD_BYTES) or b""):
            return f"a hash chain of blocks in {_shown(data, path)}"
    with contextlib.suppress(OSError):
        for folder in (data.snapshots, data.root / data.snapshots.name):
            if any(folder.glob("full_*.json")):
                return f"{_shown(data, folder)}/full_<time>.json"
    return None


def _version_of_events(data: DataDir) -> FoundVersion:
    """Tell contract layouts apart by their first event and their health documents."""
    name = _shown(data, data.events)
    event = _first_event(data.events)
    if event is None:
        return FoundVersion("1.0", f"{name} holds no event that can be read")
    metadata = event.get("metadata")
    if not isinstance(metadata, dict):
        return FoundVersion("1.0", f"the events in {name} have no metadata")
    if {"writer", "seq", "occurred_at"} <= metadata.keys():
        return FoundVersion(CURRENT, f"the events in {name} name their writer")
    if lacking := incomplete_health(data):
        return FoundVersion("1.1", f"the events in {name} have metadata, and {lacking}")
    return FoundVersion("1.2", f"the events in {name} have metadata, and the health documents all fields")


def _first_event(path: Path) -> dict[str, Any] | None:
    for line in (_read_head(path, _HEAD_BYTES) or b"").split(b"\n"):
        event = _parse_object(line)
        if event is not None:
            return event
    return None


def health_fields(service: str) -> tuple[str, ...]:
    """Return the fields of a service's health that came with version 1.2."""
    return _HEALTH_FIELDS.get(service, ())


def incomplete_health(data: DataDir) -> str | None:
    """Return what the health documents lack, in words; None if they lack nothing."""
    found = {service: _read_head(data.health_of(service), _MAX_BYTES) for service in _HEALTH_FIELDS}
    documents = {service: _parse_object(content) for service, content in found.items() if content is not None}
    if not documents:
        return "there are no health documents"
    for service, document in documents.items():
        for field in _HEALTH_FIELDS[service]:
            if document is None or field not in document:
                return f"{_shown(data, data.health_of(service))} lacks {field}"
    return None


def record_version(data: DataDir, found: FoundVersion) -> None:
    """Write ``version.json`` if it is missing and the directory is of the current version or new.

    Never over another one. A disk that refuses it is no reason to start nothing: the next start tries again.
    """
    if found.is_recorded or found.version not in (None, CURRENT) or os.path.lexists(data.version):
        return
    temporary = data.version.with_name(f".{data.version.name}.{os.getpid()}.tmp")
    with contextlib.suppress(OSError):
        try:
            _write(temporary, version_bytes(time.time(), is_new=found.version is None))
            # Unlike a rename, a link replaces nothing.
            os.link(temporary, data.version)
            sync_folder(data.root)
        finally:
            temporary.unlink(missing_ok=True)


def version_bytes(now: float, *, is_new: bool = False) -> bytes:
    """Return the document of a directory that is of the current version since ``now`` (Unix seconds).

    A new one has the defaults of this version.
    """
    since = max(0.0, now) if math.isfinite(now) else 0.0
    more = f',"base_interval":"{DEFAULT_BASE_INTERVAL}"' if is_new else ""
    return f'{{"data_version":"{CURRENT}","written_by":"{__version__}","since":{since:.6f}{more}}}\n'.encode()


def keeps_earlier_interval(data: DataDir) -> bool:
    """Whether the directory is from before the base interval's default changed, and it is not written down yet."""
    content = _read_head(data.version, _MAX_BYTES)
    if content is None:
        return infer_version(data).version is not None
    document = _parse_object(content)
    return document is not None and "data_version" in document and not document.get("base_interval")


def _write(path: Path, content: bytes) -> None:
    descriptor = open_regular(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        if os.path.isfile(path):
            return path.stat().st_size
    return 0


def _read_head(path: Path, size: int) -> bytes | None:
    """Return the beginning of a regular file; None if there is none, or it cannot be read."""
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return os.read(descriptor, size)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _parse_object(content: bytes) -> dict[str, Any] | None:
    import json

    try:
        found = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
