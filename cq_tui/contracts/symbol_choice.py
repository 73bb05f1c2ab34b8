"""Entries of ``SYMBOLS`` that stand for the symbols with the most volume, such as ``top:50:USDT``. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

_PREFIX = "top:"
#: A symbol stays until its rank is worse than the size by this share: two of almost one volume do not take turns.
_MARGIN = 0.2


class TopEntry(NamedTuple):
    """The ``size`` symbols priced in ``quote`` with the most quote volume in 24 hours."""

    size: int
    quote: str

    @property
    def kept_rank(self) -> int:
        """The worst rank, from 1, with which a chosen symbol stays."""
        return self.size + max(1, round(self.size * _MARGIN))


def top_entry(entry: str) -> TopEntry | None:
    """Return what an entry asks for; None for the name of a symbol."""
    if not entry.startswith(_PREFIX):
        return None
    _, size, quote = entry.split(":")
    return TopEntry(int(size), quote)


def expand_symbols(entries: Iterable[str], chosen: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the names of all entries, each once, with what is chosen in place of those that stand for several.

    A new entry stands for what others chose with its quote asset, until something is chosen for it: when 50 become 60,
    nothing is interrupted.
    """
    return list(dict.fromkeys(name for entry in entries for name in _names_of(entry, chosen)))


def _names_of(entry: str, chosen: Mapping[str, Sequence[str]]) -> Sequence[str]:
    asked = top_entry(entry)
    if asked is None:
        return (entry,)
    if entry in chosen:
        return chosen[entry]
    others = [names for each, names in chosen.items() if (other := top_entry(each)) and other.quote == asked.quote]
    return [name for names in others for name in names]


def choose_top(entry: TopEntry, ranked: Sequence[str], before: Sequence[str]) -> list[str]:
    """Return the symbols of an entry, the most traded first.

    ``ranked`` are all that may be chosen, the most traded first. Of those chosen ``before``, who still is near the top
    stays.
    """
    near = ranked[: entry.kept_rank]
    kept = [symbol for symbol in near if symbol in set(before)][: entry.size]
    added = [symbol for symbol in near if symbol not in kept][: entry.size - len(kept)]
    taken = {*kept, *added}
    return [symbol for symbol in near if symbol in taken]
