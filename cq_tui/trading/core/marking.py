"""Marks what the account is worth: at the first quiet moment of a day (UTC), and at a new peak."""

from decimal import Decimal

from cq_tui.trading.core import facts as f
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.money.account_money import value_account
from cq_tui.trading.money.exact import multiply

#: Each mark is an event: a new peak is marked when it is so much higher than the last one.
_HIGHER = Decimal("1.001")
_DAY_MS = 86_400_000


def equity_now(s: Situation) -> Decimal | None:
    """Return the equity at fresh bids; None without money, or where what is held has no bid that can be relied on.

    A bid that is far from the last trade may be wrong by itself.
    """
    money = s.book.money
    if money is None or money.asset != s.settings.quote:
        return None
    holdings = [held for held in s.book.holdings.values() if held.quantity and held.quote == money.asset]
    bids = {held.symbol: bid for held in holdings if (bid := _relied_on(s, held.symbol)) is not None}
    value = value_account(money, holdings, bids)
    return None if value.unpriced else value.equity


def _relied_on(s: Situation, symbol: str) -> Decimal | None:
    bid, last = s.bid(symbol), s.last_price(symbol)
    if bid is None or last is None or max(bid, last) > min(bid, last) * (1 + s.settings.max_price_gap):
        return None
    return bid


def mark_equity(s: Situation) -> None:
    """Mark the equity if it is due. Book and balances agree; coins without a fresh bid wait for the next time."""
    money = s.book.money
    if money is None or money.asset != s.settings.quote:
        return
    holdings = [held for held in s.book.holdings.values() if held.quote == money.asset]
    bids = {held.symbol: bid for held in holdings if held.quantity and (bid := s.bid(held.symbol)) is not None}
    value = value_account(money, holdings, bids)
    day = max(s.ms // _DAY_MS, money.day)
    if not value.unpriced and (day > money.day or value.equity > multiply(money.peak, _HIGHER)):
        s.record(f.EquityMarked(value.equity, day, s.ms))
