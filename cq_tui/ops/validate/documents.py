"""One document: its bytes, its schema, and the rules of its kind."""

import os
import re
import stat
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from cq_tui.contracts.rules.documents import judge_document
from cq_tui.contracts.rules.finding import Finding, schema_findings
from cq_tui.contracts.rules.json_text import parse_json_text
from cq_tui.contracts.rules.schema_check import Check, compile_schema
from cq_tui.contracts.rules.table import RULES
from cq_tui.ops.validate.reading import UnusableFile, read_whole
from cq_tui.ops.validate.settings import judge_settings
from cq_tui.schemas import kinds, load_schema
from cq_tui.store.snapshots.snapshot_file import matches_content_hash

_PAYLOAD: Final = "event_"
#: Kinds that hold secrets: only their owner may read them.
_SECRET_KINDS: Final = frozenset({"settings", "settings_in_force", "exchange_address", "signal_door"})
#: Kinds that name files of others. A byte that is no UTF-8 stands there as half a pair, which strict readers refuse.
_NAME_FILES: Final = frozenset({"import_manifest", "migration_record"})
_NO_UNICODE: Final = re.compile(rb"(?<!\\ud[89ab][0-9a-f]{2})\\udc[89a-f][0-9a-f]")
#: Empty when nobody holds the lock.
_MAY_BE_EMPTY: Final = frozenset({"lock_holder"})


class CheckedDocument(NamedTuple):
    """A document and what is wrong with it; ``value`` is None unless it fits its schema."""

    value: Any
    findings: list[Finding]


@cache
def schema_check(kind: str) -> Check:
    """Return the check of a kind's schema, made once."""
    return compile_schema(load_schema(kind))


@cache
def payload_checks() -> dict[str, Check]:
    """Return the check of what events of each type hold, by type."""
    return {kind.removeprefix(_PAYLOAD): schema_check(kind) for kind in kinds() if kind.startswith(_PAYLOAD)}


def check_document(path: Path, kind: str, *, follow: bool = False, named: bool = True) -> CheckedDocument:
    """Check a file of one document. ``named``: it has the name that its kind has in a data directory."""
    try:
        content = read_whole(path, follow=follow or kind == "settings")
    except UnusableFile as error:
        return CheckedDocument(None, [error.finding])
    if not content and kind in _MAY_BE_EMPTY:
        return CheckedDocument(None, [])
    checked = check_content(content, kind, path.name.partition(".")[0] if named else None)
    if kind in _SECRET_KINDS:
        checked.findings.extend(_judge_mode(path))
    return checked


def check_content(content: bytes, kind: str, stem: str | None = None) -> CheckedDocument:
    """Check the bytes of a document."""
    if kind in _NAME_FILES:
        content = _NO_UNICODE.sub(rb"\\ufffd", content)
    parsed = parse_json_text(content, allow_mark=kind == "settings")
    findings = list(parsed.findings)
    if not parsed.is_json:
        return CheckedDocument(None, findings)
    if not isinstance(parsed.value, dict):
        return CheckedDocument(None, [*findings, Finding("json.object", "is no JSON object")])
    if kind == "settings":
        return CheckedDocument(parsed.value, [*findings, *judge_settings(parsed.value, schema_check(kind))])
    findings += schema_findings(schema_check(kind)(parsed.value) or ())
    if any(RULES[finding.rule].severity == "error" for finding in findings):
        return CheckedDocument(None, findings)
    findings += judge_document(kind, parsed.value, stem)
    if (judge := _BY_BYTES.get(kind)) is not None:
        findings += judge(content, parsed.value)
    return CheckedDocument(parsed.value, findings)


def _judge_mode(path: Path) -> Iterator[Finding]:
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        return
    if mode & 0o077:
        yield Finding("file.mode", f"can be read by others: its mode is {mode:03o}")


def _judge_seal(content: bytes, snapshot: Any) -> Iterator[Finding]:
    # Earlier versions of the contract have no hash.
    if snapshot.get("content_hash") is not None and not matches_content_hash(content):
        yield Finding("snapshot.hash", "does not match the file", "content_hash")


def _judge_proof(content: bytes, _: Any) -> Iterator[Finding]:
    from cq_tui.ops.check_proof import ProofFileError, check_proof

    try:
        checked = check_proof(content)
    except ProofFileError as error:
        yield Finding("proof.holds", f"does not hold: {error}")
        return
    if not checked.holds:
        yield Finding("proof.holds", checked.lines[0])


_BY_BYTES: Final[dict[str, Callable[[bytes, Any], Iterator[Finding]]]] = {
    "snapshot": _judge_seal,
    "inclusion_proof": _judge_proof,
    "consistency_proof": _judge_proof,
}
