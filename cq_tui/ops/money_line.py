"""How the money is doing, in one line: equity, the day, drawdown, what is held, and what it cost."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from cq_tui.contracts.account import AccountState
from cq_tui.contracts.tickers import Ticker
from cq_tui.ops.formatting import StatusLevel, format_age, format_number, format_percent, format_signed, sanitize


class MoneyFigure(NamedTuple):
    """One figure. ``level``: good above zero, bad below it, idle for what is neither; empty without a meaning."""

    name: str
    text: str
    level: StatusLevel | Literal[""] = ""
    #: Where space is short, the highest rank is left out first; 0 stays.
    rank: int = 0


def money_figures(
    account: AccountState, tickers: Mapping[str, Ticker], most_positions: int, *, fees: str | None, old: float | None
) -> list[MoneyFigure]:
    """Return the figures, the most important first. Amounts in the account's quote asset.

    ``fees``: commissions of the day, if they are known. ``old``: age of the report in seconds, if nobody writes it now.
    """
    quote = sanitize(account.quote_asset, 8)
    equity = MoneyFigure("equity", f"{format_number(account.equity, 2)} {quote}")
    if old is not None:
        return [equity, MoneyFigure("", f"{format_age(old)} ago", "idle")]
    figures = [equity]
    if account.equity_start:
        change = round((account.equity / account.equity_start - 1) * 100, 2)
        figures.append(MoneyFigure("", format_percent(change), _sign(change), 1))
    if account.day_profit is not None:
        figures.append(MoneyFigure("day", format_signed(account.day_profit), _sign(account.day_profit), 3))
    if account.drawdown is not None and account.peak:
        share = round(-100 * account.drawdown / account.peak, 2)
        figures.append(MoneyFigure("drawdown", format_percent(share), _sign(share), 5))
    figures.append(MoneyFigure("realized", format_signed(account.realized_pnl), _sign(account.realized_pnl), 6))
    unrealized = sum(
        position.unrealized_at(tickers[symbol].bid if symbol in tickers else 0.0)
        for symbol, position in account.positions.items()
    )
    if account.positions:
        figures.append(MoneyFigure("open", format_signed(unrealized), _sign(unrealized), 4))
    worth = sum(
        position.size * (tickers[symbol].bid if symbol in tickers else position.entry_price)
        for symbol, position in account.positions.items()
    )
    held = f"{len(account.positions)} of {most_positions}"
    if account.positions:
        held += f" · {format_number(worth, 2)}"
    figures.append(MoneyFigure("held", held, "", 2))
    if account.positions and account.equity > 0:
        figures.append(MoneyFigure("exposure", f"{worth / account.equity * 100:.1f} %", "", 7))
    if fees is not None:
        figures.append(MoneyFigure("fees", fees, "", 8))
    return figures


def _sign(value: float) -> StatusLevel:
    return "good" if round(value, 2) > 0 else "bad" if round(value, 2) < 0 else "idle"
