"""Two lists of trades: matched by id, or by what they say; every difference is named once."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cq_tui.books.fills import BookedFill
from cq_tui.books.ledger import booked_fills
from cq_tui.books.reconciling import DifferenceKind, ExchangeTrade, compare
from tests.books.samples import D, five_trades

OURS = booked_fills(five_trades().facts)


def as_listed(fill: BookedFill, *, with_ids: bool = True) -> ExchangeTrade:
    return ExchangeTrade(
        fill.ms if with_ids else fill.ms // 1000 * 1000, fill.symbol, fill.side, fill.price, fill.quantity,
        fill.commission, fill.commission_asset, fill.trade_id if with_ids else None,
        fill.order_id if with_ids else None, 1,
    )  # fmt: skip


@given(st.permutations(OURS), st.booleans())
def test_equal_lists_match_in_any_order_with_and_without_ids(theirs: list[BookedFill], with_ids: bool) -> None:
    found = compare(OURS, [as_listed(one, with_ids=with_ids) for one in theirs])
    assert (found.matched, found.differences) == (len(OURS), [])


@given(st.sets(st.sampled_from(range(len(OURS)))), st.sets(st.sampled_from(range(len(OURS)))), st.booleans())
def test_what_lacks_in_either_is_named(here: set[int], there: set[int], with_ids: bool) -> None:
    ours = [one for place, one in enumerate(OURS) if place in here]
    theirs = [as_listed(one, with_ids=with_ids) for place, one in enumerate(OURS) if place in there]
    found = compare(ours, theirs)
    kinds = [one.kind for one in found.differences]
    assert found.matched == len(here & there)
    assert kinds.count(DifferenceKind.MISSING_THERE) == len(here - there)
    assert kinds.count(DifferenceKind.MISSING_HERE) == len(there - here)


def test_other_values_are_named_with_both() -> None:
    theirs = [as_listed(one) for one in OURS]
    theirs[0] = replace(theirs[0], quantity=D("1.1"), fee=D("0.3"), fee_asset="BNB")
    [found] = compare(OURS, theirs).differences
    assert (found.kind, found.ours) == (DifferenceKind.OTHER, OURS[0])
    assert found.fields == {"quantity": ("1", "1.1"), "fee": ("0", "0.3")}


def test_without_ids_a_trade_of_the_same_second_is_the_same_with_another_price() -> None:
    theirs = [as_listed(one, with_ids=False) for one in OURS]
    theirs[3] = replace(theirs[3], price=D("45.5"))
    [found] = compare(OURS, theirs).differences
    assert found.fields == {"price": ("45", "45.5")}


def test_a_list_that_rounds_to_seconds_is_the_same_list() -> None:
    ours = [replace(one, ms=one.ms + 700) for one in OURS]
    theirs = [replace(as_listed(one, with_ids=False), ms=(one.ms + 500) // 1000 * 1000) for one in ours]
    assert compare(ours, theirs).differences == []


def test_twins_in_one_second_are_two_trades() -> None:
    twin = as_listed(OURS[0], with_ids=False)
    [found] = compare(OURS, [*(as_listed(one, with_ids=False) for one in OURS), twin]).differences
    assert found.kind is DifferenceKind.MISSING_HERE
