"""Evidence laid out in lines of a given width: the stored event, its block and its proof path."""

from typing import TYPE_CHECKING, NamedTuple

from rich.cells import chop_cells
from textual.content import Content

from cq_tui.ops.event_summary import summarize_event
from cq_tui.ops.formatting import (
    GLYPHS,
    NO_VALUE,
    Alert,
    StatusLevel,
    format_datetime,
    group_digest,
    pluralize,
    sanitize,
)
from cq_tui.room.details import format_value
from cq_tui.room.themes import LEVEL_COLORS
from cq_tui.room.wrapping import wrap_text

if TYPE_CHECKING:
    from cq_tui.room.evidence import EventEvidence, ProofStep

_INDENT = "  "
_LABEL = 16
#: Groups shown of a hash: in a block, and in the path, where two hashes share a line.
_GROUPS, _PATH_GROUPS = 5, 3
#: Characters shown of a line; copying takes the whole line.
_MAX_LINE_CHARS = 4000


class CheckResult(NamedTuple):
    """The outcome of comparing a hash."""

    level: StatusLevel
    text: str


def verdict_lines(evidence: "EventEvidence", width: int) -> list[Content]:
    """Show whether the event is proved, and what could not be read."""
    alerts = [evidence.verdict, *(Alert("bad", problem) for problem in evidence.problems)]
    lines = []
    for item in alerts:
        color = LEVEL_COLORS[item.level]
        for number, text in enumerate(wrap_text(item.text, width - len(_INDENT))):
            start = f"{GLYPHS[item.level]} " if number == 0 else _INDENT
            lines.append(Content.assemble((start, color), (text, color)))
    return lines


def event_lines(evidence: "EventEvidence", width: int) -> list[Content]:
    """Show the event, field by field."""
    if evidence.index == 0:
        return [_heading_line("event"), *_field_lines("", "none", width)]
    event = evidence.event
    lines = [_heading_line("event")]
    if evidence.event_id is not None:
        lines += _field_lines("id", evidence.event_id, width)
    if event is not None:
        lines += _field_lines("time", format_datetime(event.timestamp), width)
        if event.occurred_at is not None and format_datetime(event.occurred_at) != format_datetime(event.timestamp):
            lines += _field_lines("occurred", format_datetime(event.occurred_at), width)
        lines += [*_field_lines("type", event.event_type, width), *_field_lines("source", event.source, width)]
        lines += _field_lines("summary", summarize_event(event) or NO_VALUE, width)
        if event.data:
            lines.append(Content(""))
        for name, value in event.data.items():
            lines += _field_lines(name, format_value(name, value), width)
    return lines


def stored_lines(evidence: "EventEvidence", width: int) -> list[Content]:
    """Show the event's line as stored in the file."""
    if evidence.index == 0:
        return []
    if evidence.line is None:
        return [_heading_line("line"), *_field_lines("", "missing or damaged", width)]
    text = sanitize(evidence.line.decode(errors="replace"), _MAX_LINE_CHARS)
    parts = chop_cells(text, max(8, width - len(_INDENT)))
    return [_heading_line("line", pluralize(len(evidence.line), "byte")), *(Content(_INDENT + part) for part in parts)]


def block_lines(evidence: "EventEvidence", width: int) -> list[Content]:
    """Show the block, and whether it matches its event and the previous block."""
    index, block = evidence.index, evidence.block
    if index is None:
        return [_heading_line("block"), *_field_lines("", "no block contains this event", width)]
    heading = _heading_line(f"block {index:,}", "the first" if index == 0 else "")
    if block is None:
        waits = evidence.last_index is not None and index > evidence.last_index
        words = "not written yet: memory chains it within a second" if waits else "missing or damaged"
        return [heading, *_field_lines("", words, width)]
    named = block.event_hash.hex() if block.event_hash else ""
    before = (
        _check_result(evidence.links_to_previous, f"block {index - 1:,}")
        if index
        else CheckResult("idle", "no previous block")
    )
    return [
        heading,
        _hash_line("hash", block.hash, CheckResult("good", "matches its bytes"), width),
        _hash_line("previous hash", block.previous_hash, before, width),
        *([_hash_line("event hash", named, _check_result(evidence.matches_block, "the line"), width)] if named else []),
    ]


def proof_lines(evidence: "EventEvidence", width: int) -> list[Content]:
    """Show the path from the event's hash to the signed root."""
    proof = evidence.proof
    if proof is None:
        return _checkpoint_lines(evidence, width)
    count = len(evidence.steps)
    lines = [_heading_line("proof", f"{pluralize(count, 'hash').replace('hashs', 'hashes')} up to the signed root")]
    if evidence.leaf is not None:
        lines.append(_hash_line("leaf", evidence.leaf.hex(), CheckResult("idle", ""), width))
    if count:
        places = max(len("events"), *(len(_event_range(step)) for step in evidence.steps))
        hashes = 5 * _PATH_GROUPS + 1
        head = f"{'level':>5}  {'side':<5}  {'events':>{places}}  {'sibling':<{hashes}}  parent"
        lines.append(Content.styled(_INDENT + head, "$muted"))
        lines += [_step_line(step, places) for step in evidence.steps]
    root = evidence.steps[-1].parent_hash if evidence.steps else evidence.leaf
    if root is not None:
        lines.append(_hash_line("root", root.hex(), CheckResult("good", "as signed"), width))
    return [*lines, Content(""), *_checkpoint_lines(evidence, width)]


def _checkpoint_lines(evidence: "EventEvidence", width: int) -> list[Content]:
    if evidence.checkpoint is None:
        return [_heading_line("checkpoint"), *_field_lines("", "none signed yet", width)]

    head, key = evidence.checkpoint.checkpoint, evidence.checkpoint.key
    return [
        _heading_line("checkpoint", "latest"),
        *_field_lines("size", pluralize(head.size, "event"), width),
        _hash_line("root", head.root.hex(), CheckResult("idle", ""), width),
        *_field_lines("signed", format_datetime(head.time), width),
        *_field_lines("signer", key.name, width),
        *_field_lines("key id", key.key_id.hex(), width),
    ]


def _step_line(step: "ProofStep", places: int) -> Content:
    """Lay out one step of the path; left or right is the sibling's side."""
    text = f"{step.level:>5}  {'left' if step.is_left else 'right':<5}  {_event_range(step):>{places}}  "
    return Content.assemble(
        _INDENT, (text, "$muted"), group_digest(step.sibling_hash.hex(), _PATH_GROUPS), _INDENT,
        (group_digest(step.parent_hash.hex(), _PATH_GROUPS), "$muted"),
    )  # fmt: skip


def _event_range(step: "ProofStep") -> str:
    return (
        f"{step.first_event:,}" if step.first_event == step.last_event else f"{step.first_event:,}–{step.last_event:,}"
    )


def _check_result(matches: bool | None, what: str) -> CheckResult:
    if matches is None:
        return CheckResult("idle", f"not checked: {what} cannot be read")
    return CheckResult("good", f"matches {what}") if matches else CheckResult("bad", f"does not match {what}")


def _heading_line(words: str, more: str = "") -> Content:
    return Content.assemble((words, "bold"), (f" · {more}" if more else "", "$muted"))


def _hash_line(name: str, digest: str, mark: CheckResult, width: int) -> Content:
    """Lay out a hash and its check result, cut to the width."""
    hashes = 5 * _GROUPS + 1
    glyph = f"{GLYPHS[mark.level]} " if mark.level != "idle" else ""
    room = max(0, width - len(_INDENT) * 2 - _LABEL - hashes - len(glyph))
    return Content.assemble(
        (f"{_INDENT}{name:<{_LABEL}}", "$muted"),
        f"{group_digest(digest, _GROUPS):<{hashes}}{_INDENT}",
        (glyph, LEVEL_COLORS[mark.level]),
        (sanitize(mark.text, max(1, room)), LEVEL_COLORS[mark.level]),
    )


def _field_lines(name: str, value: str, width: int) -> list[Content]:
    """Lay out a name and its value, wrapped under itself."""
    label = f"{sanitize(name, _LABEL - 1):<{_LABEL}}" if name else ""
    start, *rest = wrap_text(sanitize(value), width - len(_INDENT) - len(label))
    first = Content.assemble((_INDENT + label, "$muted"), start)
    return [first, *(Content(_INDENT + " " * len(label) + line) for line in rest)]
