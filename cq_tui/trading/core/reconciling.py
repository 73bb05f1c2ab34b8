"""Compares the book with the account: open orders, balances, trades. At the start, on reconnect, each minute."""

from collections.abc import Iterable
from math import inf

from cq_tui.binance.types import AccountInfo, Order
from cq_tui.trading.client_order_id import parse_client_order_id
from cq_tui.trading.core.balances import dated, is_quiet, judge_balances, look_after_holders
from cq_tui.trading.core.effects import CancelOrder, FetchAccount, FetchOpenOrders, FetchRules, Urgency
from cq_tui.trading.core.hearing import hear_order
from cq_tui.trading.core.identifying import remember
from cq_tui.trading.core.lane import Flight
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.reading_commissions import read_commissions
from cq_tui.trading.core.selling_foreign import sell_foreign
from cq_tui.trading.core.situation import INTERVAL, INTERVAL_IN_DOUBT, Situation
from cq_tui.trading.core.strangers import identify, is_old_news, judge_stranger


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
    read_commissions(s)


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
        elif remember(s, order):
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
        s.balances_ms = s.account_ms = dated(s, account.update_time, flight.began)
        s.account_at, s.account_news = flight.began, flight.news
        look_after_holders(s, None)
    s.taker_commission = max(account.taker_commission, account.maker_commission)
    s.permissions = account.permissions
    s.can_trade = account.can_trade
    s.has_account = True
    if flight.activity == s.activity and is_quiet(s):
        judge_balances(s)
        if not s.misfits:
            s.account_is_at_rest()
    elif not s.is_quiet_known or s.misfits:
        s.look_at_account_again()
    _judge_ready(s)
    sell_foreign(s, at_rest=flight.activity == s.activity and s.account_at == flight.began)


def _judge_ready(s: Situation) -> None:
    if s.has_account and s.has_open_orders and not s.is_reconciled:
        s.is_reconciled = True
        for symbol in {*s.book.symbols(), *s.lanes}:
            s.touch(symbol)
