"""The life of an order: a state machine over responses, execution reports, queries and timeouts.

::

    intended → sent → new → partially_filled → filled
                  ↘ unknown ↗ (by query)     ↘ canceled, expired, rejected

Messages may arrive twice, late, or before the response that they follow. So the executed quantity never decreases, each
trade counts once, and a terminal state is final. A later message that contradicts a terminal state is kept in
``contradiction``, and the trader reconciles. An order whose outcome is unknown is queried, never sent again. "Not
found" is believed only after several queries and some seconds: a query may overtake the order or read a stale replica.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from pydantic import TypeAdapter

from cq_tui.binance.types import AccountTrade, Order
from cq_tui.binance.user_events import ExecutionReport
from cq_tui.contracts.base import Side
from cq_tui.trading.client_order_id import Leg

ZERO = Decimal(0)

#: "Not found" is believed after so many queries, and so many seconds after sending: the exchange accepts a request for
#: recvWindow (5 s, plus 1 s for a clock that is ahead), and its queries may lag behind that.
NOT_FOUND_MIN_QUERIES = 3
NOT_FOUND_MIN_SECONDS = 10.0
#: Inconclusive queries after which the symbol is quarantined; the order is still queried.
MAX_QUERIES = 10
#: Seconds to the next query: doubled each time, up to a maximum.
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 30.0


class OrderStatus(StrEnum):
    """The state of an order."""

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

#: The exchange's statuses. PENDING_NEW and PENDING_CANCEL may still trade.
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
    """The exchange reported an unknown status; the message names it."""


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
    #: Client id of its order list.
    list_client_order_id: str | None = None
    status: OrderStatus = OrderStatus.INTENDED
    order_id: int | None = None
    executed_quantity: Decimal = ZERO
    fills: tuple[TradeFill, ...] = ()
    sent_at: float = 0.0
    updated_at: float = 0.0
    #: Why it was rejected, unknown or abandoned, and the exchange's error code if there is one.
    reason: str = ""
    code: int | None = None
    queries: int = 0
    not_found: int = 0
    next_query_at: float = 0.0
    #: A later message that contradicts a terminal state; empty if there is none.
    contradiction: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it may still trade: neither merely intended nor terminal."""
        return self.status is not OrderStatus.INTENDED and not self.status.is_terminal

    @property
    def remaining(self) -> Decimal:
        """Unfilled quantity."""
        return max(self.quantity - self.executed_quantity, ZERO)

    @property
    def filled_by_trades(self) -> Decimal:
        """Quantity of the known trades."""
        return sum((fill.quantity for fill in self.fills), ZERO)

    @property
    def lacks_trades(self) -> bool:
        """Whether more was executed than the known trades account for: fetch the order's trades."""
        return self.executed_quantity > self.filled_by_trades

    @property
    def average_price(self) -> Decimal | None:
        """Quote per base over the known trades."""
        quantity = self.filled_by_trades
        return sum((fill.price * fill.quantity for fill in self.fills), ZERO) / quantity if quantity else None

    @property
    def queries_exhausted(self) -> bool:
        """Whether queries have not resolved it: quarantine the symbol."""
        return self.status is OrderStatus.UNKNOWN and self.queries >= MAX_QUERIES

    @property
    def never_seen(self) -> bool:
        """Whether it was closed here because no query found it. It may still turn up."""
        return self.status is OrderStatus.REJECTED and self.not_found > 0 and self.order_id is None

    def query_due(self, now: float) -> bool:
        """Whether to query it now. Slow queries continue after MAX_QUERIES."""
        return self.status is OrderStatus.UNKNOWN and now >= self.next_query_at


#: Orders as plain JSON values: ``dump_python(…, mode="json")`` and ``validate_python``.
ORDERS = TypeAdapter(list[OrderRecord])


class Transition(NamedTuple):
    """The order after a message, and its new trades: the portfolio applies each once."""

    order: OrderRecord
    new_fills: tuple[TradeFill, ...] = ()


def mark_sent(order: OrderRecord, now: float) -> OrderRecord:
    """Mark it sent; its intent must be stored already. Raises ValueError unless it is intended."""
    if order.status is not OrderStatus.INTENDED:
        raise ValueError(f"order {order.client_order_id} is {order.status}; only an intended one is sent")
    return replace(order, status=OrderStatus.SENT, sent_at=now, updated_at=now)


def mark_rejected(order: OrderRecord, reason: str, now: float, code: int | None = None) -> OrderRecord:
    """Mark it rejected by the exchange (with its ``code``), or abandoned before it was sent."""
    if order.status not in (OrderStatus.INTENDED, OrderStatus.SENT):
        return order
    return replace(order, status=OrderStatus.REJECTED, reason=reason, code=code, updated_at=now)


def mark_unknown(order: OrderRecord, reason: str, now: float) -> OrderRecord:
    """Mark its outcome unknown: a timeout, a 5XX, or a restart after the intent was stored. It must be queried."""
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
    """Apply the response to a placement, a query or a cancel. Raises UnknownOrderStatus."""
    fills = (
        TradeFill(fill.trade_id, fill.price, fill.quantity, fill.commission, fill.commission_asset, answer.time)
        for fill in answer.fills
    )
    return _apply_state(
        order, answer.status, answer.order_id, answer.executed_quantity, fills, answer.expiry_reason, now
    )


def apply_execution_report(order: OrderRecord, report: ExecutionReport, now: float) -> Transition:
    """Apply an execution report of the user data stream. Raises UnknownOrderStatus."""
    fill = TradeFill(
        report.trade_id, report.last_price, report.last_quantity,
        report.commission, report.commission_asset, report.transaction_time,
    )  # fmt: skip
    fills = [fill] if report.execution_type == "TRADE" else []
    reason = report.reject_reason if report.reject_reason != "NONE" else report.expiry_reason
    return _apply_state(order, report.status, report.order_id, report.executed_quantity, fills, reason, now)


def apply_trades(order: OrderRecord, trades: Iterable[AccountTrade], now: float) -> Transition:
    """Apply the account's trades of this order: unlike a query, they include the commission."""
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
    """Record that a query found no such order. After enough of them it is closed.

    Either it never reached the exchange, or the exchange dropped it: a testnet is reset every month.
    """
    if not order.is_open or order.status is OrderStatus.SENT:
        return order
    queried = _record_query(replace(order, not_found=order.not_found + 1), now)
    if queried.not_found < NOT_FOUND_MIN_QUERIES or now - order.sent_at < NOT_FOUND_MIN_SECONDS:
        return queried
    if order.order_id is None:
        reason = f"not found by {queried.not_found} queries: it never reached the exchange"
        return replace(queried, status=OrderStatus.REJECTED, reason=reason)
    return replace(queried, status=OrderStatus.EXPIRED, reason="the exchange no longer knows it")


def apply_query_failure(order: OrderRecord, reason: str, now: float) -> OrderRecord:
    """Record that a query failed: query again later."""
    return replace(_record_query(order, now), reason=reason) if order.status is OrderStatus.UNKNOWN else order


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
    updated = replace(
        order,
        order_id=order.order_id if order.order_id is not None else order_id,
        fills=fills_now,
        executed_quantity=max(order.executed_quantity, executed, known_quantity),
        not_found=0,
        updated_at=now,
    )
    return Transition(_change_status(updated, order, _FROM_EXCHANGE[status], reason), new)


def _change_status(updated: OrderRecord, before: OrderRecord, status: OrderStatus, reason: str) -> OrderRecord:
    if before.status.is_terminal:
        return _record_contradiction(updated, before, status)
    if status is OrderStatus.NEW and updated.executed_quantity > 0:
        status = OrderStatus.PARTIALLY_FILLED
    message = "" if reason == "NONE" else reason
    return replace(updated, status=status, reason=message if status.is_terminal else "")


def _record_contradiction(updated: OrderRecord, before: OrderRecord, status: OrderStatus) -> OrderRecord:
    more = updated.executed_quantity > before.executed_quantity
    # An older message that comes late says nothing new about an order that the exchange itself has ended.
    late = not status.is_terminal and not more and before.order_id is not None
    if status is before.status or late:
        return updated
    message = f"{before.status} here, but the exchange says {status} with {updated.executed_quantity} executed"
    return replace(updated, contradiction=message)


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
