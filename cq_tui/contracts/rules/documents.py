"""What a single document of each kind must meet beyond its schema. Only documents that fit it are judged."""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from cq_tui.contracts.rules.chain import ChainOrder
from cq_tui.contracts.rules.finding import Finding, shown
from cq_tui.contracts.rules.health import judge_health

Document = Mapping[str, Any]
_COMMAND_TIMES = ("issued_ts", "expires_ts", "finished_ts")


def judge_document(kind: str, document: Document, stem: str | None) -> Iterator[Finding]:
    """Yield what is wrong with a document; ``stem`` is its file's name without the ending, None where names are free.

    Times are Unix seconds.
    """
    if kind.startswith("health_"):
        yield from judge_health(document)
    elif (judge := _JUDGES.get(kind)) is not None:
        yield from judge(document, stem)


def _judge_snapshot(snapshot: Document, stem: str | None) -> Iterator[Finding]:
    if stem is not None and snapshot["snapshot_id"] != stem:
        yield Finding("snapshot.name", "is not the file's name", "snapshot_id", shown(snapshot["snapshot_id"]))
    if snapshot["snapshot_type"] == "incremental" and not snapshot.get("base_snapshot_id"):
        yield Finding("snapshot.base", "is missing from an incremental snapshot", "base_snapshot_id")


def _judge_command(command: Document, stem: str | None) -> Iterator[Finding]:
    if stem is not None and command["command_id"] != stem:
        yield Finding("command.id", "is not the file's name", "command_id", shown(command["command_id"]))
    for field in _COMMAND_TIMES[1:]:
        if field in command and command[field] < command["issued_ts"]:
            yield Finding("command.times", "is before issued_ts", field, shown(command[field]))


def _judge_hash_chain(document: Document, _: str | None) -> Iterator[Finding]:
    order = ChainOrder()
    for number, block in enumerate(document["chain"]):
        yield from order.follow(block, number)
    yield from order.judge_length(document)


def _judge_bundle(bundle: Document, _: str | None) -> Iterator[Finding]:
    health, integrity = bundle["health_status"], bundle["memory_integrity"]
    words = {part["status"] for part in health["components"].values()}
    if health["overall_status"] == "ok" and words & {"degraded", "error"}:
        yield Finding("bundle.overall", "is ok, a component is not", "health_status.overall_status", "'ok'")
    memory = health["components"].get("memory") or {}
    told = memory.get("integrity_ok")
    if told is not None and told != integrity["chain_valid"]:
        text = "differs from integrity_ok of memory"
        yield Finding("bundle.integrity", text, "memory_integrity.chain_valid", shown(integrity["chain_valid"]))
    events = bundle["recent_events"]
    ids = [event["event_id"] for event in events]
    for index, (one, other) in enumerate(pairwise(events), 1):
        if other["timestamp"] < one["timestamp"]:
            field = f"recent_events[{index}].timestamp"
            yield Finding("bundle.order", "is before the event before", field, shown(other["timestamp"]))
        if other["event_id"] in ids[:index]:
            field = f"recent_events[{index}].event_id"
            yield Finding("bundle.order", "was there before", field, shown(other["event_id"]))


_JUDGES: Final[dict[str, Callable[[Document, str | None], Iterator[Finding]]]] = {
    "snapshot": _judge_snapshot,
    "command": _judge_command,
    "command_outcome": _judge_command,
    "hash_chain": _judge_hash_chain,
    "debug_bundle": _judge_bundle,
}
