"""The trader's events, each recorded once, even if the process is killed in between."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Protocol

from pydantic import BaseModel

from cq_tui.contracts.events import OrderCanceled, OrderExecuted, OrderRejected, OrderSubmitted
from cq_tui.contracts.layout import DataDir
from cq_tui.services.runtime import Trace
from cq_tui.store.spools.spool_files import last_spooled_events
from cq_tui.trading.denial import Denial
from cq_tui.trading.lifecycle import OrderRecord, OrderStatus, TradeFill
from cq_tui.trading.signals import TradeSignal

#: Newest lines of our own spool that are searched at the start for events already recorded.
_REMEMBERED = 4_000

_Key = tuple[str, str, str]


class Spool(Protocol):
    """Where events go: the service's runtime."""

    name: str
    data: DataDir

    def emit(
        self, event_type: str, data: BaseModel | Mapping[str, Any], metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Spool an event; retry later if the disk refuses."""

    def emit_durably(
        self, event_type: str, data: BaseModel | Mapping[str, Any], metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Spool an event and sync it. Raises JournalError if that fails."""

    def trace(self, step: str, key: str, **milliseconds: float) -> None:
        """Log one step from signal to order, if tracing is enabled."""


class Chronicle:
    """Spools the trader's events, except those already in the spool."""

    def __init__(self, frame: Spool) -> None:
        self._frame = frame
        self.trace: Trace = frame.trace
        self._told: dict[_Key, None] = {}
        #: Signals answered before this process started; a cursor that lags must not answer them again.
        self.answered_before: set[str] = set()
        for event_type, data in self._spooled():
            self._told[_key(event_type, data)] = None
            if data.get("signal_key") and event_type in ("order_submitted", "order_rejected"):
                self.answered_before.add(data["signal_key"])

    def submitted(self, order: OrderRecord, *, durable: bool) -> None:
        """Record the intent to place an order. With ``durable``, sync it; raises JournalError if that fails."""
        payload = OrderSubmitted(
            symbol=order.symbol,
            side=order.side,
            order_type=order.order_type,
            client_order_id=order.client_order_id,
            size=float(order.quantity),
            price=_number(order.price),
            stop_price=_number(order.stop_price),
            leg=order.leg.value,
            signal_key=order.signal_key,
        )
        if self._is_new("order_submitted", order.client_order_id):
            if durable:
                self._frame.emit_durably("order_submitted", payload)
            else:
                self._frame.emit("order_submitted", payload)
            self._told["order_submitted", order.client_order_id, ""] = None

    def executed(self, order: OrderRecord, fill: TradeFill, realized: Decimal | None) -> None:
        """Record one fill."""
        if not self._once("order_executed", order.client_order_id, str(fill.trade_id)):
            return
        payload = OrderExecuted(
            symbol=order.symbol,
            side=order.side,
            size=float(fill.quantity),
            price=float(fill.price),
            order_id=str(order.order_id),
            status=order.status.value.upper(),
            commission=float(fill.commission),
            commission_asset=fill.commission_asset,
            client_order_id=order.client_order_id,
            leg=order.leg.value,
            realized_pnl=_number(realized),
            signal_key=order.signal_key,
        )
        self._frame.emit("order_executed", payload.model_dump(exclude_none=True) | {"trade_id": str(fill.trade_id)})

    def ended(self, order: OrderRecord) -> None:
        """Record that an order was rejected, was canceled or expired."""
        if order.status is OrderStatus.REJECTED:
            self._rejected(order)
        elif order.status in (OrderStatus.CANCELED, OrderStatus.EXPIRED) and self._once(
            "order_canceled", order.client_order_id
        ):
            canceled = OrderCanceled(
                symbol=order.symbol,
                side=order.side,
                order_id=None if order.order_id is None else str(order.order_id),
                client_order_id=order.client_order_id,
                status=order.status.value.upper(),
                reason=order.reason or None,
                leg=order.leg.value,
            )
            self._frame.emit("order_canceled", canceled)

    def _rejected(self, order: OrderRecord) -> None:
        if self._once("order_rejected", order.client_order_id):
            rejected = OrderRejected(
                symbol=order.symbol,
                side=order.side,
                reason=order.reason,
                refused_by="exchange",
                code=None if order.code is None else str(order.code),
                client_order_id=order.client_order_id,
                leg=order.leg.value,
                signal_key=order.signal_key,
            )
            self._frame.emit("order_rejected", rejected)

    def denied(self, signal: TradeSignal, denial: Denial) -> None:
        """Record why a signal was denied."""
        payload = OrderRejected(
            symbol=signal.symbol,
            side=signal.side,
            reason=str(denial),
            refused_by="guardrail",
            code=denial.reason.value,
            signal_key=signal.key,
        )
        self._frame.emit("order_rejected", payload, metadata={"strategy": signal.strategy})

    def _is_new(self, event_type: str, name: str, part: str = "") -> bool:
        return (event_type, name, part) not in self._told

    def _once(self, event_type: str, name: str, part: str = "") -> bool:
        if not self._is_new(event_type, name, part):
            return False
        self._told[event_type, name, part] = None
        while len(self._told) > 4 * _REMEMBERED:
            del self._told[next(iter(self._told))]
        return True

    def _spooled(self) -> Iterator[tuple[str, dict[str, str]]]:
        for event in last_spooled_events(self._frame.data.spool, self._frame.name, _REMEMBERED):
            yield event.event_type, {name: value for name, value in event.data.items() if isinstance(value, str)}


def _key(event_type: str, data: dict[str, str]) -> _Key:
    return event_type, data.get("client_order_id", ""), data.get("trade_id", "")


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
