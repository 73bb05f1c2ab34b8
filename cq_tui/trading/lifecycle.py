"""The life of an order: a state machine over acknowledgements, reports, queries and silence.

::

    intended → sent → new → partially_filled → filled
                  ↘ unknown ↗ (by query)     ↘ canceled, expired, rejected

Messages may come twice, late, or before the answer they follow. So the executed quantity never falls, each trade counts
once, and a state that ended the order is never left. What the exchange says against such a state is kept in
``contradiction``, and the trader has to look. An order whose outcome is unknown is resolved by query and never by
sending it again; "not found" is believed only after several queries and some seconds, for a query may be ahead of the
order (FAILURES: timeout after submit, read replica behind).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from cq_tui.binance.types import AccountTrade, Order
from cq_tui.binance.user_events import ExecutionReport
from cq_tui.contracts.base import Side
from cq_tui.trading.client_order_id import Leg

ZERO = Decimal(0)

#: Queries that must find nothing before that is believed, and seconds since sending that must have passed: the exchange
#: lets a request in for recvWindow (5 s, and 1 s more by a clock that is ahead), and its queries may lag behind that.
NOT_FOUND_MIN_QUERIES = 3
NOT_FOUND_MIN_SECONDS = 10.0
#: Queries without an answer that settles it, after which the symbol is quarantined (and the order still watched).
MAX_QUERIES = 10
#: Seconds to the next query: doubled each time, up to the limit.
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 30.0


class OrderStatus(StrEnum):
    """Where an order stands."""

    INTENDED = "intended"
    SENT = "sent"
    UNKNOWN = "unknown"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"

    @property
    def is_terminal(self) -> bool:
        """Whether the order has ended."""
        return self in TERMINAL


TERMINAL = frozenset({OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED})

#: The exchange's words for them. PENDING_NEW and PENDING_CANCEL are orders that still may trade.
_FROM_EXCHANGE = {
    "NEW": OrderStatus.NEW,
    "PENDING_NEW": OrderStatus.NEW,
    "PENDING_CANCEL": OrderStatus.NEW,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
    "REJECTED": OrderStatus.REJECTED,
}


class UnknownOrderStatus(ValueError):
    """The exchange used a status that is not known here; the message names it."""


class TradeFill(NamedTuple):
    """One trade of an order. Time in ms."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str
    time: int


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """One order as the trader knows it. Quantities in the base asset, times in Unix seconds."""

    client_order_id: str
    symbol: str
    side: Side
    order_type: str
    leg: Leg
    signal_key: str
    intended_at: float
    quantity: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    #: Client id of the list that it is part of.
    list_client_order_id: str | None = None
    status: OrderStatus = OrderStatus.INTENDED
    order_id: int | None = None
    executed_quantity: Decimal = ZERO
    fills: tuple[TradeFill, ...] = ()
    sent_at: float = 0.0
    updated_at: float = 0.0
    #: Why it was refused, lost or given up, and the exchange's code for it when it has one.
    reason: str = ""
    code: int | None = None
    queries: int = 0
    not_found: int = 0
    next_query_at: float = 0.0
    #: What the exchange said after the order had ended here; empty when all agrees.
    contradiction: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it may still trade, as far as is known: all that is neither intended nor ended."""
        return self.status is not OrderStatus.INTENDED and not self.status.is_terminal

    @property
    def remaining(self) -> Decimal:
        """Quantity that has not traded."""
        return max(self.quantity - self.executed_quantity, ZERO)

    @property
    def filled_by_trades(self) -> Decimal:
        """Quantity of the trades that are known one by one."""
        return sum((fill.quantity for fill in self.fills), ZERO)

    @property
    def lacks_trades(self) -> bool:
        """Whether more was executed than the known trades tell: fetch the account's trades of this order."""
        return self.executed_quantity > self.filled_by_trades

    @property
    def average_price(self) -> Decimal | None:
        """Quote per base over the known trades."""
        quantity = self.filled_by_trades
        return sum((fill.price * fill.quantity for fill in self.fills), ZERO) / quantity if quantity else None

    @property
    def queries_exhausted(self) -> bool:
        """Whether the tries to resolve it are used up: quarantine the symbol and say so."""
        return self.status is OrderStatus.UNKNOWN and self.queries >= MAX_QUERIES

    @property
    def never_seen(self) -> bool:
        """Whether it was ended here because no query found it: should it turn up all the same, that was wrong."""
        return self.status is OrderStatus.REJECTED and self.not_found > 0 and self.order_id is None

    def query_due(self, now: float) -> bool:
        """Whether its outcome should be asked for now. It goes on, slowly, after giving up."""
        return self.status is OrderStatus.UNKNOWN and now >= self.next_query_at


class Transition(NamedTuple):
    """The order after a message, and the trades that were not known before: the portfolio takes each once."""

    order: OrderRecord
    new_fills: tuple[TradeFill, ...] = ()


def mark_sent(order: OrderRecord, now: float) -> OrderRecord:
    """The request goes out. The intent must have been stored before. Raises ValueError unless intended."""
    if order.status is not OrderStatus.INTENDED:
        raise ValueError(f"order {order.client_order_id} is {order.status}; only an intended one is sent")
    return replace(order, status=OrderStatus.SENT, sent_at=now, updated_at=now)


def not_sent(order: OrderRecord, reason: str, now: float) -> OrderRecord:
    """The request certainly did not reach the exchange: it is intended again, with the same id."""
    if order.status is not OrderStatus.SENT:
        return order
    return replace(order, status=OrderStatus.INTENDED, reason=reason, updated_at=now)


def mark_rejected(order: OrderRecord, reason: str, now: float, code: int | None = None) -> OrderRecord:
    """The exchange refused it (with its ``code``), or it was given up before it was sent."""
    if order.status not in (OrderStatus.INTENDED, OrderStatus.SENT):
        return order
    return replace(order, status=OrderStatus.REJECTED, reason=reason, code=code, updated_at=now)


def mark_unknown(order: OrderRecord, reason: str, now: float) -> OrderRecord:
    """Nobody knows the outcome: a timeout, a 5XX, or a restart after the intent was stored. A query has to tell."""
    if order.status not in (OrderStatus.INTENDED, OrderStatus.SENT):
        return order
    return replace(
        order,
        status=OrderStatus.UNKNOWN,
        reason=reason,
        sent_at=order.sent_at or now,
        updated_at=now,
        next_query_at=now,
    )


def apply_response(order: OrderRecord, answer: Order, now: float) -> Transition:
    """Take what the exchange answered to the placement, a query or a cancel. Raises StatusUnknown."""
    fills = (
        TradeFill(fill.trade_id, fill.price, fill.quantity, fill.commission, fill.commission_asset, answer.time)
        for fill in answer.fills
    )
    return _apply_state(
        order, answer.status, answer.order_id, answer.executed_quantity, fills, answer.expiry_reason, now
    )


def apply_execution_report(order: OrderRecord, report: ExecutionReport, now: float) -> Transition:
    """Take an execution report of the user data stream. Raises StatusUnknown."""
    fill = TradeFill(
        report.trade_id, report.last_price, report.last_quantity,
        report.commission, report.commission_asset, report.transaction_time,
    )  # fmt: skip
    fills = [fill] if report.execution_type == "TRADE" else []
    reason = report.reject_reason if report.reject_reason != "NONE" else report.expiry_reason
    return _apply_state(order, report.status, report.order_id, report.executed_quantity, fills, reason, now)


def apply_trades(order: OrderRecord, trades: Iterable[AccountTrade], now: float) -> Transition:
    """Take the account's trades of this order, which tell the commission that a query does not."""
    fills = (
        TradeFill(trade.trade_id, trade.price, trade.quantity, trade.commission, trade.commission_asset, trade.time)
        for trade in trades
        if trade.order_id == order.order_id
    )
    fills_now, new = _merge_fills(order.fills, fills)
    known = sum((fill.quantity for fill in fills_now), ZERO)
    executed = max(order.executed_quantity, known)
    return Transition(replace(order, fills=fills_now, executed_quantity=executed, updated_at=now), new)


def apply_not_found(order: OrderRecord, now: float) -> OrderRecord:
    """A query found no such order. Believed after the grace: it never reached the exchange, or is forgotten there.

    Exchanges forget: a testnet is emptied every month.
    """
    if not order.is_open or order.status is OrderStatus.SENT:
        return order
    asked = _record_query(replace(order, not_found=order.not_found + 1), now)
    if asked.not_found < NOT_FOUND_MIN_QUERIES or now - order.sent_at < NOT_FOUND_MIN_SECONDS:
        return asked
    if order.order_id is None:
        reason = f"not found by {asked.not_found} queries: it never reached the exchange"
        return replace(asked, status=OrderStatus.REJECTED, reason=reason)
    return replace(asked, status=OrderStatus.EXPIRED, reason="the exchange knows it no longer")


def apply_query_failure(order: OrderRecord, reason: str, now: float) -> OrderRecord:
    """A query had no answer: ask again later."""
    return replace(_record_query(order, now), reason=reason) if order.status is OrderStatus.UNKNOWN else order


def order_to_dict(order: OrderRecord) -> dict[str, Any]:
    """Return the record as plain JSON values."""
    plain: dict[str, Any] = _RECORD.dump_python(order, mode="json")
    return plain


def order_from_dict(plain: object) -> OrderRecord:
    """Read ``order_to_dict`` back. Raises pydantic.ValidationError, naming the field."""
    return _RECORD.validate_python(plain)


_RECORD = TypeAdapter(OrderRecord)


def _record_query(order: OrderRecord, now: float) -> OrderRecord:
    delay = min(_FIRST_DELAY * 2.0 ** min(order.queries, 10), _LONGEST_DELAY)
    return replace(order, queries=order.queries + 1, next_query_at=now + delay, updated_at=now)


def _apply_state(
    order: OrderRecord,
    status: str,
    order_id: int,
    executed: Decimal,
    fills: Iterable[TradeFill],
    reason: str,
    now: float,
) -> Transition:
    if status not in _FROM_EXCHANGE:
        known = ", ".join(_FROM_EXCHANGE)
        raise UnknownOrderStatus(f"order {order.client_order_id}: status {status!r} is none of {known}")
    fills_now, new = _merge_fills(order.fills, fills)
    known_quantity = sum((fill.quantity for fill in fills_now), ZERO)
    told = replace(
        order,
        order_id=order.order_id if order.order_id is not None else order_id,
        fills=fills_now,
        executed_quantity=max(order.executed_quantity, executed, known_quantity),
        not_found=0,
        updated_at=now,
    )
    return Transition(_change_status(told, order, _FROM_EXCHANGE[status], reason), new)


def _change_status(told: OrderRecord, before: OrderRecord, status: OrderStatus, reason: str) -> OrderRecord:
    if before.status.is_terminal:
        return _record_contradiction(told, before, status)
    if status is OrderStatus.NEW and told.executed_quantity > 0:
        status = OrderStatus.PARTIALLY_FILLED
    said = "" if reason == "NONE" else reason
    return replace(told, status=status, reason=said if status.is_terminal else "")


def _record_contradiction(told: OrderRecord, before: OrderRecord, status: OrderStatus) -> OrderRecord:
    more = told.executed_quantity > before.executed_quantity
    # An older message that comes late says nothing new about an order that the exchange itself has ended.
    late = not status.is_terminal and not more and before.order_id is not None
    if status is before.status or late:
        return told
    said = f"{before.status} here, but the exchange says {status} with {told.executed_quantity} executed"
    return replace(told, contradiction=said)


def _merge_fills(
    known: tuple[TradeFill, ...], fills: Iterable[TradeFill]
) -> tuple[tuple[TradeFill, ...], tuple[TradeFill, ...]]:
    seen = {fill.trade_id for fill in known}
    new = []
    for fill in fills:
        if fill.trade_id not in seen and fill.quantity > 0:
            seen.add(fill.trade_id)
            new.append(fill)
    return known + tuple(new), tuple(new)
