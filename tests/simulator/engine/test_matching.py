"""Commission rounding against recorded fills, and what orders take from levels."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.simulator.engine.book import Level
from cq_tui.simulator.engine.matching import commission_on, takes, takes_for_quote, total

ASKS = [Level(Decimal("100"), Decimal("1")), Level(Decimal("101"), Decimal("2")), Level(Decimal("103"), Decimal("5"))]
BIDS = [Level(Decimal("99"), Decimal("1")), Level(Decimal("98"), Decimal("2"))]


def test_commission_is_what_was_recorded(shared: Path) -> None:
    cases = json.loads((shared / "binance/fixtures/recorded_commissions.json").read_text())["cases"]
    assert len(cases) >= 7
    for case in cases:
        received = Decimal(case["price"]) * Decimal(case["qty"])
        assert commission_on(received, Decimal(case["rate"])) == Decimal(case["commission"]), case


def test_commission_rounds_half_up() -> None:
    assert commission_on(Decimal("0.000005")) == Decimal("0.00000001")
    assert commission_on(Decimal("0.0000049")) == Decimal("0E-8")


@pytest.mark.parametrize(
    ("quantity", "limit", "taken"),
    [
        ("0.5", None, [("100", "0.5")]),
        ("2", None, [("100", "1"), ("101", "1")]),
        ("9", None, [("100", "1"), ("101", "2"), ("103", "5")]),
        ("9", "101", [("100", "1"), ("101", "2")]),
        ("9", "99.9", []),
    ],
)
def test_a_buy_takes_the_cheapest_first(quantity: str, limit: str | None, taken: list[tuple[str, str]]) -> None:
    found = takes(ASKS, "BUY", Decimal(quantity), Decimal(limit) if limit else None)
    assert found == [Level(Decimal(price), Decimal(part)) for price, part in taken]


def test_a_sell_takes_the_dearest_first_down_to_its_limit() -> None:
    assert takes(BIDS, "SELL", Decimal(3), Decimal("98.5")) == [BIDS[0]]


def test_a_quote_order_buys_whole_steps_for_at_most_its_amount() -> None:
    taken, suffices = takes_for_quote(ASKS, Decimal("201.05"), Decimal("0.1"))
    assert taken == [Level(Decimal("100"), Decimal("1")), Level(Decimal("101"), Decimal("1.0"))]
    assert suffices


def test_a_quote_order_larger_than_the_book_does_not_suffice() -> None:
    taken, suffices = takes_for_quote(ASKS, Decimal("5000"), Decimal("0.1"))
    assert (total(taken)[0], suffices) == (Decimal("8.0"), False)


@given(st.decimals(min_value="0.01", max_value=900, places=2))
def test_a_quote_order_never_spends_more_and_wastes_less_than_a_step(quote: Decimal) -> None:
    step = Decimal("0.01")
    taken, suffices = takes_for_quote(ASKS, quote, step)
    spent = total(taken)[1]
    assert spent <= quote
    assert not suffices or quote - spent < step * ASKS[-1].price
