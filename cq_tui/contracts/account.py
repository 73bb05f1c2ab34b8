"""``state/account.json``: the trader's balances, positions, orders and quarantined symbols."""

from typing import Annotated

from cq_tui.contracts.base import BaseAmount, ContractModel, Count, Finite, Price, QuoteAmount, Side, Timestamp
from cq_tui.contracts.units import ASSET, BASE, SHARE

#: Statuses of orders that have ended, the exchange's own words included.
_ENDED = frozenset({"filled", "canceled", "expired", "expired_in_match", "rejected"})


class BalanceState(ContractModel):
    """The balance of one asset, as exact decimal text from the exchange."""

    free: Annotated[str, ASSET]
    """What can be spent or sold."""
    locked: Annotated[str, ASSET]
    """What open orders hold."""


class PositionState(ContractModel):
    """One open position with its protection."""

    symbol: str
    size: BaseAmount
    """Quantity."""
    entry_price: Price
    """Average price of the entry."""
    unrealized_pnl: QuoteAmount
    """Profit at the price that the trader saw, commissions of the entry included."""
    cost: QuoteAmount | None = None
    """What ``size`` cost, commissions included."""
    opened_ts: Timestamp
    """When it was opened."""
    stop_loss: Price | None = None
    """Price of the stop."""
    take_profit: Price | None = None
    """Price of the target."""
    trail_frame: str | None = None
    """Interval of the bars by whose highs the stop trails; null where it does not."""
    strategy: str | None = None
    protection: str | None = None
    """working, pending or missing."""
    state: str | None = None
    """opening, protected, exposed, closing or unsellable."""
    reason: str | None = None
    """Why it is being closed, or cannot be sold now."""
    unprotected_since_ts: Timestamp | None = None
    """Since when it has no working stop, by the exchange's clock; null if it has one."""

    unsellable: Annotated[str, BASE] | None = None
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
    """Type of the order at the exchange, such as LIMIT."""
    leg: str
    status: str
    """The last known status."""
    size: BaseAmount
    """Quantity."""
    filled: BaseAmount = 0.0
    """How much of it was filled."""
    price: Price | None = None
    """Limit of the price; null at market."""
    stop_price: Price | None = None
    """Price at which a stop is triggered."""
    average_price: Price | None = None
    """Average price of its fills; null without any."""
    order_id: str | None = None
    updated_ts: Timestamp = 0.0
    """When its status changed last."""
    reason: str | None = None
    signal_key: str | None = None
    """Natural key of the signal that the order follows."""

    @property
    def may_be_open(self) -> bool:
        """Whether the order may still fill; by a status of another version it may."""
        return self.status.lower() not in _ENDED


class RemainderState(ContractModel):
    """What is left of earlier positions in a symbol: owned, and worth too little to be sold by itself."""

    quantity: Annotated[str, BASE]
    """Exact decimal text."""
    cost: QuoteAmount
    """What it cost, commissions included."""
    worth: QuoteAmount | None = None
    """At the best bid; null if there is none."""


class QuarantineState(ContractModel):
    """One quarantined symbol or strategy."""

    symbol: str
    """Empty for a strategy."""
    reason: str
    failures: Count
    """Failures in a row that led to it."""
    since: Timestamp
    """When it began."""
    until: Timestamp
    """When one entry is let through as a probe, or by hand: when it ends."""
    strategy: str | None = None
    cause: str | None = None
    """failures, stops, repairs or hand."""
    person: str | None = None
    """Who wants it, if it is by hand."""


class LossLimitState(ContractModel):
    """How much of a limit on losses is used. Amounts in the quote asset."""

    lost: QuoteAmount
    """How much was lost."""
    base: QuoteAmount
    """Equity when the day began (UTC), or the peak."""
    limit: Annotated[Finite, SHARE]
    """Share of the base: of the drawdown, that of the next tier."""
    tier: str | None = None
    """What holds: warn; reduce: nothing is opened; halt: everything is closed, too."""
    since_ts: Timestamp | None = None
    """Since when it holds."""


class WaitingEntryState(ContractModel):
    """An entry that waits for its limit price. Nothing of it is at the exchange."""

    symbol: str
    strategy: str
    limit_price: Price
    """Most that it may pay."""
    until_ts: Timestamp
    """When it is given up."""
    signal_key: str


class AccountState(ContractModel):
    """``state/account.json``: the account as the trader knows it."""

    timestamp: Timestamp
    """When this file was written."""
    mode: str
    """Mode that the trader is in."""
    quote_asset: str = "USDT"
    """Asset in which money is counted."""
    equity: QuoteAmount
    """Free and locked quote, plus own coins at the best bid."""
    available_balance: QuoteAmount
    """Free quote."""
    equity_start: QuoteAmount | None = None
    """Equity when this account was first seen, moved by what came in or went out since: the base of the percentage in
    the status bar."""
    realized_pnl: QuoteAmount = 0.0
    """Profit of what was sold, commissions included."""
    balances: dict[str, BalanceState] = {}
    """Balances by asset, as exact decimal text from the exchange."""
    positions: dict[str, PositionState] = {}
    """Open positions by symbol."""
    orders: list[OrderState] = []
    """Open orders and the latest closed ones, oldest first."""
    quarantine: dict[str, QuarantineState] = {}
    """Quarantined symbols, by name."""
    quarantined_strategies: dict[str, QuarantineState] | None = None
    """By name."""
    waiting_entries: list[WaitingEntryState] | None = None
    """Entries that wait for their limit price, oldest first."""
    held_symbols: list[str] | None = None
    """Symbols that are fed until nothing is held in them; null in documents of earlier versions."""
    account: str | None = None
    """Venue and the exchange's user id, such as ``testnet:1234567``."""
    owner: str | None = None
    """The five characters by which orders of this directory are known."""
    unrealized_pnl: QuoteAmount | None = None
    """realized_pnl + unrealized_pnl = equity - equity_start, exactly."""
    deposits: QuoteAmount | None = None
    """What came in minus what went out; no profit and no loss."""
    paid_from_outside: QuoteAmount | None = None
    """Commissions that coins of others paid for us."""
    unvalued_commissions: dict[str, Annotated[str, ASSET]] | None = None
    """By asset: commissions whose price is not known yet, as exact decimal text; no part of cost or profit so far."""
    day_profit: QuoteAmount | None = None
    """Change of the equity since the first quiet moment of the day (UTC), without what came in or went out."""
    drawdown: QuoteAmount | None = None
    """How far the equity is below its peak, moved by what came in or went out; at least 0."""
    peak: QuoteAmount | None = None
    """Highest equity, moved by what came in or went out."""
    loss_limits: dict[str, LossLimitState] | None = None
    """daily_loss and drawdown."""
    remainders: dict[str, RemainderState] | None = None
    """By symbol."""
    foreign_coins: dict[str, Annotated[str, ASSET]] | None = None
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
