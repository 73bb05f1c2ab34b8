"""Evidence in lines of a given width: the event as it is stored, its block, its proof path."""

import textwrap
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len, chop_cells
from textual.content import Content

from cq_tui.ops.event_words import event_words
from cq_tui.ops.words import GLYPHS, NOTHING, Level, News, clean, date_and_clock, grouped, plural
from cq_tui.room.details import value_words

if TYPE_CHECKING:
    from cq_tui.room.evidence import Evidence, Step

_COLOURS: dict[Level, str] = {"good": "$success", "look": "$warning", "bad": "$error", "idle": "$muted"}
_INDENT = "  "
_LABEL = 16
#: Groups of a hash in a block, and in the path, where two stand side by side.
_GROUPS, _PATH_GROUPS = 5, 3
#: Characters of a line that are shown; all of it can be copied.
_LONGEST_LINE = 4000


class Mark(NamedTuple):
    """What comparing showed."""

    level: Level
    words: str


def verdict_lines(evidence: "Evidence", width: int) -> list[Content]:
    """Say how far the event is proved, and what could not be read."""
    news = [evidence.verdict, *(News("bad", problem) for problem in evidence.problems)]
    lines = []
    for item in news:
        colour = _COLOURS[item.level]
        for number, text in enumerate(_wrapped(item.text, width - len(_INDENT))):
            start = f"{GLYPHS[item.level]} " if number == 0 else _INDENT
            lines.append(Content.assemble((start, colour), (text, colour)))
    return lines


def event_lines(evidence: "Evidence", width: int) -> list[Content]:
    """Show the event field by field."""
    if evidence.index == 0:
        return [_heading("event"), *_field("", "none", width)]
    event = evidence.event
    lines = [_heading("event")]
    if evidence.event_id is not None:
        lines += _field("id", evidence.event_id, width)
    if event is not None:
        lines += _field("time", date_and_clock(event.timestamp), width)
        if event.occurred_at is not None and date_and_clock(event.occurred_at) != date_and_clock(event.timestamp):
            lines += _field("happened", date_and_clock(event.occurred_at), width)
        lines += [*_field("type", event.event_type, width), *_field("source", event.source, width)]
        lines += _field("says", event_words(event) or NOTHING, width)
        if event.data:
            lines.append(Content(""))
        for name, value in event.data.items():
            lines += _field(name, value_words(name, value), width)
    return lines


def stored_lines(evidence: "Evidence", width: int) -> list[Content]:
    """Show the event's line as it stands in the file."""
    if evidence.index == 0:
        return []
    if evidence.line is None:
        return [_heading("line"), *_field("", "missing or damaged", width)]
    text = clean(evidence.line.decode(errors="replace"), _LONGEST_LINE)
    parts = chop_cells(text, max(8, width - len(_INDENT)))
    return [_heading("line", plural(len(evidence.line), "byte")), *(Content(_INDENT + part) for part in parts)]


def block_lines(evidence: "Evidence", width: int) -> list[Content]:
    """Show the block and whether it holds together with its event and the block before."""
    index, block = evidence.index, evidence.block
    if index is None:
        return [_heading("block"), *_field("", "none names this event", width)]
    heading = _heading(f"block {index:,}", "the first of all" if index == 0 else "")
    if block is None:
        waits = evidence.last is not None and index > evidence.last
        words = "not there yet: memory chains it within a second" if waits else "missing or damaged"
        return [heading, *_field("", words, width)]
    named = block.event_hash.hex() if block.event_hash else ""
    before = _mark(evidence.joins_before, f"block {index - 1:,}") if index else Mark("idle", "no block is before it")
    return [
        heading,
        _hash("hash", block.hash, Mark("good", "fits its bytes"), width),
        _hash("previous hash", block.previous_hash, before, width),
        *([_hash("event hash", named, _mark(evidence.is_as_chained, "the line"), width)] if named else []),
    ]


def proof_lines(evidence: "Evidence", width: int) -> list[Content]:
    """Show the way from the event's hash to the root that was signed."""
    proof = evidence.proof
    if proof is None:
        return _checkpoint_lines(evidence, width)
    count = len(evidence.steps)
    lines = [_heading("proof", f"{plural(count, 'hash').replace('hashs', 'hashes')} up to the signed root")]
    if evidence.leaf is not None:
        lines.append(_hash("leaf", evidence.leaf.hex(), Mark("idle", ""), width))
    if count:
        places = max(len("events"), *(len(_place(step)) for step in evidence.steps))
        hashes = 5 * _PATH_GROUPS + 1
        head = f"{'level':>5}  {'side':<5}  {'events':>{places}}  {'hash beside':<{hashes}}  with it makes"
        lines.append(Content.styled(_INDENT + head, "$muted"))
        lines += [_step(step, places) for step in evidence.steps]
    root = evidence.steps[-1].made if evidence.steps else evidence.leaf
    if root is not None:
        lines.append(_hash("root", root.hex(), Mark("good", "as signed"), width))
    return [*lines, Content(""), *_checkpoint_lines(evidence, width)]


def _checkpoint_lines(evidence: "Evidence", width: int) -> list[Content]:
    if evidence.checkpoint is None:
        return [_heading("checkpoint"), *_field("", "none signed yet", width)]
    from cq_tui.store.checkpoints.signed_note import VerifierKey

    head, key = evidence.checkpoint.checkpoint, VerifierKey.parse(evidence.checkpoint.public_key)
    return [
        _heading("checkpoint", "the newest"),
        *_field("size", plural(head.size, "event"), width),
        _hash("root", head.root.hex(), Mark("idle", ""), width),
        *_field("signed", date_and_clock(head.time), width),
        *_field("by", key.name, width),
        *_field("key", key.key_id.hex(), width),
    ]


def _step(step: "Step", places: int) -> Content:
    """Lay out one row of the path; left and right say on which side the hash stands."""
    text = f"{step.level:>5}  {'left' if step.is_left else 'right':<5}  {_place(step):>{places}}  "
    return Content.assemble(
        _INDENT, (text, "$muted"), grouped(step.hash.hex(), _PATH_GROUPS), _INDENT,
        (grouped(step.made.hex(), _PATH_GROUPS), "$muted"),
    )  # fmt: skip


def _place(step: "Step") -> str:
    return f"{step.first:,}" if step.first == step.last else f"{step.first:,}–{step.last:,}"


def _mark(matches: bool | None, what: str) -> Mark:
    if matches is None:
        return Mark("idle", f"not compared: {what} cannot be read")
    return Mark("good", f"fits {what}") if matches else Mark("bad", f"does not fit {what}")


def _heading(words: str, more: str = "") -> Content:
    return Content.assemble((words, "bold"), (f" · {more}" if more else "", "$muted"))


def _hash(name: str, digest: str, mark: Mark, width: int) -> Content:
    """Lay out a hash and what comparing it showed, cut where the width ends."""
    hashes = 5 * _GROUPS + 1
    glyph = f"{GLYPHS[mark.level]} " if mark.level != "idle" else ""
    room = max(0, width - len(_INDENT) * 2 - _LABEL - hashes - len(glyph))
    return Content.assemble(
        (f"{_INDENT}{name:<{_LABEL}}", "$muted"),
        f"{grouped(digest, _GROUPS):<{hashes}}{_INDENT}",
        (glyph, _COLOURS[mark.level]),
        (clean(mark.words, max(1, room)), _COLOURS[mark.level]),
    )


def _field(name: str, value: str, width: int) -> list[Content]:
    """Lay out a name and its value, which goes on under itself."""
    label = f"{clean(name, _LABEL - 1):<{_LABEL}}" if name else ""
    start, *rest = _wrapped(clean(value), width - len(_INDENT) - len(label))
    first = Content.assemble((_INDENT + label, "$muted"), start)
    return [first, *(Content(_INDENT + " " * len(label) + line) for line in rest)]


def _wrapped(text: str, width: int) -> list[str]:
    """Break at words, or, where characters are wide, at cells."""
    room = max(8, width)
    if cell_len(text) != len(text):
        return chop_cells(text, room)
    return textwrap.wrap(text, room, break_on_hyphens=False) or [""]
