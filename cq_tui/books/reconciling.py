"""Comparing our trades with the exchange's own list: by trade id, or else by time, symbol, side, price and quantity."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from cq_tui.books.fills import BookedFill
from cq_tui.contracts.base import Side


@dataclass(frozen=True, slots=True)
class ExchangeTrade:
    """One trade as the exchange lists it; None for what its list does not have."""

    #: Unix milliseconds; a list may only tell whole seconds.
    ms: int
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal | None
    fee_asset: str | None
    trade_id: int | None
    order_id: int | None
    #: Line or item of the file, from 1.
    line: int


class DifferenceKind(StrEnum):
    """How the two lists differ in a trade."""

    MISSING_HERE = "missing here"
    MISSING_THERE = "missing there"
    OTHER = "differs"


@dataclass(frozen=True, slots=True)
class Difference:
    """One trade in which the two lists differ."""

    kind: DifferenceKind
    ours: BookedFill | None
    theirs: ExchangeTrade | None
    #: By field: ours and theirs.
    fields: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of it."""

    matched: int
    differences: list[Difference]


def compare(ours: Sequence[BookedFill], theirs: Sequence[ExchangeTrade]) -> Comparison:
    """Compare two lists of the same period; each trade is matched at most once."""
    pairs, ours_left, theirs_left = _by_id(ours, theirs)
    for mine, other in ((_exact, _exact), (_rounded, _exact), (_loose, _loose)):
        named = [(mine(one), one) for one in ours_left]
        more, ours_left, theirs_left = _by_key(named, [(other(one), one) for one in theirs_left])
        pairs += more
    found = [(one, theirs_of, _fields(one, theirs_of)) for one, theirs_of in pairs]
    kinds = DifferenceKind
    differences = [Difference(kinds.OTHER, one, theirs_of, fields) for one, theirs_of, fields in found if fields]
    differences += [Difference(kinds.MISSING_THERE, one, None) for one in ours_left]
    differences += [Difference(kinds.MISSING_HERE, None, one) for one in theirs_left]
    return Comparison(sum(not fields for _, _, fields in found), sorted(differences, key=_time))


Pairs = list[tuple[BookedFill, ExchangeTrade]]
Left = tuple[Pairs, list[BookedFill], list[ExchangeTrade]]


def _by_id(ours: Iterable[BookedFill], theirs: Iterable[ExchangeTrade]) -> Left:
    """Pair by symbol and trade id; of theirs, those without an id are left."""
    named = [((one.symbol, one.trade_id), one) for one in theirs]
    return _by_key([((one.symbol, one.trade_id), one) for one in ours], named)


def _by_key(ours: Iterable[tuple[Any, BookedFill]], theirs: Iterable[tuple[Any, ExchangeTrade]]) -> Left:
    waiting: defaultdict[Any, list[ExchangeTrade]] = defaultdict(list)
    for key, other in theirs:
        waiting[key].append(other)
    pairs, left = [], []
    for key, mine in ours:
        if found := waiting.get(key):
            pairs.append((mine, found.pop(0)))
        else:
            left.append(mine)
    return pairs, left, [other for others in waiting.values() for other in others]


# A list in whole seconds cuts off the rest of the time, or rounds it.
def _exact(one: BookedFill | ExchangeTrade) -> tuple[object, ...]:
    return one.ms // 1000, one.symbol, one.side, one.price, one.quantity


def _rounded(one: BookedFill) -> tuple[object, ...]:
    return (one.ms + 500) // 1000, one.symbol, one.side, one.price, one.quantity


def _loose(one: BookedFill | ExchangeTrade) -> tuple[object, ...]:
    return one.ms // 1000, one.symbol, one.side


def _fields(ours: BookedFill, theirs: ExchangeTrade) -> dict[str, tuple[str, str]]:
    """Return the fields that differ; what their list does not have is not compared."""
    pairs: dict[str, tuple[object, object]] = {
        "side": (ours.side, theirs.side),
        "time": (ours.ms, theirs.ms if abs(ours.ms - theirs.ms) >= 1000 else None),
        "price": (ours.price, theirs.price),
        "quantity": (ours.quantity, theirs.quantity),
        "fee": (ours.commission, theirs.fee),
        "fee asset": (ours.commission_asset, theirs.fee_asset if ours.commission else None),
        "order id": (ours.order_id, theirs.order_id),
    }
    return {name: (_text(a), _text(b)) for name, (a, b) in pairs.items() if b is not None and a != b}


def _text(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _time(one: Difference) -> tuple[int, str]:
    known = one.ours or one.theirs
    return (0, "") if known is None else (known.ms, known.symbol)
