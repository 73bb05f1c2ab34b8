"""A sale that is told before the purchase of what it sold waits for it: booked now, it would sell coins of others."""

from cq_tui.binance.types import AccountTrade
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.effects import FetchTrades
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.order_life import OrderStatus
from tests.trading.core.desk import SYMBOL, D, Desk, list_desk, market_desk


def sold(order: OrderRecord, quantity: str, trade_id: int = 9) -> AccountTrade:
    amount = D(quantity)
    return AccountTrade(
        SYMBOL, trade_id, order.order_id or 0, D(39600), amount, amount * 39600, D(0), "USDT", 1_700_000_110_000,
        False, False,
    )  # fmt: skip


def booked(desk: Desk) -> list[tuple[str, int]]:
    """The trades of the book: the leg, and the trade's id."""
    legs = {order.client_order_id: order.leg for order in desk.orders()}
    return [(legs[one.client_order_id], one.fill.trade_id) for one in desk.noted(f.OrderFilled)]


def round_trip(desk: Desk) -> None:
    """Buy, and sell at the target."""
    desk.protected()
    desk.hold("BTC", "0")
    desk.trade(desk.orders(Leg.TARGET)[-1], "0.00249", "40600", 900)
    desk.report(desk.orders(Leg.STOP)[-1], "EXPIRED")
    desk.facts.clear()
    desk.tick(120.0)


def test_the_fill_of_a_stop_waits_for_that_of_its_entry() -> None:
    desk = list_desk()
    desk.unread = (FetchTrades,)
    desk.buy()
    entry, stop, target = desk.orders()
    stop = stop._replace(order_id=70)
    desk.trade(stop, "0.00249", "39600", 9)
    assert booked(desk) == []
    known = desk.now_known(stop)
    assert (known.executed, known.order_id, known.lacks_trades) == (D("0.00249"), 70, True)
    assert desk.core.book.quantity(SYMBOL) == 0
    desk.trade(entry, "0.00249", "40000", 8)
    assert booked(desk) == [(Leg.ENTRY, 8)]
    desk.tick(1.0)
    fetch = desk.one(FetchTrades)
    assert fetch.order_id == 70
    desk.answer(fetch, (sold(stop, "0.00249"),))
    assert booked(desk) == [(Leg.ENTRY, 8), (Leg.STOP, 9)]
    assert desk.now_known(stop).status is OrderStatus.FILLED
    desk.report(target, "EXPIRED")
    assert desk.position_or_none() is None
    assert desk.core.book.quantity(SYMBOL) == 0
    assert not desk.core.book.doubts


def test_it_waits_for_trades_of_an_entry_that_has_ended_also_after_an_earlier_one() -> None:
    desk = market_desk()
    round_trip(desk)
    request = desk.buy(strategy="second")
    desk.unread = (FetchTrades,)
    entry = desk.orders(Leg.ENTRY)[-1]
    assert len(desk.orders(Leg.ENTRY)) == 2
    desk.answer(request, desk.shown(entry, "FILLED", str(entry.quantity), order_id=300))
    assert desk.now_known(entry).lacks_trades
    stop = replace_stop(desk)
    desk.trade(stop, "0.001", "39600", 9, "PARTIALLY_FILLED")
    assert booked(desk) == []
    assert desk.now_known(stop).executed == D("0.001")


def replace_stop(desk: Desk) -> OrderRecord:
    """Have a stop of the newest entry at the exchange, as an earlier process may have placed it."""
    old, entry = desk.orders(Leg.STOP)[-1], desk.orders(Leg.ENTRY)[-1]
    stop = old._replace(
        client_order_id=old.client_order_id[:-1] + "2", signal_key=entry.signal_key, order_id=301, executed=D(0),
        fills=(), status=OrderStatus.NEW, list_client_order_id=None, reason="",
    )  # fmt: skip
    desk.core.book.put(stop)
    return stop


def test_what_is_held_is_sold_at_once_while_the_rest_is_still_bought() -> None:
    desk = market_desk()
    desk.buy()
    [entry] = desk.orders()
    desk.hold("BTC", "0.001")
    desk.trade(entry, "0.001", "40000", 8, "PARTIALLY_FILLED")
    stop, _ = desk.protect()
    assert stop.quantity == D("0.001")
    desk.trade(stop, "0.001", "39600", 9)
    assert booked(desk) == [(Leg.ENTRY, 8), (Leg.STOP, 9)]


def test_a_part_that_is_known_already_is_not_noted_again() -> None:
    desk = list_desk()
    desk.unread = (FetchTrades,)
    desk.buy()
    stop = desk.orders(Leg.STOP)[0]._replace(order_id=70)
    desk.trade(stop, "0.001", "39600", 9, "PARTIALLY_FILLED")
    noted = len(desk.noted(f.OrderSeen))
    desk.trade(stop, "0.001", "39600", 9, "PARTIALLY_FILLED")
    assert len(desk.noted(f.OrderSeen)) == noted
    assert booked(desk) == []
