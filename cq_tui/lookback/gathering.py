"""Files of one symbol made into columns: what is sound is sorted and kept once, and what is left out is told."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cq_tui.lookback.column_checks import Finding, Flags, check_lines, check_order, check_series
from cq_tui.lookback.columns import NO_TRADES_RECORDED, PRICES, Floats, Integers, KlineColumns, was_recorded
from cq_tui.lookback.kline_table import KlineTable


@dataclass(frozen=True, slots=True)
class Gathered:
    """The columns of some files, and what was found in these."""

    #: None if no kline is sound.
    columns: KlineColumns | None
    findings: list[Finding]
    #: Lines that are not in the columns.
    left_out: int
    #: Klines that more than one file has, equal to the letter.
    repeated: int
    #: Says where a row of the columns stands.
    place: Callable[[int], str]

    @property
    def errors(self) -> list[Finding]:
        """The findings because of which the files cannot be used as they are."""
        return [finding for finding in self.findings if finding.is_error]


def gather(tables: Sequence[KlineTable], interval_ms: int) -> Gathered:
    """Make columns of tables of one symbol. Of two klines of the same time the first is kept."""
    findings, sound, left_out = list[Finding](), list[Flags](), 0
    for table in tables:
        is_sound, found = check_lines(table, interval_ms)
        findings += [*found, *check_order(table, is_sound)]
        left_out += len(found)
        sound.append(is_sound)
    merged = _Merged(tables, sound)
    again = list(merged.repeated())
    findings += (told := [finding for finding in again if finding is not None])
    columns = merged.columns(interval_ms)
    if columns is not None:
        lengths_known = all(table.close_time is not None for table in tables)
        findings += check_series(columns, merged.place, lengths_known=lengths_known)
    return Gathered(columns, findings, left_out + len(told), len(again) - len(told), merged.place)


class _Merged:
    """The sound klines of some tables, by time and then by table."""

    def __init__(self, tables: Sequence[KlineTable], sound: Sequence[Flags]) -> None:
        self._tables = tables
        self._sound = sound
        times = self._joined("open_time")
        self._order = np.argsort(times, kind="stable")
        self._again = np.r_[False, np.diff(times[self._order]) == 0][: len(times)]
        self._kept = self._order[~self._again]
        self._table = np.concatenate([np.full(int(flags.sum()), at) for at, flags in enumerate(sound)])
        self._row = np.concatenate([np.flatnonzero(flags) for flags in sound])

    def _joined(self, name: str, absent: float = 0) -> Floats | Integers:
        """Return a column of all sound klines in the tables' order; ``absent`` for tables that lack it."""
        parts = []
        for table, flags in zip(self._tables, self._sound, strict=True):
            column = getattr(table, name)
            parts.append(np.full(int(flags.sum()), absent) if column is None else column[flags])
        return np.concatenate(parts)

    def place(self, row: int) -> str:
        """Return where a row of the columns stands."""
        return self._place(int(self._kept[row]))

    def _place(self, at: int) -> str:
        return self._tables[int(self._table[at])].place(int(self._row[at]))

    def repeated(self) -> Iterator[Finding | None]:
        """Yield what is wrong with each kline whose time an earlier one has; None if both files have it alike."""
        rows = np.flatnonzero(self._again)
        if not len(rows):
            return
        first = np.maximum.accumulate(np.where(self._again, 0, np.arange(len(self._again))))[rows]
        later, earlier = self._order[rows], self._order[first]
        values = {name: self._joined(name) for name in PRICES}
        differs = {name: column[later] != column[earlier] for name, column in values.items()}
        times = self._joined("open_time")[later].tolist()
        for at, (one, other, time) in enumerate(zip(later.tolist(), earlier.tolist(), times, strict=True)):
            name = next((name for name in PRICES if differs[name][at]), None)
            if name is not None:
                text = (
                    f"{name} {values[name][one]:.10g} contradicts {values[name][other]:.10g} of the same time in "
                    f"{self._place(other)}"
                )
                yield Finding("contradiction", self._place(one), text, time)
            elif self._table[one] == self._table[other]:
                yield Finding("duplicate", self._place(one), f"the same kline as in {self._place(other)}", time)
            else:
                yield None

    def columns(self, interval_ms: int) -> KlineColumns | None:
        """Return the klines that are kept, in order; None if there are none."""
        if not len(self._kept):
            return None
        opened, high, low, close, volume = (self._joined(name)[self._kept] for name in PRICES)
        quote = self._joined("quote_volume", np.nan)[self._kept]
        trades = self._joined("trades", NO_TRADES_RECORDED)[self._kept].astype(np.int64)
        return KlineColumns(
            self._tables[0].symbol,
            interval_ms,
            self._joined("open_time")[self._kept].astype(np.int64),
            opened,
            high,
            low,
            close,
            volume,
            quote if was_recorded(quote).any() else None,
            trades if was_recorded(trades).any() else None,
        )
