"""The life of an order: never back, the end is final, and every message is judged in every state."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.trading.order_life import TABLE, TERMINAL, Heard, OrderStatus, hear

_S, _H = OrderStatus, Heard
#: How far a life has come; a state never becomes one of a lower rank.
RANK = {
    _S.INTENDED: 0, _S.SENT: 1, _S.UNKNOWN: 2, _S.PENDING: 3, _S.NEW: 4, _S.PARTIALLY_FILLED: 5,
    **dict.fromkeys(TERMINAL, 6),
}  # fmt: skip


@given(st.lists(st.sampled_from(Heard)))
def test_no_order_of_messages_leads_back(messages: list[Heard]) -> None:
    status = OrderStatus.INTENDED
    for message in messages:
        after = hear(status, message).status
        assert RANK[after] >= RANK[status]
        if status.is_terminal:
            assert after is status
        status = after


@pytest.mark.parametrize(("status", "message"), [*product(OrderStatus, Heard)])
def test_twice_the_same_message_is_the_same_as_once(status: OrderStatus, message: Heard) -> None:
    once = hear(status, message)
    again = hear(once.status, message)
    assert again.status is once.status
    assert not again.contradicts or once.contradicts


@pytest.mark.parametrize(("status", "message"), [*product(OrderStatus, Heard)])
def test_only_another_end_contradicts_an_end(status: OrderStatus, message: Heard) -> None:
    ends = {
        _H.SEEN_FILLED: _S.FILLED, _H.SEEN_CANCELED: _S.CANCELED,
        _H.SEEN_EXPIRED: _S.EXPIRED, _H.SEEN_REJECTED: _S.REJECTED,
    }  # fmt: skip
    other_end = message in ends and ends[message] is not status
    assert hear(status, message).contradicts is (status.is_terminal and other_end)


def test_what_may_have_been_sent_is_never_intended_again() -> None:
    assert all(after is not _S.INTENDED for heard in TABLE.values() for after in heard.values())


def test_nothing_but_evidence_or_the_exchange_ends_the_unknown() -> None:
    assert set(TABLE[_S.UNKNOWN]) == {message for message in Heard if message.value.startswith("seen")} | {
        _H.NEVER_ARRIVED
    }


def test_a_patient_sequence() -> None:
    status = OrderStatus.INTENDED
    for message, after in [
        (_H.STARTED, _S.SENT), (_H.NO_ANSWER, _S.UNKNOWN), (_H.SEEN_NEW, _S.NEW), (_H.REFUSED, _S.NEW),
        (_H.SEEN_PARTLY, _S.PARTIALLY_FILLED), (_H.SEEN_NEW, _S.PARTIALLY_FILLED), (_H.SEEN_CANCELED, _S.CANCELED),
    ]:  # fmt: skip
        status = hear(status, message).status
        assert status is after
    late = hear(status, _H.SEEN_FILLED)
    assert late.status is _S.CANCELED
    assert late.contradicts
