"""``data list``: which klines a data directory has for looking back."""

from collections.abc import Iterator
from dataclasses import dataclass

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.market_data.column_folder import read_summary
from cq_tui.ops.market_data.errors import MarketDataError
from cq_tui.ops.market_data.files import COLUMNS, KlineFile, find_files
from cq_tui.ops.market_data.reading import columns_of


@dataclass(frozen=True, slots=True)
class Listed:
    """Klines of one symbol and interval."""

    symbol: str
    interval: str
    klines: int
    #: Open times of the first and the last, Unix ms.
    first: int
    last: int
    #: Klines that are missing between them.
    missing: int
    #: ``columns``, or ``journal`` for what the feeder keeps of its last days.
    kept_as: str
    #: Where some were fetched from; None if all were imported.
    venue: str | None
    bytes: int


def list_klines(data: DataDir) -> Iterator[Listed | MarketDataError]:
    """Yield what there is, by symbol; what cannot be read as an error."""
    try:
        files = find_files(data.root)
    except MarketDataError:
        return
    for file in sorted(files, key=lambda file: (file.symbol, file.interval_ms or 0)):
        try:
            yield _listed(file)
        except MarketDataError as error:
            yield error


def _listed(file: KlineFile) -> Listed:
    columns = columns_of([file])
    is_kept = file.format == COLUMNS
    summary = read_summary(file.path) if is_kept else None
    paths = file.path.rglob("*") if is_kept else iter([file.path])
    return Listed(
        file.symbol,
        columns.interval,
        len(columns),
        int(columns.open_time[0]),
        int(columns.open_time[-1]),
        sum(hole.missing for hole in columns.holes()),
        file.format,
        summary.venue if summary else None,
        sum(path.stat().st_size for path in paths if path.is_file()),
    )
