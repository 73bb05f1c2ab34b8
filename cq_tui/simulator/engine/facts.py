"""Facts: what changed the exchange's state, one after the other; the ledger is made of them."""

from dataclasses import MISSING, dataclass, fields
from decimal import Decimal
from typing import Any, TypeVar

from cq_tui.simulator.engine.orders import Order, Trade


@dataclass(frozen=True, slots=True)
class Deposited:
    """The account received an asset from outside."""

    asset: str
    quantity: Decimal
    time: int


@dataclass(frozen=True, slots=True)
class Opened:
    """An order was accepted; ``order.locked`` of its asset went from free to locked."""

    order: Order


@dataclass(frozen=True, slots=True)
class Triggered:
    """A stop order's price was met: it works from now on, with this much locked."""

    symbol: str
    order_id: int
    time: int
    lock: Decimal


@dataclass(frozen=True, slots=True)
class Filled:
    """An order traded."""

    trade: Trade


@dataclass(frozen=True, slots=True)
class Closed:
    """An order ended without (further) fills; what it had locked is free again."""

    symbol: str
    order_id: int
    status: str
    reason: str
    time: int


@dataclass(frozen=True, slots=True)
class ListOpened:
    """An order list was accepted."""

    list_id: int
    client_id: str
    symbol: str
    order_ids: list[int]
    time: int


@dataclass(frozen=True, slots=True)
class ListDone:
    """No order of the list is open any more."""

    list_id: int
    time: int


Fact = Deposited | Opened | Triggered | Filled | Closed | ListOpened | ListDone
_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (Deposited, Opened, Triggered, Filled, Closed, ListOpened, ListDone)
}
T = TypeVar("T")


class FactError(ValueError):
    """A line of the ledger that is no fact: the message says what is wrong with it."""


def to_plain(record: Any) -> dict[str, object]:
    """Return a dataclass as JSON values; decimals become text, records inside it objects."""
    plain: dict[str, object] = {}
    for entry in fields(record):
        value = getattr(record, entry.name)
        if isinstance(value, Decimal):
            plain[entry.name] = str(value)
        elif isinstance(value, Order | Trade):
            plain[entry.name] = to_plain(value)
        else:
            plain[entry.name] = value
    return plain


def from_plain(kind: type[T], raw: dict[str, Any]) -> T:
    """Read what ``to_plain`` wrote. Raises FactError; fields that we do not know are ignored."""
    values: dict[str, Any] = {}
    try:
        for entry in fields(kind):  # type: ignore[arg-type]  # only dataclasses of this package come here
            if entry.name not in raw and entry.default is not MISSING:
                continue  # written before the field was there
            value = raw[entry.name]
            if entry.type is Decimal:
                value = Decimal(value)
            elif entry.type in (Order, Trade):
                value = from_plain(entry.type, value)
            values[entry.name] = value
        return kind(**values)
    except (KeyError, TypeError, ArithmeticError) as error:
        raise FactError(f"{kind.__name__}: {error!r}") from None


def fact_to_plain(fact: Fact) -> dict[str, object]:
    """Return a fact as JSON values with its kind."""
    return {"fact": type(fact).__name__, **to_plain(fact)}


def fact_from_plain(raw: dict[str, Any]) -> Fact:
    """Read what ``fact_to_plain`` wrote. Raises FactError."""
    kind = _KINDS.get(str(raw.get("fact")))
    if kind is None:
        raise FactError(f"unknown kind of fact {raw.get('fact')!r}")
    fact: Fact = from_plain(kind, raw)
    return fact
