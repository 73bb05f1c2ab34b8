"""An entry waits for the answer to the change before it as long as its signal is fresh, and says what it waited for."""

from dataclasses import replace

import pytest

from cq_tui.binance.cancel_replace import CancelReplaceResult
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.effects import PlaceOrder, ReplaceOrder, Request
from cq_tui.trading.core.settings import TraderSettings
from tests.trading.core.desk import SYMBOL, Desk, market_desk
from tests.trading.samples import SIGNAL


def sold_without_an_answer() -> tuple[Desk, Request]:
    """A position that the account stream has told to be sold, while the answer to the exit is on its way."""
    desk = market_desk(settings=TraderSettings(symbols=(SYMBOL,), cooldown=0.0)).protected()
    desk.sell()
    replacement = desk.one(ReplaceOrder)
    desk.tell(i.Started(replacement.number))
    for leg in [one for one in desk.orders() if one.leg in (Leg.STOP, Leg.TARGET)]:
        desk.report(leg, "CANCELED", execution_type="CANCELED")
    sale = desk.orders(Leg.EXIT)[-1]
    desk.trade(sale, str(sale.quantity), "40000", 700)
    desk.hold("BTC", "0")
    assert desk.position_or_none() is None
    return desk, replacement


def signal(desk: Desk) -> None:
    desk.fresh()
    desk.tell(i.SignalSeen(replace(SIGNAL, bar_close_time=int(desk.now * 1000) - 1, strategy="next")))


def pass_time(desk: Desk, seconds: float) -> None:
    for _ in range(int(seconds / 0.5)):
        desk.fresh()
        desk.tick(0.5)


def test_an_entry_waits_for_the_late_answer_to_an_exit_and_is_taken_then() -> None:
    desk, replacement = sold_without_an_answer()
    signal(desk)
    pass_time(desk, 5.0)
    assert desk.sent(PlaceOrder) == []
    assert desk.core.has_waiting_signals
    assert desk.noted(f.SignalDenied) == []
    sale = desk.orders(Leg.EXIT)[-1]
    placed = desk.shown(sale, "FILLED", str(sale.quantity))
    desk.answer(replacement, CancelReplaceResult("SUCCESS", "SUCCESS", placed=placed))
    assert desk.one(PlaceOrder).order.side == "BUY"
    assert not desk.core.has_waiting_signals


def test_a_signal_that_grows_old_meanwhile_is_denied_in_time_and_says_what_it_waited_for() -> None:
    desk, _ = sold_without_an_answer()
    signal(desk)
    pass_time(desk, 10.0)
    assert desk.noted(f.SignalDenied) == []
    pass_time(desk, 0.5)
    [denied] = desk.noted(f.SignalDenied)
    assert denied.code == "signal_stale"
    assert "limit 10 s; it waited for the exchange's answer to the exit order before it)" in denied.reason
    assert desk.sent(PlaceOrder) == []


def test_a_signal_that_waits_behind_an_entry_that_nobody_answers_is_denied_in_time() -> None:
    desk = market_desk()
    desk.buy()
    signal(desk)
    pass_time(desk, 11.0)
    [denied] = desk.noted(f.SignalDenied)
    assert "it waited for the exchange's answer to the entry order before it" in denied.reason
    assert not desk.core.has_waiting_signals


@pytest.mark.parametrize("seconds", [2.0, 9.0])
def test_the_core_asks_to_be_woken_when_a_waiting_signal_is_too_old(seconds: float) -> None:
    desk, _ = sold_without_an_answer()
    signal(desk)
    due = desk.now + 10.0
    pass_time(desk, seconds)
    assert desk.core.next_due <= due + 0.01
