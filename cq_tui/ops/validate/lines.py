"""Files of lines other than the history: spools, kline journals, the simulated exchange's ledger, checkpoints."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import orjson

from cq_tui.contracts.market import INTERVAL_MS, Kline, KlineLineError, kline_from_line
from cq_tui.contracts.rules.finding import Finding, schema_findings, shown
from cq_tui.contracts.rules.json_text import parse_json_text
from cq_tui.ops.validate.documents import payload_checks, schema_check
from cq_tui.ops.validate.report import FileFindings
from cq_tui.store.checkpoints.checkpoint_log import Statement, read_checkpoint_log
from cq_tui.store.journal import JournalError
from cq_tui.store.spools.spool_files import parse_spool_name
from cq_tui.store.spools.spooled_line import InvalidSpooledLine, LineChecker

#: Called with the next lines of a file and the number of the first.
LineJudge = Callable[[Sequence[bytes], int], Iterator[Finding]]
#: Fields by which the lines of a ledger are told apart.
_LEDGER_FIELDS: Final = ("account", "facts", "snapshot", "market")


def spool_judge(path: Path) -> LineJudge:
    """Return what judges the lines of a spool."""
    named = parse_spool_name(path)
    checker = LineChecker("?" if named is None else named.writer)
    payloads = payload_checks()

    def judge(lines: Sequence[bytes], first: int) -> Iterator[Finding]:
        for number, line in enumerate(lines, first):
            try:
                # A part of a spool may begin anywhere, and what was merged before is not known here.
                event = checker.check(line, checker.seq)
            except InvalidSpooledLine as error:
                yield Finding("spool.line", str(error), line=number)
                continue
            problems = payloads[event.event_type](event.data) if event.event_type in payloads else None
            for found in schema_findings(problems or (), ("data",)):
                yield found._replace(line=number)

    return judge


def kline_judge(path: Path) -> LineJudge:
    """Return what judges the lines of a kline journal; its interval is in its name."""
    step = INTERVAL_MS.get(path.stem.rpartition("-")[2])
    last: list[Kline] = []
    check = schema_check("kline")

    def judge(lines: Sequence[bytes], first: int) -> Iterator[Finding]:
        for number, line in enumerate(lines, first):
            try:
                kline = kline_from_line(line)
            except (KlineLineError, AttributeError) as error:
                yield Finding("kline.line", f"is no kline: {error}", line=number)
                continue
            for found in schema_findings(check(kline._asdict()) or ()):
                yield found._replace(rule="kline.line", line=number)
            yield from _judge_kline(kline, last[0] if last else None, step, number)
            last[:] = [kline]

    return judge


def _judge_kline(kline: Kline, last: Kline | None, step: int | None, number: int) -> Iterator[Finding]:
    # Weeks begin on Mondays, Unix time on a Thursday, and three days are counted by the exchange.
    is_aligned = step is None or step > INTERVAL_MS["1d"] or kline.open_time % step == 0
    if not is_aligned:
        yield Finding("kline.aligned", "is no multiple of the interval", "open_time", shown(kline.open_time), number)
    if step is not None and kline.close_time != kline.open_time + step - 1:
        yield Finding("kline.aligned", "is not the end of the interval", "close_time", shown(kline.close_time), number)
    if last is not None and kline.open_time <= last.open_time:
        yield Finding("kline.order", "is not after the kline before", "open_time", shown(kline.open_time), number)


def ledger_judge(_: Path) -> LineJudge:
    """Return what judges the lines of a ledger. Its account holds a key: no value is shown."""
    from cq_tui.simulator.engine.ledger_codec import LedgerFormatError, decode_event

    check = schema_check("ledger_line")

    def judge(lines: Sequence[bytes], first: int) -> Iterator[Finding]:
        for number, line in enumerate(lines, first):
            try:
                raw = orjson.loads(line)
                if not isinstance(raw, dict) or not any(field in raw for field in _LEDGER_FIELDS):
                    yield Finding("ledger.line", "has neither facts, snapshot, market nor account", line=number)
                    continue
                for found in schema_findings(check(raw) or ()):
                    yield found._replace(rule="ledger.line", value=None, line=number)
                for event in raw.get("facts", ()):
                    decode_event(event)
            except orjson.JSONDecodeError as error:
                yield Finding("ledger.line", f"is no valid JSON ({error})", line=number)
            except (LedgerFormatError, ValueError, KeyError, TypeError, AttributeError) as error:
                yield Finding("ledger.line", f"is no command of the exchange ({type(error).__name__})", line=number)

    return judge


def log_judge(_: Path) -> LineJudge:
    """Return what judges the lines of a log: all of it warnings, since a process that dies may leave anything there."""
    check = schema_check("log_line")

    def judge(lines: Sequence[bytes], first: int) -> Iterator[Finding]:
        for number, line in enumerate(lines, first):
            parsed = parse_json_text(line)
            for found in parsed.findings or tuple(schema_findings(check(parsed.value) or ())):
                yield Finding("log.line", found.text, found.field, line=number)

    return judge


def _schema_judge(kind: str, rule: str) -> Callable[[Path], LineJudge]:
    """Return what makes a judge of lines that only have to be of their kind."""

    def make_judge(_: Path) -> LineJudge:
        check = schema_check(kind)

        def judge(lines: Sequence[bytes], first: int) -> Iterator[Finding]:
            for number, line in enumerate(lines, first):
                parsed = parse_json_text(line)
                for found in parsed.findings or tuple(schema_findings(check(parsed.value) or ())):
                    yield found._replace(rule=rule, line=number)

        return judge

    return make_judge


LINE_JUDGES: Final[dict[str, Callable[[Path], LineJudge]]] = {
    "spooled_event": spool_judge,
    "kline": kline_judge,
    "ledger_line": ledger_judge,
    "log_line": log_judge,
    "taken_signal": _schema_judge("taken_signal", "signal.line"),
    "trader_input": _schema_judge("trader_input", "input.line"),
}


def check_checkpoints(path: Path, found: FileFindings) -> None:
    """Check the log of checkpoints: signatures, and that neither time nor size goes back."""
    try:
        reading = read_checkpoint_log(path)
    except JournalError as error:
        found.add((Finding("file.readable", str(error).partition(": ")[2] or str(error)),))
        return
    found.add(Finding("checkpoint.damaged", problem) for problem in reading.problems)
    if reading.torn_bytes:
        found.add((Finding("line.torn", f"ends with {reading.torn_bytes:,} bytes of an incomplete note"),))
    last: Statement | None = None
    found.records += len(reading.entries)
    for number, entry in enumerate(reading.entries, 1):
        if not isinstance(entry, Statement):
            continue
        found.add(_judge_checkpoint(entry, last, number))
        last = entry


def _judge_checkpoint(entry: Statement, last: Statement | None, number: int) -> Iterator[Finding]:
    if last is None or last.key != entry.key:
        return
    one, other = last.checkpoint, entry.checkpoint
    if other.time < one.time:
        yield Finding("checkpoint.time_back", f"entry {number} is before entry {number - 1}", "time", shown(other.time))
    if other.size < one.size:
        yield Finding("checkpoint.size_back", f"entry {number} covers less than before", "size", shown(other.size))
