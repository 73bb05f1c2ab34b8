"""Another installation's history as new lines of ours: each old event inside an ``imported_event``.

The first new event, ``history_imported``, names the hashes of the originals, their old root and what their chain was
worth. Old events stand in ``data.original``, so that nothing, least of all the trader's book, takes them for its own.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.characters import plain
from cq_tui.ops.migrate.old_chain import NO_CHAIN, ChainVerdict, Items, item_hash, judge_chain
from cq_tui.ops.migrate.old_events import BadLine, OldEvent, read_events
from cq_tui.ops.migrate.originals import Found, Kept, OldFile
from cq_tui.store.document import DocumentError, read_json
from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.history.writer import HistoryWriter

SOURCE = "migration"
HISTORY_IMPORTED, IMPORTED_EVENT = "history_imported", "imported_event"
_BATCH = 1000
#: Batches whose blocks are held until they are written.
_FLUSHED_EVERY = 20
#: Most lines named one by one, and most files named in the event; the manifest names all.
NAMED_LINES, _NAMED_FILES = 100, 500


class ImportRefused(Exception):
    """The history cannot be added here; the message says why and what to do."""


@dataclass(slots=True)
class OldHistory:
    """One file of events, with the chain beside it; or a chain without events."""

    file: OldFile | None
    chain: ChainVerdict = NO_CHAIN
    chain_name: str | None = None
    events: int = 0
    without_metadata: int = 0
    #: How often the time of an event is before that of the one before it.
    times_back: int = 0
    first_time: float | None = None
    last_time: float | None = None
    #: Lines that are no events: the first ones, and how many there are.
    bad_lines: list[BadLine] = field(default_factory=list)
    bad_count: int = 0
    #: Numbers of lines too long for an event: it names their hash alone.
    long_lines: list[int] = field(default_factory=list)

    def count(self, event: OldEvent | BadLine) -> None:
        """Count a line."""
        if isinstance(event, BadLine):
            self.bad_count += 1
            if self.bad_count <= NAMED_LINES:
                self.bad_lines.append(event)
            return
        self.events += 1
        if event.fields is None and event.text is None:
            self.long_lines.append(event.line)
        self.without_metadata += not isinstance((event.fields or {}).get("metadata"), dict)
        if event.time is not None:
            self.times_back += self.last_time is not None and event.time < self.last_time
            self.first_time = event.time if self.first_time is None else min(self.first_time, event.time)
            self.last_time = event.time

    @property
    def name(self) -> str | None:
        """The file of events, relative to the installation."""
        return self.file.name if self.file else None

    def to_json(self) -> dict[str, Any]:
        """Return what the event and the report say of it."""
        return {
            "file": self.name,
            "events": self.events,
            "bad_lines": self.bad_count,
            "times_back": self.times_back,
            "first_time": self.first_time,
            "last_time": self.last_time,
            "chain": self.chain.state,
            "chain_file": self.chain_name,
            "verdict": self.chain.words,
            "old_root": self.chain.root,
            "old_merkle_root": self.chain.merkle_root,
            "old_blocks": self.chain.blocks,
        }


def read_histories(found: Found, hashes: Mapping[str, str]) -> list[OldHistory]:
    """Read every file of events, each content once, in the order of their first events. Raises OSError."""
    files = list({hashes[file.name]: file for file in reversed(found.of("events"))}.values())
    histories = [_read_history(file, found, _chain_of(file, found, is_only=len(files) == 1)) for file in files]
    judged = {history.chain_name for history in histories}
    histories += [
        OldHistory(None, judge_chain(chain.path, _other_items(found, "")), chain.name)
        for chain in found.of("chain")
        if chain.name not in judged
    ]
    return sorted(histories, key=lambda one: (one.first_time is None, one.first_time or 0.0, one.name or ""))


def _chain_of(file: OldFile, found: Found, *, is_only: bool) -> OldFile | None:
    """Return the chain beside a file of events, or the only one there is for the only file."""
    chains = found.of("chain")
    beside = next((one for one in chains if _folder(one) == _folder(file)), None)
    return chains[0] if beside is None and is_only and len(chains) == 1 else beside


def _read_history(file: OldFile, found: Found, chain: OldFile | None) -> OldHistory:
    history = OldHistory(file)
    whole, payloads = list[str](), list[str]()
    for event in read_events(file.path):
        history.count(event)
        if chain is not None and isinstance(event, OldEvent) and event.fields is not None:
            whole.append(item_hash(event.fields))
            payloads.append(item_hash(event.fields.get("data")))
    if chain is not None:
        items = [
            Items("events", whole, are_events=True),
            Items("payloads of events", payloads, are_events=True),
            *_other_items(found, _folder(file)),
        ]
        history.chain, history.chain_name = judge_chain(chain.path, items), chain.name
    return history


def _folder(file: OldFile) -> str:
    return file.name.rpartition("/")[0]


def _other_items(found: Found, folder: str) -> Iterator[Items]:
    """Yield what else the blocks of an R11 chain may cover: snapshots, whole or their data, and deltas."""
    deltas = [file for file in found.of("deltas") if file.name.startswith(folder)]
    told = [event.fields for file in deltas for event in read_events(file.path) if isinstance(event, OldEvent)]
    yield Items("deltas", [item_hash(each) for each in told if each is not None])
    snapshots = [read for file in found.of("snapshot") if file.name.startswith(folder) if (read := _snapshot(file))]
    yield Items("snapshots", [item_hash(each) for each in snapshots])
    yield Items("the data of snapshots", [item_hash(each.get("data")) for each in snapshots])


def _snapshot(file: OldFile) -> dict[str, Any] | None:
    try:
        return read_json(file.path)
    except DocumentError:
        return None


class Imported(NamedTuple):
    """What was written."""

    events: int
    merkle_root: str


def import_histories(
    staged: DataDir,
    histories: list[OldHistory],
    kept: Kept,
    layout: str,
    source: str,
    *,
    progress: Callable[[int], object] = lambda _: None,
) -> Imported:
    """Append ``history_imported`` and every old event to the history in ``staged``, batch by batch, each synced.

    Raises ImportRefused if the history that is there is damaged, OSError and JournalError.
    """
    for folder in (staged.memory, staged.quarantine, staged.snapshots):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = max(0.0, time.time())
    history = HistoryWriter(staged, now=now)
    if history.faults:
        raise ImportRefused(f"the history here is damaged: {history.faults[0]}. `cq-tui verify` shows it all")
    before, writer = history.events, f"import-{kept.digest[:12]}"
    if history.cursors.get(writer):
        raise ImportRefused("this installation has been imported already: the history holds it")
    events = _new_events(histories, kept, layout, source, writer, now)
    for number in range(1_000_000_000):
        batch = list(islice(events, _BATCH))
        if not batch:
            break
        history.append(batch, now)
        progress(len(batch))
        if number % _FLUSHED_EVERY == 0:
            history.flush_chain()
    history.sync_state()
    root = history.merkle_root
    history.close()
    return Imported(history.events - before, root)


def _new_events(
    histories: list[OldHistory], kept: Kept, layout: str, source: str, writer: str, now: float
) -> Iterator[NewEvent]:
    data = imported_data(histories, kept, layout, source)
    yield NewEvent(HISTORY_IMPORTED, SOURCE, data, writer, 1, now, {})
    seq = 1
    for file in (history.file for history in histories if history.file):
        index = 0
        for event in read_events(file.path):
            if isinstance(event, OldEvent):
                seq, index = seq + 1, index + 1
                yield _wrapped(event, file.name, writer, seq, index, now)


def _wrapped(event: OldEvent, file: str, writer: str, seq: int, index: int, now: float) -> NewEvent:
    data: dict[str, Any] = {
        "event_type": event.event_type,
        "source": event.source,
        "file": plain(file),
        "line": event.line,
        "sha256": event.sha256,
        "original": event.fields,
    }
    if event.text is not None:
        data["text"] = event.text
    metadata = {"original_timestamp": event.told_time, "original_index": index}
    return NewEvent(IMPORTED_EVENT, SOURCE, data, writer, seq, now if event.time is None else event.time, metadata)


def imported_data(histories: list[OldHistory], kept: Kept, layout: str, source: str) -> dict[str, Any]:
    """Return the payload of ``history_imported``."""
    files = [
        {"name": plain(file.name), "sha256": kept.hashes[file.name], "size": file.size}
        for file in sorted(kept.found.files, key=lambda one: (one.kind not in ("events", "chain"), one.name))
    ]
    told = [{name: plain(value) for name, value in each.to_json().items()} for each in histories]
    first = told[0] if told else {}
    return {
        "layout": layout,
        "source": plain(source),
        "originals": kept.digest,
        "file_count": len(files),
        "files": files[:_NAMED_FILES],
        "events": sum(each.events for each in histories),
        "bad_lines": sum(each.bad_count for each in histories),
        "histories": told[:_NAMED_FILES],
        "chain": first.get("chain", "absent"),
        "verdict": first.get("verdict", NO_CHAIN.words),
        "old_root": first.get("old_root"),
        "old_merkle_root": first.get("old_merkle_root"),
    }
