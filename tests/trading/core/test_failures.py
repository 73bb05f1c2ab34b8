"""A refusal that outdated rules explain is no failure of the symbol; entries wait until the rules were read again."""

from dataclasses import replace

import pytest

from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.effects import FetchRules, PlaceList, PlaceOrder
from cq_tui.trading.core.failures import quarantine_if_needed
from cq_tui.trading.core.knowing_rules import knows_rules_now
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.settings import TraderSettings
from tests.trading.core.desk import MARKET, SYMBOL, D, Desk, market_desk
from tests.trading.samples import SIGNAL

LOT_SIZE, CLOSED = (-1013, "Filter failure: LOT_SIZE"), (-2010, "Market is closed.")


def failures(desk: Desk) -> int:
    return desk.core.book.quarantine.failures_of(SYMBOL)


def signal(desk: Desk, strategy: str) -> None:
    """A BUY signal, whatever becomes of it."""
    desk.fresh()
    desk.tell(i.SignalSeen(replace(SIGNAL, bar_close_time=int(desk.now * 1000) - 1, strategy=strategy)))


def settle(desk: Desk, seconds: float = 6.0) -> None:
    """Let time pass, until rules under suspicion were read again."""
    for _ in range(int(seconds / 0.5)):
        desk.fresh()
        desk.tick(0.5)


def test_three_entries_just_after_a_change_of_filters_are_judged_by_the_new_ones() -> None:
    desk = market_desk(settings=TraderSettings(symbols=(SYMBOL,), freshness=30.0))
    old = desk.buy(strategy="first")
    desk.rules[SYMBOL] = replace(MARKET, step_size=D("0.001"))
    desk.refuse(old, *LOT_SIZE)
    for strategy in ("second", "third"):
        signal(desk, strategy)
    assert not desk.sent(PlaceOrder), "they wait for the rules"
    settle(desk)
    assert desk.one(PlaceOrder).order.quantity == D("0.002"), "the new step"
    assert (failures(desk), desk.noted(f.SymbolFailed)) == (0, [])


def test_a_refusal_that_the_rules_do_not_explain_counts_once_they_were_read_again() -> None:
    desk = market_desk()
    for number in range(3):
        desk.refuse(desk.buy(strategy=f"s{number}"), *LOT_SIZE)
        assert number or failures(desk) == 0, "its rules were read only just before"
        settle(desk)
        assert failures(desk) == number + 1
    [began] = desk.noted(f.QuarantineBegan)
    assert (began.reason, began.failures) == ("Filter failure: LOT_SIZE", 3)
    desk.now = began.until + 1
    settle(desk)
    desk.refuse(desk.buy(strategy="probe"), *LOT_SIZE)
    settle(desk)
    assert len(desk.noted(f.QuarantineBegan)) == 2, "the probe failed"


@pytest.mark.parametrize("text", [CLOSED[1], "This order type is not possible in this trading phase."])
def test_an_entry_into_a_halt_is_no_failure_and_the_next_denial_names_the_halt(text: str) -> None:
    desk = market_desk(settings=TraderSettings(symbols=(SYMBOL,), freshness=30.0))
    request = desk.buy()
    desk.rules[SYMBOL] = replace(MARKET, status="HALT")
    desk.refuse(request, -2010, text)
    signal(desk, "next")
    settle(desk)
    assert failures(desk) == 0
    [denied] = desk.noted(f.SignalDenied)
    assert (denied.code, denied.reason.split(".")[0].rsplit(" ", 1)[-1]) == ("symbol_not_trading", "HALT)")


@pytest.mark.parametrize("code", [-1013, -2010])
def test_what_the_account_holds_is_no_failure_of_the_symbol(code: int) -> None:
    desk = market_desk(max_position=D(1))
    desk.hold("BTC", "0.9")
    for number in range(3):
        desk.refuse(desk.buy(strategy=f"s{number}"), code, "Filter failure: MAX_POSITION")
        settle(desk)
    assert (failures(desk), desk.noted(f.QuarantineBegan)) == (0, [])


def test_an_entry_is_judged_by_all_that_the_account_has_and_is_buying() -> None:
    desk = market_desk(max_position=D(1))
    desk.hold("BTC", "0.9", "0.08")
    wanted = OrderRecord("web_1", SYMBOL, "BUY", "LIMIT", Leg.ENTRY, "", D("0.02"), 0, price=D(30000), order_id=55)
    desk.open_orders = (desk.shown(wanted, "NEW", "0.002"),)
    desk.look()
    request = desk.buy()
    assert isinstance(request, PlaceOrder)
    assert request.order.quantity == D("0.002")
    desk.hold("BTC", "0.9", "0.09")
    desk.refuse(request, -1013, "Filter failure: MAX_POSITION")
    settle(desk)
    signal(desk, "next")
    assert [one.code for one in desk.noted(f.SignalDenied)] == ["max_position"]


def test_a_change_that_was_read_before_the_refusal_came_explains_it_too() -> None:
    desk = market_desk()
    request = desk.buy()
    desk.rules[SYMBOL] = replace(MARKET, step_size=D("0.001"))
    knows_rules_now(desk.core.situation, SYMBOL, 0.0)
    settle(desk)
    desk.refuse(request, *LOT_SIZE)
    settle(desk)
    assert failures(desk) == 0


def test_where_rules_cannot_be_read_entries_wait_no_longer() -> None:
    desk = market_desk()
    desk.refuse(desk.buy(), *LOT_SIZE)
    desk.unread = (FetchRules,)
    signal(desk, "next")
    settle(desk)
    desk.lose(desk.one(FetchRules), started=False)
    assert [one.code for one in desk.noted(f.SignalDenied)] == ["exchange_unreachable"]


def test_refused_protection_counts_when_the_rules_do_not_explain_it_and_not_once_it_is_placed() -> None:
    desk = market_desk().bought()
    desk.refuse(desk.one(PlaceList), -1013, "Filter failure: MAX_NUM_ALGO_ORDERS")
    desk.tick(0.2)
    desk.protect()
    settle(desk)
    assert failures(desk) == 0
    desk = market_desk().bought()
    desk.refuse(desk.one(PlaceList), -1013, "Filter failure: MAX_NUM_ALGO_ORDERS")
    desk.unread = (FetchRules,)
    desk.tick(6.0)
    desk.unread = ()
    desk.tick(0.1)
    assert [one.reason for one in desk.noted(f.SymbolFailed)] == ["Filter failure: MAX_NUM_ALGO_ORDERS"]


def quarantined() -> Desk:
    """A desk whose symbol is in quarantine after three failures."""
    desk = market_desk()
    for number in range(3):
        desk.refuse(desk.buy(strategy=f"s{number}"), -2010, "no")
        settle(desk)
    assert len(desk.noted(f.QuarantineBegan)) == 1
    return desk


def test_in_quarantine_only_a_failed_probe_starts_the_time_again() -> None:
    desk = quarantined()
    s = desk.core.situation
    quarantine_if_needed(s, SYMBOL, "a refused stop")
    desk.tick(60.0)
    [began] = desk.noted(f.QuarantineBegan)
    quarantine_if_needed(s, SYMBOL, "a probe", was_probe=True)
    desk.look()
    again = desk.noted(f.QuarantineBegan)[-1]
    assert (again.since, again.until) == (began.since, s.now + s.book.quarantine.seconds)


def test_a_probe_whose_failures_were_forgotten_since_starts_nothing() -> None:
    desk = quarantined()
    s = desk.core.situation
    s.book.quarantine.forget_failures(SYMBOL)
    s.record(f.QuarantineBegan(SYMBOL, "no", 3, s.now, s.now + 60))
    quarantine_if_needed(s, SYMBOL, "a late refusal", was_probe=True)
    desk.look()
    assert desk.noted(f.QuarantineBegan)[-1].reason == "no"


def test_a_symbol_that_is_listed_no_more_explains_a_refusal_and_what_waits_is_denied() -> None:
    desk = market_desk(settings=TraderSettings(symbols=(SYMBOL,), freshness=60.0))
    desk.unread = (FetchRules,)
    desk.refuse(desk.buy(), -1121, "Invalid symbol.")
    signal(desk, "next")
    settle(desk)
    assert not desk.noted(f.SignalDenied)
    desk.refuse(desk.one(FetchRules), -1121, "Invalid symbol.")
    assert [one.code for one in desk.noted(f.SignalDenied)] == ["symbol_not_trading"]
    assert (failures(desk), desk.noted(f.SymbolFailed)) == (0, [])


def test_what_waits_for_the_rules_of_a_symbol_that_is_watched_no_more_is_denied() -> None:
    desk = market_desk(settings=TraderSettings(symbols=(SYMBOL,), freshness=60.0))
    desk.unread = (FetchRules,)
    desk.refuse(desk.buy(), *LOT_SIZE)
    signal(desk, "next")
    assert not desk.noted(f.SignalDenied)
    desk.tell(i.SettingsSeen(TraderSettings(symbols=("ETHUSDT",), freshness=60.0)))
    assert len(desk.noted(f.SignalDenied)) == 1
