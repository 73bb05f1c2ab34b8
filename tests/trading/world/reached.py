"""What the runs of the world have reached: denials, states, fates, branches."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cq_tui.trading import order_life, position_life


class Reached:
    """Counts of whatever was reached, by kind."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, ...]] = Counter()

    def add(self, kind: str, *what: object) -> None:
        """Count something."""
        self.counts[kind, *map(str, what)] += 1

    def of(self, kind: str) -> set[tuple[str, ...]]:
        """Return all that was reached of a kind."""
        return {known[1:] for known in self.counts if known[0] == kind}


class _Watched(dict[Any, Any]):
    """A row of a table that notes what is looked up in it."""

    def __init__(self, row: dict[Any, Any], reached: Reached, kind: str, state: object) -> None:
        super().__init__(row)
        self._reached, self._kind, self._state = reached, kind, state

    def __getitem__(self, key: Any) -> Any:
        self._reached.add(self._kind, self._state, key)
        return super().__getitem__(key)

    def get(self, key: Any, default: Any = None) -> Any:
        """Look up, and note it."""
        self._reached.add(self._kind, self._state, key)
        return super().get(key, default)


@contextmanager
def watching_tables(reached: Reached) -> Iterator[None]:
    """Note every look at the tables of order life and position life."""
    tables: tuple[tuple[str, dict[Any, Any]], ...] = (
        ("order", order_life.TABLE),
        ("position", position_life.TABLE),
    )
    kept = [(table, dict(table)) for _, table in tables]
    try:
        for kind, table in tables:
            for state, row in table.items():
                table[state] = _Watched(row, reached, kind, state)
        yield
    finally:
        for table, rows in kept:
            table.update(rows)
