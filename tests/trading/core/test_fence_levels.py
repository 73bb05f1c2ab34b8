"""Where protection was lost on its way and may be placed again: at the level of the stop it is sold instead."""

from dataclasses import replace

import pytest

from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.decision import Decision
from cq_tui.trading.core.effects import PlaceList, PlaceOrder, QueryOrder
from tests.trading.core.desk import SYMBOL, D, Desk, market_desk


def lost_protection(bid: str = "40000", last: str = "40000", **rules: object) -> Desk:
    """A position whose list ended, and whose new protection was lost on the way. Price and rules are others now."""
    desk = market_desk().protected()
    desk.tick(0.1)
    desk.look()
    desk.tick(1.1)
    for leg in (Leg.STOP, Leg.TARGET):
        desk.report(desk.orders(leg)[-1], "CANCELED")
    desk.core.situation.symbol_rules[SYMBOL] = replace(desk.rules[SYMBOL], **rules)  # type: ignore[arg-type]
    desk.tell(i.QuotesSeen({SYMBOL: i.Quote(D(bid), D(bid) + 1, D(last), desk.now)}))
    desk.lose(desk.one(PlaceList))
    return desk


def miss(desk: Desk, *, both: bool = True) -> None:
    """Answer the queries about both orders, or one of them, with "no such order" for a moment."""
    asked = {desk.one(QueryOrder).client_order_id}
    for _ in range(8):
        for query in desk.sent(QueryOrder):
            if both or query.client_order_id in asked:
                desk.refuse(query, -2013, "Order does not exist.")
        desk.tick(0.05)


@pytest.mark.parametrize(
    ("bid", "last", "is_sold"), [("39600.01", "39600.01", False), ("39600", "39601", True), ("39601", "39600", True)]
)
def test_at_the_level_of_the_stop_it_is_sold_instead(bid: str, last: str, is_sold: bool) -> None:
    """A stop would trigger at once. Whichever sale comes first leaves nothing for the other."""
    desk = lost_protection(bid, last)
    miss(desk)
    sales = [(one.order.side, one.order.quantity) for one in desk.sent(PlaceOrder)]
    assert sales == ([("SELL", D("0.00249"))] if is_sold else [])
    assert len(desk.sent(PlaceList)) == (not is_sold)
    assert desk.core.decisions[Decision.SELL_AGAIN if is_sold else Decision.FENCE] == 1


def test_what_is_too_little_to_sell_is_not_sold_there_either() -> None:
    desk = lost_protection("39600", "39600", market_min_quantity=D(5))
    miss(desk)
    assert (len(desk.sent(PlaceList)), desk.sent(PlaceOrder)) == (1, [])


def test_each_of_the_lost_orders_has_to_be_missing() -> None:
    desk = lost_protection()
    miss(desk, both=False)
    assert not desk.sent(PlaceList), "the other one is still asked for"
    miss(desk)
    assert len(desk.sent(PlaceList)) == 1


def test_it_is_placed_again_at_most_each_two_seconds() -> None:
    desk = lost_protection()
    miss(desk)
    desk.withhold(desk.one(PlaceList), 0.0)
    lane = desk.core.situation.lane(SYMBOL)
    assert lane.protect_pause.until > desk.now
    desk.tick(0.0)
    assert not desk.sent(PlaceList)
