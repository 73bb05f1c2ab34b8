"""The trade blotter: fills add up, legs find their signal, and memory is bounded."""

from decimal import Decimal
from typing import Any

import pytest

from cq_tui.contracts.account import OrderState
from cq_tui.room.trades import TradeBlotter
from cq_tui.store.reading.event import HistoryEvent


def event(number: int, event_type: str, at: float = 100.0, **data: Any) -> HistoryEvent:
    return HistoryEvent(f"evt_{number}", at, event_type, "trader", {"symbol": "BTCUSDT", "side": "BUY"} | data)


KEY = "s:BTCUSDT:1s:99999:BUY"
SIGNAL: dict[str, Any] = {"strategy": "s", "frame": "1s", "bar_close_time": 99999}


def test_partial_fills_add_up_and_are_not_counted_twice() -> None:
    book = TradeBlotter()
    entry: dict[str, Any] = {"client_order_id": "a", "leg": "entry", "price": 10.0}
    book.apply_events([event(1, "order_submitted", client_order_id="a", leg="entry", size=3.0)])
    book.apply_events([event(2, "order_executed", **entry, size=1.0, status="PARTIALLY_FILLED", realized_pnl=0.5)])
    book.apply_account_orders(
        [OrderState(client_order_id="a", symbol="BTCUSDT", side="BUY", order_type="MARKET", leg="entry",
                    status="filled", size=3.0, filled=3.0, updated_ts=101.0)]
    )  # fmt: skip
    book.apply_events([event(3, "order_executed", **entry, size=2.0, status="FILLED", realized_pnl=0.25)])
    order = book.orders["a"]
    assert (order.filled, order.size, order.status, order.pnl) == (3.0, 3.0, "FILLED", 0.75)


def test_an_order_has_the_same_time_whichever_file_is_read_first() -> None:
    submitted = event(1, "order_submitted", at=100.0, client_order_id="a", leg="stop", size=3.0)
    state = OrderState(client_order_id="a", symbol="BTCUSDT", side="SELL", order_type="STOP_LOSS", leg="stop",
                       status="new", size=3.0, updated_ts=101.0)  # fmt: skip
    by_events, by_account = TradeBlotter(), TradeBlotter()
    by_events.apply_events([submitted])
    by_events.apply_account_orders([state, state.model_copy(update={"updated_ts": 0.0})])
    by_account.apply_account_orders([state])
    by_account.apply_events([submitted])
    assert by_events.orders["a"].timestamp == by_account.orders["a"].timestamp == 100.0


def test_profits_add_up_exactly_from_their_text() -> None:
    book = TradeBlotter()
    sale: dict[str, Any] = {"client_order_id": "x", "leg": "exit", "size": 1.0, "price": 1.0, "status": "FILLED"}
    book.apply_events(
        event(number, "order_executed", **sale, trade_id=str(number), realized_pnl=0.1, realized_text="0.1000000000003")
        for number in range(10)
    )
    assert book.orders["x"].realized == Decimal("1.000000000003")
    book.apply_events([event(10, "order_executed", **sale, trade_id="10", realized_pnl=-0.3)])
    assert book.orders["x"].realized == Decimal("0.700000000003")


def test_a_trade_that_is_told_twice_counts_once() -> None:
    book = TradeBlotter()
    sale: dict[str, Any] = {"client_order_id": "x", "size": 1.0, "price": 1.0, "status": "FILLED", "realized_pnl": 0.5}
    fee: dict[str, Any] = {"commission": 0.25, "commission_asset": "USDT"}
    for number in (1, 2, 1):
        book.apply_events([event(number, "order_executed", **sale, **fee, trade_id=str(number))])
    order = book.orders["x"]
    assert (order.event_filled, order.pnl, order.commissions) == (2.0, 1.0, {"USDT": Decimal("0.5")})


def test_commissions_in_different_assets_are_not_added() -> None:
    book = TradeBlotter()
    fill: dict[str, Any] = {"client_order_id": "x", "size": 1.0, "price": 1.0, "status": "FILLED"}
    book.apply_events(
        [
            event(1, "order_executed", **fill, commission=0.00000001, commission_asset="BNB"),
            event(2, "order_executed", **fill, commission=1.5, commission_text="1.50000001", commission_asset="USDT"),
        ]
    )
    assert book.orders["x"].commissions == {"BNB": Decimal("1E-8"), "USDT": Decimal("1.50000001")}


@pytest.mark.parametrize("text", ["much", "NaN", "Infinity", "1E+999999999", "9" * 100])
def test_text_that_is_no_amount_leaves_the_number(text: str) -> None:
    book = TradeBlotter()
    book.apply_events([event(1, "order_executed", client_order_id="x", realized_pnl=0.5, realized_text=text)])
    assert book.orders["x"].pnl == 0.5


def test_a_leg_that_sells_what_its_list_bought_has_no_size_until_that_is_known() -> None:
    blotter = TradeBlotter()
    named: dict[str, Any] = {"symbol": "BTCUSDT", "side": "SELL", "client_order_id": "leg", "leg": "stop"}
    blotter.apply_events([event(1, "order_submitted", size=0.0, size_text="0", **named)])
    assert blotter.orders["leg"].size is None
    blotter.apply_events([event(2, "order_accepted", status="PENDING", **named)])
    assert blotter.orders["leg"].size is None
    blotter.apply_events([event(3, "order_accepted", status="NEW", size_text="163.20000000", **named)])
    assert blotter.orders["leg"].size == 163.2


def test_legs_are_grouped_under_their_signal_s_entry() -> None:
    book = TradeBlotter()
    book.apply_events(
        [
            event(1, "order_submitted", client_order_id="stop", leg="stop", signal_key=KEY),
            event(2, "order_submitted", client_order_id="entry", leg="entry", signal_key=KEY),
            event(3, "order_rejected", at=200.0, reason="cooldown", refused_by="exchange"),
        ]
    )
    assert [[order.key for order in group] for group in book.order_groups()] == [["evt_3"], ["entry", "stop"]]


def test_a_denial_without_a_key_is_shown_at_its_symbol_s_last_signal() -> None:
    book = TradeBlotter()
    book.apply_events([event(1, "signal_generated", **SIGNAL), event(2, "order_rejected", at=101.0, reason="cooldown")])
    assert book.signals["evt_1"].outcome == "not traded: cooldown"


def test_an_outcome_goes_to_the_signal_it_names() -> None:
    book = TradeBlotter()
    book.apply_events(
        [event(1, "signal_generated", **SIGNAL), event(2, "signal_generated", **SIGNAL | {"bar_close_time": 1})]
    )
    book.apply_events([event(3, "order_executed", leg="entry", size=1.0, price=1.0, status="FILLED", signal_key=KEY)])
    assert [signal.outcome for signal in book.signals.values()] == ["filled", ""]


def test_a_sell_signal_tells_that_it_closed_the_position() -> None:
    book = TradeBlotter()
    sell = SIGNAL | {"side": "SELL", "strategy": "manual", "signal_id": "7"}
    book.apply_events([event(1, "signal_generated", **sell), event(2, "exit_requested", signal_key="manual:id:7")])
    assert book.signals["evt_1"].outcome == "closing the position"
    fill: dict[str, Any] = {"side": "SELL", "client_order_id": "x", "size": 1.0, "price": 1.0, "signal_key": KEY}
    book.apply_events([event(3, "order_executed", leg="stop", status="FILLED", **fill)])
    assert book.signals["evt_1"].outcome == "closing the position", "that was not its order"
    book.apply_events([event(4, "order_executed", leg="exit", status="FILLED", **fill | {"client_order_id": "y"})])
    assert (book.signals["evt_1"].outcome, book.signals["evt_1"].level) == ("closed the position", "good")


def test_a_signal_that_waits_for_its_limit_says_so_until_it_ends() -> None:
    book = TradeBlotter()
    book.apply_events(
        [event(1, "signal_generated", **SIGNAL), event(2, "entry_waits", limit_price="95", signal_key=KEY)]
    )
    assert book.signals["evt_1"].outcome == "waits for 95"
    book.apply_events([event(3, "order_rejected", refused_by="guardrail", reason="too late", signal_key=KEY)])
    assert book.signals["evt_1"].outcome == "not traded: too late"


@pytest.mark.parametrize(
    ("reason", "outcome"), [(None, ("sold a part", "good")), ("no room", ("part not sold: no room", "look"))]
)
def test_a_sell_signal_tells_what_became_of_its_part(reason: str | None, outcome: tuple[str, str]) -> None:
    book = TradeBlotter()
    sell = SIGNAL | {"side": "SELL", "strategy": "manual", "signal_id": "7", "part": 0.5}
    wanted = event(2, "part_exit_requested", signal_key="manual:id:7", keep="0.5", reason="x")
    book.apply_events([event(1, "signal_generated", **sell), wanted])
    assert book.signals["evt_1"].outcome == "selling a part"
    fill: dict[str, Any] = {"side": "SELL", "client_order_id": "y", "size": 1.0, "price": 1.0, "signal_key": KEY}
    book.apply_events([event(3, "order_executed", leg="exit", status="FILLED", **fill)])
    book.apply_events([event(4, "part_exit_ended", signal_key="manual:id:7", unsold="0", reason=reason)])
    assert (book.signals["evt_1"].outcome, book.signals["evt_1"].level) == outcome


def test_payloads_of_any_shape_are_accepted() -> None:
    book = TradeBlotter()
    for event_type in (
        "signal_generated",
        "entry_waits",
        "exit_requested",
        "part_exit_requested",
        "part_exit_ended",
        "order_submitted",
        "order_executed",
        "order_rejected",
        "order_canceled",
    ):
        book.apply_events(
            [HistoryEvent("e", 1.0, event_type, "x", {"symbol": "A", "size": "much", "price": None, "status": 3})]
        )
        book.apply_events([HistoryEvent("f", 1.0, event_type, "x", {"symbol": 5})])
        book.apply_events([HistoryEvent("g", 1.0, event_type, "x", {})])
    book.order_groups()


def test_a_signal_denied_by_a_guardrail_is_not_an_order() -> None:
    book = TradeBlotter()
    data = {"symbol": "BTCUSDT", "side": "BUY", "strategy": "s", "frame": "1s", "bar_close_time": 5}
    key = "s:BTCUSDT:1s:5:BUY"
    book.apply_events([HistoryEvent("1", 1.0, "signal_generated", "ares", data)])
    refusal = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "reason": "nothing held",
        "refused_by": "guardrail",
        "signal_key": key,
    }
    book.apply_events([HistoryEvent("2", 1.1, "order_rejected", "trader", refusal)])
    assert not book.orders
    assert [signal.outcome for signal in book.signals.values()] == ["not traded: nothing held"]


def test_an_order_ended_by_its_oco_is_not_bad() -> None:
    book = TradeBlotter()
    book.apply_events(
        [event(1, "order_canceled", client_order_id="stop", leg="stop", status="EXPIRED", reason="OCO_TRIGGER")]
    )
    assert book.orders["stop"].level == "idle"
    book.apply_events([event(2, "order_canceled", client_order_id="entry", leg="entry", status="EXPIRED", reason="")])
    assert book.orders["entry"].level == "bad"


def test_memory_is_bounded() -> None:
    book = TradeBlotter()
    book.apply_events(event(n, "signal_generated") for n in range(2000))
    book.apply_events(event(n, "order_submitted", client_order_id=str(n)) for n in range(2000))
    assert len(book.signals) == 300
    assert "1999" in book.orders
    assert len(book.orders) == 600
