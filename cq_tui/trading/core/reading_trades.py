"""Reads trades of the account: those that are missing of an order, and all since the last known one."""

from math import inf

from cq_tui.binance.types import AccountTrade
from cq_tui.trading.core.effects import FetchTrades, Urgency
from cq_tui.trading.core.hearing import hear_trades
from cq_tui.trading.core.lane import FIRST_DELAY, LONGEST_DELAY, BookedTrade, Flight, Lane
from cq_tui.trading.core.situation import Situation

#: An answer of so many trades may not be all.
_MOST_TRADES = 1_000
#: So much (ms) the exchange's clock may have been off, as it was measured before the restart.
_CLOCK_TOLERANCE_MS = 10_000


def fetch_missing(s: Situation, lane: Lane) -> None:
    """Fetch the trades of orders that executed more than is known, or all since the last known one."""
    if s.is_reading(lane.symbol, FetchTrades):
        return
    if s.now < lane.trades_due:
        if lane.scan_wanted or lane.lacking:
            lane.wake_at(lane.trades_due)
        return
    lacking = [order for order in s.book.live_of(lane.symbol) if order.lacks_trades and order.order_id is not None]
    if lane.lacking and not lacking:
        lane.trades_pause = FIRST_DELAY
    lane.lacking = bool(lacking)
    has_waited = lane.trades_pause >= LONGEST_DELAY
    if lacking and has_waited and lacking[0].client_order_id not in lane.inquiries:
        # Perhaps the exchange does not know the order any more: then nothing tells its trades.
        s.inquire(lacking[0].client_order_id)
    if lacking and not (has_waited and lane.scan_wanted):
        # The account's trades may lag behind its orders: asked for until they are complete.
        read_trades_later(s, lane)
        s.send(
            FetchTrades(
                number=s.next_number(), symbol=lane.symbol, urgency=Urgency.RESOLVE, order_id=lacking[0].order_id
            )
        )
    elif lane.scan_wanted:
        lane.scan_wanted = False
        lane.trades_due = s.now + FIRST_DELAY
        from_id = lane.trades_until + 1 if lane.trades_until >= 0 else None
        number, urgent = s.next_number(), bool(lane.inquiries) or lane.must_catch_up
        urgency = Urgency.RESOLVE if urgent else Urgency.ROUTINE
        s.send(FetchTrades(number=number, symbol=lane.symbol, urgency=urgency, from_id=from_id))


def read_trades_later(s: Situation, lane: Lane, at_least: float = 0.0) -> None:
    """Read trades again after a pause, each time longer: they may be behind, or the exchange does not tell them."""
    lane.trades_due = s.now + max(lane.trades_pause, at_least)
    lane.trades_pause = min(lane.trades_pause * 2, LONGEST_DELAY)
    lane.wake_at(lane.trades_due)


def take_trades(s: Situation, lane: Lane, trades: tuple[AccountTrade, ...], flight: Flight, *, scan: bool) -> None:
    """Take trades of a symbol: book those of ours, and find out whose the others are."""
    strange = hear_trades(s, lane.symbol, trades)
    if not scan:
        return
    lane.trades_pause = FIRST_DELAY
    ours_from_ms = -inf if lane.trades_until >= 0 else _ours_from_ms(s, lane.symbol)
    for trade in strange:
        if BookedTrade(trade.trade_id, trade.order_id, trade.price, trade.quantity) in lane.booked:
            continue
        if trade.time > s.foreign_ms:
            lane.others[trade.trade_id] = trade
        if trade.order_id not in lane.foreign_order_ids and trade.time >= ours_from_ms:
            lane.strange.setdefault(trade.order_id, {})[trade.trade_id] = trade
    if trades:
        lane.trades_until = max(lane.trades_until, trades[-1].trade_id)
        lane.booked = {one for one in lane.booked if one.trade_id > lane.trades_until}
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
