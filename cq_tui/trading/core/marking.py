"""Marks what the account is worth: at the first quiet moment of a day (UTC), and at a new peak."""

from collections.abc import Mapping
from decimal import Decimal

from cq_tui.trading.core import facts as f
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.money.account_money import value_account
from cq_tui.trading.money.exact import multiply
from cq_tui.trading.money.holding import Holding

#: Each mark is an event: a new peak is marked when it is so much higher than the last one.
HIGHER = Decimal("1.001")
_DAY_MS = 86_400_000


def equity_now(s: Situation) -> Decimal | None:
    """Return the equity at fresh bids; None without money, or where a position has no bid that can be relied on.

    A bid that is far from the last trade may be wrong by itself. What earlier positions left is too little to matter:
    without such a bid it counts as last known.
    """
    bids = {symbol: bid for symbol in _held(s) if (bid := _relied_on(s, symbol)) is not None}
    if any(symbol not in bids for symbol in _held(s) if symbol in s.book.positions):
        return None
    return _equity(s, bids)


def equity_as_known(s: Situation) -> Decimal | None:
    """Return the equity at the last known bids, the lower of bid and last trade where they disagree; at cost without.

    A price that is missing hides no loss in the others. None without money.
    """
    return _equity(s, {})


def _equity(s: Situation, bids: Mapping[str, Decimal]) -> Decimal | None:
    money = s.book.money
    if money is None or money.asset != s.settings.quote:
        return None
    held = _held(s)
    known = {symbol: bid for symbol in held if (bid := bids.get(symbol) or _lowest(s, symbol)) is not None}
    return value_account(money, held.values(), known).equity


def _held(s: Situation) -> dict[str, Holding]:
    return {
        symbol: held for symbol, held in s.book.holdings.items() if held.quantity and held.quote == s.settings.quote
    }


def _relied_on(s: Situation, symbol: str) -> Decimal | None:
    bid, last = s.bid(symbol), s.last_price(symbol)
    return None if bid is None or last is None or _disagree(s, bid, last) else bid


def _lowest(s: Situation, symbol: str) -> Decimal | None:
    lane = s.lanes.get(symbol)
    if lane is None or lane.quote is None or lane.quote.bid <= 0:
        return None
    bid, last = lane.quote.bid, lane.quote.last
    return min(bid, last) if last > 0 and _disagree(s, bid, last) else bid


def _disagree(s: Situation, bid: Decimal, last: Decimal) -> bool:
    return max(bid, last) > min(bid, last) * (1 + s.settings.max_price_gap)


def mark_equity(s: Situation) -> None:
    """Mark the equity if it is due. Book and balances agree; without bids that can be relied on, it waits."""
    money, equity = s.book.money, equity_now(s)
    if money is None or equity is None:
        return
    day = max(s.ms // _DAY_MS, money.day)
    if day > money.day or equity > multiply(money.peak, HIGHER):
        s.record(f.EquityMarked(equity, day, s.ms))
