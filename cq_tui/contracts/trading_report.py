"""``report.json`` of a look back, and what ``cq-tui report --json`` prints: one report for both.

Sums of money are exact decimal text, figures made of them are numbers. What cannot be computed is null. Times are the
exchange's Unix milliseconds, days are of UTC.
"""

from typing import Annotated, Any, Literal

from cq_tui.contracts.base import ContractModel, Count, Finite, Milliseconds, QuoteAmount, Ratio, Side, UnixMs
from cq_tui.contracts.trader_events import AssetText, BaseText, DecimalText, PriceText, QuoteText
from cq_tui.contracts.units import COUNT, NO_UNIT, SHARE

Share = Annotated[Finite, SHARE]
Figure = Annotated[Finite, NO_UNIT]


class ReportHeader(ContractModel):
    """What was traded, when, on what assumptions, and what is needed to do it again."""

    source: Literal["backtest", "live"]
    """backtest: computed from recorded bars; live: read from a history, that of a simulated account too."""
    account: str | None = None
    """Account whose history it is, as ``venue:uid``; null of a backtest."""
    quote: str
    """Asset in which money is counted."""
    from_ms: UnixMs
    """Begin of the period."""
    to_ms: UnixMs
    """End of the period, which is not part of it."""
    symbols: list[str] = []
    """Symbols that were traded, or could be."""
    strategies: dict[str, dict[str, Any]] = {}
    """Strategies that took part, with their parameters."""
    interval: str | None = None
    """Interval of the bars, such as 1m."""
    data: dict[str, str] = {}
    """SHA-256 of the bars, by symbol and interval."""
    versions: dict[str, str] = {}
    """Versions of the programs that computed it."""
    settings: dict[str, Any] = {}
    """Settings of the trader that differ from their defaults."""
    seed: Annotated[int, NO_UNIT] | None = None
    """Seed of what was drawn at random; null if nothing was."""
    fee: Annotated[DecimalText, SHARE] | None = None
    """Commission assumed for each side."""
    slippage: dict[str, Annotated[DecimalText, SHARE]] = {}
    """Half the spread and the slippage of market orders assumed for each side, by symbol."""
    warm_up_bars: dict[str, Count] = {}
    """Bars before the period by which indicators were warmed up, by symbol."""


class ReportDrawdown(ContractModel):
    """The deepest fall of the equity below an earlier peak."""

    amount: QuoteAmount
    """How deep it was."""
    share: Share | None = None
    """The same as a share of the peak."""
    peak_ms: UnixMs
    """When the equity was at the peak."""
    bottom_ms: UnixMs
    """When it was lowest."""
    end_ms: UnixMs | None = None
    """When the peak was reached again; null if it was not."""
    duration_ms: Milliseconds
    """From the peak until it was reached again, or until the end of the period."""


class ReportShuffledDrawdown(ContractModel):
    """The largest falls that the same positions would have made in other orders, drawn at random."""

    orders: Count
    """How many orders were drawn."""
    low: QuoteAmount
    """5 of 100 orders fell less than this."""
    median: QuoteAmount
    """Half of the orders fell less."""
    high: QuoteAmount
    """95 of 100 orders fell less."""


class ReportTotals(ContractModel):
    """The figures of all trades together."""

    start_equity: QuoteAmount | None = None
    """Worth of the account at the begin; null if it is not known."""
    final_equity: QuoteAmount | None = None
    """Worth at the end, deposits and withdrawals of the period left out."""
    profit: QuoteText
    """What was realized, commissions included, exactly."""
    fees: QuoteText
    """Value of the commissions that have one."""
    fees_by_asset: dict[str, AssetText] = {}
    """Commissions in the assets that they were paid in."""
    unvalued_fees: Count = 0
    """Trades whose commission has no known value: the profit is without it."""
    volume: QuoteText
    """What was bought and sold together, at its prices."""
    slippage: QuoteText | None = None
    """What assumed spread and slippage cost; null of a live history, whose prices include them."""
    return_share: Share | None = None
    """From the first to the last equity, as a share of the first."""
    annual_return: Share | None = None
    """Compound annual growth rate; null under 30 days."""
    exposure: Ratio | None = None
    """Share of the period in which anything was held."""
    max_drawdown: ReportDrawdown | None = None
    """The fall of the largest amount; null if there was none."""
    max_drawdown_share: Share | None = None
    """The largest fall as a share of its peak."""
    sharpe_daily: Figure | None = None
    """Mean ÷ standard deviation of the returns of days."""
    sharpe_daily_error: Figure | None = None
    """Its standard error, for independent returns (Lo 2002)."""
    sharpe: Figure | None = None
    """The daily one × √365; null under 30 days."""
    sharpe_error: Figure | None = None
    """Its standard error."""
    sortino: Figure | None = None
    """Mean ÷ downside deviation of the returns of days, × √365; null under 30 days."""
    calmar: Figure | None = None
    """Annual return ÷ largest drawdown."""
    trades: Count
    """Positions that were closed."""
    open_trades: Count
    """Positions that were still open at the end of the period."""
    win_rate: Ratio | None = None
    """Share of the closed positions that earned something after commissions."""
    profit_factor: Figure | None = None
    """Gains ÷ losses of closed positions; null without a loss."""
    expectancy: QuoteAmount | None = None
    """Average profit of a closed position."""
    sqn: Figure | None = None
    """√n × mean ÷ standard deviation of the profits of closed positions."""
    best_trade: Share | None = None
    """Highest return of a closed position, as a share of what it cost."""
    worst_trade: Share | None = None
    """Lowest return of a closed position."""
    average_trade: Share | None = None
    """Average return of closed positions."""
    average_duration_ms: Milliseconds | None = None
    """How long positions were held on average."""
    max_duration_ms: Milliseconds | None = None
    """How long the longest was held."""
    most_wins_in_a_row: Count = 0
    """Longest run of positions that earned something."""
    most_losses_in_a_row: Count = 0
    """Longest run of positions that earned nothing."""
    shuffled_drawdown: ReportShuffledDrawdown | None = None
    """What the order of the closed positions had to do with the largest fall; null under ten of them."""


class ReportLine(ContractModel):
    """One of the results that stand side by side."""

    name: Literal["net", "gross", "buy_and_hold"]
    """net: as traded; gross: without commissions, spread, slippage; buy_and_hold: all symbols bought at the begin."""
    profit: QuoteAmount
    """Last equity minus first; of gross without a curve, what was realized before commissions."""
    return_share: Share | None = None
    """As a share of the equity at the begin."""
    max_drawdown_share: Share | None = None
    """The largest fall as a share of its peak; null if it is not known."""


class ReportRow(ContractModel):
    """One line of a table: a strategy, a symbol, a kind of exit, a month, a day."""

    name: str
    """What it is about; empty for what belongs to no strategy."""
    profit: QuoteText
    """What was realized, commissions included; the sum over the rows of a table is the total, exactly."""
    fees: QuoteText
    """Value of the commissions that have one."""
    volume: QuoteText
    """What was bought and sold together, at its prices."""
    fills: Count
    """Trades at the exchange."""
    trades: Count
    """Positions that were closed."""
    win_rate: Ratio | None = None
    """Share of them that earned something after commissions."""
    profit_factor: Figure | None = None
    """Gains ÷ losses; null without a loss."""
    best: QuoteText | None = None
    """Highest profit of a position."""
    worst: QuoteText | None = None
    """Lowest profit of a position."""


class ReportTrade(ContractModel):
    """One position from its entry to its exit."""

    symbol: str
    strategy: str
    """Empty if it is no strategy's."""
    signal_key: str
    """Natural key of the signal that it follows."""
    side: Side = "BUY"
    """Side of the entry."""
    opened_ms: UnixMs
    """First purchase."""
    closed_ms: UnixMs | None = None
    """Last sale; null while nothing was sold."""
    quantity: BaseText
    """What was bought."""
    entry_price: PriceText
    """Average price of the purchases."""
    exit_price: PriceText | None = None
    """Average price of the sales; null while nothing was sold."""
    gross: QuoteText
    """Profit before commissions."""
    fees: QuoteText
    """Value of its commissions that have one."""
    net: QuoteText
    """Profit, commissions included; of an open position what was realized so far."""
    return_share: Share | None = None
    """Net profit as a share of what was paid."""
    bars: Count | None = None
    """Bars from entry to exit; null if there is no interval."""
    exit_reason: str
    """stop, target, signal, time stop … of the last sale."""
    open: bool
    """Whether it is still open."""


class ReportCurve(ContractModel):
    """What the account was worth, at most 2,000 points; all lists have one length."""

    ms: list[UnixMs]
    """Times of the points."""
    net: list[QuoteAmount]
    """Equity, deposits and withdrawals of the period left out."""
    buy_and_hold: list[QuoteAmount] | None = None
    """The same money in the symbols from the begin on."""


class ReportStop(ContractModel):
    """A strategy that was stopped since it failed."""

    strategy: str
    symbol: str
    bar_ms: UnixMs
    """Begin of the bar on which it failed."""
    text: str
    """How it failed."""


class ReportBars(ContractModel):
    """The bars that a look back ran over."""

    bars: Annotated[Count, COUNT]
    """Bars of the period."""
    holes: Count = 0
    """Bars that are missing among them."""
    ambiguous: Count = 0
    """Bars in which stop and target were both reached: the stop was taken."""


class TradingReport(ContractModel):
    """What trading brought in a period: of a history, or of a look back."""

    header: ReportHeader
    """What was traded, and on what assumptions."""
    words: list[str]
    """The result in sentences, and what it does not show."""
    totals: ReportTotals
    """The figures of all trades together."""
    lines: list[ReportLine]
    """Net, before costs, and buy-and-hold, side by side."""
    by_strategy: list[ReportRow] = []
    """One row for each strategy, and one with an empty name for what is no strategy's."""
    by_symbol: list[ReportRow] = []
    """One row for each symbol."""
    by_exit: list[ReportRow] = []
    """One row for each kind of exit; what was bought without being sold is under an empty name."""
    by_month: list[ReportRow] = []
    """One row for each month, such as 2026-11."""
    by_day: list[ReportRow] = []
    """One row for each day, such as 2026-11-29."""
    denials: dict[str, Count] = {}
    """Signals that were not acted on, by the code of the reason."""
    bars: ReportBars | None = None
    """Null of a live history."""
    stopped: list[ReportStop] = []
    """Strategies that were stopped since they failed."""
    equity: ReportCurve | None = None
    """Null if the equity is not known."""
    trades: list[ReportTrade] = []
    """All positions, oldest first."""
