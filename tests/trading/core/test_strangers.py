"""Orders with our prefix that the book does not have: of another directory, of the first version, or forgotten."""

import pytest

from cq_tui.trading.client_order_id import Leg, client_order_id
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.effects import FetchOpenOrders, PlaceList, PlaceOrder, QueryOrder
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.signals import TradeSignal
from tests.trading.core.desk import OWNER, SYMBOL, D, Desk, list_desk, market_desk
from tests.trading.samples import SIGNAL

OLD_STOP = "cq-stop-wabr6l47gab4ac7yk2modbfyqq"
OLD_ENTRY = "cq-entry-wabr6l47gab4ac7yk2modbfyqq"
OWN_STOP = client_order_id(OWNER, "long ago", Leg.STOP)


def one(name: str, side: str = "SELL", order_id: int = 55) -> OrderRecord:
    return OrderRecord(name, SYMBOL, side, "STOP_LOSS", Leg.STOP, "key", D("0.001"), 0, order_id=order_id)  # type: ignore[arg-type]


def signal(desk: Desk) -> list[str]:
    """Give a signal; return the codes of the denials so far."""
    desk.fresh()
    changes: dict[str, object] = {name: getattr(SIGNAL, name) for name in TradeSignal.__dataclass_fields__}
    desk.tell(i.SignalSeen(TradeSignal(**(changes | {"bar_close_time": int(desk.now * 1000) - 1}))))  # type: ignore[arg-type]
    return [fact.code for fact in desk.noted(f.SignalDenied)]


def pass_time(desk: Desk, seconds: int) -> None:
    for _ in range(seconds):
        desk.fresh()
        desk.tick(1.0)


@pytest.mark.parametrize("where", ["open orders", "report"])
def test_nothing_is_opened_on_an_account_where_a_first_version_trades_until_its_orders_are_gone(where: str) -> None:
    desk = list_desk()
    order = one(OLD_STOP) if where == "open orders" else one(OLD_ENTRY, "BUY")
    if where == "open orders":
        desk.open_orders = (desk.shown(order, "NEW"),)
        desk.look()
    else:
        desk.report(order, "FILLED")
    [(kind, text)] = desk.core.book.doubts[""].items()
    assert kind == "first_version"
    assert f"{SYMBOL} {order.client_order_id}" in text
    assert "stop the trader of that version" in text
    assert signal(desk) == ["account_in_doubt"]
    assert not desk.sent(PlaceOrder) + desk.sent(PlaceList)
    pass_time(desk, 30)
    assert ("" in desk.core.book.doubts) is (where == "open orders"), "as long as its orders are open"
    desk.open_orders = ()
    pass_time(desk, 15)
    assert desk.core.book.doubts == {}
    signal(desk)
    assert desk.sent(PlaceList)


def test_what_is_heard_after_the_question_for_open_orders_outlives_its_answer() -> None:
    desk = list_desk()
    desk.unread = (FetchOpenOrders,)
    desk.look()
    desk.now += 1.0
    desk.report(one(OLD_STOP), "NEW")
    desk.unread = ()
    desk.tick(0.1)
    assert "first_version" in desk.core.book.doubts[""]


@pytest.mark.parametrize("name", [OLD_STOP, OWN_STOP])
@pytest.mark.parametrize("where", ["open orders", "report"])
def test_an_order_that_ended_and_was_dropped_from_the_book_is_no_stranger(name: str, where: str) -> None:
    desk = market_desk()
    desk.core.book.forgotten[SYMBOL] = 60
    if where == "open orders":
        # An answer from before its end.
        desk.open_orders = (desk.shown(one(name), "NEW"),)
        desk.look()
        desk.open_orders = ()
    else:
        desk.report(one(name), "CANCELED", execution_type="CANCELED")
    query = desk.one(QueryOrder)
    assert query.order_id == 55
    desk.answer(query, desk.shown(one(name), "CANCELED"))
    assert not desk.noted(f.DoubtRaised)
    assert desk.core.situation.lane(SYMBOL).strange == {}
    signal(desk)
    assert desk.sent(PlaceOrder)


@pytest.mark.parametrize(
    ("name", "symbol", "kind"), [(OLD_STOP, "", "first_version"), (OWN_STOP, SYMBOL, "unknown_order")]
)
def test_one_that_is_open_is_doubted_although_the_book_has_dropped_later_ones(
    name: str, symbol: str, kind: str
) -> None:
    desk = market_desk()
    desk.core.book.forgotten[SYMBOL] = 60
    desk.open_orders = (desk.shown(one(name), "NEW"),)
    desk.look()
    desk.answer(desk.one(QueryOrder), desk.shown(one(name), "NEW"))
    pass_time(desk, 30)
    assert desk.core.book.doubts == {symbol: {kind: desk.core.book.doubts[symbol][kind]}}
    assert not desk.noted(f.DoubtEnded)
    assert not desk.sent(QueryOrder)


def test_what_a_first_version_did_and_ended_long_ago_is_no_doubt() -> None:
    desk = market_desk()
    lane = desk.core.situation.lane(SYMBOL)
    lane.strange[55] = {}
    desk.core.situation.touch(SYMBOL)
    desk.look()
    desk.answer(desk.one(QueryOrder), desk.shown(one(OLD_ENTRY, "BUY"), "FILLED", "0.001"))
    assert desk.core.book.doubts == {}
    assert lane.foreign_order_ids == {55}


def test_what_was_sold_unknown_to_the_book_is_doubted() -> None:
    desk = market_desk()
    desk.core.book.forgotten[SYMBOL] = 60
    desk.report(one(OWN_STOP), "FILLED")
    desk.answer(desk.one(QueryOrder), desk.shown(one(OWN_STOP), "FILLED", "0.001"))
    assert "unknown_order" in desk.core.book.doubts[SYMBOL]
