"""Exact arithmetic, whatever the thread's own context rounds to."""

from decimal import Decimal, Inexact, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.trading.money.exact import add, multiply, plain_text, share_of, total, value_at

D = Decimal


def test_the_threads_context_does_not_matter() -> None:
    with localcontext() as context:
        context.prec = 3
        assert f"{add(D('1000000000000'), D('0.00000001')):f}" == "1000000000000.00000001"
        assert f"{multiply(D('999999999999.99999999'), D('999999999999.99999999')):f}" == (
            "999999999999999999980000.0000000000000001"
        )
        assert total([D("1.1111"), D("2.2222"), D("3.3333")]).compare(D("6.6666")) == 0


def test_what_does_not_fit_is_an_error() -> None:
    with pytest.raises(Inexact):
        add(D("1E50"), D("1E-16"))


def test_shares_and_values_are_cut_toward_zero() -> None:
    assert share_of(D(2), D(1), D(3)) == D("0.666666666666")
    assert share_of(D(-2), D(1), D(3)) == D("-0.666666666666")
    assert share_of(D("0.0000000000000001"), D(3), D(3)) == D("1E-16")
    assert value_at(D("0.00000001"), D("0.00019999")) == D("1E-12")


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "0"), ("0E-16", "0"), ("100", "100"), ("1E+3", "1000"), ("1.500", "1.5"), ("1E-8", "0.00000001")],
)
def test_text_has_no_exponent_and_no_trailing_zeros(amount: str, text: str) -> None:
    assert plain_text(D(amount)) == text


@given(st.decimals(-(10**24), 10**24, places=16))
def test_text_reads_back_as_the_same_amount(amount: Decimal) -> None:
    assert D(plain_text(amount)) == amount
