"""Decimals as the exchange expects them, and typed access to JSON."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.binance.errors import MalformedMessage
from cq_tui.binance.fields import Fields, format_decimal, require_list, shorten_value


@given(st.decimals(min_value=0, max_value=Decimal("1e20"), allow_nan=False, allow_infinity=False))
def test_decimal_text_is_exact_and_plain(value: Decimal) -> None:
    text = format_decimal(value)
    assert Decimal(text) == value
    assert text.replace(".", "", 1).isdigit()


@pytest.mark.parametrize(("value", "text"), [("1E+3", "1000"), ("1E-8", "0.00000001"), ("0.10", "0.10"), ("-0", "0")])
def test_exponents_are_written_out(value: str, text: str) -> None:
    assert format_decimal(Decimal(value)) == text


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-1"])
def test_values_that_are_not_a_price(value: str) -> None:
    with pytest.raises(ValueError, match="cannot be a price"):
        format_decimal(Decimal(value))


def test_a_float_is_refused() -> None:
    price: object = 0.1
    with pytest.raises(TypeError, match="not a Decimal"):
        format_decimal(price)  # type: ignore[arg-type]  # the case under test


def test_absent_and_null_fields() -> None:
    fields = Fields({"a": None, "n": 3, "t": "x", "d": "1.5"}, "thing")
    assert fields.text_or("a", "none") == "none"
    assert fields.text_or("b", "none") == "none"
    assert fields.text_or("t", "none") == "x"
    assert fields.integer_or("b", -1) == -1
    assert fields.integer_or("n", -1) == 3
    assert fields.decimal_or_zero("b") == 0
    assert fields.decimal_or_zero("d") == Decimal("1.5")
    with pytest.raises(MalformedMessage, match="thing: field 'n' is 3; expected a string"):
        fields.text_or("n", "")
    with pytest.raises(MalformedMessage, match="thing: field 'b' is missing"):
        fields.nested("b")
    with pytest.raises(MalformedMessage, match=r"thing\.t"):
        fields.nested("t")


def test_a_long_value_is_shortened() -> None:
    assert len(shorten_value("x" * 1000)) <= 60
    with pytest.raises(MalformedMessage, match="expected an array"):
        require_list({}, "thing")
