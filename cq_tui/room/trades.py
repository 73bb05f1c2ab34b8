"""Signals and orders, built from events and the account file."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from cq_tui.contracts.account import OrderState
from cq_tui.contracts.events import signal_key
from cq_tui.contracts.numbers import to_decimal
from cq_tui.ops.formatting import StatusLevel
from cq_tui.store.reading.event import HistoryEvent
from cq_tui.trading.order_life import OrderStatus, status_of

_MAX_SIGNALS = 300
_MAX_ORDERS = 600
#: An order event without a signal key belongs to the last signal of its symbol and side, if not older than this.
_SAME_TRADE_SECONDS = 60.0
#: Digits of an amount in an event.
_LONGEST_AMOUNT = 60


@dataclass(slots=True)
class SignalRow:
    """One signal and its outcome."""

    key: str
    timestamp: float
    symbol: str
    side: str
    strategy: str
    entry: float | None
    stop: float | None
    target: float | None
    confidence: float | None
    reason: str
    #: strategy:symbol:frame:bar close time:side; orders refer to their signal by it.
    natural_key: str
    #: The indicators' values that justified it, by name.
    values: Mapping[str, float] = field(default_factory=dict)
    #: "filled", "not traded: cooldown of 1 s" …; empty while unknown.
    outcome: str = ""
    level: StatusLevel = "idle"
    #: Of a denial or rejection: the guardrail's or the exchange's code, the reason in words, and who refused.
    code: str = ""
    refusal: str = ""
    refused_by: str = ""


@dataclass(slots=True)
class OrderRow:
    """One order or rejection, in its last known state."""

    key: str
    symbol: str
    side: str
    #: When it was first known, by events or the account, whichever is read first.
    timestamp: float
    leg: str = ""
    order_type: str = ""
    size: float | None = None
    filled: float = 0.0
    #: Sum of the fills in events: each event is one fill.
    event_filled: float = 0.0
    #: What these fills were worth, in the quote asset.
    event_value: float = 0.0
    price: float | None = None
    stop_price: float | None = None
    status: str = ""
    #: Sum of the profits in events, exact.
    realized: Decimal | None = None
    #: Sum of the commissions in events, by asset.
    commissions: dict[str, Decimal] = field(default_factory=dict)
    #: Trades counted; an event that tells one again changes nothing.
    trade_ids: set[str] = field(default_factory=set)
    order_id: str | None = None
    reason: str = ""
    code: str = ""
    refused_by: str = ""
    signal_key: str | None = None
    updated: float = 0.0
    #: When its last fill was told; 0 without any.
    filled_at: float = 0.0
    #: Of an exit: why the position was to be closed.
    exit_reason: str = ""

    @property
    def pnl(self) -> float | None:
        """Realized profit, in the quote asset; None if nothing was realized."""
        return None if self.realized is None else float(self.realized)

    @property
    def level(self) -> StatusLevel:
        """The level of its status."""
        life = self.life
        if life is None or self.ended_by_oco:
            return "idle"
        if life.is_unknown:
            return "look"
        if life.is_rejected or life.is_expired:
            return "bad" if self.refused_by != "guardrail" else "look"
        return "good" if life.is_filled else "idle"

    @property
    def life(self) -> OrderStatus | None:
        """Where in its life it is; None if an event of a later version has another word for it."""
        return status_of(self.status)

    @property
    def ended_by_oco(self) -> bool:
        """Whether it expired because the other order of its OCO was filled or triggered."""
        return self.life is not None and self.life.is_expired and self.reason == "OCO_TRIGGER"

    @property
    def is_entry(self) -> bool:
        """Whether it opens a position rather than protects or closes one."""
        return self.leg in ("", "entry")


@dataclass(slots=True)
class TradeBlotter:
    """Signals and orders by key, in order of first appearance, bounded."""

    signals: dict[str, SignalRow] = field(default_factory=dict)
    orders: dict[str, OrderRow] = field(default_factory=dict)
    #: The newest time of a signal or order that is no longer kept, Unix seconds.
    dropped_until: float = 0.0
    #: SELL signals that the trader follows, by symbol.
    _closing: dict[str, SignalRow] = field(default_factory=dict)
    #: Why positions are to be closed, by symbol.
    _exit_reasons: dict[str, str] = field(default_factory=dict)

    def apply_events(self, events: Iterable[HistoryEvent]) -> bool:
        """Apply events; return whether any concerned signals or orders."""
        touched = False
        for event in events:
            handler = _HANDLERS.get(event.event_type)
            if handler is not None and event.text_field("symbol") is not None:
                handler(self, event)
                touched = True
        self._drop_oldest(self.signals, _MAX_SIGNALS)
        self._drop_oldest(self.orders, _MAX_ORDERS)
        return touched

    def apply_account_orders(self, orders: Iterable[OrderState]) -> None:
        """Apply the account file's orders, which may be older than the events held here."""
        for state in orders:
            order = self.orders.get(state.client_order_id)
            if order is None:
                order = self.orders[state.client_order_id] = OrderRow(
                    state.client_order_id, state.symbol, state.side, state.updated_ts
                )
            order.timestamp = min(order.timestamp, state.updated_ts or order.timestamp)
            if state.updated_ts >= order.updated:
                _apply_order_state(order, state)
        self._drop_oldest(self.orders, _MAX_ORDERS)

    def _drop_oldest(self, rows: dict[str, Any], kept: int) -> None:
        for key in list(rows)[: max(0, len(rows) - kept)]:
            self.dropped_until = max(self.dropped_until, rows.pop(key).timestamp)

    def order_groups(self) -> list[list[OrderRow]]:
        """Return the orders newest first, each entry grouped with the orders that protect or close it."""
        by_signal: dict[str, list[OrderRow]] = {}
        for order in self.orders.values():
            by_signal.setdefault(order.signal_key or order.key, []).append(order)
        groups = [
            sorted(group, key=lambda order: (not order.is_entry, order.timestamp)) for group in by_signal.values()
        ]
        return sorted(groups, key=lambda group: group[0].timestamp, reverse=True)

    def _signal_generated(self, event: HistoryEvent) -> None:
        self.signals[event.event_id] = SignalRow(
            key=event.event_id,
            timestamp=event.happened_at,
            symbol=event.text_field("symbol") or "",
            side=event.text_field("side") or "",
            strategy=event.text_field("strategy") or "",
            entry=event.number_field("entry_price"),
            stop=event.number_field("stop_loss"),
            target=event.number_field("take_profit"),
            confidence=event.number_field("confidence"),
            reason=event.text_field("reason") or "",
            natural_key=signal_key(event.data),
            values=_values(event),
        )

    def _order_submitted(self, event: HistoryEvent) -> None:
        order = self._order_row(event)
        if not order.status:
            order.status = "SENT"
        order.order_type = event.text_field("order_type") or order.order_type
        # Zero: a pending order that will sell what its list buys.
        order.size = event.number_field("size") or order.size
        order.price = event.number_field("price") or order.price
        order.stop_price = event.number_field("stop_price") or order.stop_price
        if order.is_entry:
            self._set_outcome(event, "order sent", "idle")

    def _order_executed(self, event: HistoryEvent) -> None:
        order = self._order_row(event)
        order.status = (event.text_field("status") or "FILLED").upper()
        if not _is_new_trade(order, event):
            return
        size = event.number_field("size") or 0.0
        order.event_filled += size
        order.filled_at = event.happened_at
        if order.leg == "exit":
            order.exit_reason = self._exit_reasons.get(order.symbol, "")
        order.event_value += size * (event.number_field("price") or 0.0)
        order.filled = max(order.filled, order.event_filled)
        order.size = order.size if order.size is not None else size
        order.price = event.number_field("price") or order.price
        if (realized := _exact_amount(event, "realized_text", "realized_pnl")) is not None:
            order.realized = (order.realized or Decimal(0)) + realized
        if commission := _exact_amount(event, "commission_text", "commission"):
            asset = event.text_field("commission_asset") or ""
            order.commissions[asset] = order.commissions.get(asset, Decimal(0)) + commission
        order.order_id = event.text_field("order_id") or order.order_id
        is_filled = order.life is not None and order.life.is_filled
        if order.is_entry:
            self._set_outcome(event, "filled" if is_filled else "partially filled", "good")
        elif order.leg == "exit" and is_filled and (signal := self._closing.pop(order.symbol, None)) is not None:
            signal.outcome, signal.level = "closed the position", "good"

    def _entry_waits(self, event: HistoryEvent) -> None:
        self._set_outcome(event, f"waits for {event.text_field('limit_price') or 'its limit price'}", "idle")

    def _exit_requested(self, event: HistoryEvent) -> None:
        """Note a SELL signal that is followed; the exit itself names the signal of the entry."""
        self._exit_reasons[event.text_field("symbol") or ""] = event.text_field("reason") or ""
        if (signal := self._find_seller(event)) is not None:
            signal.outcome, signal.level = "closing the position", "idle"
            self._closing[signal.symbol] = signal

    def _part_exit_requested(self, event: HistoryEvent) -> None:
        if (signal := self._find_seller(event)) is not None:
            signal.outcome, signal.level = "selling a part", "idle"

    def _part_exit_ended(self, event: HistoryEvent) -> None:
        if (signal := self._find_seller(event)) is not None:
            reason = event.text_field("reason")
            signal.outcome, signal.level = (f"part not sold: {reason}", "look") if reason else ("sold a part", "good")

    def _find_seller(self, event: HistoryEvent) -> SignalRow | None:
        """Return the signal that asked for an exit."""
        symbol, key = event.text_field("symbol") or "", event.text_field("signal_key")
        sellers = (one for one in reversed(self.signals.values()) if (one.symbol, one.natural_key) == (symbol, key))
        return None if key is None else next(sellers, None)

    def _order_rejected(self, event: HistoryEvent) -> None:
        if event.text_field("refused_by") == "guardrail" and event.text_field("client_order_id") is None:
            # No order was created: show the denial under its signal.
            self._set_refusal(event)
            return
        order = self._order_row(event)
        order.status = "REJECTED"
        order.reason = event.text_field("reason") or ""
        order.code = event.text_field("code") or ""
        order.refused_by = event.text_field("refused_by") or ""
        if order.is_entry:
            self._set_refusal(event)

    def _order_canceled(self, event: HistoryEvent) -> None:
        order = self._order_row(event)
        order.status = (event.text_field("status") or "CANCELED").upper()
        order.reason = event.text_field("reason") or ""

    def _order_seen(self, event: HistoryEvent) -> None:
        order = self._order_row(event)
        order.status = event.text_field("status") or order.status
        if size := _exact_amount(event, "size_text", "size"):
            order.size = float(size)
        order.order_id = event.text_field("order_id") or order.order_id
        order.reason = event.text_field("reason") or ""

    def _order_row(self, event: HistoryEvent) -> OrderRow:
        """Return the order an event is about; create it for the order's first event."""
        key = event.text_field("client_order_id") or event.event_id
        order = self.orders.get(key)
        if order is None:
            order = OrderRow(key, event.text_field("symbol") or "", event.text_field("side") or "", event.happened_at)
            self.orders[key] = order
        order.timestamp = min(order.timestamp, event.happened_at)
        order.leg = event.text_field("leg") or order.leg
        order.signal_key = event.text_field("signal_key") or order.signal_key
        order.updated = max(order.updated, event.happened_at)
        return order

    def _set_outcome(self, event: HistoryEvent, outcome: str, level: StatusLevel) -> None:
        signal = self._find_signal(event)
        if signal is not None:
            signal.outcome, signal.level = outcome, level
            signal.code = signal.refusal = signal.refused_by = ""

    def _set_refusal(self, event: HistoryEvent) -> None:
        signal = self._find_signal(event)
        if signal is not None:
            signal.refusal = event.text_field("reason") or ""
            signal.outcome, signal.level = f"not traded: {signal.refusal}", "look"
            signal.code = event.text_field("code") or ""
            signal.refused_by = event.text_field("refused_by") or ""

    def _find_signal(self, event: HistoryEvent) -> SignalRow | None:
        symbol, side, named = event.text_field("symbol"), event.text_field("side"), event.text_field("signal_key")
        for signal in reversed(self.signals.values()):
            if signal.symbol != symbol or signal.side != side:
                continue
            if named is None:
                return signal if 0 <= event.happened_at - signal.timestamp <= _SAME_TRADE_SECONDS else None
            if signal.natural_key == named:
                return signal
        return None


_HANDLERS = {
    "signal_generated": TradeBlotter._signal_generated,
    "entry_waits": TradeBlotter._entry_waits,
    "exit_requested": TradeBlotter._exit_requested,
    "part_exit_requested": TradeBlotter._part_exit_requested,
    "part_exit_ended": TradeBlotter._part_exit_ended,
    "order_submitted": TradeBlotter._order_submitted,
    "order_accepted": TradeBlotter._order_seen,
    "order_unknown": TradeBlotter._order_seen,
    "order_executed": TradeBlotter._order_executed,
    "order_rejected": TradeBlotter._order_rejected,
    "order_canceled": TradeBlotter._order_canceled,
}


def _values(event: HistoryEvent) -> dict[str, float]:
    found = event.data.get("values")
    if not isinstance(found, dict):
        return {}
    return {name: float(value) for name, value in found.items() if type(value) in (int, float) and isfinite(value)}


def _is_new_trade(order: OrderRow, event: HistoryEvent) -> bool:
    trade_id = event.text_field("trade_id")
    if trade_id is None:
        return True
    is_new = trade_id not in order.trade_ids
    order.trade_ids.add(trade_id)
    return is_new


def _exact_amount(event: HistoryEvent, text_name: str, number_name: str) -> Decimal | None:
    """Return an amount from its exact text, else from the contract's number."""
    text = event.text_field(text_name)
    if text is not None and len(text) <= _LONGEST_AMOUNT:
        with suppress(InvalidOperation):
            amount = Decimal(text)
            if amount.is_finite() and amount.adjusted() < _LONGEST_AMOUNT:
                return amount
    number = event.number_field(number_name)
    return None if number is None else to_decimal(number)


def _apply_order_state(order: OrderRow, state: OrderState) -> None:
    order.leg = state.leg or order.leg
    order.order_type = state.order_type
    order.status = state.status.upper()
    order.size = state.size or order.size
    order.filled = max(order.event_filled, state.filled)
    order.price = state.average_price or state.price or order.price
    order.stop_price = state.stop_price or order.stop_price
    order.order_id = state.order_id or order.order_id
    order.reason = state.reason or order.reason
    order.updated = state.updated_ts
    order.signal_key = state.signal_key or order.signal_key
