"""The kline journals of symbols that strategies read beside their own, and that are not in SYMBOLS."""

from collections.abc import Collection, Iterator
from pathlib import Path

from cq_tui.contracts.layout import DataDir
from cq_tui.store.klines import KlineJournalReader, NewKlines

#: Symbol and interval.
Series = tuple[str, str]


class OtherJournals:
    """Follows them; what is in them is passed on to the plug-ins."""

    def __init__(self, data: DataDir) -> None:
        self._data = data
        self._readers: dict[Series, KlineJournalReader] = {}

    @property
    def paths(self) -> set[Path]:
        """The journals."""
        return {reader.path for reader in self._readers.values()}

    @property
    def problems(self) -> list[str]:
        """Why some cannot be read now."""
        return [reader.problem for reader in self._readers.values() if reader.problem]

    def follow(self, wanted: Collection[Series]) -> None:
        """Follow exactly these, new ones from their beginning."""
        if self._readers.keys() != set(wanted):
            known = self._readers
            self._readers = {each: known.get(each) or self._open(each) for each in sorted(wanted)}

    def _open(self, series: Series) -> KlineJournalReader:
        return KlineJournalReader(self._data.klines_of(*series))

    def read(self, changed: Collection[Path], now_ms: float) -> Iterator[tuple[Series, NewKlines]]:
        """Yield what is new in those of these files. ``now_ms``: the exchange's time."""
        for series, reader in self._readers.items():
            if reader.path in changed:
                yield series, reader.read_new(now_ms)
