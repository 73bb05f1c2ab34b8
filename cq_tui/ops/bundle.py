"""The debug bundle: one file for support. Everything in it is on an allow-list, so it contains no secrets.

Free text (reasons, messages, payloads) is left out; of log lines only known events and numbers are kept.
"""

import importlib.metadata
import platform
import time
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import psutil

from cq_tui.contracts.bundle import (
    BundleComponent,
    BundleConfiguration,
    BundleDrill,
    BundleEvent,
    BundleHealth,
    BundleIntegrity,
    BundleSystem,
    DebugBundle,
)
from cq_tui.contracts.events import PAYLOADS, Event
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.contracts.runfiles import LockHolder
from cq_tui.ops.bundle_history import history_fields
from cq_tui.ops.drills.evidence import last_reports
from cq_tui.ops.drills.names import DRILL_NAMES
from cq_tui.ops.gathered_evidence import newest_own_checkpoint
from cq_tui.ops.log_allowlist import LOG_EVENTS, NUMERIC_FIELDS
from cq_tui.ops.status import StackStatus, read_status
from cq_tui.store.checkpoints.checkpoint_log import Statement
from cq_tui.store.checkpoints.signed_note import split_note
from cq_tui.store.document import write_document
from cq_tui.store.journal import JournalError, last_lines
from cq_tui.store.lock import find_holder

_EVENTS = 100
_LOG_LINES = 50
_LEVELS = frozenset({"debug", "info", "warning", "error", "critical"})
_SOURCES = frozenset({*SERVICES, "supervisor", "room", "cli"})
_PACKAGES = (
    "cq-tui", "textual", "rich", "websockets", "httpx", "pydantic", "watchfiles", "orjson", "typer", "TA-Lib",
    "psutil", "structlog", "cryptography", "starlette", "uvicorn",
)  # fmt: skip
_HEX = frozenset("0123456789abcdef")


def export_bundle(
    data: DataDir,
    now: float | None = None,
    find_holder: Callable[[Path], LockHolder | None] = find_holder,
    folder: Path | None = None,
) -> Path:
    """Write ``debug_bundle_<unix seconds>.json`` (0600) and return its path. Raises OSError.

    ``folder`` is the data directory unless it is given. Never overwrites a bundle: it takes the next second that is
    free.
    """
    moment = time.time() if now is None else now
    target = data if folder is None else DataDir(folder)
    number = next(second for second in count(int(moment)) if not target.bundle_at(second).exists())
    status = read_status(data, moment, find_holder)
    bundle = DebugBundle(
        bundle_id=f"debug_{number}",
        timestamp=moment,
        system_info=_system(data),
        health_status=_health(status),
        recent_events=_events(data),
        memory_integrity=_integrity(data, status),
        configuration=BundleConfiguration(
            trading_mode=status.loaded.settings.TRADING_MODE,
            effective_mode=status.mode.mode,
            simulation_mode=status.loaded.settings.SIMULATION_MODE,
            default_signals=status.loaded.settings.TEST_ALLOW_DEFAULT_SIGNAL,
        ),
        versions=_versions(),
        drills=_drills(data),
        log_tails={name: _log_tail(data, name) for name in SERVICES},
    )
    path = target.bundle_at(number)
    write_document(path, bundle, mode=0o600)
    return path


def _system(data: DataDir) -> BundleSystem:
    memory = cpu = 0.0
    for name in (*SERVICES, "supervisor"):
        holder = find_holder(data.lock_of(name))
        try:
            process = psutil.Process(holder.pid) if holder else None
            if process is not None:
                times = process.cpu_times()
                cpu += 100 * (times.user + times.system) / max(1.0, time.time() - process.create_time())
                memory += process.memory_info().rss / 2**20
        except psutil.Error:
            continue
    return BundleSystem(
        python_version=platform.python_version(),
        platform=f"{platform.system()}-{platform.release()}-{platform.machine()}",
        memory_usage=round(memory, 1),
        cpu_usage=round(cpu, 1),
    )


def _health(status: StackStatus) -> BundleHealth:
    components = {
        name: BundleComponent(
            status=verdict.word,
            level=None if verdict.word == "ok" else verdict.level,
            key=verdict.key or None,
            updated_within_sec=None if verdict.age is None else round(verdict.age, 3),
            integrity_ok=status.memory.integrity_ok if name == "memory" and status.memory else None,
        )
        for name, verdict in status.verdicts.items()
    }
    return BundleHealth(overall_status=status.overall, components=components)


def _integrity(data: DataDir, status: StackStatus) -> BundleIntegrity:
    memory = status.memory
    signed = _last_checkpoint(data)
    root = memory.merkle_root if memory else ""
    return BundleIntegrity(
        chain_valid=bool(memory and memory.integrity_ok),
        merkle_root=root if len(root) == 64 and _HEX.issuperset(root) else "",
        events_count=memory.events_count if memory else 0,
        snapshots_count=memory.snapshots_count if memory else 0,
        reported_within_sec=None if status.verdicts["memory"].is_current else status.verdicts["memory"].age,
        checkpoint=signed.text if signed else None,
        public_key=signed.key.text if signed else None,
        **history_fields(memory, status.history),
    )


def _last_checkpoint(data: DataDir) -> Statement | None:
    """Return the newest checkpoint if it has a single signature: further signature lines could hold free text."""
    try:
        signed = newest_own_checkpoint(data)
    except JournalError:
        return None
    return signed if signed and len(split_note(signed.text)[1]) == 1 else None


def _events(data: DataDir) -> list[BundleEvent]:
    try:
        lines = last_lines(data.events, _EVENTS)
    except JournalError:
        return []
    return [event for line in lines if (event := _event(line)) is not None]


def _event(line: bytes) -> BundleEvent | None:
    try:
        event = Event.model_validate(orjson.loads(line))
    except ValueError:
        return None
    prefix, _, numbers = event.event_id.partition("_")
    if prefix != "evt" or not numbers.replace("_", "").isdigit():
        return None
    return BundleEvent(
        event_id=event.event_id,
        timestamp=event.timestamp,
        event_type=event.event_type if event.event_type in PAYLOADS else "other",
        source=event.source if event.source in _SOURCES else "other",
    )


def _drills(data: DataDir) -> list[BundleDrill] | None:
    """Return the last result of each drill, by the names that this version knows."""
    reports = last_reports(data)
    return [
        BundleDrill(
            drill=name,
            timestamp=reports[name].started_ts,
            passed=reports[name].passed,
            seconds=reports[name].seconds,
            naked_seconds=None if (figures := reports[name].figures) is None else figures.naked_seconds,
        )
        for name in DRILL_NAMES
        if name in reports
    ] or None


def _log_tail(data: DataDir, service: str) -> list[dict[str, Any]]:
    try:
        lines = last_lines(data.log_of(service), _LOG_LINES)
    except JournalError:
        return []
    tail = []
    for line in lines:
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(entry, dict):
            tail.append(_filter_log_entry(entry))
    return tail


def _filter_log_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the known events and numbers of a log line."""
    kept: dict[str, Any] = {
        "level": _allow(_LEVELS, entry.get("level"), "other"),
        "event": _allow(LOG_EVENTS, entry.get("event"), "(withheld)"),
    }
    numbers = {key: entry[key] for key in NUMERIC_FIELDS if type(entry.get(key)) in (int, float)}
    return numbers | kept


def _allow(words: frozenset[str], found: object, otherwise: str) -> str:
    return found if isinstance(found, str) and found in words else otherwise


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
