"""What can be wrong with recorded klines: of each line, of their order, and of the series they make."""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cq_tui.contracts.market import INTERVAL_MS
from cq_tui.lookback.columns import Floats, KlineColumns
from cq_tui.lookback.kline_table import KlineTable
from cq_tui.simulator.market.bars import bucket_open
from cq_tui.strategies.bars import interval_label

Flags = NDArray[np.bool_]

#: A kline or price that differs by more from those around it stands out: 20 %, and 20 times their usual change.
_OUTLIER: Final = np.log(1.2)
_OUTLIER_DEVIATIONS: Final = 20.0
#: A median absolute deviation times this is a standard deviation of normal values.
_MAD_TO_SIGMA: Final = 1.4826
#: The smallest difference of two prices at the exchange.
_SMALLEST_TICK: Final = 1e-8
#: It is a coarse one where it exceeds this part of the price.
_COARSE: Final = 0.001
#: As many equal distances in a row are another interval, not holes.
_SAME_DISTANCE: Final = 4

#: What a finding of each kind means, and what to do.
REMEDIES: Final = {
    "unreadable": "Download the file again or remove the line",
    "time": "Download the file again or remove the line",
    "price": "Download the file again or remove the line",
    "interval": "Keep klines of one interval in one file",
    "mixed": "Keep klines of one interval in one file",
    "order": "Sort the file by time, or `cq-tui data import` it",
    "duplicate": "Remove the line, or `cq-tui data import` the file",
    "damaged": "Remove its folder and import or fetch the klines again",
    "contradiction": "Find out which of the two is right and remove the other",
    "one": "Get a longer recording",
    "hole": "`cq-tui data fetch` can fill it, unless the exchange was down",
    "volume": "Nothing fills in such a kline",
    "outlier": "Compare it with the exchange's own chart",
    "tick": "Trust no profit that is a few ticks",
}
#: Told, and no more. All others stop a run that reads the file directly; an import leaves out such lines, or sorts.
REMARKS: Final = frozenset({"one", "hole", "volume", "outlier", "tick"})


class Finding(NamedTuple):
    """Something of a recording that a user should know."""

    kind: str
    #: The file and line.
    place: str
    text: str
    #: Open time of the kline, Unix ms; None if the line has none.
    open_time: int | None = None
    #: How many lines or klines it is about.
    affected: int = 1

    @property
    def is_error(self) -> bool:
        """Whether the recording cannot be used as it is."""
        return self.kind not in REMARKS

    def __str__(self) -> str:
        return f"{self.place}: {self.text}. {REMEDIES[self.kind]}"


def interval_of(table: KlineTable) -> int | None:
    """Return the interval (ms) of a file: that of its name, or the most common distance; None if there is none."""
    if table.named_interval_ms is not None:
        return table.named_interval_ms
    if (
        table.close_time is not None
        and (lengths := (table.close_time - table.open_time + 1)[table.close_time >= 0]).size
    ):
        return _most_common(lengths)
    apart = np.diff(np.unique(table.open_time[table.open_time >= 0]))
    return _most_common(apart) if len(apart) else None


def _most_common(values: NDArray[Any]) -> int:
    found, counts = np.unique(values, return_counts=True)
    return int(found[np.argmax(counts)])


def check_lines(table: KlineTable, interval_ms: int) -> tuple[Flags, list[Finding]]:
    """Return which klines are sound by themselves, and what is wrong with the others."""
    findings = [Finding("unreadable", table.at_line(line), problem) for line, problem in table.rejected]
    sound = np.ones(len(table), np.bool_)
    for kind, bad, words in _line_rules(table, interval_ms):
        for row in np.flatnonzero(bad & sound).tolist():
            time = int(table.open_time[row])
            findings.append(Finding(kind, table.place(row), words(row), time if time >= 0 else None))
        sound &= ~bad
    return sound, findings


def _line_rules(table: KlineTable, interval_ms: int) -> Iterator[tuple[str, Flags, Callable[[int], str]]]:
    yield "time", table.open_time < 0, lambda _: "column open_time is no time in ms or µs"
    for name in ("open", "high", "low", "close"):
        values: Floats = getattr(table, name)
        yield "price", ~(np.isfinite(values) & (values > 0)), _out_of_range(name, values)
    bad_volume = ~(np.isfinite(table.volume) & (table.volume >= 0))
    yield "price", bad_volume, _out_of_range("volume", table.volume)
    highest, lowest = np.maximum(table.open, table.close), np.minimum(table.open, table.close)
    yield "price", table.high < highest, lambda row: f"column high: {table.high[row]:.10g} is below open or close"
    yield "price", table.low > lowest, lambda row: f"column low: {table.low[row]:.10g} is above open or close"
    label = interval_label(interval_ms)
    off_grid = bucket_open(table.open_time, label) != table.open_time
    yield "interval", off_grid, lambda row: f"opens at {table.open_time[row]}, where no kline of {label} opens"
    if (closed := table.close_time) is not None:
        length = closed - table.open_time + 1
        other = (closed >= 0) & (length != interval_ms) & np.isin(length, list(INTERVAL_MS.values()))
        yield "interval", other, lambda row: f"is a kline of {interval_label(int(length[row]))} among those of {label}"


def _out_of_range(name: str, values: Floats) -> Callable[[int], str]:
    return lambda row: f"column {name}: {values[row]:.10g} is out of range"


def check_order(table: KlineTable, sound: Flags) -> list[Finding]:
    """Return where the klines of one file do not follow each other in time."""
    rows = np.flatnonzero(sound)
    times = table.open_time[rows]
    apart = np.diff(times)
    if len(times) > 1 and (apart < 0).all():
        text = f"its {len(times):,} klines are in reversed order"
        return [Finding("order", table.place(int(rows[0])), text, int(times[0]), len(times))]
    back = rows[1:][apart < 0]
    text = "opens before the kline of the line above it"
    return [Finding("order", table.place(int(row)), text, int(table.open_time[row])) for row in back]


def check_series(columns: KlineColumns, place: Callable[[int], str], *, lengths_known: bool) -> list[Finding]:
    """Return what is noteworthy in klines in order; ``place`` says where a row stands.

    Unless their lengths are known, many equal distances are klines of another interval.
    """
    other = None if lengths_known else _other_interval(columns)
    findings = [
        *_holes(columns, place, other),
        *_quiet(columns, place),
        *_outliers(columns, place),
        *_coarse(columns, place),
    ]
    if len(columns) == 1:
        findings.append(Finding("one", place(0), "the only kline", int(columns.open_time[0])))
    return findings


def _holes(columns: KlineColumns, place: Callable[[int], str], other: tuple[int, int] | None) -> Iterator[Finding]:
    apart = np.diff(columns.open_time) // columns.interval_ms
    for row in np.flatnonzero(apart > 1):
        if other is not None and other[0] <= row < other[1]:
            continue
        missing, opened = int(apart[row]) - 1, int(columns.open_time[row])
        text = f"a hole of {missing:,} kline{'s' * (missing > 1)} before it"
        yield Finding("hole", place(int(row) + 1), text, opened + columns.interval_ms, missing)
    if other is not None:
        start, stop = other
        step = interval_label(int(apart[start]) * columns.interval_ms)
        text = f"{stop - start + 1:,} klines from here on are {step} apart among those of {columns.interval}"
        yield Finding("mixed", place(start), text, int(columns.open_time[start]), stop - start + 1)


def _other_interval(columns: KlineColumns) -> tuple[int, int] | None:
    """Return the longest run of equal distances above one interval, if it is no accident."""
    apart = np.diff(columns.open_time) // columns.interval_ms
    edges = np.flatnonzero(np.diff(apart)) + 1
    starts, stops = np.r_[0, edges], np.r_[edges, len(apart)]
    if not len(apart):
        return None
    runs = np.where(apart[starts] > 1, stops - starts, 0)
    longest = int(np.argmax(runs))
    return (int(starts[longest]), int(stops[longest])) if runs[longest] >= _SAME_DISTANCE else None


def _quiet(columns: KlineColumns, place: Callable[[int], str]) -> Iterator[Finding]:
    silent = np.asarray(columns.volume == 0)
    if not silent.any():
        return
    edges = np.flatnonzero(np.diff(np.r_[False, silent, False].astype(np.int8)))
    starts, stops = edges[::2], edges[1::2]
    longest = int(np.argmax(stops - starts))
    row, count = int(starts[longest]), int(silent.sum())
    text = f"{count:,} of {len(columns):,} klines have no volume; {stops[longest] - row:,} in a row from here on"
    yield Finding("volume", place(row), text, int(columns.open_time[row]), count)


def _outliers(columns: KlineColumns, place: Callable[[int], str]) -> Iterator[Finding]:
    if len(columns) < 3:
        return
    close = np.log(columns.close)
    limit = max(_OUTLIER, _OUTLIER_DEVIATIONS * _MAD_TO_SIGMA * float(np.median(np.abs(np.diff(close)))))
    usual = _median_around(close)
    worst: Floats = np.zeros(len(columns))
    for name in ("open", "high", "low", "close"):
        away = np.log(getattr(columns, name)) - usual
        worst = np.where(np.abs(away) > np.abs(worst), away, worst)
    for row in np.flatnonzero(np.abs(worst) > limit):
        text = f"its price is {np.exp(worst[row]):.4g} × that of the klines around it"
        yield Finding("outlier", place(int(row)), text, int(columns.open_time[row]))
    jump = np.r_[0.0, np.log(columns.open[1:]) - close[:-1]]
    jumps = (np.abs(jump) > limit) & (np.abs(worst) <= limit) & (np.abs(np.r_[0.0, worst[:-1]]) <= limit)
    for row in np.flatnonzero(jumps):
        text = f"the price jumps to {np.exp(jump[row]):.4g} × that of the kline before it, and stays there"
        yield Finding("outlier", place(int(row)), text, int(columns.open_time[row]))


def _median_around(values: Floats) -> Floats:
    """Return the median of five values around each; at the ends of those five that are nearest."""
    width = min(5, len(values))
    middle = np.median(np.lib.stride_tricks.sliding_window_view(values, width), axis=1)
    before = width // 2
    return np.asarray(np.r_[np.repeat(middle[0], before), middle, np.repeat(middle[-1], width - 1 - before)])


def _coarse(columns: KlineColumns, place: Callable[[int], str]) -> Iterator[Finding]:
    price = float(np.median(columns.close)) if len(columns) else 1.0
    if (share := _SMALLEST_TICK / price) > _COARSE:
        row = int(np.argmin(columns.low))
        text = f"prices down to {columns.low[row]:.10g}: the smallest tick, 1e-8, is {share:.2%} of the usual price"
        yield Finding("tick", place(row), text, int(columns.open_time[row]))
