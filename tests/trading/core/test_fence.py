"""Protection while an outcome is unknown: at once where the balance is certainly a fence, and only there."""

from dataclasses import replace
from decimal import ROUND_DOWN

import pytest

from cq_tui.binance.types import AccountTrade
from cq_tui.binance.user_events import BalanceUpdate
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.effects import (
    CancelList,
    FetchAccount,
    FetchOpenOrders,
    FetchTrades,
    PlaceList,
    PlaceOrder,
    QueryOrder,
)
from cq_tui.trading.core.fence import was_read_since
from cq_tui.trading.core.lane import GONE_SECONDS
from cq_tui.trading.core.moment import Moment
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.position_life import PositionState
from tests.trading.core.desk import SYMBOL, D, Desk, market_desk


def lose_exit(desk: Desk) -> None:
    """Lose an exit on its way, after protection was canceled for it."""
    desk.sell()
    desk.answer(desk.one(CancelList), desk.list_answer_of(desk.orders(Leg.STOP)[-1]))
    for leg in (Leg.STOP, Leg.TARGET):
        desk.report(desk.orders(leg)[-1], "CANCELED")
    desk.lose(desk.one(PlaceOrder))


def miss(desk: Desk, seconds: float = 2.5) -> None:
    """Let time pass while no query finds what is asked for, with fresh quotes."""
    end = desk.now + seconds
    while desk.now < end:
        desk.tick(0.05)
        desk.fresh()
        for query in desk.sent(QueryOrder):
            if query.order_id is None:
                desk.refuse(query, -2013, "Order does not exist.")
            else:
                desk.answer(query, desk.shown(_stranger(), "FILLED", order_id=query.order_id))


def _stranger() -> OrderRecord:
    return OrderRecord("web_1", SYMBOL, "BUY", "MARKET", Leg.ENTRY, "", D("0.002"), 0)


def held_desk() -> Desk:
    desk = market_desk(cancel_replace_allowed=False).protected()
    desk.tick(0.1)
    desk.look()
    desk.tick(1.1)
    return desk


def buy_as_somebody(desk: Desk, quantity: str = "0.002") -> None:
    amount = D(quantity)
    ms = int(desk.now * 1000) + 1
    trade = AccountTrade(SYMBOL, 900, 500, D(40000), amount, amount * 40000, D(0), "USDT", ms, True, False)
    desk.trades = (*desk.trades, trade)
    own = desk.core.book.quantity(SYMBOL)
    desk.hold("BTC", str(own + amount))


def sell_as_somebody(desk: Desk, quantity: str, left: str) -> None:
    """Somebody sells some of our coins: their trade, and what the account is shown to hold then."""
    amount = D(quantity)
    ms = int(desk.now * 1000) + 1
    trade = AccountTrade(SYMBOL, 900, 500, D(40000), amount, amount * 40000, D(0), "USDT", ms, False, False)
    desk.trades = (*desk.trades, trade)
    desk.hold("BTC", left)


@pytest.mark.parametrize("is_quiet_known", [True, False])
def test_where_all_is_ours_it_is_protected_again_at_once(is_quiet_known: bool) -> None:
    """Also after a restart, before anything was at rest."""
    desk = held_desk()
    lose_exit(desk)
    desk.core.situation.is_quiet_known = is_quiet_known
    miss(desk, 0.3)
    assert len(desk.sent(PlaceList)) == 1


def test_it_is_not_known_before_balance_and_trades_were_read() -> None:
    for unread in (FetchAccount, FetchTrades):
        desk = held_desk()
        desk.unread = (unread,)
        lose_exit(desk)
        miss(desk)
        assert not desk.sent(PlaceList), f"without {unread.__name__}"
        assert len(desk.sent(unread)) == 1
        desk.unread = ()
        miss(desk)
        assert len(desk.sent(PlaceList)) == 1


def test_what_was_read_long_ago_is_read_again() -> None:
    desk = held_desk()
    lose_exit(desk)
    miss(desk, 0.3)
    s, lane, orders = desk.core.situation, desk.core.situation.lane(SYMBOL), desk.orders(Leg.EXIT)
    assert was_read_since(s, lane, orders)
    s.moment = Moment(desk.now + 6.0, desk.now + 6.0)
    assert not was_read_since(s, lane, orders)
    assert s.balances_due <= s.now
    assert lane.scan_wanted


def settle(desk: Desk) -> None:
    """Let the account be looked at until it is known what is not ours."""
    for _ in range(5):
        desk.look()
        desk.tick(2.0)


def test_coins_that_others_bought_since_are_no_fence() -> None:
    """Their trade, or the balance alone, tells; before, everything was at rest and nothing foreign there."""
    desk = held_desk()
    settle(desk)
    assert desk.core.situation.is_quiet_known
    assert desk.core.situation.foreign.get("BTC", 0) == 0
    buy_as_somebody(desk)
    lose_exit(desk)
    miss(desk)
    assert not desk.sent(PlaceList)


@pytest.mark.parametrize("is_read", [True, False])
def test_coins_of_others_are_no_fence_when_the_balance_is_ours_to_the_digit(is_read: bool) -> None:
    """Ours were sold, perhaps, and as many bought by somebody: the trades tell."""
    desk = held_desk()
    own = desk.core.book.quantity(SYMBOL)
    if is_read:
        buy_as_somebody(desk, str(own))
    desk.hold("BTC", str(own))
    lose_exit(desk)
    miss(desk)
    assert len(desk.sent(PlaceList)) == (0 if is_read else 1)


def test_a_balance_of_less_than_ours_is_no_fence_unless_it_was_less_before() -> None:
    desk = held_desk()
    desk.hold("BTC", "0.001")
    lose_exit(desk)
    miss(desk)
    assert not desk.sent(PlaceList)
    desk.core.situation.doubt(SYMBOL, "balance", "the book has more")
    miss(desk)
    assert len(desk.sent(PlaceList)) == 1


@pytest.mark.parametrize(
    ("left", "is_fence"),
    [("0.00149", True), ("0.00148001", True), ("0.00148", False), ("0.00149001", False)],
)
def test_what_others_sold_of_ours_leaves_a_fence_around_the_rest(left: str, is_fence: bool) -> None:
    """Their trade explains what is missing. A lot less, or anything more, and something else happened."""
    desk = held_desk()
    lose_exit(desk)
    sell_as_somebody(desk, "0.001", left)
    miss(desk)
    covered = [one.order_list.quantity for one in desk.sent(PlaceList)]  # type: ignore[union-attr]
    assert covered == ([D(left).quantize(D("0.00001"), ROUND_DOWN)] if is_fence else [])


def test_after_the_step_became_coarser_less_than_a_lot_may_have_been_executed() -> None:
    desk = held_desk()
    desk.core.situation.symbol_rules[SYMBOL] = replace(desk.rules[SYMBOL], step_size=D("0.001"))
    lose_exit(desk)
    desk.hold("BTC", "0.00201")
    miss(desk)
    assert not desk.sent(PlaceList)


def test_what_an_order_of_somebody_locks_is_not_tried_for() -> None:
    desk = held_desk()
    lose_exit(desk)
    desk.hold("BTC", "0.00149", "0.001")
    miss(desk)
    assert [one.order_list.quantity for one in desk.sent(PlaceList)] == [D("0.00149")]  # type: ignore[union-attr]


def test_where_all_is_locked_the_open_orders_are_read_and_nothing_is_tried() -> None:
    """Perhaps by the order that is asked for: it is found there first."""
    desk = held_desk()
    lose_exit(desk)
    desk.hold("BTC", "0.00000001", "0.00248999")
    desk.unread = (FetchOpenOrders,)
    miss(desk)
    assert not desk.sent(PlaceList)
    assert len(desk.sent(FetchOpenOrders)) == 1
    assert desk.position().state is PositionState.CLOSING


def test_what_a_person_withdrew_of_ours_leaves_a_fence_around_the_rest() -> None:
    desk = held_desk()
    desk.core.situation.foreign["BTC"] = D("0.002")
    lose_exit(desk)
    desk.tell(i.Reported(BalanceUpdate(int(desk.now * 1000) + 1, "BTC", D("-0.003"))))
    desk.hold("BTC", "0.00149")
    miss(desk)
    assert [one.order_list.quantity for one in desk.sent(PlaceList)] == [D("0.00149")]  # type: ignore[union-attr]


def test_coins_that_a_person_has_just_adopted_are_ours() -> None:
    desk = Desk()
    desk.hold("BTC", "0.01")
    desk.ready()
    settle(desk)
    assert desk.core.situation.foreign["BTC"] == D("0.01")
    desk.fresh()
    desk.tell(i.Command("adopt", SYMBOL, "ada", "", {"stop": D(39000)}))
    desk.lose(desk.sent(PlaceOrder)[0] if desk.sent(PlaceOrder) else desk.one(PlaceList))
    miss(desk)
    assert len(desk.sent(PlaceOrder)) + len(desk.sent(PlaceList)) == 1


def test_what_others_sold_of_ours_and_what_came_back_unseen_is_no_fence() -> None:
    """All that is ours is there, although a part of it was sold: some of it is somebody else's."""
    desk = held_desk()
    own = str(desk.core.book.quantity(SYMBOL))
    desk.core.situation.doubt(SYMBOL, "balance", "the book has more")
    lose_exit(desk)
    sell_as_somebody(desk, "0.001", own)
    miss(desk)
    assert not desk.sent(PlaceList)


def test_coins_of_others_that_they_sold_are_not_missing_of_ours() -> None:
    desk = held_desk()
    desk.core.situation.foreign["BTC"] = D("0.004")
    lose_exit(desk)
    sell_as_somebody(desk, "0.005", "0.00149")
    miss(desk)
    assert [one.order_list.quantity for one in desk.sent(PlaceList)] == [D("0.00149")]  # type: ignore[union-attr]


def test_coins_that_were_missing_before_a_person_accepted_it_are_not_missing_twice() -> None:
    desk = held_desk()
    desk.open_orders = tuple(desk.shown(one, "NEW") for one in desk.orders() if one.status.is_working)
    desk.hold("BTC", "0.00149")
    settle(desk)
    desk.withhold(desk.one(CancelList), 100.0)
    assert desk.core.situation.foreign["BTC"] == D("-0.001")
    desk.tell(i.Command("accept", SYMBOL, "ada", "sold by hand", {}))
    desk.core.situation.lane(SYMBOL).exit_pause.succeed()
    desk.fresh()
    lose_exit(desk)
    miss(desk)
    assert [one.order_list.quantity for one in desk.sent(PlaceList)] == [D("0.00149")]  # type: ignore[union-attr]


@pytest.mark.parametrize(("left", "ends"), [("0.00149", True), ("0.00148001", True), ("0.00148", False)])
def test_a_lost_exit_ends_by_evidence_where_others_are_known_to_have_sold_the_coins_that_are_missing(
    left: str, ends: bool
) -> None:
    desk = held_desk()
    lose_exit(desk)
    sell_as_somebody(desk, "0.001", left)
    miss(desk, GONE_SECONDS - 20.0)
    assert desk.orders(Leg.EXIT)[0].status.is_terminal is ends


def test_coins_of_others_that_went_unseen_say_nothing_of_a_lost_exit() -> None:
    desk = held_desk()
    desk.core.situation.foreign["BTC"] = D("0.004")
    lose_exit(desk)
    desk.hold("BTC", "0.004")
    miss(desk, GONE_SECONDS - 20.0)
    assert desk.orders(Leg.EXIT)[0].status.is_terminal


def test_deposited_coins_are_no_fence() -> None:
    desk = held_desk()
    lose_exit(desk)
    desk.tell(i.Reported(BalanceUpdate(int(desk.now * 1000) + 1, "BTC", D("0.5"))))
    miss(desk)
    assert not desk.sent(PlaceList)


@pytest.mark.parametrize(("scanned", "balances", "is_read"), [(0.0, 0.1, False), (0.1, 0.0, False), (0.1, 0.1, True)])
def test_what_was_read_when_the_order_was_sent_says_nothing_about_it(
    scanned: float, balances: float, is_read: bool
) -> None:
    desk = held_desk()
    lose_exit(desk)
    s, lane, orders = desk.core.situation, desk.core.situation.lane(SYMBOL), desk.orders(Leg.EXIT)
    sent = orders[-1].sent_ms / 1000
    lane.scanned_at, s.account_at = sent + scanned, sent + balances
    assert was_read_since(s, lane, orders) is is_read
