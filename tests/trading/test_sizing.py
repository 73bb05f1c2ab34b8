"""Sizing: the budgets, the lot steps, and a remainder that can be sold."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.sizing import EntrySize, exit_violation, size_entry
from tests.trading.samples import BUDGET, RULES, D

PRICE, STOP = D("40010"), D("39600")


def test_the_quote_budget_is_cut_down_to_the_lot_step() -> None:
    size = size_entry(RULES, PRICE, STOP, BUDGET)
    assert size == EntrySize(D("0.00249"), D("0.00249") * PRICE, D("0.00248"))


def test_the_risk_budget_can_be_the_smaller_one() -> None:
    size = size_entry(RULES, PRICE, STOP, replace(BUDGET, risk_quote=D("0.41")))
    assert isinstance(size, EntrySize)
    assert size.quantity == D("0.001")
    assert size.quantity * (PRICE - STOP) <= D("0.41")


@pytest.mark.parametrize(
    ("position", "quantity"),
    [("0", "0.00249"), ("0.99751", "0.00249"), ("0.998", "0.002"), ("0.9987", "0.0013")],
)
def test_the_quantity_is_cut_down_to_what_the_account_may_have(position: str, quantity: str) -> None:
    size = size_entry(replace(RULES, max_position=D(1)), PRICE, STOP, replace(BUDGET, position=D(position)))
    assert isinstance(size, EntrySize)
    assert size.quantity == D(quantity)


@pytest.mark.parametrize("position", ["0.9999", "1", "5"])
def test_where_the_account_may_have_no_more_the_filter_is_named(position: str) -> None:
    denied = size_entry(replace(RULES, max_position=D(1)), PRICE, STOP, replace(BUDGET, position=D(position)))
    assert isinstance(denied, Denial)
    assert denied.reason is DenialReason.MAX_POSITION
    assert denied.detail == f"{position} BTC with open orders, at most 1"


@pytest.mark.parametrize(
    ("changes", "rules", "reason"),
    [
        ({"available_quote": D("99")}, {}, DenialReason.BALANCE),
        ({"available_quote": D("99.7")}, {}, DenialReason.BALANCE),
        ({"order_quote": D("4.9")}, {}, DenialReason.MIN_NOTIONAL),
        ({"order_quote": D("0.1")}, {}, DenialReason.LOT_SIZE),
        ({}, {"max_quantity": D("0.001")}, DenialReason.LOT_SIZE),
        # 5.20 USDT can be bought, but at the stop what is left after commission is worth less than 5.
        ({"order_quote": D("5.3")}, {}, DenialReason.DUST),
        ({}, {"step_size": D("0.0025"), "min_notional": D("0")}, DenialReason.LOT_SIZE),
        ({"order_quote": D("101")}, {"step_size": D("0.0025"), "min_quantity": D("0")}, DenialReason.DUST),
    ],
)
def test_each_reason_for_no_size(changes: dict[str, Decimal], rules: dict[str, Decimal], reason: DenialReason) -> None:
    denied = size_entry(replace(RULES, **rules), PRICE, STOP, replace(BUDGET, **changes))  # type: ignore[arg-type]
    assert isinstance(denied, Denial)
    assert denied.reason is reason
    assert denied.detail


@given(
    quote=st.decimals("1", "5000", places=2),
    price=st.decimals("0.01", "90000", places=2),
    fall=st.decimals("0.001", "0.2", places=3),
    commission=st.decimals("0", "0.01", places=4),
    step=st.sampled_from([D("0.00001"), D("0.01"), D("1")]),
)
def test_every_entry_can_be_paid_for_and_sold_again(
    quote: Decimal, price: Decimal, fall: Decimal, commission: Decimal, step: Decimal
) -> None:
    rules = replace(RULES, step_size=step, min_quantity=step)
    budget = replace(BUDGET, order_quote=quote, commission=commission)
    size = size_entry(rules, price, price * (1 - fall), budget)
    assume(isinstance(size, EntrySize))
    assert isinstance(size, EntrySize)
    assert size.quantity % step == 0 == size.sellable % step
    assert size.notional <= quote
    assert size.notional * (1 + commission) <= budget.available_quote
    assert size.sellable <= size.quantity * (1 - commission)
    assert exit_violation(rules, size.sellable, price * (1 - fall)) is None


def test_a_quantity_of_zero_cannot_be_sold() -> None:
    assert exit_violation(RULES, D(0), PRICE) == "LOT_SIZE"
