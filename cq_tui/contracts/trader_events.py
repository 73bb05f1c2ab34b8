"""Payloads of the events that tell the trader's book: orders, positions, doubts, money.

Amounts are exact decimal text in units of their asset, times the exchange's Unix milliseconds. Replayed in order, the
events of one account give its book again; ``metadata.account`` names the account.
"""

from typing import Annotated, Any

from pydantic import Field

from cq_tui.contracts.base import ContractModel, Milliseconds, SafeCount, SafeInteger, Side, UnixMs
from cq_tui.contracts.units import ASSET, BASE, DAYS, PRICE, QUOTE, SHARE

#: An exact amount. Its unit is the field's.
DecimalText = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$")]
QuoteText = Annotated[DecimalText, QUOTE]
BaseText = Annotated[DecimalText, BASE]
AssetText = Annotated[DecimalText, ASSET]
PriceText = Annotated[DecimalText, PRICE]
Day = Annotated[SafeInteger, DAYS]


class PlanText(ContractModel):
    """How a position is to be left."""

    signal_key: str
    strategy: str
    frame: str
    stop_loss: PriceText
    """Price of the stop."""
    take_profit: PriceText | None = None
    """Price of the target."""
    trail: PriceText | None = None
    """Distance of the trailing stop below the highest high."""
    trail_bars: SafeCount | None = None
    """Bars of that highest high."""
    time_stop_ms: UnixMs | None = None
    """When it is closed even if neither stop nor target was reached."""
    cooldown_ms: Milliseconds | None = None
    """How long the strategy pauses in the symbol after its stop."""
    adds: bool | None = None
    """Whether the purchase adds to the strategy's position: then stop and target become those of the whole."""


class OrderSent(ContractModel):
    """An order is about to be sent: from here on it may be at the exchange."""

    symbol: str
    side: Side
    client_order_id: str
    ms: UnixMs
    leg: str | None = None
    signal_key: str | None = None


class OrderAccepted(ContractModel):
    """The exchange has an order: it waits, works, or was filled by trades that are not known yet."""

    symbol: str
    side: Side
    client_order_id: str
    status: str
    """Status of the order, as the trader understands it."""
    ms: UnixMs
    order_id: str | None = None
    executed_text: BaseText | None = None
    """Quantity filled so far."""
    size_text: BaseText | None = None
    """Quantity of a pending order, once its list has bought."""
    reason: str | None = None
    code: str | None = None
    counts: bool | None = None
    """Whether it counts as a failure of the symbol."""
    claimed: bool | None = None
    """Whether ``order_id`` is that of trades which fit the order, while the exchange has not named it yet."""
    gives_up: bool | None = None
    """Whether the trades that are missing are awaited no more: the exchange no longer knows the order."""
    leg: str | None = None
    signal_key: str | None = None


class OrderUnknown(OrderAccepted):
    """An order may or may not be at the exchange: it is queried, never sent again."""


class WaitingSignal(ContractModel):
    """The signal of an entry that waits for its limit price, as the trader judges it again."""

    symbol: str
    side: Side
    entry_price: PriceText
    """Price at which the strategy would buy."""
    stop_loss: PriceText
    """Price of the stop."""
    take_profit: PriceText
    """Price of the target."""
    confidence: Annotated[float, SHARE]
    """How sure the strategy is."""
    strategy: str
    frame: str
    """Interval of the trigger bar."""
    bar_close_time: UnixMs
    """When the trigger bar closed."""
    max_bars: SafeCount | None = None
    """Exit after this many trigger bars if neither stop nor target was reached."""
    trail: PriceText | None = None
    """Distance of the trailing stop below the highest high."""
    cooldown_bars: SafeCount | None = None
    """Trigger bars without a new entry after a stop."""
    trail_bars: SafeCount | None = None
    """Bars of that highest high."""
    signal_id: str | None = None
    """Id of a signal from outside."""
    size: BaseText | None = None
    """Most that the entry may buy."""
    limit_price: PriceText
    """Most that the entry may pay."""
    limit_until_ms: UnixMs | None = None
    """When the entry is given up, by the exchange's clock; null means after a trigger bar, or a minute."""


class EntryWaits(ContractModel):
    """An entry waits for its limit price. Nothing of it is at the exchange until the market is at that price.

    It ends with the fill of an order of the same ``signal_key``, or with an order_rejected that says why.
    """

    symbol: str
    side: Side
    signal_key: str
    strategy: str
    limit_price: PriceText
    """Most that the entry may pay."""
    until_ms: UnixMs
    """When it is given up."""
    ms: UnixMs
    signal: WaitingSignal
    """The signal itself, which is judged again at that price."""


class ExitRequested(ContractModel):
    """A position is to be closed."""

    symbol: str
    reason: str
    ms: UnixMs
    signal_key: str | None = None


class PartExitRequested(ContractModel):
    """A part of a position is to be sold, as a SELL signal asked; the rest stays under protection."""

    symbol: str
    signal_key: str
    """Natural key of the SELL signal."""
    keep: BaseText
    """How much of the position stays."""
    reason: str
    ms: UnixMs


class PartExitEnded(ContractModel):
    """The sale of a part of a position is over."""

    symbol: str
    signal_key: str
    """Natural key of the SELL signal."""
    unsold: BaseText
    """How much of the part was not sold and stays; 0 if all of it was sold."""
    ms: UnixMs
    reason: str | None = None
    """Why it was not sold."""


class StopMoved(ContractModel):
    """The stop of a position was raised."""

    symbol: str
    stop_loss: PriceText
    """The new price of the stop."""
    ms: UnixMs


class PositionChanged(ContractModel):
    """A position's state changed: opening, protected, exposed, closing, unsellable, closed."""

    symbol: str
    before: str
    """The state before; closed for a new position."""
    after: str
    """The state after."""
    ms: UnixMs
    signal_key: str | None = None
    reason: str | None = None
    naked_kind: str | None = None
    """Why it was without its stop, if that just ended: entry_list, entry_oco, trail, exit, lost."""
    naked_ms: Milliseconds | None = None
    """How long it was without its stop, by the exchange's times."""


class PositionAdopted(ContractModel):
    """Coins that the account already held became a position: protected, or to be sold at once."""

    symbol: str
    base_asset: str
    quote_asset: str
    quantity: BaseText
    """How much became the position."""
    price: PriceText
    """What is taken for the price at which they were bought."""
    plan: PlanText
    """How it is to be left."""
    ms: UnixMs
    person: str
    why: str | None = None
    exit_reason: str | None = None
    """Why it is to be sold at once; null if it is to be kept."""
    strategy: str | None = None
    """Whose SELL signals close it; null if it is the person's, and no strategy's signal does."""


class DoubtRaised(ContractModel):
    """Something cannot be explained: nothing is opened in the symbol, or without one in the account."""

    symbol: str
    """The symbol; empty for the whole account."""
    kind: str
    text: str
    ms: UnixMs


class DoubtEnded(ContractModel):
    """A doubt was explained, or a person accepted it."""

    symbol: str
    """The symbol; empty for the whole account."""
    kind: str
    how: str
    ms: UnixMs
    person: str | None = None


class HoldingAccepted(ContractModel):
    """A person accepted that coins of the book are gone: they leave it as a loss."""

    symbol: str
    quantity: BaseText
    """How much is gone."""
    person: str
    why: str
    ms: UnixMs


class SymbolLocked(ContractModel):
    """A person let a symbol, or without one everything, be flattened: nothing is opened there until `resume`."""

    symbol: str
    """The symbol; empty for all."""
    person: str
    why: str | None = None
    ms: UnixMs
    foreign: bool | None = None
    """Whether coins that are not ours are to be sold, too."""


class SymbolUnlocked(ContractModel):
    """A person resumed trading of a symbol, or without one of all."""

    symbol: str
    """The symbol; empty for all."""
    person: str
    why: str | None = None
    ms: UnixMs


class CoinsLeft(ContractModel):
    """Coins that are not sold, and why."""

    quantity: AssetText
    """How much is left."""
    reason: str


class ForeignSalePlanned(ContractModel):
    """What of the coins that are not ours a person wants sold; told anew whenever it changes."""

    coins: dict[str, AssetText]
    """By asset: the most that is still to be sold. What comes to the account later is not."""
    left: dict[str, CoinsLeft]
    """By asset: what is not sold."""
    ms: UnixMs


class AccountOpened(ContractModel):
    """The account was seen for the first time: profit is counted from here."""

    asset: str
    quantity: AssetText
    """The balance at that moment."""
    ms: UnixMs


class FundsMoved(ContractModel):
    """The quote balance changed otherwise than by our trades: a deposit, a withdrawal, somebody else's trade."""

    asset: str
    change: AssetText
    """By how much: positive came in, negative went out."""
    reason: str
    ms: UnixMs
    peak: QuoteText | None = None
    """From where the drawdown is counted after it, where the change by its amount would reach a limit by itself."""


class EquityMarked(ContractModel):
    """What the account was worth when a day began, or when it was worth more than ever."""

    equity: QuoteText
    """What the account was worth."""
    day: Day
    """The day (UTC)."""
    ms: UnixMs


class LossLimitReached(ContractModel):
    """So much was lost that a limit holds, also over restarts."""

    limit: str
    """daily_loss, or drawdown."""
    tier: str
    """warn; reduce: nothing is opened; halt: everything is closed, too."""
    equity: QuoteText
    """What the account was worth."""
    base: QuoteText
    """Equity when the day began (UTC), or the peak."""
    share: Annotated[DecimalText, SHARE]
    """The limit in force, as a share of the base."""
    day: Day
    """The day (UTC)."""
    ms: UnixMs


class LossLimitEnded(ContractModel):
    """A limit on losses holds no more."""

    limit: str
    """daily_loss, or drawdown."""
    how: str
    ms: UnixMs
    person: str | None = None
    """Who accepted the loss."""
    why: str | None = None
    peak: QuoteText | None = None
    """From where the drawdown is counted from now on, if a person accepted it."""


class CommissionValued(ContractModel):
    """Commissions in a third asset got their price in quote units."""

    symbol: str
    asset: str
    price: PriceText
    """Price of one unit of the asset."""
    ms: UnixMs


class BookTakenOver(ContractModel):
    """The book of a mode, as the first version kept it, became the book of an account."""

    account: str
    mode: str
    """Mode that the book belonged to."""
    book: dict[str, Any]
    """The book, in the form of ``state/trader.json``."""
