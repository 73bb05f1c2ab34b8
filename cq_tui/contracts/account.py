"""``state/account.json``: what the trader holds, owes and refuses to touch."""

from cq_tui.contracts.base import ContractModel, Count, Finite, Side, Timestamp


class BalanceState(ContractModel):
    """One asset. Exact decimal text, as the exchange gives it."""

    free: str
    locked: str


class PositionState(ContractModel):
    """One open position with its protection."""

    symbol: str
    size: Finite
    entry_price: Finite
    unrealized_pnl: Finite
    opened_ts: Timestamp
    stop_loss: Finite | None = None
    take_profit: Finite | None = None
    strategy: str | None = None
    #: working, pending, missing.
    protection: str | None = None


class OrderState(ContractModel):
    """One order as the trader last knew it."""

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
    #: Natural key of the signal it follows.
    signal_key: str | None = None


class QuarantineState(ContractModel):
    """One quarantined symbol."""

    symbol: str
    reason: str
    failures: Count
    since: Timestamp
    #: When it is tried again by a probe (Unix seconds).
    until: Timestamp


class AccountState(ContractModel):
    """The document."""

    timestamp: Timestamp
    mode: str
    quote_asset: str = "USDT"
    #: Free plus locked quote plus positions at their last price.
    equity: Finite
    available_balance: Finite
    #: Equity when this account was first seen, for the percentage in the status bar.
    equity_start: Finite | None = None
    realized_pnl: Finite = 0.0
    balances: dict[str, BalanceState] = {}
    positions: dict[str, PositionState] = {}
    #: Open orders and the most recent ended ones, oldest first.
    orders: list[OrderState] = []
    quarantine: dict[str, QuarantineState] = {}
