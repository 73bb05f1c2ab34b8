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
    assert locked_by_others([stop], balance, stop.updated_ms - 1) == 0


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
