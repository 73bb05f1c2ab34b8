"""Balances of the account: taken as they are told, and every difference from the book explained, or a doubt."""

from decimal import Decimal

from cq_tui.binance.types import Balance
from cq_tui.binance.user_events import AccountPosition, BalanceUpdate
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.losing import move_funds
from cq_tui.trading.core.marking import mark_equity
from cq_tui.trading.core.situation import INTERVAL, Situation

ZERO = Decimal(0)
#: An answer about the account that something moved meanwhile is asked for again after so many seconds.
_AGAIN = 1.0
#: A difference counts without the answer about an order that is asked for so long (seconds).
_PATIENCE = 60.0
#: So far ahead (ms) may be what the exchange dates now, as its clock is measured.
_AHEAD_MS = 1_000


def is_quiet(s: Situation) -> bool:
    """Whether balances and book must agree now: nothing is under way, and nothing about an order is unknown."""
    if any(flight.ids and s.is_busy(flight.request.symbol) for flight in s.flights.values()):
        return False
    if any(order.lacks_trades or order.status.is_undecided for order in s.book.live_orders()):
        return False
    return not any(lane.strange for lane in s.lanes.values())


def _may_be_explained(s: Situation) -> bool:
    """Whether an order is asked for that may have been filled: the difference would be taken for somebody else's."""
    inquiries = (inquiry for lane in s.lanes.values() for inquiry in lane.inquiries.values())
    return any(not one.not_found and s.now < one.since + _PATIENCE for one in inquiries)


def take_balances(s: Situation, event: AccountPosition) -> None:
    """Take balances from the stream, unless older: a connection that is being replaced may deliver late."""
    if event.update_time >= s.balances_ms:
        s.balances.update((balance.asset, balance) for balance in event.balances)
        s.balances_ms = dated(s, event.update_time, s.now)
        s.news += 1
        for balance in event.balances:
            s.asset_ms[balance.asset], s.asset_news[balance.asset] = s.balances_ms, s.news
            look_after_holders(s, balance.asset)
    s.activity += 1


def dated(s: Situation, ms: int, asked: float) -> int:
    """Return when balances changed (Unix ms). What is dated ahead changed before they were asked for (Unix seconds).

    The exchange's clock was set back since, and what it dates from then on is newer.
    """
    return ms if ms <= s.ms + _AHEAD_MS else int(asked * 1000)


def look_after_holders(s: Situation, asset: str | None) -> None:
    """Look at the positions in an asset again, or at all: more of it may be known to be sellable."""
    for symbol in s.book.positions:
        held = s.book.holdings.get(symbol)
        if held is not None and asset in (None, held.base):
            s.touch(symbol)


def take_funds(s: Situation, event: BalanceUpdate) -> None:
    """Take a deposit or withdrawal: it is no profit and no loss."""
    key = event.event_time, event.asset, event.delta
    if key in s.funds_seen:
        return
    s.funds_seen[key] = None
    s.activity += 1
    if s.book.money is not None and event.asset == s.book.money.asset:
        # One that is told late is in the book since the balances showed it.
        if event.event_time > s.funds_ms:
            what = "deposit" if event.delta > 0 else "withdrawal"
            move_funds(s, event.delta, what)
    elif event.event_time > s.coins_ms:
        # Coins that are not ours come, and the balance is no fence any more; or go, and explain no coins of an order:
        # more of them than there were, and a person took some of ours.
        s.foreign[event.asset] = s.foreign.get(event.asset, ZERO) + event.delta
    s.account_due = min(s.account_due, s.now + _AGAIN)


def judge_balances(s: Situation) -> None:
    """Explain every difference between balances and book. It counts when it was seen twice: fills look the same.

    While an order is asked for, it does not count yet.
    """
    before, s.misfits = s.misfits, {}
    _judge_quote(s, before)
    for asset in {held.base for held in s.book.holdings.values()}:
        total, own = _total(s.balances, asset), s.own(asset)
        holdings = [held for held in s.book.holdings.values() if held.base == asset]
        if total >= own:
            for held in holdings:
                s.end_doubt(held.symbol, "balance", "balance and book agree")
            continue
        symbols = [held.symbol for held in holdings if held.quantity]
        text = f"the book has {own:f} {asset}, the account holds {total:f}"
        if all(s.book.doubts.get(symbol, {}).get("balance") == text for symbol in symbols):
            continue
        if before.get(asset) != total - own or _may_be_explained(s):
            s.misfits[asset] = total - own
            s.look_at_account_again()
            for symbol in symbols:
                s.lane(symbol).scan_wanted = True
                s.touch(symbol)
            continue
        for symbol in symbols:
            s.doubt(symbol, "balance", text)
            s.touch(symbol)
    if not s.misfits:
        s.foreign = {
            asset: balance.total - s.own(asset)
            for asset, balance in s.balances.items()
            if s.book.money is None or asset != s.book.money.asset
        }
        s.is_quiet_known, s.foreign_ms, s.coins_ms = True, s.ms, s.balances_ms
        for lane in s.lanes.values():
            lane.others.clear()
        mark_equity(s)
        for symbol, kinds in list(s.book.doubts.items()):
            if "contradiction" in kinds and s.lane(symbol).scanned_at > s.now - INTERVAL:
                s.end_doubt(symbol, "contradiction", "trades and balances agree with the book")
            if "status" in kinds:
                s.end_doubt(symbol, "status", "trades and balances agree with the book")


def _judge_quote(s: Situation, before: dict[str, Decimal]) -> None:
    quote = s.settings.quote
    total = _total(s.balances, quote)
    if s.book.money is None:
        s.record(f.AccountOpened(quote, total, s.ms))
        return
    if s.book.money.asset != quote:
        return
    difference = total - s.book.money.quote
    if not difference:
        s.funds_ms = s.balances_ms
        return
    if before.get(quote) != difference or _may_be_explained(s):
        s.misfits[quote] = difference
        s.look_at_account_again()
        for symbol in s.book.positions:
            s.lane(symbol).scan_wanted = True
            s.touch(symbol)
        return
    s.funds_ms = s.balances_ms
    move_funds(s, difference, "not by orders of this directory")


def _total(balances: dict[str, Balance], asset: str) -> Decimal:
    balance = balances.get(asset)
    return ZERO if balance is None else balance.total
