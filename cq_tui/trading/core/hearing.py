"""What is heard of orders, from answers, reports and queries, as facts: each trade once, no state ever back."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from cq_tui.binance.types import AccountTrade, Order, OrderList
from cq_tui.binance.user_events import ExecutionReport
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.lane import BookedTrade
from cq_tui.trading.core.namesakes import has_another_number, is_another
from cq_tui.trading.core.order import OrderRecord, TradeFill
from cq_tui.trading.core.quarantining import judge_result
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.core.strangers import hear_cancel, hear_stranger
from cq_tui.trading.core.unshown import note_trade, total_before
from cq_tui.trading.money.exact import AmountError
from cq_tui.trading.money.trades import Commission, book_trade, own_part
from cq_tui.trading.order_life import HEARD_FROM_EXCHANGE, Heard, OrderStatus, hear
from cq_tui.trading.position_life import PositionState

ZERO = Decimal(0)
#: After an answer, the stream usually shows the order working within this many seconds; else it is queried.
CONFIRM_DELAY = 0.1
#: A working stop that nothing was heard of is looked at after so many seconds.
STOP_PERIOD = 10.0
#: So far (ms) the exchange's time may be off as it is known here.
_CLOCK_TOLERANCE_MS = 1_000
#: What an answer tells first, although it happened so long (ms) before, the stream should have told.
SILENCE_MS = 2_000


@dataclass(frozen=True, slots=True)
class News:
    """What one message says of one order."""

    status: str
    order_id: int
    executed: Decimal
    ms: int
    fills: tuple[TradeFill, ...] = ()
    #: The order's quantity; None if the message does not say.
    quantity: Decimal | None = None
    reason: str = ""
    code: int | None = None


def hear_order(s: Situation, order: Order) -> bool:
    """Take an order that was asked for as the answer shows it; a NEW counts as seen.

    Return whether it is one of the book: another may have the id of one.
    """
    record = find(s, order)
    if record is None or is_another(s, record, order):
        return False
    _take_shown(s, record, order, confirms=True)
    return True


def hear_placed(s: Situation, order: Order) -> None:
    """Take an order as the answer to its own placement shows it: it is ours, also where it is told otherwise than sent.

    An exchange that writes down another price would leave what it bought without protection.
    """
    record = find(s, order)
    if record is not None and not has_another_number(s, record, order):
        _take_shown(s, record, order, confirms=False)


def _take_shown(s: Situation, record: OrderRecord, order: Order, *, confirms: bool) -> None:
    fills = tuple(
        TradeFill(fill.trade_id, fill.price, fill.quantity, fill.commission, fill.commission_asset, order.time)
        for fill in order.fills
    )
    quantity = order.quantity if order.quantity > 0 else None
    news = News(order.status, order.order_id, order.executed_quantity, order.time, fills, quantity, order.expiry_reason)
    take(s, record.client_order_id, news, confirms=confirms)


def hear_queried(s: Situation, order: Order) -> bool:
    """Take an order as a query shows it; return whether it is one of the book."""
    before = find(s, order)
    is_known = hear_order(s, order)
    if before is not None:
        _watch_cancel(s, before)
    return is_known


def hear_list(s: Situation, answer: OrderList) -> None:
    """Take the orders of a list as the answer to its cancel shows them."""
    for report in answer.reports:
        hear_order(s, report)


def hear_report(s: Situation, report: ExecutionReport) -> None:
    """Take an execution report of the account stream."""
    record = s.book.orders.get(report.client_order_id)
    if record is None:
        hear_stranger(s, report.client_order_id, report.symbol, report.order_id)
        return
    if is_another(s, record, report):
        return
    fills: tuple[TradeFill, ...] = ()
    if report.execution_type == "TRADE" and report.last_quantity > 0:
        fills = (
            TradeFill(
                report.trade_id, report.last_price, report.last_quantity,
                report.commission, report.commission_asset, report.transaction_time,
            ),
        )  # fmt: skip
    reason = report.reject_reason if report.reject_reason not in ("NONE", "") else report.expiry_reason
    quantity = report.quantity if report.quantity > 0 else None
    news = News(
        report.status, report.order_id, report.executed_quantity, report.transaction_time, fills, quantity, reason
    )
    take(s, record.client_order_id, news, confirms=True, is_answer=False)
    hear_cancel(s, report.symbol, report.request_id)
    _watch_cancel(s, record)


def hear_trades(s: Situation, symbol: str, trades: Iterable[AccountTrade]) -> list[AccountTrade]:
    """Take trades of the account; return those of orders that the book does not know by their id."""
    by_id = {order.order_id: order for order in s.book.orders_of(symbol) if order.order_id is not None}
    strange = []
    for trade in trades:
        known = by_id.get(trade.order_id)
        if known is None or _is_of_another(known, trade):
            strange.append(trade)
            continue
        book_trades(s, known.client_order_id, trade.order_id, (trade,), claimed=known.is_claimed)
    return strange


def _is_of_another(order: OrderRecord, trade: AccountTrade) -> bool:
    """Whether a trade is later than all that an order did: a venue that was wiped counts its orders anew."""
    is_over = order.status.is_terminal and not order.lacks_trades
    return is_over and trade.time > order.updated_ms and all(trade.trade_id != one.trade_id for one in order.fills)


def book_trades(s: Situation, name: str, order_id: int, trades: Iterable[AccountTrade], *, claimed: bool) -> None:
    """Take trades of the account as those of an order of the book; ``claimed``: the exchange has not said so."""
    order = s.book.orders[name]
    fills = (
        TradeFill(trade.trade_id, trade.price, trade.quantity, trade.commission, trade.commission_asset, trade.time)
        for trade in trades
    )
    _take_fills(s, order, fills, order_id, order.quantity, claimed=claimed)


def find(s: Situation, order: Order) -> OrderRecord | None:
    """Find the order of an answer; the answer to a cancel may carry the cancel's own id."""
    known = s.book.orders.get(order.client_order_id)
    if known is not None:
        return known
    orders = s.book.orders_of(order.symbol)
    return next((one for one in orders if one.order_id == order.order_id), None)


def take(s: Situation, name: str, news: News, *, confirms: bool, is_answer: bool = True) -> None:
    """Turn news about an order of the book into facts."""
    order = s.book.orders[name]
    s.touch(order.symbol)
    lane = s.lane(order.symbol)
    if order.leg is Leg.STOP:
        lane.stop_due = s.now + STOP_PERIOD
    heard = HEARD_FROM_EXCHANGE.get(news.status)
    if heard is None:
        s.doubt(order.symbol, "status", f"the exchange gives {name} the unknown status {news.status!r}")
        s.inquire(name, delay=5.0)
        return
    quantity = news.quantity if not order.quantity else None
    _take_fills(s, order, news.fills, news.order_id, quantity or order.quantity)
    if heard is Heard.SEEN_NEW and not confirms and order.leg in (Leg.STOP, Leg.TARGET):
        heard = Heard.SEEN_PENDING
    _take_status(s, s.book.orders[name], heard, news, quantity)
    _take_read(s, s.book.orders[name])
    after = s.book.orders[name]
    if is_answer and after.status is not order.status:
        _judge_stream(s, after, news.ms)
    # The stream tells a triggered order NEW once more before its fill; only an answer says that it is still working.
    is_told = confirms and (is_answer or not s.book.awaits_fill(after))
    if is_told and not after.status.is_unseen:
        lane.inquiries.pop(name, None)
        if not lane.inquiries:
            s.end_doubt(order.symbol, "outcome", "the exchange has answered")
    elif after.status.is_pending:
        s.inquire(name, delay=CONFIRM_DELAY if s.stream_problem is None else 0.0)


def _take_read(s: Situation, order: OrderRecord) -> None:
    """Book the trades that were read before they were known to be of this order: they may be told only once.

    A venue that was wiped meanwhile has forgotten them, and counts its orders anew: what does not fit is of another.
    """
    lane, missing = s.lane(order.symbol), order.executed - order.filled_by_trades
    trades = {} if order.order_id is None else lane.strange.get(order.order_id, {})
    since = (order.sent_ms or order.intended_ms) - _CLOCK_TOLERANCE_MS
    is_its = all(one.is_buyer is (order.side == "BUY") and one.time >= since for one in trades.values())
    if order.order_id is None or not trades or not is_its or sum(one.quantity for one in trades.values()) > missing:
        return
    del lane.strange[order.order_id]
    lane.nameless.pop(order.order_id, None)
    for trade_id in trades:
        lane.others.pop(trade_id, None)
    book_trades(s, order.client_order_id, order.order_id, trades.values(), claimed=False)


def _take_status(s: Situation, order: OrderRecord, heard: Heard, news: News, quantity: Decimal | None) -> None:
    if heard is Heard.SEEN_NEW and order.executed > 0:
        heard = Heard.SEEN_PARTLY
    change = hear(order.status, heard)
    seen_status = change.status
    if change.contradicts:
        seen_status = hear(OrderStatus.UNKNOWN, heard).status
    learns = (order.order_id is None or order.is_claimed) and news.order_id >= 0
    more = news.executed > order.executed
    if seen_status is order.status and not learns and not more and quantity is None:
        return
    # An entry that bought nothing is a missed chance, not a fault; what the exchange refuses of a symbol is one.
    counts = order.leg is Leg.ENTRY and seen_status.is_rejected and not order.status.is_terminal
    reason = "" if news.reason in ("NONE", "") else news.reason
    s.activity += 1
    s.record(
        f.OrderSeen(
            order.client_order_id,
            seen_status,
            news.ms,
            order_id=news.order_id if news.order_id >= 0 else None,
            executed=news.executed,
            quantity=quantity,
            reason=reason,
            code=news.code,
            counts=counts,
        )
    )
    if order.leg is Leg.EXIT and not order.status.is_terminal and seen_status.is_terminal and not news.executed:
        # Nobody bought: the next attempt can wait a moment.
        s.lane(order.symbol).exit_pause.fail(s.now)
    if change.contradicts:
        s.doubt(order.symbol, "contradiction", s.book.orders[order.client_order_id].contradiction)
    end_pending_legs(s, s.book.orders[order.client_order_id], news.ms)
    _await_other_leg(s, s.book.orders[order.client_order_id])


def _watch_cancel(s: Situation, before: OrderRecord) -> None:
    """Note that protection was canceled, by nothing that this process has on its way."""
    is_new = before.leg in (Leg.STOP, Leg.TARGET) and not before.status.is_terminal
    if is_new and s.book.orders[before.client_order_id].status.is_canceled and not s.is_canceling(before.symbol):
        s.part(before.symbol)


def _judge_stream(s: Situation, order: OrderRecord, ms: int) -> None:
    """Take the account stream for silent where an answer tells what happened long before, since it was subscribed."""
    if s.stream_problem is None and s.stream_since_ms < ms <= s.ms - SILENCE_MS:
        what = f"the {order.leg} order of {order.symbol} is {order.status}"
        s.set_stream(f"it is silent: it did not report that {what}", is_silent=True)


def _await_other_leg(s: Situation, ended: OrderRecord) -> None:
    """Ask for the other leg of a list that has ended, unless its fill or end is reported first, as it usually is."""
    if ended.status.is_terminal and ended.leg in (Leg.STOP, Leg.TARGET):
        for leg in s.book.other_legs(ended):
            if leg.status.is_working:
                s.inquire(leg.client_order_id, delay=CONFIRM_DELAY)


def end_pending_legs(s: Situation, entry: OrderRecord, ms: int) -> None:
    """Expire the pending orders of a list whose entry ended without a complete fill: the exchange does the same."""
    if entry.leg is not Leg.ENTRY or not entry.status.is_terminal or entry.status.is_filled:
        return
    for leg in s.book.live_of(entry.symbol):
        if leg.status.is_unseen and leg.list_client_order_id == entry.list_client_order_id is not None:
            reason = f"its entry {entry.status}"
            s.record(f.OrderSeen(leg.client_order_id, hear(leg.status, Heard.SEEN_EXPIRED).status, ms, reason=reason))
            s.lane(entry.symbol).inquiries.pop(leg.client_order_id, None)


def _take_fills(
    s: Situation,
    order: OrderRecord,
    fills: Iterable[TradeFill],
    order_id: int,
    quantity: Decimal,
    *,
    claimed: bool = False,
) -> None:
    seen = {fill.trade_id for fill in order.fills}
    filled = order.filled_by_trades
    for fill in fills:
        if fill.trade_id in seen or fill.quantity <= 0:
            continue
        if _is_too_early(s, order, fill):
            _read_later(s, s.book.orders[order.client_order_id], order_id, fill, claimed=claimed)
            continue
        seen.add(fill.trade_id)
        filled += fill.quantity
        if order.side == "BUY":
            _open_if_needed(s, order, fill)
        heard = Heard.SEEN_FILLED if quantity and filled >= quantity else Heard.SEEN_PARTLY
        status = hear(s.book.orders[order.client_order_id].status, heard).status
        _record_fill(s, s.book.orders[order.client_order_id], order_id, fill, status, claimed=claimed)
        s.other_orders.pop((order.symbol, order_id), None)


def _is_too_early(s: Situation, order: OrderRecord, fill: TradeFill) -> bool:
    """Whether a sale is told before the purchase of what it sold: booked now, it would have sold coins of others."""
    held = s.book.holdings.get(order.symbol)
    if order.side == "BUY" or (held is not None and held.quantity >= fill.quantity):
        return False
    purchases = (one for one in s.book.live_of(order.symbol) if one.side == "BUY")
    return any(one.lacks_trades or not one.status.is_terminal for one in purchases)


def _read_later(s: Situation, order: OrderRecord, order_id: int, fill: TradeFill, *, claimed: bool) -> None:
    """Note that an order executed more than its known trades: they are read after those of its purchase."""
    executed = order.filled_by_trades + fill.quantity
    if executed > order.executed:
        name = order.client_order_id
        s.record(f.OrderSeen(name, order.status, fill.time, order_id=order_id, executed=executed, claimed=claimed))


def _record_fill(
    s: Situation, order: OrderRecord, order_id: int, fill: TradeFill, status: OrderStatus, *, claimed: bool
) -> None:
    price, own = None, ZERO
    if fill.commission:
        price = s.price_of(fill.commission_asset)
        total = total_before(s, fill.commission_asset, fill)
        own = own_part(s.book.holdings, order.symbol, fill.commission, fill.commission_asset, total)
    paid = Commission(fill.commission, fill.commission_asset, price, own)
    s.activity += 1
    try:
        booked = book_trade(s.book.holdings, order.symbol, order.side, fill, paid)[-1]
        realized = booked.realized if order.side == "SELL" else None
        s.record(f.OrderFilled(order.client_order_id, order_id, fill, status, price, own, realized, claimed))
        note_trade(s, order, fill)
        if not claimed:
            s.lane(order.symbol).booked.add(BookedTrade(fill.trade_id, order_id, fill.price, fill.quantity))
        if order.side == "SELL":
            judge_result(s, order.symbol)
    except AmountError as error:
        s.doubt(order.symbol, "amount", f"trade {fill.trade_id} of {order.client_order_id} cannot be counted: {error}")


def _open_if_needed(s: Situation, order: OrderRecord, fill: TradeFill) -> None:
    """Have a position for what was bought, also when nobody expected the fill any more."""
    if order.symbol in s.book.positions:
        return
    closed, opening = PositionState.CLOSED, PositionState.OPENING
    s.record(f.PositionMoved(order.symbol, order.signal_key, closed, opening, fill.time, "a late fill"))
