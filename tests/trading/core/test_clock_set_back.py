"""The exchange's time as measured goes back: nothing waits for a time that is now far ahead."""

from decimal import Decimal
from math import inf

from cq_tui.binance.types import Balance
from cq_tui.binance.user_events import AccountPosition
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import effects as e
from cq_tui.trading.core.inputs import Reported, Tick
from cq_tui.trading.core.strangers import identify
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


def test_a_symbol_without_a_position_is_looked_at_in_the_same_step() -> None:
    """Whose order it was, of which a trade is known, was to be asked for later."""
    desk = market_desk()
    identify(desk.core.situation, "BTCUSDT", 55)
    desk.look()
    desk.refuse(desk.one(e.QueryOrder), -1003)
    assert not desk.sent(e.QueryOrder)
    effects = desk.tell(Tick(), -HOUR)
    assert [one.order_id for one in effects if isinstance(one, e.QueryOrder)] == [55]


def tell_balance(desk: Desk, quantity: str, ahead: float = 0.0) -> None:
    """A balance by the stream, dated now by the exchange, or ahead."""
    ms = int((desk.now + ahead) * 1000)
    desk.tell(Reported(AccountPosition(ms, ms, (Balance("BTC", Decimal(quantity), Decimal(0)),))))


def test_balances_are_taken_again_at_once() -> None:
    """The exchange's clock is ten seconds back: what it dates now is newer than what it dated before."""
    desk = market_desk().protected()
    tell_balance(desk, "1")
    desk.tick(-10.0)
    tell_balance(desk, "2")
    assert desk.core.situation.balances["BTC"].total == 2
    tell_balance(desk, "3", ahead=-0.5)
    assert desk.core.situation.balances["BTC"].total == 2, "it is older"


def test_balances_that_were_dated_ahead_before_the_start_are_followed_by_newer_ones() -> None:
    """The clock was set back while the trader was down: the account was last changed at a time that is to come."""
    for read_by_stream in (False, True):
        desk = market_desk()
        desk.now += 10.0
        ahead = desk.account()
        desk.now -= 10.0
        if read_by_stream:
            tell_balance(desk, "1", ahead=10.0)
        else:
            desk.unread = (e.FetchAccount,)
            desk.look()
            desk.answer(desk.one(e.FetchAccount), ahead)
        desk.tick(0.1)
        tell_balance(desk, "2")
        assert desk.core.situation.balances["BTC"].total == 2


def test_a_reading_that_is_dated_ahead_is_as_old_as_its_request() -> None:
    """What changed while it was under way is newer, although it is heard of later."""
    desk = market_desk()
    desk.now += 10.0
    ahead = desk.account()
    desk.now -= 10.0
    desk.unread = (e.FetchAccount,)
    desk.look()
    desk.now += 0.1
    desk.answer(desk.one(e.FetchAccount), ahead)
    tell_balance(desk, "2", ahead=-0.05)
    assert desk.core.situation.balances["BTC"].total == 2


def test_balances_that_our_clock_sees_a_little_ahead_keep_their_order() -> None:
    desk = market_desk()
    tell_balance(desk, "1", ahead=0.9)
    tell_balance(desk, "2", ahead=0.8)
    assert desk.core.situation.balances["BTC"].total == 1


def test_a_little_back_is_nothing() -> None:
    desk = market_desk().protected()
    before = desk.core.situation.account_due
    desk.tick(-0.5)
    assert desk.core.situation.account_due == before
    assert desk.core.book.quantity("BTCUSDT") > Decimal(0)


def test_more_than_a_second_back_is_a_clock_that_was_set() -> None:
    desk = market_desk().protected()
    desk.tick(-1.0)
    assert desk.core.situation.account_at > 0
    desk.unread = (e.FetchAccount,)
    desk.tick(-1.01)
    assert desk.core.situation.account_at == -inf


def test_evidence_about_an_order_begins_anew() -> None:
    desk = market_desk()
    desk.lose(desk.buy())
    [inquiry] = desk.core.situation.lane("BTCUSDT").inquiries.values()
    desk.tick(HOUR)
    inquiry.not_found, inquiry.missing_since, inquiry.evidence_from = 3, desk.now - 20.0, desk.now - 10.0
    desk.tick(-HOUR)
    assert (inquiry.missing_since, inquiry.evidence_from) == (desk.now, inf)
    inquiry.not_found, inquiry.missing_since = 0, inf
    desk.tick(-2.0)
    assert inquiry.missing_since == inf
