"""Compares the book with the account: open orders, balances, trades. At the start, on reconnect, each minute."""

from collections.abc import Iterable
from decimal import Decimal
from math import inf

from cq_tui.binance.types import AccountInfo, AccountTrade, Balance, Order
from cq_tui.binance.user_events import AccountPosition, BalanceUpdate
from cq_tui.trading.client_order_id import Leg, OurOrderId, parse_client_order_id
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.claiming import confirm_claim
from cq_tui.trading.core.effects import CancelOrder, FetchAccount, FetchCommission, FetchOpenOrders, FetchRules, Urgency
from cq_tui.trading.core.hearing import hear_order, hear_trades
from cq_tui.trading.core.inquiring import FIRST_DELAY
from cq_tui.trading.core.lane import Flight, Lane
from cq_tui.trading.core.losing import move_funds
from cq_tui.trading.core.marking import mark_equity
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.selling_foreign import sell_foreign
from cq_tui.trading.core.situation import INTERVAL_IN_DOUBT, Situation
from cq_tui.trading.core.strangers import identify, is_of_copy, is_old_news, judge_stranger, was_forgotten
from cq_tui.trading.order_life import may_be_open

ZERO = Decimal(0)
#: Seconds between reconciliations while all is well.
INTERVAL = 60.0
#: An answer about the account that something moved meanwhile is asked for again after so many seconds.
_AGAIN = 1.0
#: An answer of so many trades may not be all.
_MOST_TRADES = 1_000
#: A difference counts without the answer about an order that is asked for so long (seconds).
_PATIENCE = 60.0
#: Seconds between two reads of commission rates: they are not urgent.
_COMMISSION_PAUSE = 1.0
#: Seconds until the rates of a symbol are read again, and until they are asked for again if that failed.
COMMISSION_PERIOD, COMMISSION_RETRY = 3_600.0, 10.0
#: So far ahead (ms) may be what the exchange dates now, as its clock is measured.
_AHEAD_MS = 1_000
#: So much (ms) the exchange's clock may have been off, as it was measured before the restart.
_CLOCK_TOLERANCE_MS = 10_000
_UNRECORDED = frozenset({Leg.STOP, Leg.TARGET, Leg.EXIT})


def look_at_account(s: Situation) -> None:
    """Ask for what is due about the account as a whole: open orders, balances, rules, commission rates."""
    if not s.is_reading("", FetchRules) and s.now >= s.rules_due and (symbols := s.rules.due(s.now)):
        request = FetchRules(number=s.next_number(), symbol="", urgency=Urgency.RESOLVE, symbols=tuple(symbols))
        s.send(request)
    if s.now >= s.account_due:
        s.account_due = s.now + (INTERVAL_IN_DOUBT if in_doubt(s) else INTERVAL)
        urgency = Urgency.ROUTINE if s.is_reconciled else Urgency.RESOLVE
        if not s.is_reading("", FetchOpenOrders):
            s.send(FetchOpenOrders(number=s.next_number(), symbol="", urgency=urgency))
        _read_balances(s, urgency)
        # What a doubt is about may be over: then nothing else would look for the evidence that ends it.
        for symbol in dict.fromkeys((*s.book.positions, *filter(None, s.book.doubts))):
            s.lane(symbol).scan_wanted = True
            s.touch(symbol)
    elif s.now >= s.balances_due:
        _read_balances(s, Urgency.RESOLVE)
    _read_commissions(s)


def _read_balances(s: Situation, urgency: Urgency) -> None:
    s.balances_due = inf
    if not s.is_reading("", FetchAccount):
        s.balances_asked_at = s.now
        s.send(FetchAccount(number=s.next_number(), symbol="", urgency=urgency))


def in_doubt(s: Situation) -> bool:
    """Whether to reconcile again soon."""
    if s.stream_problem is not None or not s.is_reconciled or s.misfits:
        return True
    if s.book.foreign_sale is not None and s.book.foreign_sale.is_pending:
        return True
    return bool(s.book.doubts) or any(lane.inquiries for lane in s.lanes.values())


def _read_commissions(s: Situation) -> None:
    if not s.is_reconciled or s.now < s.commissions_due or s.is_reading_commissions:
        return
    lane = min(map(s.lane, s.rules.trading), key=lambda lane: lane.commission_due, default=None)
    if lane is None or s.now < lane.commission_due:
        # Rules that come later say which symbols trade.
        s.commissions_due = inf if lane is None else lane.commission_due
        return
    s.is_reading_commissions = True
    s.send(FetchCommission(number=s.next_number(), symbol=lane.symbol, urgency=Urgency.ROUTINE))


def commission_asked(s: Situation, lane: Lane, again_after: float) -> None:
    """Note that the commission of a symbol was asked for; the next symbol's turn comes soon."""
    s.is_reading_commissions = False
    lane.commission_due = s.now + again_after
    s.commissions_due = s.now + _COMMISSION_PAUSE


def take_open_orders(s: Situation, orders: Iterable[Order], flight: Flight) -> None:
    """Compare the open orders of the exchange with those of the book."""
    found: set[str] = set()
    others: dict[tuple[str, int], Order] = {}
    unknown: dict[str, str] = {}
    for order in orders:
        found.add(order.client_order_id)
        ours = parse_client_order_id(order.client_order_id)
        known = s.book.orders.get(order.client_order_id)
        if known is not None:
            if not _was_triggered_since(s, known, flight):
                hear_order(s, order)
            continue
        others[order.symbol, order.order_id] = order
        if ours is None:
            continue
        if is_old_news(s, order):
            identify(s, order.symbol, order.order_id)
        elif ours.owner == s.book.owner and order.side == "BUY":
            # An entry of ours that nothing remembers: no position must come of it.
            _cancel_orphan(s, order)
            unknown[order.symbol] = order.client_order_id
        elif _remember(s, order):
            del others[order.symbol, order.order_id]
        else:
            judge_stranger(s, order.client_order_id, order.symbol)
            # Of the first version, it is a doubt of the account.
            unknown[order.symbol if ours.owner is not None else ""] = order.client_order_id
    s.other_orders, s.open_orders_at = others, flight.began
    for known in list(s.book.open_orders()):
        is_asked_for = known.client_order_id in s.lane(known.symbol).inquiries
        is_missing = known.client_order_id not in found and known.updated_ms / 1000 < flight.began
        if known.status.is_accepted and is_missing and not is_asked_for:
            s.inquire(known.client_order_id)
    for symbol, kinds in list(s.book.doubts.items()):
        if "unknown_order" in kinds and symbol not in unknown:
            s.end_doubt(symbol, "unknown_order", "the order is no longer open")
    if "" not in unknown and s.first_version_at < flight.began:
        s.end_doubt("", "first_version", "no order of the first version is open")
    s.has_open_orders = True
    _judge_ready(s)


def _was_triggered_since(s: Situation, order: OrderRecord, flight: Flight) -> bool:
    """Whether the list of an order was triggered after the open orders were asked for: they show it from before."""
    ended = [leg.updated_ms for leg in s.book.other_legs(order) if leg.status.is_terminal]
    return s.book.awaits_fill(order) and max(ended, default=0) / 1000 >= flight.began


def _cancel_orphan(s: Situation, order: Order) -> None:
    text = f"the entry {order.client_order_id} carries our mark and is not in the book; it is being canceled"
    s.doubt(order.symbol, "unknown_order", text)
    number = s.next_number()
    s.send(CancelOrder(number=number, symbol=order.symbol, urgency=Urgency.EXIT, client_order_id=order.client_order_id))


def take_account(s: Situation, account: AccountInfo, flight: Flight) -> None:
    """Take balances and rates; judge the balances if nothing moved since the request."""
    if account.update_time >= s.balances_ms:
        s.balances = dict(account.balances)
        s.balances_ms = s.account_ms = _dated(s, account.update_time, flight.began)
        s.account_at, s.account_news = flight.began, flight.news
        _look_after_holders(s, None)
    s.taker_commission = max(account.taker_commission, account.maker_commission)
    s.permissions = account.permissions
    s.can_trade = account.can_trade
    s.has_account = True
    if flight.activity == s.activity and is_quiet(s):
        _judge_balances(s)
        if not s.misfits:
            s.account_is_at_rest()
    elif not s.is_quiet_known or s.misfits:
        s.look_at_account_again()
    _judge_ready(s)
    sell_foreign(s, at_rest=flight.activity == s.activity and s.account_at == flight.began)


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


def _judge_ready(s: Situation) -> None:
    if s.has_account and s.has_open_orders and not s.is_reconciled:
        s.is_reconciled = True
        for symbol in {*s.book.symbols(), *s.lanes}:
            s.touch(symbol)


def take_balances(s: Situation, event: AccountPosition) -> None:
    """Take balances from the stream, unless older: a connection that is being replaced may deliver late."""
    if event.update_time >= s.balances_ms:
        s.balances.update((balance.asset, balance) for balance in event.balances)
        s.balances_ms = _dated(s, event.update_time, s.now)
        s.news += 1
        for balance in event.balances:
            s.asset_ms[balance.asset], s.asset_news[balance.asset] = s.balances_ms, s.news
            _look_after_holders(s, balance.asset)
    s.activity += 1


def _dated(s: Situation, ms: int, asked: float) -> int:
    """Return when balances changed (Unix ms). What is dated ahead changed before they were asked for (Unix seconds).

    The exchange's clock was set back since, and what it dates from then on is newer.
    """
    return ms if ms <= s.ms + _AHEAD_MS else int(asked * 1000)


def _look_after_holders(s: Situation, asset: str | None) -> None:
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


def _judge_balances(s: Situation) -> None:
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


def take_trades(s: Situation, lane: Lane, trades: tuple[AccountTrade, ...], flight: Flight, *, scan: bool) -> None:
    """Take trades of a symbol: book those of ours, and find out whose the others are."""
    strange = hear_trades(s, lane.symbol, trades)
    if not scan:
        return
    lane.trades_pause = FIRST_DELAY
    ours_from_ms = -inf if lane.trades_until >= 0 else _ours_from_ms(s, lane.symbol)
    for trade in strange:
        if trade.time > s.foreign_ms:
            lane.others[trade.trade_id] = trade
        if trade.order_id not in lane.foreign_order_ids and trade.time >= ours_from_ms:
            lane.strange.setdefault(trade.order_id, {})[trade.trade_id] = trade
    if trades:
        lane.trades_until = max(lane.trades_until, trades[-1].trade_id)
    if len(trades) >= _MOST_TRADES:
        lane.scan_wanted = True
    else:
        lane.scanned_at = flight.began
    s.touch(lane.symbol)


def _ours_from_ms(s: Situation, symbol: str) -> float:
    """Return from when on trades may be ours (Unix ms) where none of ours is known; before, they are somebody else's.

    They may be of an order whose number or trades are not known, or of a sale that an earlier process sent unrecorded.
    """
    orders = (order for order in s.book.orders_of(symbol) if order.order_id is None or order.lacks_trades)
    began = [order.intended_ms for order in orders]
    if (position := s.book.positions.get(symbol)) is not None and position.opened_ms:
        began.append(position.opened_ms)
    return min(began, default=inf) - _CLOCK_TOLERANCE_MS


def take_identified(s: Situation, lane: Lane, order: Order) -> None:
    """Take the answer whose order a strange trade belongs to."""
    lane.nameless.pop(order.order_id, None)
    _take_named(s, lane, order)
    lane.strange.pop(order.order_id, None)


def _take_named(s: Situation, lane: Lane, order: Order) -> None:
    if confirm_claim(s, lane, order) and order.client_order_id not in s.book.orders:
        return
    if s.book.orders.get(order.client_order_id) is not None:
        lane.scan_wanted = hear_order(s, order) or lane.scan_wanted
        return
    if _remember(s, order):
        lane.scan_wanted = True
        return
    if was_forgotten(s, order):
        return
    lane.foreign_order_ids.add(order.order_id)
    ours = parse_client_order_id(order.client_order_id)
    if ours is None or ours.leg is Leg.CANCEL:
        return
    # What a first version did and ended is over; of what it does now, its open orders tell.
    if ours.owner is not None or may_be_open(order.status):
        judge_stranger(s, order.client_order_id, order.symbol)


def _remember(s: Situation, order: Order) -> bool:
    """Take an order into the book that an earlier process sent unrecorded; return whether it can be one.

    Only what reduces risk goes out without a record, on a full disk: it carries our owner, and sells what is ours.
    """
    ours, held = parse_client_order_id(order.client_order_id), s.book.holdings.get(order.symbol)
    if ours is None or held is None or ours.leg not in _UNRECORDED or order.side != "SELL":
        return False
    if ours.owner != s.book.owner and not _is_copys(s, ours, order):
        return False
    position, known = s.book.positions.get(order.symbol), s.book.orders_of(order.symbol)
    was_known = order.order_id <= s.book.forgotten.get(order.symbol, -1)
    if was_known or (position is None and not known):
        return False
    record = OrderRecord(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side="SELL",
        order_type=order.type,
        leg=ours.leg,
        signal_key=position.plan.signal_key if position is not None else known[-1].signal_key,
        quantity=order.quantity,
        intended_ms=order.time,
        price=order.price or None,
        stop_price=order.stop_price or None,
    )
    s.record(f.OrderIntended(record, held.base, held.quote))
    hear_order(s, order)
    if ours.owner != s.book.owner:
        judge_stranger(s, order.client_order_id, order.symbol)
    return True


def _is_copys(s: Situation, ours: OurOrderId, order: Order) -> bool:
    """Whether an order of another owner covers or sells what is held here: it belongs to a copy with this position."""
    position, held = s.book.positions.get(order.symbol), s.book.quantity(order.symbol)
    is_since = position is not None and 0 < position.opened_ms <= order.time
    return is_since and order.quantity <= held and is_of_copy(s, ours, order.symbol)
