"""Sizing: the budgets, the lot steps, and a remainder that can be sold."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.sizing import Cap, EntrySize, exit_violation, size_entry
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


@pytest.mark.parametrize(("asked", "quantity"), [("0.00151", "0.00151"), ("0.001519", "0.00151"), ("5", "0.00249")])
def test_a_signal_s_size_makes_an_entry_smaller_and_never_larger(asked: str, quantity: str) -> None:
    size = size_entry(RULES, PRICE, STOP, replace(BUDGET, most_base=D(asked)))
    assert isinstance(size, EntrySize)
    assert size.quantity == D(quantity)


def test_a_size_too_small_to_trade_is_named_as_the_signal_s() -> None:
    denied = size_entry(RULES, PRICE, STOP, replace(BUDGET, most_base=D("0.0001")))
    assert isinstance(denied, Denial)
    assert denied.reason is DenialReason.SIGNAL_SIZE
    assert denied.detail.startswith("the signal asks for 0.0001: ")


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
    assert denied.detail.startswith(f"{position} BTC with open orders, at most 1: ")


@pytest.mark.parametrize(
    ("changes", "rules", "reason"),
    [
        ({"available_quote": D("4.9")}, {}, DenialReason.BALANCE),
        ({"available_quote": D("0")}, {}, DenialReason.BALANCE),
        ({"risk_quote": D("0.0001")}, {}, DenialReason.LOT_SIZE),
        ({"risk_quote": D("0.02")}, {}, DenialReason.MIN_NOTIONAL),
        ({"order_quote": D("4.9")}, {}, DenialReason.MIN_NOTIONAL),
        ({"order_quote": D("0.1")}, {}, DenialReason.LOT_SIZE),
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


@pytest.mark.parametrize(
    ("changes", "rules", "quantity"),
    [
        # 50 USDT pay for 0.00124 and their commission, not for 0.00125.
        ({"available_quote": D("50")}, {}, "0.00124"),
        ({}, {"max_quantity": D("0.001")}, "0.001"),
        ({}, {"market_max_quantity": D("0.002")}, "0.002"),
        ({"commission": D(0)}, {"market_step_size": D("0.0005")}, "0.002"),
        # What is left of earlier positions is sold along.
        ({"remainder": D("0.0004")}, {"max_quantity": D("0.001")}, "0.0006"),
        # At the target of 41,000, 0.00121 are worth 49.61.
        ({}, {"max_notional": D("50")}, "0.00121"),
        ({"remainder": D("0.0004")}, {"max_notional": D("50")}, "0.00081"),
    ],
)
def test_what_is_too_much_is_scaled_down(changes: dict[str, Decimal], rules: dict[str, Decimal], quantity: str) -> None:
    budget = replace(BUDGET, **changes)
    size = size_entry(replace(RULES, **rules), PRICE, STOP, budget, target=D("41000"))  # type: ignore[arg-type]
    assert isinstance(size, EntrySize)
    assert size.quantity == D(quantity)
    assert size.notional * (1 + budget.commission) <= budget.available_quote


def test_a_cap_scales_down_and_is_the_reason_where_it_leaves_too_little() -> None:
    caps = Cap(D(60), DenialReason.SYMBOL_NOTIONAL, "40 used"), Cap(D(30), DenialReason.TOTAL_NOTIONAL, "70 used")
    size = size_entry(RULES, PRICE, STOP, BUDGET, caps=caps)
    assert isinstance(size, EntrySize)
    assert size.quantity == D("0.00074")
    for room in (D(4), D(0), D(-5)):
        denied = size_entry(RULES, PRICE, STOP, BUDGET, caps=(caps[0], caps[1]._replace(quote=room)))
        assert isinstance(denied, Denial)
        assert denied.reason is DenialReason.TOTAL_NOTIONAL
        assert denied.detail.startswith("70 used: ")


def test_a_size_by_risk_that_is_too_small_says_so() -> None:
    denied = size_entry(RULES, PRICE, STOP, replace(BUDGET, risk_quote=D("0.02")))
    assert isinstance(denied, Denial)
    assert denied.detail.startswith("0.02 at risk by TRADER_RISK_FRACTION: 0.00004 BTC, 1.6004 USDT")


def test_a_quantity_of_zero_cannot_be_sold() -> None:
    assert exit_violation(RULES, D(0), PRICE) == "LOT_SIZE"


def test_a_sale_of_exactly_the_least_notional_passes() -> None:
    """A stop has to pass it also where market orders need not."""
    stops_only = replace(RULES, min_notional_on_market=False)
    for rules in (RULES, stops_only):
        assert exit_violation(rules, D("0.001"), D(5000)) is None
        assert exit_violation(rules, D("0.001"), D("4999.99")) == rules.notional_filter
    assert exit_violation(replace(stops_only, min_notional=D(0)), D("0.001"), D(1)) is None
