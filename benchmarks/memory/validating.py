"""The whole directory validated, and the same events as one JSON list by us and by check-jsonschema."""

import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import orjson

from benchmarks.memory.large_history import LargeHistory
from benchmarks.memory.watched_process import run_timed, run_watched
from benchmarks.report import Row, in_turn
from cq_tui.schemas import load_schema
from cq_tui.store.journal import read_lines

_MODULE = "benchmarks.memory.our_validation"
_BAR_SECONDS = 30.0
_BAR_MB = 100.0
_LISTED = 20_000
_BAR_RATIO = 3.0


def measure(history: LargeHistory, rounds: int) -> Iterator[Row]:
    """Validate in processes of their own; the directory once more to watch its memory."""
    yield _whole_directory(history)
    yield _one_list(history, rounds)


def _whole_directory(history: LargeHistory) -> Row:
    folder = str(history.data.root)
    seconds = run_timed(_MODULE, folder)
    megabytes = run_watched(_MODULE, folder).peak_mib * 2**20 / 1e6
    return Row(
        f"validate: schemas, payloads, order, chain, {history.size}",
        f"{seconds:.1f} s, largest process {megabytes:.0f} MB",
        "-",
        "-",
        f"<= {_BAR_SECONDS:.0f} s, <= {_BAR_MB:.0f} MB",
        seconds <= _BAR_SECONDS and megabytes <= _BAR_MB,
    )


def _one_list(history: LargeHistory, rounds: int) -> Row:
    folder = history.data.root.parent
    events, schema = folder / "events.json", folder / "events.schema.json"
    with events.open("wb") as file:
        file.write(b"[" + b",\n".join(islice(read_lines(history.data.events), _LISTED)) + b"]\n")
    schema.write_bytes(_list_schema())
    compared = in_turn(lambda: _ours(events), lambda: _peer(events, schema), rounds)
    return Row(
        f"validate {_LISTED:,} events as one JSON list, payloads too",
        f"{compared.ours:.2f} s",
        f"check-jsonschema, without payloads, {compared.peer:.2f} s",
        f"{compared.ratio:.1f}x",
        f">= {_BAR_RATIO:.0f}x",
        compared.ratio >= _BAR_RATIO,
    )


def _list_schema() -> bytes:
    event = load_schema("event")
    return orjson.dumps(
        {
            "$schema": event["$schema"],
            "type": "array",
            "items": {"$ref": event["$id"]},
            "$defs": {"event": event},
        }
    )


def _ours(events: Path) -> float:
    """Return the seconds of the command, its start included."""
    return _seconds("cq_tui", "validate", "--kind", "event", str(events))


def _peer(events: Path, schema: Path) -> float:
    return _seconds("check_jsonschema", "--schemafile", str(schema), str(events))


def _seconds(*words: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", *words], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started
