"""``state/account.json``: the trader's balances, positions, orders and quarantined symbols."""

from cq_tui.contracts.base import ContractModel, Count, Finite, Side, Timestamp

#: Statuses of orders that have ended.
_ENDED = frozenset({"filled", "canceled", "expired", "rejected"})


class BalanceState(ContractModel):
    """The balance of one asset, as exact decimal text from the exchange."""

    free: str
    locked: str


class PositionState(ContractModel):
    """One open position with its protection."""

    symbol: str
    size: Finite
    entry_price: Finite
    unrealized_pnl: Finite
    """Profit at the price that the trader saw, commissions of the entry included."""
    cost: Finite | None = None
    """What ``size`` cost, commissions included, in the quote asset."""
    opened_ts: Timestamp
    stop_loss: Finite | None = None
    take_profit: Finite | None = None
    strategy: str | None = None
    protection: str | None = None
    """working, pending or missing."""

    def unrealized_at(self, bid: float) -> float:
        """Return the unrealized profit at a newer best bid; the trader's own if that or the cost is not known."""
        return self.unrealized_pnl if self.cost is None or bid <= 0 else self.size * bid - self.cost


class OrderState(ContractModel):
    """One order in its last known state."""

    client_order_id: str
    symbol: str
    side: Side
    order_type: str
    leg: str
    status: str
    size: Finite
    filled: Finite = 0.0
    price: Finite | None = None
    stop_price: Finite | None = None
    average_price: Finite | None = None
    order_id: str | None = None
    updated_ts: Timestamp = 0.0
    reason: str | None = None
    signal_key: str | None = None
    """Natural key of the signal that the order follows."""


class QuarantineState(ContractModel):
    """One quarantined symbol."""

    symbol: str
    reason: str
    failures: Count
    since: Timestamp
    until: Timestamp
    """When one entry is let through as a probe (Unix seconds)."""


class AccountState(ContractModel):
    """The trader's account document."""

    timestamp: Timestamp
    mode: str
    quote_asset: str = "USDT"
    equity: Finite
    """Free and locked quote, plus positions at their last price."""
    available_balance: Finite
    equity_start: Finite | None = None
    """Equity when this account was first seen: the base of the percentage in the status bar."""
    realized_pnl: Finite = 0.0
    balances: dict[str, BalanceState] = {}
    positions: dict[str, PositionState] = {}
    orders: list[OrderState] = []
    """Open orders and the latest closed ones, oldest first."""
    quarantine: dict[str, QuarantineState] = {}
    held_symbols: list[str] | None = None
    """Symbols that are fed until nothing is held in them; null in documents of earlier versions."""

    @property
    def symbols_at_stake(self) -> set[str]:
        """Symbols with a position, a remainder worth selling or an open order."""
        if self.held_symbols is not None:
            return self.positions.keys() | set(self.held_symbols)
        return self.positions.keys() | {order.symbol for order in self.orders if order.status not in _ENDED}
