"""Limits on how much is open: exactly at a limit an entry passes, and where no room is left it is denied by name."""

from dataclasses import replace

import pytest

from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.entry_context import EntryLimits
from cq_tui.trading.guardrails import decide_entry
from cq_tui.trading.limits.amounts import (
    caps_of,
    check_exposure,
    check_order_notional,
    check_positions,
    check_symbol_notional,
    check_total_notional,
)
from tests.trading.samples import NOW, SIGNAL, D, context


@pytest.mark.parametrize(("limit", "is_denied"), [(3, False), (2, True), (1, True)])
def test_positions_and_entries_on_their_way_count_once_each(limit: int, is_denied: bool) -> None:
    some = context(
        held=frozenset({"ETHUSDT", "BNBUSDT"}), pending=frozenset({"ETHUSDT"}), limits=EntryLimits(max_positions=limit)
    )
    denial = check_positions(some, SIGNAL, NOW)
    assert (denial is not None) is is_denied
    assert denial is None or denial.detail == f"2 of {limit}"


@pytest.mark.parametrize(("exposure", "room"), [("400", "100"), ("499.99", "0.01"), ("500", "0"), ("600", "-100")])
def test_an_entry_may_use_up_the_share_of_the_equity_and_is_made_as_small(exposure: str, room: str) -> None:
    """Of 1,000, half."""
    some = context(exposure=D(exposure), limits=EntryLimits(max_exposure=D("0.5")))
    [cap] = caps_of(some)
    assert (cap.quote, cap.reason) == (D(room), DenialReason.EXPOSURE)
    denial = check_exposure(some, SIGNAL, NOW)
    assert (denial is not None) is (D(room) <= 0)
    assert denial is None or denial.detail == f"{D(exposure):.2f} used, limit 500.00"


@pytest.mark.parametrize(
    ("exposure", "quantity"), [("400", "0.001"), ("459", "0.001"), ("470", "0.00074"), ("490", "0.00024")]
)
def test_the_share_of_the_equity_is_judged_by_the_entry_as_it_is_sized(exposure: str, quantity: str) -> None:
    """The order quote is 100, but by the risk up to the stop the entry costs 40."""
    limits = EntryLimits(max_exposure=D("0.5"), risk_fraction=D("0.00041"))
    decided = decide_entry(context(exposure=D(exposure), limits=limits), SIGNAL, NOW)
    assert not isinstance(decided, Denial)
    assert decided.size.quantity == D(quantity)
    assert D(exposure) + decided.size.notional <= 500


@pytest.mark.parametrize(("used", "is_denied"), [("249.99", False), ("250", True), ("300", True)])
def test_a_symbol_or_an_account_without_room_is_denied_and_says_what_is_used(used: str, is_denied: bool) -> None:
    symbol = context(symbol_value=D(used), limits=EntryLimits(symbol_notional=D(250)))
    total = context(exposure=D(used), limits=EntryLimits(total_notional=D(250)))
    for denial, reason in (
        (check_symbol_notional(symbol, SIGNAL, NOW), DenialReason.SYMBOL_NOTIONAL),
        (check_total_notional(total, SIGNAL, NOW), DenialReason.TOTAL_NOTIONAL),
    ):
        assert (denial is not None) is is_denied
        assert denial is None or (denial.reason, denial.detail) == (reason, f"{D(used):.2f} used, limit 250")


def test_an_entry_with_a_limit_of_nothing_is_denied() -> None:
    assert check_order_notional(context(limits=EntryLimits(order_notional=D(1))), SIGNAL, NOW) is None
    assert check_order_notional(context(limits=EntryLimits(order_notional=D(0))), SIGNAL, NOW) is not None


def test_the_rooms_that_bound_an_entry_are_what_the_limits_leave() -> None:
    limits = EntryLimits(order_notional=D(80), symbol_notional=D(250), total_notional=D(900))
    some = context(symbol_value=D(200), exposure=D(600), limits=limits)
    assert [cap.quote for cap in caps_of(some)] == [D(-100), D(80), D(50), D(300)]
    without = replace(some, limits=replace(limits, order_notional=None, symbol_notional=None))
    assert [cap.quote for cap in caps_of(without)] == [D(-100), D(300)]
    assert caps_of(replace(some, guardrails_disabled=True)) == []
    assert caps_of(replace(some, guardrails_disabled=True, mode="live")) != [], "never in live mode"
