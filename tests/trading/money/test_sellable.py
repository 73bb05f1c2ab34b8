"""What can be sold or protected: parts that all pass, as much as possible, and a reason for the rest."""

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.binance.filters import SymbolRules
from cq_tui.trading.money.holding import Holding
from cq_tui.trading.money.sellable import MOST_PARTS, Coverage, is_dust, protectable, sellable_parts
from tests.trading.samples import RULES, D

PRICE = D(40_000)


def _rules(**changes: str | bool) -> SymbolRules:
    values: dict[str, Any] = {name: D(text) if isinstance(text, str) else text for name, text in changes.items()}
    return replace(RULES, **values)


def test_one_order_sells_what_fits_into_one() -> None:
    sale = sellable_parts(RULES, D("0.0025"), PRICE)
    assert sale == ([D("0.0025")], D(0), None)


def test_more_than_the_largest_market_lot_is_sold_in_parts() -> None:
    sale = sellable_parts(_rules(market_max_quantity="0.02"), D("0.0252"), PRICE)
    assert (sale.parts, sale.left) == ([D("0.02"), D("0.0052")], None)


def test_the_last_parts_share_so_that_none_is_too_small() -> None:
    rules = _rules(market_max_quantity="0.02", min_quantity="0.01")
    assert sellable_parts(rules, D("0.041"), PRICE).parts == [D("0.02"), D("0.011"), D("0.01")]
    # Taking from the one before is not enough: three parts give.
    rules = _rules(market_max_quantity="0.0010", min_quantity="0.0006")
    assert sellable_parts(rules, D("0.0021"), PRICE).parts == [D("0.0009"), D("0.0006"), D("0.0006")]


def test_what_cannot_be_split_leaves_the_least() -> None:
    rules = _rules(market_max_quantity="0.0010", min_quantity="0.0006")
    sale = sellable_parts(rules, D("0.0011"), PRICE)
    assert sale.parts == [D("0.001")]
    assert sale.left is not None
    assert (sale.left.quantity, sale.left.worth) == (D("0.0001"), D(4))
    assert sale.left.reason == (
        "0.0001 BTC, worth 4 USDT: too much for MARKET_LOT_SIZE maxQty 0.001, and the rest would be less than"
        " LOT_SIZE minQty 0.0006"
    )


@pytest.mark.parametrize(
    ("changes", "quantity", "reason"),
    [
        ({}, "0.000009", "0.000009 BTC, worth 0.36 USDT: less than one lot of 0.00001 (LOT_SIZE stepSize 0.00001)"),
        (
            {"step_size": "0.001"},
            "0.0005",
            "0.0005 BTC, worth 20 USDT: less than one lot of 0.001 (LOT_SIZE stepSize 0.001)",
        ),
        (
            {"market_step_size": "0.01"},
            "0.005",
            "0.005 BTC, worth 200 USDT: less than one lot of 0.01 (MARKET_LOT_SIZE stepSize 0.01)",
        ),
        ({}, "0.0001", "0.0001 BTC, worth 4 USDT: less than NOTIONAL minNotional 5 (0.00013 BTC)"),
        (
            {"min_notional": "500"},
            "0.0025",
            "0.0025 BTC, worth 100 USDT: less than NOTIONAL minNotional 500 (0.0125 BTC)",
        ),
        ({"min_quantity": "0.1"}, "0.05", "0.05 BTC, worth 2000 USDT: less than LOT_SIZE minQty 0.1"),
        (
            {"min_quantity": "0.1", "max_quantity": "0.1"},
            "0.05",
            "0.05 BTC, worth 2000 USDT: less than LOT_SIZE minQty 0.1",
        ),
        (
            {"market_min_quantity": "0.1"},
            "0.05",
            "0.05 BTC, worth 2000 USDT: less than MARKET_LOT_SIZE minQty 0.1",
        ),
        (
            {"market_max_quantity": "0.0001"},
            "1",
            "1 BTC, worth 40000 USDT: no quantity passes both NOTIONAL minNotional 5 and MARKET_LOT_SIZE maxQty 0.0001",
        ),
        (
            {"max_notional": "4", "max_notional_on_market": True},
            "1",
            "1 BTC, worth 40000 USDT: no quantity passes both NOTIONAL minNotional 5 and NOTIONAL maxNotional 4",
        ),
    ],
)
def test_what_no_order_can_have_names_the_limit(changes: dict[str, str | bool], quantity: str, reason: str) -> None:
    sale = sellable_parts(_rules(**changes), D(quantity), PRICE)
    assert sale.parts == []
    assert sale.left is not None
    assert sale.left.quantity == D(quantity)
    assert sale.left.reason == reason


def test_without_a_price_the_notional_is_left_to_the_exchange() -> None:
    sale = sellable_parts(_rules(max_notional="4", max_notional_on_market=True), D("0.000109"), None)
    assert sale.parts == [D("0.0001")]
    assert sale.left is not None
    assert sale.left.worth is None
    assert sale.left.reason == "0.000009 BTC: less than one lot of 0.00001 (LOT_SIZE stepSize 0.00001)"


def test_both_step_sizes_must_divide_a_part() -> None:
    sale = sellable_parts(_rules(step_size="0.002", market_step_size="0.003", min_quantity="0"), D("0.017"), PRICE)
    assert sale.parts == [D("0.012")]


def test_a_symbol_without_step_sizes_sells_to_its_last_decimal() -> None:
    assert sellable_parts(_rules(step_size="0"), D("0.00250001"), PRICE).parts == [D("0.00250001")]
    unlimited = _rules(step_size="0", min_quantity="0", max_quantity="0", min_notional="0")
    assert sellable_parts(unlimited, D("123456.00000001"), PRICE).parts == [D("123456.00000001")]


def test_a_plan_has_an_end() -> None:
    sale = sellable_parts(_rules(market_max_quantity="0.001"), D(1), PRICE)
    assert sale.parts == [D("0.001")] * MOST_PARTS
    assert (sale.later, sale.left) == (1 - MOST_PARTS * D("0.001"), None)


UNITS = st.integers(1, 2_000)
OFF = st.just(0)


@st.composite
def rules_and_quantity(draw: st.DrawFn) -> tuple[SymbolRules, Decimal, Decimal]:
    """Random rules in units of 10^-5, small enough to try out every split."""
    unit = D("0.00001")
    step = draw(st.integers(1, 12))
    sizes: dict[str, Any] = {
        "step_size": unit * step,
        "market_step_size": unit * draw(OFF | st.integers(1, 12)),
        "min_quantity": unit * draw(OFF | UNITS),
        "max_quantity": unit * draw(OFF | UNITS),
        "market_min_quantity": unit * draw(OFF | UNITS),
        "market_max_quantity": unit * draw(OFF | UNITS),
        "min_notional": D(draw(OFF | UNITS)) / 100,
        "max_notional": D(draw(OFF | UNITS)) / 100,
        "min_notional_on_market": draw(st.booleans()),
        "max_notional_on_market": draw(st.booleans()),
    }
    price = D(draw(st.integers(1, 2_000_000))) / 100
    return replace(RULES, **sizes), unit * draw(st.integers(0, 3_000)) / 10, price


def _passes(rules: SymbolRules, quantity: Decimal, price: Decimal) -> bool:
    fault = rules.violation(side="SELL", order_type="MARKET", quantity=quantity, reference_price=price)
    return quantity > 0 and fault is None


def _most_sellable(rules: SymbolRules, quantity: Decimal, price: Decimal) -> Decimal:
    """Try it out: the most that some number of passing orders can sell."""
    unit = D("0.00001")
    total = int(quantity // unit)
    passing = [lots for lots in range(1, total + 1) if _passes(rules, lots * unit, price)]
    reached = {0}
    for amount in range(1, total + 1):
        if any(lots <= amount and amount - lots in reached for lots in passing):
            reached.add(amount)
    return max(reached) * unit


@given(rules_and_quantity())
def test_every_part_passes_and_nothing_is_lost(case: tuple[SymbolRules, Decimal, Decimal]) -> None:
    rules, quantity, price = case
    sale = sellable_parts(rules, quantity, price)
    assert all(_passes(rules, part, price) for part in sale.parts)
    assert all(first >= second for first, second in pairwise(sale.parts))
    left = sale.left.quantity if sale.left else D(0)
    assert sum(sale.parts) + sale.later + left == quantity
    assert sale.later >= 0
    assert (len(sale.parts) == MOST_PARTS) >= bool(sale.later)
    if sale.left is not None:
        assert sale.left.quantity > 0
        assert sale.left.worth == sale.left.quantity * price


@given(rules_and_quantity())
def test_as_much_as_possible_is_sold(case: tuple[SymbolRules, Decimal, Decimal]) -> None:
    rules, quantity, price = case
    quantity = min(quantity, D("0.003"))
    sale = sellable_parts(rules, quantity, price)
    assert sum(sale.parts) + sale.later == _most_sellable(rules, quantity, price)


def test_protection_covers_whole_lots() -> None:
    covered = protectable(RULES, D("0.0024975"), D(39_000), D(41_000))
    assert covered.quantity == D("0.00249")
    assert covered.left is not None
    assert covered.left.reason == (
        "0.0000075 BTC, worth 0.2925 USDT: less than one lot of 0.00001 (LOT_SIZE stepSize 0.00001)"
    )
    assert protectable(RULES, D("0.0025"), D(39_000), D(41_000)) == Coverage(D("0.0025"), None)


@pytest.mark.parametrize(
    ("changes", "quantity", "covered", "reason"),
    [
        ({"max_quantity": "0.001"}, "0.0025", "0.001", "one order may have at most LOT_SIZE maxQty 0.001"),
        # The market lot bounds MARKET orders, not the legs of a list.
        ({"market_max_quantity": "0.001"}, "0.0025", "0.0025", ""),
        # Worth 5 at the target, not at the stop.
        ({}, "0.000126", "0", "less than NOTIONAL minNotional 5 (0.00013 BTC)"),
        # Both notional limits hold for legs of a list, whatever they say about market orders.
        ({"min_notional": "100", "min_notional_on_market": False}, "0.0025", "0", "less than NOTIONAL minNotional"),
        ({"max_notional": "82"}, "0.0025", "0.002", "one order may have at most NOTIONAL maxNotional 82"),
        ({"max_quantity": "0.0001"}, "0.0025", "0", "no quantity passes both"),
        ({"step_size": "0.01"}, "0.0025", "0", "less than one lot of 0.01"),
    ],
)
def test_what_a_list_cannot_cover_names_the_limit(
    changes: dict[str, str | bool], quantity: str, covered: str, reason: str
) -> None:
    rules = _rules(**changes)
    coverage = protectable(rules, D(quantity), D(39_000), D(41_000))
    assert coverage.quantity == D(covered)
    if not reason:
        assert coverage.left is None
        return
    assert coverage.left is not None
    assert reason in coverage.left.reason
    assert coverage.quantity + coverage.left.quantity == D(quantity)


@given(rules_and_quantity(), st.integers(1, 500))
def test_what_is_covered_passes_on_both_legs(case: tuple[SymbolRules, Decimal, Decimal], gap: int) -> None:
    rules, quantity, stop = case
    target = stop + D(gap) / 100
    coverage = protectable(rules, quantity, stop, target)
    left = coverage.left.quantity if coverage.left else D(0)
    assert coverage.quantity + left == quantity

    def passes(amount: Decimal) -> bool:
        at_stop = rules.violation(side="SELL", order_type="STOP_LOSS", quantity=amount, stop_price=stop)
        at_target = rules.violation(side="SELL", order_type="LIMIT_MAKER", quantity=amount, price=target)
        return at_stop is None and at_target is None

    assert coverage.quantity == 0 or passes(coverage.quantity)
    unit = D("0.00001")
    more = (coverage.quantity + unit * lots for lots in range(1, int((quantity - coverage.quantity) // unit) + 1))
    assert not any(passes(amount) for amount in more)


def _held(quantity: str, cost: str) -> Holding:
    return Holding("BTCUSDT", "BTC", "USDT", D(quantity), D(cost))


@pytest.mark.parametrize(
    ("quantity", "cost", "bid", "step", "dust"),
    [
        ("0.000009", "0.36", "40000", "0.00001", True),
        ("0.000124", "4.96", "40000", "0.00001", True),  # whole lots, and less than the minimum notional
        ("0.00001", "0.4", None, "0.00001", False),  # a whole lot, and its worth is not known
        ("0.0025", "100", "40000", "0.01", False),  # a step that grew makes nothing dust
        ("0.000125", "5", "40000", "0.01", True),
        ("0.000125", "5.01", "40000", "0.01", False),  # more than 5 % of what was bought
        ("0.000125", "5", "40001", "0.01", False),  # worth more by now
        ("0.0025", "100", "1", "0.01", False),  # worth little by now, but it was all of it
        ("0.000125", "5", None, "0.01", True),
    ],
)
def test_dust_is_worth_next_to_nothing(quantity: str, cost: str, bid: str | None, step: str, dust: bool) -> None:
    rules = _rules(step_size=step)
    assert is_dust(_held(quantity, cost), rules, None if bid is None else D(bid), D(100)) is dust


def test_what_an_order_may_sell_is_no_dust() -> None:
    assert is_dust(_held("0.00012", "4.8"), RULES, D(40_000), D(200))
    assert not is_dust(_held("0.00013", "5.2"), RULES, D(40_000), D(200))


def test_without_a_bid_dust_is_judged_by_its_cost_alone() -> None:
    assert is_dust(_held("0.0000025", "0.1"), RULES, None, D(2))
    assert not is_dust(_held("0.0000025", "0.1"), RULES, None, D("1.99"))
