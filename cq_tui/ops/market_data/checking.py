"""``data check``: what is wrong with files of klines, or with the columns of a data directory."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cq_tui.lookback.column_checks import Finding
from cq_tui.lookback.gathering import Gathered, gather
from cq_tui.lookback.kline_table import KlineTable
from cq_tui.ops.market_data.column_folder import read_summary
from cq_tui.ops.market_data.errors import MarketDataError
from cq_tui.ops.market_data.files import COLUMNS, KlineFile
from cq_tui.ops.market_data.reading import choose_files, interval_ms_of, interval_of_all, kept_columns, read_file
from cq_tui.strategies.bars import interval_label


@dataclass(frozen=True, slots=True)
class Checked:
    """The klines of one symbol and interval, and what is noteworthy about them."""

    symbol: str
    interval: str
    klines: int
    #: Open times of the first and the last, Unix ms; None without klines.
    first: int | None
    last: int | None
    findings: tuple[Finding, ...]

    @property
    def has_errors(self) -> bool:
        """Whether they cannot be used as they are."""
        return any(finding.is_error for finding in self.findings)


def check_klines(
    source: Path, symbols: Collection[str] | None = None, interval: str | None = None
) -> Iterator[Checked | MarketDataError]:
    """Check files, or columns that are kept, by symbol and interval; what cannot be read is yielded as an error.

    Raises MarketDataError if there is nothing to check.
    """
    interval_ms = None if interval is None else interval_ms_of(interval)
    for symbol, files in sorted(choose_files(source, symbols, interval_ms).items()):
        by_interval = defaultdict[int, list[KlineTable]](list)
        damaged = list[Finding]()
        for file in files:
            try:
                table = read_file(file)
                found = interval_of_all([table])
            except MarketDataError as error:
                yield error
                continue
            damaged += _damage(file)
            if interval_ms in (None, found):
                by_interval[found].append(table)
        for found, tables in sorted(by_interval.items()):
            gathered = gather(tables, found)
            yield _checked(symbol, found, gathered, damaged)


def _checked(symbol: str, interval_ms: int, gathered: Gathered, damaged: Sequence[Finding]) -> Checked:
    columns, findings = gathered.columns, (*damaged, *gathered.findings)
    if columns is None:
        return Checked(symbol, interval_label(interval_ms), 0, None, None, findings)
    first, last = int(columns.open_time[0]), int(columns.open_time[-1])
    return Checked(symbol, columns.interval, len(columns), first, last, findings)


def _damage(file: KlineFile) -> list[Finding]:
    """Return whether the content of kept columns is what was written."""
    if file.format != COLUMNS or (summary := read_summary(file.path)) is None:
        return []
    found = kept_columns(file.path, file.symbol).digest()
    if found == summary.sha256:
        return []
    return [Finding("damaged", str(file.path), f"its content has SHA-256 {found[:16]}…, not {summary.sha256[:16]}…")]
