"""``state/account.json``: the trader's balances, positions, orders and quarantined symbols."""

from cq_tui.contracts.base import ContractModel, Count, Finite, Side, Timestamp

#: Statuses of orders that have ended, the exchange's own words included.
_ENDED = frozenset({"filled", "canceled", "expired", "expired_in_match", "rejected"})


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
    state: str | None = None
    """opening, protected, exposed, closing or unsellable."""
    reason: str | None = None
    """Why it is being closed, or cannot be sold now."""
    unprotected_since_ts: Timestamp | None = None
    """Since when it has no working stop (the exchange's Unix seconds); null if it has one."""

    unsellable: str | None = None
    """How much of ``size`` no order can have now, as exact decimal text; null if all of it can be sold."""

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

    @property
    def may_be_open(self) -> bool:
        """Whether the order may still fill; by a status of another version it may."""
        return self.status.lower() not in _ENDED


class RemainderState(ContractModel):
    """What is left of earlier positions in a symbol: owned, and worth too little to be sold by itself."""

    quantity: str
    """Exact decimal text, in the base asset."""
    cost: Finite
    worth: Finite | None = None
    """At the best bid, in the quote asset; null if there is none."""


class QuarantineState(ContractModel):
    """One quarantined symbol or strategy."""

    symbol: str
    """Empty for a strategy."""
    reason: str
    failures: Count
    since: Timestamp
    until: Timestamp
    """When one entry is let through as a probe, or by hand: when it ends (Unix seconds)."""
    strategy: str | None = None
    cause: str | None = None
    """failures, stops, repairs or hand."""
    person: str | None = None
    """Who wants it, if it is by hand."""


class LossLimitState(ContractModel):
    """How much of a limit on losses is used. Amounts in the quote asset."""

    lost: Finite
    base: Finite
    """Equity when the day began (UTC), or the peak."""
    limit: Finite
    """Share of the base: of the drawdown, that of the next tier."""
    tier: str | None = None
    """What holds: warn; reduce: nothing is opened; halt: everything is closed, too."""
    since_ts: Timestamp | None = None
    """Since when it holds (Unix seconds)."""


class AccountState(ContractModel):
    """The trader's account document."""

    timestamp: Timestamp
    mode: str
    quote_asset: str = "USDT"
    equity: Finite
    """Free and locked quote, plus own coins at the best bid."""
    available_balance: Finite
    equity_start: Finite | None = None
    """Equity when this account was first seen, moved by what came in or went out since: the base of the percentage in
    the status bar."""
    realized_pnl: Finite = 0.0
    balances: dict[str, BalanceState] = {}
    positions: dict[str, PositionState] = {}
    orders: list[OrderState] = []
    """Open orders and the latest closed ones, oldest first."""
    quarantine: dict[str, QuarantineState] = {}
    quarantined_strategies: dict[str, QuarantineState] | None = None
    """By name."""
    held_symbols: list[str] | None = None
    """Symbols that are fed until nothing is held in them; null in documents of earlier versions."""
    account: str | None = None
    """Venue and the exchange's user id, such as ``testnet:1234567``."""
    owner: str | None = None
    """The five characters by which orders of this directory are known."""
    unrealized_pnl: Finite | None = None
    """realized_pnl + unrealized_pnl = equity - equity_start, exactly."""
    deposits: Finite | None = None
    """What came in minus what went out; no profit and no loss."""
    paid_from_outside: Finite | None = None
    """Commissions that coins of others paid for us."""
    unvalued_commissions: dict[str, str] | None = None
    """By asset: commissions whose price is not known yet, as exact decimal text; no part of cost or profit so far."""
    day_profit: Finite | None = None
    """Change of the equity since the first quiet moment of the day (UTC), without what came in or went out."""
    drawdown: Finite | None = None
    """How far the equity is below its peak, moved by what came in or went out; at least 0."""
    peak: Finite | None = None
    """Highest equity, moved by what came in or went out."""
    loss_limits: dict[str, LossLimitState] | None = None
    """daily_loss and drawdown."""
    remainders: dict[str, RemainderState] | None = None
    """By symbol."""
    foreign_coins: dict[str, str] | None = None
    """By asset: what the account holds beside ours, as exact decimal text. It is never counted or sold."""
    foreign_orders: list[str] | None = None
    """Open orders of others on the account. They are left alone."""
    doubts: dict[str, list[str]] | None = None
    """By symbol, ``account`` for the whole account: what cannot be explained, so that nothing is opened."""
    locks: dict[str, str] | None = None
    """By symbol: who flattened it, since when and why. Nothing is opened in it until a person resumes."""

    @property
    def symbols_at_stake(self) -> set[str]:
        """Symbols with a position, a remainder worth selling or an open order."""
        if self.held_symbols is not None:
            return self.positions.keys() | set(self.held_symbols)
        return self.positions.keys() | {order.symbol for order in self.orders if order.may_be_open}
