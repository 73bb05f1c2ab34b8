"""Facts as events of the history, and back: exact, with the contract's numbers beside the exact text.

An event of another program, of the first version, or of a later one is no fact: ``from_event`` returns None.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from cq_tui.contracts.base import Side
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.order import OrderRecord, TradeFill
from cq_tui.trading.core.plain import NotPlain, decimal_text, from_plain, read_decimal, to_plain
from cq_tui.trading.core.plan import Plan
from cq_tui.trading.order_life import OrderStatus

Data = dict[str, Any]


class EventBody(NamedTuple):
    """Type and payload of an event."""

    event_type: str
    data: Data


#: Facts whose event has their own fields, and nothing else.
_PLAIN: Final[dict[type[f.Fact], str]] = {
    f.EntryWaits: "entry_waits",
    f.ExitWanted: "exit_requested",
    f.PartExitWanted: "part_exit_requested",
    f.PartExitEnded: "part_exit_ended",
    f.StopMoved: "stop_moved",
    f.PositionMoved: "position_changed",
    f.PositionAdopted: "position_adopted",
    f.DoubtRaised: "doubt_raised",
    f.DoubtEnded: "doubt_ended",
    f.HoldingAccepted: "holding_accepted",
    f.SymbolFailed: "symbol_failed",
    f.QuarantineBegan: "symbol_quarantined",
    f.QuarantineEnded: "symbol_released",
    f.SymbolLocked: "symbol_locked",
    f.SymbolUnlocked: "symbol_unlocked",
    f.ForeignSalePlanned: "foreign_sale_planned",
    f.AccountOpened: "account_opened",
    f.FundsMoved: "funds_moved",
    f.EquityMarked: "equity_marked",
    f.LossLimitReached: "loss_limit_reached",
    f.LossLimitEnded: "loss_limit_ended",
    f.CommissionValued: "commission_valued",
}
_PLAIN_FACTS: Final = {event_type: fact for fact, event_type in _PLAIN.items()}
_SEEN_TYPES: Final = {
    OrderStatus.UNKNOWN: "order_unknown",
    OrderStatus.CANCELED: "order_canceled",
    OrderStatus.EXPIRED: "order_canceled",
    OrderStatus.REJECTED: "order_rejected",
}


def to_event(fact: f.Fact, orders: Mapping[str, OrderRecord]) -> EventBody:
    """Return the event of a fact. ``orders``: those of the book, by client order id; the event names their symbol."""
    if (event_type := _PLAIN.get(type(fact))) is not None:
        return EventBody(event_type, to_plain(fact))
    match fact:
        case f.OrderIntended():
            return EventBody("order_submitted", _intended(fact))
        case f.OrderSent():
            return EventBody("order_sent", _about(orders[fact.client_order_id]) | {"ms": fact.ms})
        case f.OrderSeen():
            body = _seen(fact, orders[fact.client_order_id])
            return EventBody(_SEEN_TYPES.get(fact.status, "order_accepted"), body)
        case f.OrderFilled():
            return EventBody("order_executed", _filled(fact, orders[fact.client_order_id]))
        case f.SignalDenied():
            return EventBody("order_rejected", to_plain(fact) | {"refused_by": "guardrail"})
    raise TypeError(f"{type(fact).__name__} has no event")


def from_event(event_type: str, data: Mapping[str, Any]) -> f.Fact | None:
    """Return the fact that an event tells, or None if it tells none."""
    try:
        if (kind := _PLAIN_FACTS.get(event_type)) is not None:
            return from_plain(kind, data)
        read = _READERS.get(event_type)
        return None if read is None else read(data)
    except (NotPlain, KeyError, TypeError, ValueError, AttributeError):
        return None


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else decimal_text(value)


def _without_none(**fields: Any) -> Data:
    return {name: value for name, value in fields.items() if value is not None}


def _about(order: OrderRecord) -> Data:
    """Return the fields that name an order in each of its events."""
    return {
        "symbol": order.symbol,
        "side": order.side,
        "client_order_id": order.client_order_id,
        "leg": order.leg.value,
        "signal_key": order.signal_key,
    }


def _intended(fact: f.OrderIntended) -> Data:
    order = fact.order
    return _about(order) | _without_none(
        order_type=order.order_type,
        size=_number(order.quantity),
        price=_number(order.price),
        stop_price=_number(order.stop_price),
        size_text=_text(order.quantity),
        price_text=_text(order.price),
        stop_price_text=_text(order.stop_price),
        list_client_order_id=order.list_client_order_id,
        base_asset=fact.base_asset,
        quote_asset=fact.quote_asset,
        ms=order.intended_ms,
        plan=None if fact.plan is None else to_plain(fact.plan),
    )


# The facts of orders are most of a history: they are read directly, the others by their types.


def _read_intended(data: Mapping[str, Any]) -> f.OrderIntended:
    plan = data.get("plan")
    order = OrderRecord(
        client_order_id=_string(data["client_order_id"]),
        symbol=_string(data["symbol"]),
        side=_side(data["side"]),
        order_type=_string(data["order_type"]),
        leg=Leg(data["leg"]),
        signal_key=_string(data["signal_key"]),
        quantity=read_decimal(data["size_text"]),
        intended_ms=_whole(data["ms"]),
        price=_decimal(data.get("price_text")),
        stop_price=_decimal(data.get("stop_price_text")),
        list_client_order_id=_optional(data.get("list_client_order_id")),
    )
    base, quote = _string(data["base_asset"]), _string(data["quote_asset"])
    return f.OrderIntended(order, base, quote, None if plan is None else from_plain(Plan, plan))


def _read_sent(data: Mapping[str, Any]) -> f.OrderSent:
    return f.OrderSent(_string(data["client_order_id"]), _whole(data["ms"]))


def _seen(fact: f.OrderSeen, order: OrderRecord) -> Data:
    plain = to_plain(fact)
    is_rejected = fact.status.is_rejected
    return _about(order) | _without_none(
        status=fact.status.value.upper(),
        ms=fact.ms,
        order_id=None if fact.order_id is None else str(fact.order_id),
        executed_text=plain["executed"],
        size_text=plain.get("quantity"),
        reason=fact.reason if fact.reason or is_rejected else None,
        code=None if fact.code is None else str(fact.code),
        refused_by="exchange" if is_rejected else None,
        counts=fact.counts or None,
        claimed=fact.claimed or None,
        gives_up=fact.gives_up or None,
    )


def _read_seen(data: Mapping[str, Any]) -> f.OrderSeen:
    return f.OrderSeen(
        _string(data["client_order_id"]),
        OrderStatus(data["status"].lower()),
        _whole(data["ms"]),
        order_id=_integer(data.get("order_id")),
        executed=read_decimal(data["executed_text"]),
        quantity=_decimal(data.get("size_text")),
        reason=_string(data.get("reason", "")),
        code=_integer(data.get("code")),
        counts=_flag(data.get("counts", False)),
        claimed=_flag(data.get("claimed", False)),
        gives_up=_flag(data.get("gives_up", False)),
    )


def _string(value: Any) -> str:
    if type(value) is not str:
        raise NotPlain(f"{str(value)[:40]!r} is no text")
    return value


def _optional(value: Any) -> str | None:
    return None if value is None else _string(value)


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise NotPlain(f"{str(value)[:40]!r} is no whole number")
    return value


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise NotPlain(f"{str(value)[:40]!r} is neither true nor false")
    return value


def _side(value: Any) -> Side:
    if value == "BUY":
        return "BUY"
    if value == "SELL":
        return "SELL"
    raise NotPlain(f"{str(value)[:40]!r} is neither BUY nor SELL")


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else read_decimal(value)


def _integer(text: str | None) -> int | None:
    return None if text is None else int(text)


def _read_rejected(data: Mapping[str, Any]) -> f.OrderSeen | f.SignalDenied:
    if data.get("refused_by") == "guardrail":
        return from_plain(f.SignalDenied, data)
    return _read_seen(data)


#: Fields of a trade, as the event names them.
_FILL_NAMES: Final = {
    "price": "price_text",
    "quantity": "size_text",
    "commission": "commission_text",
    "commission_asset": "commission_asset",
    "time": "ms",
}


def _filled(fact: f.OrderFilled, order: OrderRecord) -> Data:
    fill, plain = fact.fill, to_plain(fact.fill)
    return _about(order) | _without_none(
        size=float(fill.quantity),
        price=float(fill.price),
        order_id=str(fact.order_id),
        status=fact.status.value.upper(),
        commission=float(fill.commission),
        trade_id=str(fill.trade_id),
        commission_price_text=_text(fact.commission_price),
        commission_own_text=_text(fact.commission_own) if fact.commission_own else None,
        realized_pnl=_number(fact.realized),
        realized_text=_text(fact.realized),
        claimed=fact.claimed or None,
        **{shown: plain[name] for name, shown in _FILL_NAMES.items()},
    )


def _read_filled(data: Mapping[str, Any]) -> f.OrderFilled:
    fill = TradeFill(
        int(data["trade_id"]),
        read_decimal(data["price_text"]),
        read_decimal(data["size_text"]),
        read_decimal(data["commission_text"]),
        _string(data["commission_asset"]),
        _whole(data["ms"]),
    )
    return f.OrderFilled(
        _string(data["client_order_id"]),
        int(data["order_id"]),
        fill,
        OrderStatus(data["status"].lower()),
        commission_price=_decimal(data.get("commission_price_text")),
        commission_own=read_decimal(data.get("commission_own_text", "0")),
        realized=_decimal(data.get("realized_text")),
        claimed=_flag(data.get("claimed", False)),
    )


_READERS: Final[dict[str, Callable[[Mapping[str, Any]], f.Fact]]] = {
    "order_submitted": _read_intended,
    "order_sent": _read_sent,
    "order_accepted": _read_seen,
    "order_unknown": _read_seen,
    "order_canceled": _read_seen,
    "order_rejected": _read_rejected,
    "order_executed": _read_filled,
}

#: The types of all events that tell facts.
FACT_EVENTS: Final = frozenset({*_PLAIN_FACTS, *_READERS})
