"""Limits on how much is open: exactly at a limit an entry passes, and where no room is left it is denied by name."""

from dataclasses import replace

import pytest

from cq_tui.trading.denial import DenialReason
from cq_tui.trading.entry_context import EntryLimits
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


@pytest.mark.parametrize(("exposure", "is_denied"), [("400", False), ("400.01", True)])
def test_an_entry_may_use_up_the_share_of_the_equity(exposure: str, is_denied: bool) -> None:
    """Of 1,000, half: with an entry of 100."""
    some = context(exposure=D(exposure), limits=EntryLimits(max_exposure=D("0.5")))
    assert (check_exposure(some, SIGNAL, NOW) is not None) is is_denied


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
    assert [cap.quote for cap in caps_of(some)] == [D(80), D(50), D(300)]
    without = replace(some, limits=replace(limits, order_notional=None, symbol_notional=None))
    assert [cap.quote for cap in caps_of(without)] == [D(300)]
    assert caps_of(replace(some, guardrails_disabled=True)) == []
    assert caps_of(replace(some, guardrails_disabled=True, mode="live")) != [], "never in live mode"
