"""The exchange's time as measured goes back: nothing waits for a time that is now far ahead."""

from decimal import Decimal

from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import effects as e
from tests.trading.core.desk import Desk, market_desk

HOUR = 3_600.0


def set_back(desk: Desk) -> None:
    """Have the clock go ahead by an hour for a moment, and back."""
    desk.fresh()
    desk.tick(HOUR)
    desk.tick(-HOUR)
    desk.fresh()


def test_the_account_is_looked_at_and_commissions_are_read() -> None:
    desk = market_desk().protected()
    set_back(desk)
    desk.unread = (e.FetchAccount, e.FetchOpenOrders)
    for _ in range(61):
        desk.fresh()
        desk.tick(1.0)
    assert desk.sent(e.FetchAccount)
    assert desk.sent(e.FetchOpenOrders)


def test_protection_that_was_refused_is_tried_again() -> None:
    desk = market_desk().bought()
    desk.now += HOUR
    desk.refuse(desk.one(e.PlaceList), -1000, about_symbol=False)
    assert not desk.sent(e.PlaceList)
    desk.now -= HOUR
    desk.fresh()
    desk.tick(1.0)
    assert desk.sent(e.PlaceList)


def test_what_was_read_before_is_no_evidence_about_an_order() -> None:
    desk = market_desk()
    request = desk.buy()
    desk.lose(request)
    entry = desk.orders(Leg.ENTRY)[-1]
    set_back(desk)
    assert desk.core.situation.lane(entry.symbol).scanned_at <= desk.now
    assert desk.core.situation.account_at <= desk.now
    for flight in desk.core.situation.flights.values():
        assert flight.began <= desk.now


def test_a_little_back_is_nothing() -> None:
    desk = market_desk().protected()
    before = desk.core.situation.account_due
    desk.tick(-0.5)
    assert desk.core.situation.account_due == before
    assert desk.core.book.quantity("BTCUSDT") > Decimal(0)
