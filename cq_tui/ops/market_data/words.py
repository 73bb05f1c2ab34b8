"""Recorded klines in words, and for programs."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from cq_tui.lookback.column_checks import REMEDIES, Finding
from cq_tui.ops.formatting import format_size, pluralize
from cq_tui.ops.market_data.checking import Checked
from cq_tui.ops.market_data.errors import MarketDataError
from cq_tui.ops.market_data.listing import Listed
from cq_tui.ops.market_data.writing import Added

#: Findings of one kind that are told one by one.
_MOST: Final = 10


def list_lines(listed: Sequence[Listed | MarketDataError]) -> list[str]:
    """Return the lines of ``data list``."""
    rows = [each if isinstance(each, MarketDataError) else _row(each) for each in listed]
    table = [row for row in rows if not isinstance(row, MarketDataError)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        f"! {row}" if isinstance(row, MarketDataError) else "  ".join(map(str.ljust, row, widths)).rstrip()
        for row in rows
    ]


def _row(each: Listed) -> tuple[str, ...]:
    missing = f"{each.missing:,} missing" if each.missing else "no holes"
    where = each.kept_as if each.venue is None else f"{each.kept_as}, from {each.venue}"
    return (
        each.symbol,
        each.interval,
        pluralize(each.klines, "kline"),
        f"{_time(each.first)} to {_time(each.last)} UTC",
        missing,
        format_size(each.bytes),
        where,
    )


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def check_lines(checked: Checked | MarketDataError) -> Iterator[str]:
    """Yield the lines of one symbol of ``data check``."""
    if isinstance(checked, MarketDataError):
        yield f"! {checked}"
        return
    of = f"{checked.symbol} {checked.interval}: {pluralize(checked.klines, 'kline')}"
    if checked.first is not None and checked.last is not None:
        of += f", {_time(checked.first)} to {_time(checked.last)} UTC"
    yield of if checked.findings else f"{of}; nothing is wrong with them"
    yield from finding_lines(checked.findings)


def finding_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield a line for each finding, errors first, and one for how many more there are of a kind."""
    told = Counter[str]()
    for finding in sorted(findings, key=lambda finding: not finding.is_error):
        told[finding.kind] += 1
        if told[finding.kind] <= _MOST:
            at = "" if finding.open_time is None else f" ({_time(finding.open_time)})"
            mark = "!" if finding.is_error else "·"
            yield f"  {mark} {finding.place}{at}: {finding.text}. {REMEDIES[finding.kind]}."
    for kind, count in told.items():
        if count > _MOST:
            yield f"  and {pluralize(count - _MOST, 'more finding')} of this kind: {kind}"


def added_lines(added: Added | MarketDataError, verb: str) -> Iterator[str]:
    """Yield the lines of one symbol of ``data import`` or ``data fetch``."""
    if isinstance(added, MarketDataError):
        yield f"! {added}"
        return
    parts = [f"{added.added:,} {verb}"]
    parts += [f"{added.repeated:,} were there already"] if added.repeated else []
    parts += [f"{added.replaced:,} replaced"] if added.replaced else []
    parts += [f"{pluralize(added.left_out, 'line')} left out"] if added.left_out else []
    yield f"{added.symbol} {added.interval}: {pluralize(added.kept, 'kline')} kept; {', '.join(parts)}"
    yield from finding_lines(added.findings)


def to_json(result: Listed | Checked | Added | MarketDataError) -> dict[str, Any]:
    """Return a result for programs; what could not be read has only an ``error``."""
    if isinstance(result, MarketDataError):
        return {"error": str(result)}
    plain = asdict(result)
    if "findings" in plain and not isinstance(result, Listed):
        plain["findings"] = [_finding(finding) for finding in result.findings]
    return plain


def _finding(finding: Finding) -> dict[str, Any]:
    return {**finding._asdict(), "is_error": finding.is_error, "remedy": REMEDIES[finding.kind]}
