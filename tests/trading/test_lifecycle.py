"""The order's life: every way through it, late and double messages, and ends that are never left."""

import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.binance.types import AccountTrade, Fill
from cq_tui.trading.lifecycle import (
    MAX_QUERIES,
    ORDERS,
    OrderRecord,
    OrderStatus,
    UnknownOrderStatus,
    apply_execution_report,
    apply_not_found,
    apply_query_failure,
    apply_response,
    apply_trades,
    mark_rejected,
    mark_sent,
    mark_unknown,
)
from tests.trading.samples import NOW, D, answer, record, report

FILL = Fill(1, D("40010"), D("0.0025"), D("0.0000025"), "BTC")


def unknown() -> OrderRecord:
    return mark_unknown(mark_sent(record(), NOW), "timeout", NOW)


def test_a_market_order_that_fills_at_once() -> None:
    order, fills = apply_response(mark_sent(record(), NOW), answer("FILLED", "0.0025", (FILL,)), NOW)
    assert order.status is OrderStatus.FILLED
    assert order.order_id == 7
    assert order.average_price == D("40010")
    assert [fill.quantity for fill in fills] == [D("0.0025")]
    assert not order.lacks_trades


def test_reports_before_the_answer_and_twice_count_each_trade_once() -> None:
    order = mark_sent(record(), NOW)
    order, first = apply_execution_report(order, report("PARTIALLY_FILLED", "0.001", "0.001", trade_id=1), NOW)
    order, again = apply_execution_report(order, report("PARTIALLY_FILLED", "0.001", "0.001", trade_id=1), NOW)
    order, late = apply_response(order, answer("NEW"), NOW)
    assert (len(first), len(again), len(late)) == (1, 0, 0)
    assert order.status is OrderStatus.PARTIALLY_FILLED
    order, second = apply_execution_report(order, report("FILLED", "0.0025", "0.0015", trade_id=2), NOW)
    assert len(second) == 1
    assert order.status is OrderStatus.FILLED
    assert order.filled_by_trades == order.executed_quantity == D("0.0025")
    assert order.remaining == 0


def test_reports_that_come_in_the_wrong_order() -> None:
    order, _ = apply_execution_report(mark_sent(record(), NOW), report("FILLED", "0.0025", "0.0015", trade_id=2), NOW)
    order, new = apply_execution_report(order, report("PARTIALLY_FILLED", "0.001", "0.001", trade_id=1), NOW)
    assert order.status is OrderStatus.FILLED
    assert order.contradiction == ""
    assert len(new) == 1
    assert order.filled_by_trades == D("0.0025")


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        ("NEW", OrderStatus.NEW), ("PENDING_NEW", OrderStatus.NEW), ("CANCELED", OrderStatus.CANCELED),
        ("EXPIRED", OrderStatus.EXPIRED), ("EXPIRED_IN_MATCH", OrderStatus.EXPIRED), ("REJECTED", OrderStatus.REJECTED),
    ],
)  # fmt: skip
def test_every_exchange_status_is_mapped(status: str, wanted: OrderStatus) -> None:
    assert apply_response(mark_sent(record(), NOW), answer(status), NOW).order.status is wanted
    assert apply_execution_report(mark_sent(record(), NOW), report(status), NOW).order.status is wanted


def test_an_unknown_status_is_an_error_that_names_it() -> None:
    with pytest.raises(UnknownOrderStatus, match="'FROZEN'"):
        apply_response(mark_sent(record(), NOW), answer("FROZEN"), NOW)


def test_a_refusal_keeps_its_reason() -> None:
    order = mark_rejected(mark_sent(record(), NOW), "-2010 Account has insufficient balance", NOW)
    assert order.status is OrderStatus.REJECTED
    assert "insufficient" in order.reason
    order, _ = apply_execution_report(mark_sent(record(), NOW), report("REJECTED", reason="INSUFFICIENT_BALANCES"), NOW)
    assert order.reason == "INSUFFICIENT_BALANCES"


def test_an_order_is_sent_once() -> None:
    with pytest.raises(ValueError, match="only an intended one is sent"):
        mark_sent(mark_sent(record(), NOW), NOW)
    with pytest.raises(ValueError, match="only an intended one is sent"):
        mark_sent(unknown(), NOW)


def test_an_intent_found_after_a_restart_is_queried() -> None:
    order = mark_unknown(record(), "restart", NOW)
    assert order.status is OrderStatus.UNKNOWN
    assert order.query_due(NOW)


def test_an_unknown_outcome_is_resolved_by_query() -> None:
    order, fills = apply_response(unknown(), answer("FILLED", "0.0025"), NOW + 1)
    assert order.status is OrderStatus.FILLED
    assert fills == ()
    assert order.lacks_trades
    trade = AccountTrade("BTCUSDT", 9, 7, D("40010"), D("0.0025"), D("100"), D("0.1"), "USDT", 1, True, False)
    other = AccountTrade("BTCUSDT", 10, 8, D("1"), D("1"), D("1"), D("0"), "USDT", 1, True, False)
    order, fills = apply_trades(order, [trade, trade, other], NOW + 2)
    assert [fill.trade_id for fill in fills] == [9]
    assert not order.lacks_trades


def test_not_found_counts_only_after_several_queries_and_seconds() -> None:
    order = unknown()
    for step in (2, 5, 9):
        order = apply_not_found(order, NOW + step)
        assert order.status is OrderStatus.UNKNOWN, "the exchange may still let it in"
    order = apply_not_found(order, NOW + 10)
    assert order.status is OrderStatus.REJECTED
    assert order.reason == "not found by 4 queries: it never reached the exchange"


def test_a_confirmed_order_is_closed_only_after_repeated_not_found() -> None:
    order, _ = apply_response(mark_sent(record(), NOW), answer("NEW"), NOW)
    denied = apply_not_found(apply_not_found(order, NOW + 30), NOW + 60)
    assert denied.status is OrderStatus.NEW
    spoken, _ = apply_response(denied, answer("NEW"), NOW + 61)
    assert apply_not_found(spoken, NOW + 90).status is OrderStatus.NEW, "the count starts again"
    gone = apply_not_found(denied, NOW + 90)
    assert gone.status is OrderStatus.EXPIRED
    assert gone.reason == "the exchange no longer knows it"
    assert apply_not_found(gone, NOW + 99) == gone


def test_a_refusal_keeps_the_exchange_s_code() -> None:
    order = mark_rejected(mark_sent(record(), NOW), "no balance", NOW, -2010)
    assert (order.status, order.reason, order.code) == (OrderStatus.REJECTED, "no balance", -2010)
    assert ORDERS.validate_python(ORDERS.dump_python([order], mode="json")) == [order]


def test_queries_slow_down_and_continue_when_exhausted() -> None:
    order, now, pauses = unknown(), NOW, []
    for _ in range(MAX_QUERIES):
        assert order.query_due(now)
        order = apply_query_failure(order, "no connection", now)
        assert not order.query_due(now)
        pauses.append(order.next_query_at - now)
        now = order.next_query_at
    assert pauses == sorted(pauses)
    assert pauses[0] == 0.5
    assert pauses[-1] == 30.0
    assert order.queries_exhausted
    assert order.query_due(now)
    assert apply_response(order, answer("CANCELED"), now).order.status is OrderStatus.CANCELED


def test_an_order_believed_missing_that_turns_up_is_a_contradiction_and_its_trades_count() -> None:
    order = unknown()
    for step in range(8, 12):
        order = apply_not_found(order, NOW + step)
    assert order.status is OrderStatus.REJECTED
    assert order.never_seen
    order, fills = apply_execution_report(order, report("FILLED", "0.0025", "0.0025", trade_id=1), NOW + 15)
    assert order.status is OrderStatus.REJECTED
    assert not order.never_seen
    assert order.contradiction == "rejected here, but the exchange says filled with 0.0025 executed"
    assert len(fills) == 1


STATUSES = st.sampled_from(["NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "REJECTED"])
QUANTITIES = st.sampled_from(["0", "0.001", "0.0025"])
Step = Callable[[OrderRecord, float], OrderRecord]
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.sampled_from(
        [
            lambda order, now: mark_rejected(order, "x", now),
            lambda order, now: mark_unknown(order, "x", now),
            lambda order, now: apply_query_failure(order, "x", now),
            apply_not_found,
        ]
    ),
    st.builds(
        lambda status, done: lambda order, now: apply_response(order, answer(status, done), now).order,
        STATUSES, QUANTITIES,
    ),
    st.builds(
        lambda status, done, trade: lambda order, now: apply_execution_report(
            order, report(status, done, "0.001", trade), now
        ).order,
        STATUSES, QUANTITIES, st.integers(-1, 2),
    ),
)  # fmt: skip


@given(st.lists(STEPS, max_size=25))
def test_no_message_reopens_an_ended_order_or_removes_a_trade(steps: list[Step]) -> None:
    order, now = mark_sent(record(), NOW), NOW
    for step in steps:
        now += 1.5
        after = step(order, now)
        if order.status.is_terminal:
            assert after.status is order.status
        assert after.executed_quantity >= order.executed_quantity
        assert after.fills[: len(order.fills)] == order.fills
        ids = [fill.trade_id for fill in after.fills]
        assert len(ids) == len(set(ids))
        assert after.client_order_id == order.client_order_id
        assert after.is_open == (after.status is not OrderStatus.INTENDED and not after.status.is_terminal)
        assert ORDERS.validate_python(json.loads(json.dumps(ORDERS.dump_python([after], mode="json")))) == [after]
        order = after


def test_plain_values_keep_exact_decimals() -> None:
    order, _ = apply_response(
        mark_sent(record(quantity=D("0.00250000")), NOW), answer("FILLED", "0.0025", (FILL,)), NOW
    )
    [plain] = ORDERS.dump_python([order], mode="json")
    assert plain["quantity"] == "0.00250000"
    assert isinstance(ORDERS.validate_python([plain])[0].quantity, Decimal)
