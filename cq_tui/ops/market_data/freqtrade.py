"""Klines of freqtrade's data folder: .json and .json.gz, and .feather where pyarrow is installed.

https://www.freqtrade.io/en/stable/data-download: rows of time (ms), open, high, low, close and volume.
"""

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from cq_tui.lookback.columns import Floats
from cq_tui.lookback.kline_table import KlineTable, RejectedLine, times_of
from cq_tui.ops.market_data.errors import MarketDataError
from cq_tui.simulator.market.dump_rows import most_unpacked

_FIELDS = ("date", "open", "high", "low", "close", "volume")


def read_json(file: Path, symbol: str, named_interval_ms: int | None) -> KlineTable:
    """Read a .json or .json.gz file. Raises MarketDataError."""
    try:
        rows = orjson.loads(_content(file))
    except (OSError, EOFError, zlib.error, orjson.JSONDecodeError) as error:
        raise MarketDataError(f"{file}: cannot be read ({error}); download it again") from None
    if not isinstance(rows, list):
        raise MarketDataError(f"{file}: holds a {type(rows).__name__}, not a list of klines; download it again")
    problems = {number: problem for number, row in enumerate(rows, 1) if (problem := _problem(row))}
    numbers = [number for number in range(1, len(rows) + 1) if number not in problems]
    values = np.array([rows[number - 1] for number in numbers], np.float64).reshape(-1, len(_FIELDS))
    rejected = tuple(RejectedLine(number, problem) for number, problem in problems.items())
    return _table(file, symbol, named_interval_ms, numbers, values, rejected)


def _content(file: Path) -> bytes:
    if not file.name.endswith(".gz"):
        return file.read_bytes()
    most = most_unpacked(file)
    with gzip.open(file) as packed:
        content = packed.read(most + 1)
    if len(content) > most:
        raise OSError(f"it unpacks to more than {most >> 20} MiB: no klines do")
    return content


def _problem(row: Any) -> str:
    """Return why a row is no kline; empty if it is one."""
    if not isinstance(row, list) or len(row) != len(_FIELDS):
        return f"is not a list of {', '.join(_FIELDS)}"
    for name, value in zip(_FIELDS, row, strict=True):
        if type(value) not in (int, float):
            return f"column {name}: {value!r} is not a number"
    return ""


def read_feather(file: Path, symbol: str, named_interval_ms: int | None) -> KlineTable:
    """Read a .feather file. Raises MarketDataError, also where pyarrow is not installed."""
    try:
        from pyarrow import ArrowException, feather
    except ImportError:
        raise MarketDataError(
            f"{file}: reading .feather files needs pyarrow; run `pip install 'cq-tui[feather]'`"
        ) from None
    try:
        table = feather.read_table(str(file), columns=list(_FIELDS), memory_map=False)
        times = table["date"].cast("timestamp[ms]", safe=False).cast("int64").to_numpy()
        values = np.column_stack([times.astype(np.float64), *(table[name].to_numpy() for name in _FIELDS[1:])])
    except (OSError, ArrowException, KeyError, ValueError) as error:
        raise MarketDataError(f"{file}: cannot be read ({error}); download it again") from None
    return _table(file, symbol, named_interval_ms, list(range(1, len(values) + 1)), values.astype(np.float64), ())


def _table(
    file: Path,
    symbol: str,
    named_interval_ms: int | None,
    numbers: list[int],
    values: Floats,
    rejected: tuple[RejectedLine, ...],
) -> KlineTable:
    times, opened, high, low, close, volume = values.T
    return KlineTable(
        str(file),
        symbol,
        named_interval_ms,
        np.array(numbers, np.int64),
        times_of(times),
        opened,
        high,
        low,
        close,
        volume,
        rejected=rejected,
        unit="row",
    )
