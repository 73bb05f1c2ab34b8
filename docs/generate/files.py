"""``files.md``: every file of a data directory and of the configuration folder.

Path and meaning of the files that ``DataDir`` names come from there; the other files are listed here.
"""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from cq_tui.contracts.events import PAYLOADS
from cq_tui.contracts.file_kinds import CONFIGURATION_FOLDER, DATA_DIRECTORY
from cq_tui.contracts.json_schema import SCHEMAS, schema_of
from cq_tui.contracts.layout import SERVICES, DataDir
from docs.generate import markdown
from docs.generate.fields import document_sections

_DOCUMENT, _JOURNAL, _TEXT, _BYTES, _FOLDER = "JSON", "JSON lines", "text", "bytes", "folder"
_EVENTS = {f"event_{event_type}" for event_type in PAYLOADS}
_EVERY_PROCESS = "every process"
_ITSELF = "the process itself"


class File(NamedTuple):
    """One row. ``<name>`` in its path stands for any name, ``<path>`` for any folder."""

    path: str
    kind: str
    writer: str
    meaning: str

    def matches(self, path: str) -> bool:
        """Whether a path, relative to the same folder, is one of these files."""
        name = re.escape(self.path).replace(r"\.\.\.", "...")
        return re.fullmatch(re.sub(r"<[^/>]*>", "[^/]+", name), path) is not None


#: Kind and writer of each file and folder that ``DataDir`` names.
NAMED: dict[str, tuple[str, str]] = {
    "version": (_DOCUMENT, "the first process that starts, `cq-tui migrate`"),
    "health": (_FOLDER, _EVERY_PROCESS),
    "health_of": (_DOCUMENT, _ITSELF),
    "settings": (_DOCUMENT, "you, room, `cq-tui config set`"),
    "memory": (_FOLDER, "memory"),
    "spool": (_FOLDER, _EVERY_PROCESS),
    "events": (_JOURNAL, "memory"),
    "hash_chain": (_DOCUMENT, "memory"),
    "checkpoints": (_TEXT, "memory"),
    "tree_index": (_DOCUMENT, "memory"),
    "snapshots": (_FOLDER, "memory"),
    "quarantine": (_FOLDER, _EVERY_PROCESS),
    "imported": (_FOLDER, "`cq-tui migrate`"),
    "migration": (_FOLDER, "`cq-tui migrate`"),
    "tickers": (_DOCUMENT, "feeder"),
    "klines": (_FOLDER, "feeder"),
    "klines_of": (_JOURNAL, "feeder"),
    "columns": (_FOLDER, "`cq-tui data`"),
    "columns_of": (_DOCUMENT, "`cq-tui data`"),
    "control": (_FOLDER, "room, command line"),
    "control_done": (_FOLDER, "supervisor, services"),
    "signals": (_FOLDER, "you, your programs, `cq-tui signal`, `cq-tui signals serve`"),
    "signals_taken": (_FOLDER, "ares"),
    "signals_done": (_FOLDER, "ares"),
    "signal_ids": (_JOURNAL, "ares"),
    "signal_door": (_DOCUMENT, "`cq-tui signals serve`"),
    "stop_of": (_TEXT, "you, room, `cq-tui halt`, `cq-tui reduce`"),
    "prepared_stop_of": (_TEXT, "every process that may stop trading"),
    "state_of": (_DOCUMENT, _ITSELF),
    "trader_inputs": (_FOLDER, "trader"),
    "kept_bars_of": (_DOCUMENT, "ares"),
    "settings_record": (_DOCUMENT, "room, `cq-tui config set`, memory"),
    "trading_state_record": (_DOCUMENT, "memory"),
    "settings_in_force": (_DOCUMENT, "the services and their supervisor, under the lock of the settings"),
    "account": (_DOCUMENT, "trader"),
    "ledger": (_JOURNAL, "exchange"),
    "run": (_FOLDER, _EVERY_PROCESS),
    "reserve": (_BYTES, "memory"),
    "lock_of": (_DOCUMENT, _ITSELF),
    "desired_state_of": (_DOCUMENT, "supervisor"),
    "copied": (_TEXT, "room"),
    "exchange_address": (_DOCUMENT, "exchange"),
    "logs": (_FOLDER, _EVERY_PROCESS),
    "log_of": (_JOURNAL, _ITSELF),
    "crash_report_at": (_TEXT, "room"),
    "drills": (_FOLDER, "`cq-tui drill`, room"),
    "drill_at": (_FOLDER, "`cq-tui drill`"),
    "bundle_at": (_DOCUMENT, "room, `cq-tui bundle`"),
}

#: Files named by the module that writes them.
_OTHERS = (
    File(
        "memory/spool/<writer>.ndjson",
        _JOURNAL,
        _ITSELF,
        "Events of one process, until memory appends them to the history.",
    ),
    File(
        "memory/spool/<writer>.<seq>.ndjson",
        _JOURNAL,
        _ITSELF,
        "A full spool, named after its last event. Memory deletes it after merging it, except the newest.",
    ),
    File(
        "memory/snapshots/snapshot_<timestamp>.json",
        _DOCUMENT,
        "memory",
        "The stack at one moment. Most snapshots contain only what changed since an earlier one.",
    ),
    File(
        "memory/imported/<sha256>/manifest.json",
        _DOCUMENT,
        "`cq-tui migrate`",
        "Which files of another installation are kept beside it; its own hash names the folder.",
    ),
    *(
        File(f"migration/{state}.json", _DOCUMENT, "`cq-tui migrate`", f"What a migration change{meaning}.")
        for state, meaning in (
            ("plan", "s, while it is not done"),
            ("done", "d"),
            ("undoing", "d, while that is taken back"),
            ("undone", "d, and was taken back"),
        )
    ),
    File(
        "market/columns/<symbol>-<interval>/<hash>/<column>.npy",
        _BYTES,
        "`cq-tui data`",
        "One column of recorded klines as a NumPy array; never changed, only replaced with its folder.",
    ),
    File("memory/quarantine/<name>", _BYTES, _EVERY_PROCESS, "Damaged bytes, named after the file they came from."),
    File(
        "memory/.hash_chain.json.hidden",
        _DOCUMENT,
        "memory",
        "The hidden copy of the hash chain. It is updated, then swapped with the visible copy.",
    ),
    File("memory/.hash_chain.json.swap", _DOCUMENT, "memory", "Exists only while the copies are swapped."),
    File(
        "trader_inputs/<number>.ndjson",
        _JOURNAL,
        "trader",
        "A part of that: first the core, then each input.",
    ),
    File("trader_inputs/<number>.ndjson.gz", _BYTES, "trader", "An earlier part, compressed."),
    File("control/<command_id>.json", _DOCUMENT, "room, command line", "A pending command."),
    File("control/<command_id>.<service>.claimed", _DOCUMENT, _ITSELF, "A command in execution."),
    File(
        "control/done/<command_id>.json",
        _DOCUMENT,
        "supervisor, services",
        "A command with its outcome.",
    ),
    File(
        "control/signals/<name>.json",
        _DOCUMENT,
        "you, your programs, `cq-tui signal`, `cq-tui signals serve`",
        "A signal from outside. Write it elsewhere in the same file system and rename it to here.",
    ),
    File("control/signals/taken/<name>.json", _DOCUMENT, "ares", "A signal from outside that is being taken."),
    File("control/signals/done/<name>.json", _DOCUMENT, "ares", "What became of a signal from outside."),
    File("logs/<service>.log.<number>", _JOURNAL, _ITSELF, "Rotated logs; 1 is the newest."),
    File("logs/<service>.out", _TEXT, "supervisor", "Output of the process before it opens its log."),
    File("logs/<service>.crash", _TEXT, _ITSELF, "Tracebacks of interpreter crashes; empty if there were none."),
    File(
        "run/weight-<host>.json",
        _DOCUMENT,
        _EVERY_PROCESS,
        "Request weight and orders counted at one exchange host, shared by all processes.",
    ),
    File("ssot/.env.json.lock", _BYTES, _EVERY_PROCESS, "Locked while settings are changed or remembered; empty."),
    File("ssot/env.json.broken-<number>", _BYTES, "`cq-tui config restore`", "A settings file that could not be used."),
    File("<path>/.<name>.tmp", _BYTES, _EVERY_PROCESS, "A file being written; it may remain after a crash."),
    File(
        "drills/<time>-<drill>/report.json",
        _DOCUMENT,
        "`cq-tui drill`",
        "How a drill went. Beside it is what its private data directory held: history, spools, account, logs, health.",
    ),
)

#: Below ``CQ_CONFIG_DIR``, or the system's folder for configuration.
_CONFIGURATION = (
    File(
        "checkpoint_key.pem",
        _TEXT,
        "memory",
        "Ed25519 key that signs checkpoints. It never leaves this folder.",
    ),
    File(
        "anchors/<directory_id>.checkpoint",
        _TEXT,
        "memory",
        "The last signed checkpoint of a data directory. It reveals a rollback of that directory.",
    ),
    File(
        "anchors/<directory_id>.checkpoint.<number>",
        _TEXT,
        "memory",
        "The last checkpoint of a history that contradicts those in the files before it, or has another signer.",
    ),
    File("anchors/<name>.vkey", _TEXT, "memory", "The verifier key of the checkpoint beside it (C2SP)."),
    File(
        "directories/<hash>.json",
        _DOCUMENT,
        "memory",
        "Which history a data directory contains. Delete it to accept that the history is gone.",
    ),
    File(
        "accounts/<venue>-<uid>.lock",
        _DOCUMENT,
        "trader",
        "Lock of an exchange account: held by the trader that trades it, with its data directory.",
    ),
    File(
        "accounts/<venue>-<uid>-<owner>.json",
        _DOCUMENT,
        "trader",
        "Where an owner of orders was last, and its last event. It reveals an older copy of that data directory.",
    ),
    File(
        "weight/<host>.json",
        _DOCUMENT,
        "every process",
        "Request weight and bans of one exchange host, shared by all data directories of the user.",
    ),
    File("room.json", _DOCUMENT, "room", "The theme of the room. Unknown fields are kept."),
    File("room.json.unreadable", _BYTES, "room", "An earlier `room.json` that was no JSON object."),
    File("<path>/.<name>.tmp", _BYTES, "memory, room", "A file being written; it may remain after a crash."),
)


def data_directory_files() -> list[File]:
    """Return all files of a data directory: folders in the order of ``DataDir``, the files below each by name."""
    files = [*_named_files(), *_OTHERS]
    folders = list(dict.fromkeys(_top_folder(file) for file in files))
    return sorted(files, key=lambda file: (folders.index(_top_folder(file)), file.path.replace("/.", "/")))


def configuration_files() -> list[File]:
    """Return all files of the configuration folder."""
    return list(_CONFIGURATION)


def find_unknown(root: Path, files: Iterable[File]) -> list[str]:
    """Return the paths below ``root`` of files that are none of these."""
    known = list(files)
    paths = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    return sorted(path for path in paths if not any(file.matches(path) for file in known))


def page() -> str:
    """Return the page."""
    return markdown.page(
        "Files",
        "All state is in the data directory: `--data-dir`, else `CQ_DATA_DIR`, else `./shared_data`. You can read "
        "every file with `cat`. Files and folders are private to their owner.",
        "JSON files are always complete documents; files of JSON lines grow line by line. `<service>` is one of "
        f"{', '.join(map(markdown.code, SERVICES))}, and in `health/`, `run/` and `logs/` also `supervisor`. "
        "Schemas are in [`schemas/`](../../schemas/); readers must ignore unknown fields.",
        _table(data_directory_files(), DATA_DIRECTORY),
        "## Configuration folder",
        "These files must not be rolled back together with a data directory, so they are elsewhere: in "
        "`CQ_CONFIG_DIR`, else `~/.config/cq-tui` (macOS: `~/Library/Application Support/cq-tui`).",
        _table(configuration_files(), CONFIGURATION_FOLDER),
        "## Fields",
        "By kind of file, as in the schemas. Fields that are not required may be missing, or null. The types of "
        "events are on [a page of their own](events.md).",
        *(part for kind in SCHEMAS if kind not in _EVENTS for part in document_sections(kind, schema_of(kind))),
    )


def named_members() -> list[str]:
    """Return the properties and methods of ``DataDir`` that name a path."""
    return [name for name, member in vars(DataDir).items() if _returns_path(member)]


def _returns_path(member: object) -> bool:
    function = member.fget if isinstance(member, property) else member
    return inspect.isfunction(function) and inspect.signature(function).return_annotation is Path


def _named_files() -> Iterator[File]:
    data = DataDir(Path())
    for name, (kind, writer) in NAMED.items():
        found = getattr(data, name)
        if not isinstance(found, Path):
            found = found(*[f"<{parameter}>" for parameter in inspect.signature(found).parameters])
        yield File(found.as_posix(), kind, writer, markdown.prose(getattr(DataDir, name).__doc__))


def _top_folder(file: File) -> str:
    return file.path.partition("/")[0]


def schemas_of(file: File, paths: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the kinds of files that this row is about, by the paths of each kind."""
    meant = {file.path, *(file.path.replace("<service>", service) for service in (*SERVICES, "supervisor"))}
    return [kind for kind, known in paths.items() if meant.intersection(known)]


def _table(files: Iterable[File], paths: Mapping[str, tuple[str, ...]]) -> str:
    rows = [
        [
            markdown.code(file.path + "/" * (file.kind == _FOLDER)),
            file.kind,
            file.writer,
            ", ".join(map(_link, schemas_of(file, paths))),
            file.meaning,
        ]
        for file in files
    ]
    return markdown.table(["path", "kind", "written by", "schema", "meaning"], rows)


def _link(schema: str) -> str:
    return f"[{schema}](../../schemas/{schema}.schema.json)"
