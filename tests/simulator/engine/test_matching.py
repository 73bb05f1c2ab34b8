"""Commission rounding against recorded fills, and what orders take from the levels of a book."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.simulator.engine.limit_order_book import MatchableLevel
from cq_tui.simulator.engine.matching import (
    MatchPlan,
    PlannedFill,
    PlannedPrevention,
    TakerDemand,
    commission_on,
    plan_match,
)
from cq_tui.simulator.engine.orders import ZERO, EngineOrder


def crowd(price: str, quantity: str) -> MatchableLevel:
    return MatchableLevel(Decimal(price), Decimal(quantity), ())


ASKS = [crowd("100", "1"), crowd("101", "2"), crowd("103", "5")]
BIDS = [crowd("99", "1"), crowd("98", "2")]


def own(order_id: int, quantity: str, price: str = "100", iceberg: str = "0") -> EngineOrder:
    return EngineOrder(
        "COINUSDT", order_id, f"m{order_id}", "SELL", "LIMIT", "GTC", Decimal(quantity), ZERO, Decimal(price), ZERO,
        "NONE", 1, 1, iceberg_quantity=Decimal(iceberg),
    )  # fmt: skip


def wanted(
    side: str, amount: str, mode: str = "NONE", limit: str | None = None, step: str | None = None
) -> TakerDemand:
    return TakerDemand(side, Decimal(amount), mode, Decimal(limit) if limit else None, Decimal(step) if step else None)


def taken(made: MatchPlan) -> list[tuple[str, str]]:
    return [(str(step.price), str(step.quantity)) for step in made.steps if isinstance(step, PlannedFill)]


def test_commission_is_what_was_recorded(shared: Path) -> None:
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
    made = plan_match(wanted("BUY", quantity, limit=limit), ASKS)
    assert (taken(made), made.is_complete) == (found, complete)


def test_a_sell_takes_the_dearest_first_down_to_its_limit() -> None:
    assert taken(plan_match(wanted("SELL", "3", limit="98.5"), BIDS)) == [("99", "1")]


def test_a_quote_order_buys_whole_steps_for_at_most_its_amount() -> None:
    made = plan_match(wanted("BUY", "201.05", step="0.1"), ASKS)
    assert (taken(made), made.is_complete) == ([("100", "1"), ("101", "1.0")], True)


def test_a_quote_order_larger_than_the_book_does_not_suffice() -> None:
    made = plan_match(wanted("BUY", "5000", step="0.1"), ASKS)
    assert (made.quantity, made.is_complete) == (Decimal("8"), False)


@given(st.decimals(min_value="0.01", max_value=900, places=2))
def test_a_quote_order_never_spends_more_and_wastes_less_than_a_step(quote: Decimal) -> None:
    step = Decimal("0.01")
    made = plan_match(TakerDemand("BUY", quote, "NONE", step=step), ASKS)
    assert made.quote <= quote
    assert not made.is_complete or quote - made.quote < step * ASKS[-1].price


def test_the_rest_of_a_quote_amount_does_not_go_past_a_price_that_has_more() -> None:
    made = plan_match(wanted("SELL", "99.99", step="0.5"), [crowd("100", "1"), crowd("99.5", "2"), crowd("99", "2")])
    assert taken(made) == [("100", "0.5")]
    assert made.is_complete


@pytest.mark.parametrize(("mode", "taken_at_the_price"), [("NONE", [("200", "0.5")]), ("DECREMENT", [])])
def test_nor_does_it_go_past_an_own_order_that_has_more(mode: str, taken_at_the_price: list[tuple[str, str]]) -> None:
    own_bid = MatchableLevel(Decimal(200), ZERO, (own(1, "4", "200"), own(2, "4", "200")))
    made = plan_match(wanted("SELL", "199.5", mode, step="0.5"), [own_bid, crowd("199", "9")])
    assert taken(made) == taken_at_the_price
    assert len(made.steps) == 1
    assert made.is_complete


# Own orders on the other side


def meet(mode: str, amount: str, *makers: EngineOrder) -> MatchPlan:
    """Meet own orders at 100, behind 1 of the crowd, and the crowd again at 101."""
    return plan_match(
        wanted("BUY", amount, mode), [MatchableLevel(Decimal(100), Decimal(1), makers), crowd("101", "2")]
    )


def prevented(made: MatchPlan) -> list[tuple[int, str, str]]:
    return [
        (step.maker.order_id, str(step.taker_quantity), str(step.maker_quantity))
        for step in made.steps
        if isinstance(step, PlannedPrevention)
    ]


def test_the_crowd_stands_before_own_orders_and_own_orders_before_worse_prices() -> None:
    made = meet("NONE", "5", own(1, "2"), own(2, "1"))
    makers = [step.maker.order_id if step.maker else None for step in made.steps if isinstance(step, PlannedFill)]
    assert makers == [None, 1, 2, None]
    assert taken(made) == [("100", "1"), ("100", "2"), ("100", "1"), ("101", "1")]


def test_an_iceberg_goes_behind_the_others_when_its_shown_part_is_gone() -> None:
    made = meet("NONE", "6", own(1, "3", iceberg="1"), own(2, "2"))
    makers = [
        (step.maker.order_id, str(step.quantity)) for step in made.steps if isinstance(step, PlannedFill) and step.maker
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
    made = meet(mode, "4", own(1, "2"), own(2, "1"))
    assert prevented(made) == prevents
    assert taken(made) == trades
    assert made.remaining == Decimal(left)


def test_nothing_is_prevented_when_the_crowd_suffices() -> None:
    made = meet("EXPIRE_BOTH", "1", own(1, "2"))
    assert (prevented(made), made.is_complete) == ([], True)
