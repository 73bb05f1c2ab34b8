"""Orders of others lock coins: what is left is protected and sold, and what is locked is not tried for."""

from decimal import Decimal

from cq_tui.binance.types import Balance
from cq_tui.binance.user_events import AccountPosition
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import effects as e
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.locked import locked_by_others
from tests.trading.core.desk import SYMBOL, Desk, market_desk

D = Decimal


def told(desk: Desk, free: Decimal, locked: Decimal) -> None:
    """The account stream tells a balance."""
    desk.now += 0.01
    now_ms = int(desk.now * 1000)
    desk.balances["BTC"] = Balance("BTC", free, locked)
    desk.tell(i.Reported(AccountPosition(now_ms, now_ms, (desk.balances["BTC"],))))


def test_the_own_stop_locks_nothing_of_others() -> None:
    desk = market_desk().protected()
    held = desk.core.book.quantity(SYMBOL)
    told(desk, D(0), held)
    situation = desk.core.situation
    assert situation.locked_by_others(SYMBOL) == 0
    assert situation.sellable(SYMBOL) == held
    told(desk, D(0), held + D("0.5"))
    assert situation.locked_by_others(SYMBOL) == D("0.5")
    assert situation.sellable(SYMBOL) == held, "those are coins of others"


def test_a_balance_from_before_the_last_news_of_an_order_is_not_certain() -> None:
    desk = market_desk().protected()
    held = desk.core.book.quantity(SYMBOL)
    stop = desk.orders(Leg.STOP)[-1]
    balance = Balance("BTC", D(0), held + 1)
    assert locked_by_others([stop], balance, stop.updated_ms) == 1
    assert locked_by_others([stop], balance, stop.updated_ms - 1) is None


def test_what_is_locked_entirely_is_not_tried_for_and_the_reason_is_said() -> None:
    desk = market_desk()
    desk.bought()
    held = desk.core.book.quantity(SYMBOL)
    told(desk, D(0), held)
    desk.refuse(desk.one(e.PlaceList), -2010, "Account has insufficient balance for requested action.")
    for _ in range(5):
        desk.fresh()
        desk.tick(1.0)
    assert not [one for one in desk.waiting if isinstance(one, e.CHANGES)]
    assert "orders that are not the trader's lock" in desk.core.situation.lane(SYMBOL).stuck
    told(desk, held, D(0))
    assert desk.one(e.PlaceList).order_list.quantity == held  # type: ignore[union-attr]


def partly_locked() -> tuple[Desk, Decimal]:
    """A position of which an order of others locks some; what is left of it is protected."""
    desk = market_desk(cancel_replace_allowed=False)
    desk.bought()
    held, left = desk.core.book.quantity(SYMBOL), D("0.001")
    told(desk, left, held - left)
    desk.refuse(desk.one(e.PlaceList), -2010, "Account has insufficient balance for requested action.")
    desk.tick(0.2)
    desk.protect()
    told(desk, D(0), held)
    return desk, left


def test_an_exit_that_cancels_first_sells_what_it_can_have_before_a_balance_tells() -> None:
    desk, left = partly_locked()
    desk.sell()
    assert desk.one(e.CancelList) is not None
    desk.now += 0.02
    for order in desk.orders():
        if order.status.is_working:
            desk.report(order, "CANCELED", execution_type="CANCELED")
    assert desk.one(e.PlaceOrder).order.quantity == left


def test_news_of_a_stop_whose_balance_is_not_told_yet_is_no_reason_to_remove_it() -> None:
    desk, left = partly_locked()
    desk.now += 0.02
    [stop] = [one for one in desk.orders(Leg.STOP) if one.status.is_working]
    desk.report(stop, "NEW")
    assert not [one for one in desk.waiting if isinstance(one, e.CHANGES)]
    assert desk.core.situation.sellable(SYMBOL) == left


def test_what_others_lock_no_more_is_sold_as_soon_as_a_balance_says_so() -> None:
    desk, left = partly_locked()
    held = desk.core.book.quantity(SYMBOL)
    told(desk, held - left, left)
    assert desk.core.situation.sellable(SYMBOL) == held


def test_a_rest_below_one_lot_says_what_is_locked() -> None:
    desk = market_desk()
    desk.bought()
    held = desk.core.book.quantity(SYMBOL)
    told(desk, D("0.000001"), held - D("0.000001"))
    desk.refuse(desk.one(e.PlaceList), -2010, "Account has insufficient balance for requested action.")
    desk.fresh()
    desk.tick(1.0)
    assert "orders that are not the trader's lock" in desk.core.situation.lane(SYMBOL).stuck
