"""One file of any kind: opened with care, read once, and judged."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from cq_tui.contracts.rules.chain import ChainOrder
from cq_tui.contracts.rules.finding import Finding, schema_findings, shown
from cq_tui.contracts.rules.json_text import parse_json_text
from cq_tui.ops.validate.documents import CheckedDocument, check_content, check_document, schema_check
from cq_tui.ops.validate.events import EventJudge, find_repeated
from cq_tui.ops.validate.lines import LINE_JUDGES, check_checkpoints
from cq_tui.ops.validate.reading import UnusableFile, open_file
from cq_tui.ops.validate.records import ArrayItems, Records, array_start, line_end, read_lines
from cq_tui.ops.validate.report import FileFindings
from cq_tui.store.document import MAX_DOCUMENT_BYTES
from cq_tui.store.history.hash_chain import is_spelled_as_block, verified_block_hash
from cq_tui.store.journal import MAX_LINE_BYTES, OVERLONG

#: Enough to see the first line of a document.
_HEAD = 64
#: Called with the number of further bytes that are checked.
Progress = Callable[[int], object]


def check_file(path: Path, found: FileFindings, progress: Progress, *, follow: bool = False, named: bool = True) -> Any:
    """Check a file of the kind that ``found`` names; return its document, None unless it fits its schema."""
    kind = found.kind or ""
    try:
        if kind == "event":
            _check_events(path, found, progress, follow=follow)
        elif kind == "hash_chain":
            _check_chain(path, found, progress, follow=follow)
        elif kind == "checkpoints":
            with open_file(path, follow=follow) as file:
                progress(os.fstat(file.fileno()).st_size)
            check_checkpoints(path.resolve() if follow else path, found)
        elif kind in LINE_JUDGES:
            _check_lines(path, found, progress, follow=follow)
        else:
            checked: CheckedDocument = check_document(path, kind, follow=follow, named=named)
            found.add(checked.findings)
            return checked.value
    except UnusableFile as error:
        found.add((error.finding,))
    except OSError as error:
        found.add((Finding("file.readable", f"cannot be read ({error.strerror})"),))
    return None


def _check_lines(path: Path, found: FileFindings, progress: Progress, *, follow: bool) -> None:
    judge = LINE_JUDGES[found.kind or ""](path)
    with open_file(path, follow=follow) as file:
        end, size = line_end(file)
        for records in read_lines(file, 0, end):
            found.add(_judge_lines(judge, records.lines, found.records + 1))
            found.records += len(records.lines)
            progress(records.size)
        found.add(_torn(end, size))


def _judge_lines(judge: Any, lines: list[bytes], first: int) -> Iterator[Finding]:
    if lines == [OVERLONG]:
        yield Finding("line.too_long", "is longer than 1 MiB", line=first)
    else:
        yield from judge(lines, first)


def _torn(end: int, size: int) -> Iterator[Finding]:
    if size - end > MAX_LINE_BYTES:
        yield Finding("line.too_long", f"ends with {size - end:,} bytes that are no line")
    elif size > end:
        yield Finding("line.torn", f"ends with {size - end:,} bytes that are no whole line")


def _check_events(path: Path, found: FileFindings, progress: Progress, *, follow: bool) -> None:
    with open_file(path, follow=follow) as file:
        start = array_start(file)
        if start is not None:
            _check_event_items(file, start, found, progress)
            return
        end, size = line_end(file)
        if size and (end == 0 or _is_one_document(file, size)):
            _check_single_event(path, found, follow=follow)
            return
        check_event_lines(file, end, found, progress)
        found.add(_torn(end, size))


def _is_one_document(file: BinaryIO, size: int) -> bool:
    """Whether the lines of a file are those of one document, written for people."""
    head = os.pread(file.fileno(), _HEAD, 0).partition(b"\n")[0].strip()
    return head == b"{" and size <= MAX_DOCUMENT_BYTES


def _check_single_event(path: Path, found: FileFindings, *, follow: bool) -> None:
    """Check a file that holds one event, or is no file of lines at all."""
    checked = check_document(path, "event", follow=follow, named=False)
    found.add(checked.findings)
    found.records += 1


def check_event_lines(file: BinaryIO, end: int, found: FileFindings, progress: Progress) -> None:
    """Check the events before a line end, and that no id is there twice."""
    judge = EventJudge(found)
    for records in read_lines(file, 0, end):
        judge.judge(records.lines)
        progress(records.size)
    if not judge.order.ids_grow:
        found.add(find_repeated(lambda: _ids(file, end), found.records))


def _ids(file: BinaryIO, end: int) -> Iterator[str | None]:
    """Yield the id of each line, None for one without."""
    for records in read_lines(file, 0, end):
        for line in records.lines:
            yield _id_of(line)


def _id_of(line: bytes) -> str | None:
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    found = event.get("event_id") if isinstance(event, dict) else None
    return found if isinstance(found, str) else None


def _check_event_items(file: BinaryIO, start: int, found: FileFindings, progress: Progress) -> None:
    judge, items = EventJudge(found), ArrayItems(file, start)
    for records in items:
        judge.judge(records.lines)
        progress(records.size)
    if items.problem is not None:
        found.add((items.problem,))
    elif items.rest.strip():
        found.add((Finding("json.syntax", "is no valid JSON: something follows the list"),))
    if not judge.order.ids_grow:
        found.add(find_repeated(lambda: _item_ids(file, start), found.records))


def _item_ids(file: BinaryIO, start: int) -> Iterator[str | None]:
    for records in ArrayItems(file, start):
        yield from map(_id_of, records.lines)


def _check_chain(path: Path, found: FileFindings, progress: Progress, *, follow: bool) -> None:
    """Check a hash chain by itself, block by block, without the events."""
    with open_file(path, follow=follow) as file:
        start = array_start(file, b"chain")
        if start is None:
            found.add(check_document(path, "hash_chain", follow=follow).findings)
            return
        order, check, items = ChainOrder(), schema_check("block"), ArrayItems(file, start)
        for records in items:
            found.add(_judge_blocks(records, order, check, found.records))
            found.records += len(records.lines)
            progress(records.size)
        head = os.pread(file.fileno(), start, 0)
    if items.problem is not None:
        found.add((items.problem,))
        return
    # What surrounds the blocks is a document without blocks.
    rest = check_content(head + b"]" + items.rest, "hash_chain")
    found.add(each for each in rest.findings if each.rule != "chain.length")
    if rest.value is not None:
        found.add(order.judge_length(rest.value))


def _judge_blocks(records: Records, order: ChainOrder, check: Any, before: int) -> Iterator[Finding]:
    for number, content in enumerate(records.lines, before):
        parsed = parse_json_text(content)
        yield from (each._replace(field=f"chain[{number}]", line=None) for each in parsed.findings)
        problems = check(parsed.value) if parsed.is_json else None
        yield from schema_findings(problems or (), ("chain", number))
        if parsed.is_json and not problems:
            yield from order.follow(parsed.value, number)
            # Other programs may hash their blocks in another way.
            if is_spelled_as_block(content) and verified_block_hash(content) is None:
                text = "is not the hash of the block"
                yield Finding("chain.hash", text, f"chain[{number}].hash", shown(parsed.value["hash"]))
