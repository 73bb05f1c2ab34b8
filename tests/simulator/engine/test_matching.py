"""Commission rounding against recorded fills, and match plans."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.simulator.engine.commission import commission_on
from cq_tui.simulator.engine.limit_order_book import MatchableLevel
from cq_tui.simulator.engine.matching import (
    MatchPlan,
    PlannedFill,
    PlannedPrevention,
    TakerDemand,
    plan_match,
)
from cq_tui.simulator.engine.orders import ZERO, EngineOrder


def background(price: str, quantity: str) -> MatchableLevel:
    return MatchableLevel(Decimal(price), Decimal(quantity), ())


ASKS = [background("100", "1"), background("101", "2"), background("103", "5")]
BIDS = [background("99", "1"), background("98", "2")]


def own(order_id: int, quantity: str, price: str = "100", iceberg: str = "0") -> EngineOrder:
    return EngineOrder(
        "COINUSDT", order_id, f"m{order_id}", "SELL", "LIMIT", "GTC", Decimal(quantity), ZERO, Decimal(price), ZERO,
        "NONE", 1, 1, iceberg_quantity=Decimal(iceberg),
    )  # fmt: skip


def demand(
    side: str, amount: str, mode: str = "NONE", limit: str | None = None, step: str | None = None
) -> TakerDemand:
    return TakerDemand(side, Decimal(amount), mode, Decimal(limit) if limit else None, Decimal(step) if step else None)


def fills(plan: MatchPlan) -> list[tuple[str, str]]:
    return [(str(step.price), str(step.quantity)) for step in plan.steps if isinstance(step, PlannedFill)]


def test_commission_equals_the_recorded_one(shared: Path) -> None:
    cases = json.loads((shared / "binance/fixtures/recorded_commissions.json").read_text())["cases"]
    assert len(cases) >= 7
    for case in cases:
        received = Decimal(case["price"]) * Decimal(case["qty"])
        assert str(commission_on(received, Decimal(case["rate"]))) == case["commission"], case


def test_commission_rounds_half_up() -> None:
    assert commission_on(Decimal("0.000005")) == Decimal("0.00000001")
    assert commission_on(Decimal("0.0000049")) == Decimal("0E-8")


@pytest.mark.parametrize(
    ("quantity", "limit", "found", "complete"),
    [
        ("0.5", None, [("100", "0.5")], True),
        ("2", None, [("100", "1"), ("101", "1")], True),
        ("9", None, [("100", "1"), ("101", "2"), ("103", "5")], False),
        ("9", "101", [("100", "1"), ("101", "2")], False),
        ("9", "99.9", [], False),
    ],
)
def test_a_buy_takes_the_cheapest_first(
    quantity: str, limit: str | None, found: list[tuple[str, str]], complete: bool
) -> None:
    plan = plan_match(demand("BUY", quantity, limit=limit), ASKS)
    assert (fills(plan), plan.is_complete) == (found, complete)


def test_a_sell_takes_the_dearest_first_down_to_its_limit() -> None:
    assert fills(plan_match(demand("SELL", "3", limit="98.5"), BIDS)) == [("99", "1")]


def test_a_quote_order_buys_whole_steps_for_at_most_its_amount() -> None:
    plan = plan_match(demand("BUY", "201.05", step="0.1"), ASKS)
    assert (fills(plan), plan.is_complete) == ([("100", "1"), ("101", "1.0")], True)


def test_a_quote_order_larger_than_the_book_is_incomplete() -> None:
    plan = plan_match(demand("BUY", "5000", step="0.1"), ASKS)
    assert (plan.quantity, plan.is_complete) == (Decimal("8"), False)


@given(st.decimals(min_value="0.01", max_value=900, places=2))
def test_a_quote_order_never_spends_more_and_wastes_less_than_a_step(quote: Decimal) -> None:
    step = Decimal("0.01")
    plan = plan_match(TakerDemand("BUY", quote, "NONE", step=step), ASKS)
    assert plan.quote <= quote
    assert not plan.is_complete or quote - plan.quote < step * ASKS[-1].price


def test_the_rest_of_a_quote_amount_does_not_pass_a_price_with_more_quantity() -> None:
    plan = plan_match(
        demand("SELL", "99.99", step="0.5"), [background("100", "1"), background("99.5", "2"), background("99", "2")]
    )
    assert fills(plan) == [("100", "0.5")]
    assert plan.is_complete


@pytest.mark.parametrize(("mode", "taken_at_the_price"), [("NONE", [("200", "0.5")]), ("DECREMENT", [])])
def test_the_rest_of_a_quote_amount_does_not_pass_an_own_order_with_more_quantity(
    mode: str, taken_at_the_price: list[tuple[str, str]]
) -> None:
    own_bid = MatchableLevel(Decimal(200), ZERO, (own(1, "4", "200"), own(2, "4", "200")))
    plan = plan_match(demand("SELL", "199.5", mode, step="0.5"), [own_bid, background("199", "9")])
    assert fills(plan) == taken_at_the_price
    assert len(plan.steps) == 1
    assert plan.is_complete


# Own orders on the other side


def meet(mode: str, amount: str, *makers: EngineOrder) -> MatchPlan:
    """Match own orders at 100, behind 1 of background, then background at 101."""
    return plan_match(
        demand("BUY", amount, mode), [MatchableLevel(Decimal(100), Decimal(1), makers), background("101", "2")]
    )


def prevented(plan: MatchPlan) -> list[tuple[int, str, str]]:
    return [
        (step.maker.order_id, str(step.taker_quantity), str(step.maker_quantity))
        for step in plan.steps
        if isinstance(step, PlannedPrevention)
    ]


def test_background_goes_before_own_orders_and_own_orders_before_worse_prices() -> None:
    plan = meet("NONE", "5", own(1, "2"), own(2, "1"))
    makers = [step.maker.order_id if step.maker else None for step in plan.steps if isinstance(step, PlannedFill)]
    assert makers == [None, 1, 2, None]
    assert fills(plan) == [("100", "1"), ("100", "2"), ("100", "1"), ("101", "1")]


def test_an_iceberg_moves_to_the_back_when_its_visible_part_is_filled() -> None:
    plan = meet("NONE", "6", own(1, "3", iceberg="1"), own(2, "2"))
    makers = [
        (step.maker.order_id, str(step.quantity)) for step in plan.steps if isinstance(step, PlannedFill) and step.maker
    ]
    assert makers == [(1, "1"), (2, "2"), (1, "1"), (1, "1")]


@pytest.mark.parametrize(
    ("mode", "prevents", "trades", "left"),
    [
        ("EXPIRE_MAKER", [(1, "0", "2"), (2, "0", "1")], [("100", "1"), ("101", "2")], "1"),
        ("EXPIRE_TAKER", [(1, "3", "0")], [("100", "1")], "0"),
        ("EXPIRE_BOTH", [(1, "3", "2")], [("100", "1")], "0"),
        ("DECREMENT", [(1, "2", "2"), (2, "1", "1")], [("100", "1")], "0"),
        ("TRANSFER", [(1, "2", "2"), (2, "1", "1")], [("100", "1")], "0"),
    ],
)
def test_self_trade_prevention_by_mode(
    mode: str, prevents: list[tuple[int, str, str]], trades: list[tuple[str, str]], left: str
) -> None:
    plan = meet(mode, "4", own(1, "2"), own(2, "1"))
    assert prevented(plan) == prevents
    assert fills(plan) == trades
    assert plan.remaining == Decimal(left)


def test_nothing_is_prevented_when_background_suffices() -> None:
    plan = meet("EXPIRE_BOTH", "1", own(1, "2"))
    assert (prevented(plan), plan.is_complete) == ([], True)
