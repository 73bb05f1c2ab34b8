"""The trader's state in one mode, kept across restarts: orders, positions, quarantine, signals acted on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter

from cq_tui.trading.lifecycle import ORDERS, OrderRecord, OrderStatus
from cq_tui.trading.portfolio import POSITIONS, Position
from cq_tui.trading.quarantine import Quarantine
from cq_tui.trading.signals import TradeSignal

_SIGNALS = TypeAdapter(list[TradeSignal])
#: Number of ended orders kept.
_ENDED_KEPT = 100
#: Number of signal keys kept as acted on; older signals are stale anyway.
_ACTED_KEPT = 5_000


@dataclass(slots=True)
class Book:
    """Everything the trader must keep across restarts. Times in Unix seconds."""

    quarantine: Quarantine = field(default_factory=Quarantine)
    orders: dict[str, OrderRecord] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    #: Signals behind open orders and positions, by natural key.
    signals: dict[str, TradeSignal] = field(default_factory=dict)
    acted: dict[str, None] = field(default_factory=dict)
    last_entry: dict[str, float] = field(default_factory=dict)
    #: By (strategy, symbol): end of the pause after a stop.
    paused_until: dict[tuple[str, str], float] = field(default_factory=dict)
    realized: Decimal = Decimal(0)
    equity_start: Decimal | None = None
    orders_count: int = 0
    fills_count: int = 0
    denials_count: int = 0
    last_order_time: float = 0.0

    def open_orders(self) -> Iterator[OrderRecord]:
        """Yield the orders that may still fill, including those not sent yet."""
        return (order for order in self.orders.values() if not order.status.is_terminal)

    def orders_of(self, symbol: str) -> list[OrderRecord]:
        """Return the known orders of a symbol, oldest first."""
        return [order for order in self.orders.values() if order.symbol == symbol]

    def pending_entries(self) -> set[str]:
        """Return the symbols with a pending entry, or one whose fill prices are not known yet."""
        entries = (order for order in self.orders.values() if order.side == "BUY")
        return {order.symbol for order in entries if not order.status.is_terminal or order.lacks_trades}

    def act_on(self, signal: TradeSignal) -> None:
        """Record that a signal was acted on, so that it is never traded again."""
        self.acted[signal.key] = None
        self.signals[signal.key] = signal
        while len(self.acted) > _ACTED_KEPT:
            del self.acted[next(iter(self.acted))]

    def tidy(self) -> None:
        """Drop all but the newest ended orders, and signals that nothing depends on.

        Orders of an open position are kept, since its next orders are numbered after them; so are orders whose
        trades are still missing.
        """
        held = {position.signal_key for position in self.positions.values()}
        ended = [
            order
            for order in self.orders.values()
            if order.status.is_terminal and not order.lacks_trades and order.signal_key not in held
        ]
        for order in ended[: max(0, len(ended) - _ENDED_KEPT)]:
            del self.orders[order.client_order_id]
        needed = held | {order.signal_key for order in self.orders.values() if not order.status.is_terminal}
        needed |= {order.signal_key for order in self.orders.values() if order.lacks_trades or order.never_seen}
        self.signals = {key: signal for key, signal in self.signals.items() if key in needed}

    def to_dict(self) -> dict[str, Any]:
        """Return the book as plain JSON values."""
        return {
            "orders": ORDERS.dump_python([*self.orders.values()], mode="json"),
            "positions": POSITIONS.dump_python([*self.positions.values()], mode="json"),
            "quarantine": self.quarantine.to_dict(),
            "signals": _SIGNALS.dump_python([*self.signals.values()], mode="json"),
            "acted": list(self.acted),
            "last_entry": self.last_entry,
            "paused_until": [[*key, until] for key, until in self.paused_until.items()],
            "realised": str(self.realized),
            "equity_start": None if self.equity_start is None else str(self.equity_start),
            "orders_count": self.orders_count,
            "fills_count": self.fills_count,
            "denials_count": self.denials_count,
            "last_order_time": self.last_order_time,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Book":
        """Read ``to_dict`` back. Raises KeyError, TypeError or ValueError for anything else."""
        start = plain["equity_start"]
        return cls(
            quarantine=Quarantine.from_dict(plain["quarantine"]),
            orders={order.client_order_id: order for order in ORDERS.validate_python(plain["orders"])},
            positions={position.symbol: position for position in POSITIONS.validate_python(plain["positions"])},
            signals={signal.key: signal for signal in _SIGNALS.validate_python(plain["signals"])},
            acted=dict.fromkeys(plain["acted"]),
            last_entry={symbol: float(moment) for symbol, moment in plain["last_entry"].items()},
            paused_until={(strategy, symbol): float(until) for strategy, symbol, until in plain["paused_until"]},
            realized=Decimal(plain["realised"]),
            equity_start=None if start is None else Decimal(start),
            orders_count=int(plain["orders_count"]),
            fills_count=int(plain["fills_count"]),
            denials_count=int(plain["denials_count"]),
            last_order_time=float(plain["last_order_time"]),
        )


def is_working(order: OrderRecord) -> bool:
    """Whether the order is open at the exchange, as far as is known."""
    return order.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
