"""What the account holds of each asset: free, locked, ours and of others, and what it is worth."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from cq_tui.contracts.account import AccountState
from cq_tui.contracts.numbers import to_decimal
from cq_tui.contracts.tickers import Ticker


class BalanceRow(NamedTuple):
    """Amounts of one asset, exact. ``worth`` is all of it at the best bid, in the quote asset; None without a price."""

    asset: str
    free: Decimal
    locked: Decimal
    #: What this stack bought and holds, what is left over from earlier positions included.
    ours: Decimal
    #: What the account holds beside that; never counted or sold.
    foreign: Decimal
    worth: float | None


def balance_rows(account: AccountState, tickers: Mapping[str, Ticker]) -> list[BalanceRow]:
    """Return the assets, the quote asset first, then by worth. An amount that is no number counts as 0."""
    quote = account.quote_asset
    ours: dict[str, Decimal] = {}
    for symbol, position in account.positions.items():
        base = symbol.removesuffix(quote)
        ours[base] = ours.get(base, Decimal(0)) + to_decimal(position.size)
    for symbol, left in (account.remainders or {}).items():
        base = symbol.removesuffix(quote)
        ours[base] = ours.get(base, Decimal(0)) + _amount(left.quantity)
    foreign = account.foreign_coins or {}
    rows = []
    for asset, balance in account.balances.items():
        free, locked = _amount(balance.free), _amount(balance.locked)
        others = _amount(foreign.get(asset, "0"))
        own = free + locked - others if asset == quote else ours.get(asset, Decimal(0))
        ticker = tickers.get(asset + quote)
        price = 1.0 if asset == quote else ticker.bid if ticker and ticker.bid > 0 else None
        worth = None if price is None else float(free + locked) * price
        if free or locked or own or others:
            rows.append(BalanceRow(asset, free, locked, own, others, worth))
    return sorted(rows, key=lambda row: (row.asset != quote, -(row.worth or 0.0), row.asset))


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return Decimal(0)
    return amount if amount.is_finite() else Decimal(0)
