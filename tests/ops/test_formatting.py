"""Formatted numbers, times and names."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.ops import formatting


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.1, "0.1 s"),
        (-1, "0.0 s"),
        (-5, "ahead"),
        (12.4, "12 s"),
        (100, "2 min"),
        (7200, "2 h"),
        (4e5, "5 d"),
        (None, "—"),
    ],
)
def test_ages(seconds: float | None, said: str) -> None:
    assert formatting.format_age(seconds) == said


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_ages_keep_their_width(seconds: float) -> None:
    assert len(formatting.format_age(seconds)) <= 7


def test_ages_turn_amber_at_half_the_limit_and_red_past_it() -> None:
    assert [formatting.age_level(age, 10) for age in (4.9, 5.1, 10.1, -5, None)] == [
        "good",
        "look",
        "bad",
        "bad",
        "bad",
    ]


def test_numbers_have_true_minus_signs_and_thousands() -> None:
    assert formatting.format_number(-67412.1, 2) == "−67,412.10"
    assert formatting.format_percent(-0.41) == "−0.41 %"
    assert formatting.format_percent(-0.001) == "0.00 %"
    assert formatting.format_price(0.12034, 5) == "0.12034"
    assert formatting.format_price(68055.0, None) == "68,055"
    assert formatting.format_quantity(0.00148) == "0.00148"


def test_times_out_of_range_do_not_break_the_clock() -> None:
    assert formatting.format_clock(1785594127.0) == "14:22:07"
    assert formatting.format_clock(1e300) == "--:--:--"
    assert formatting.format_datetime(0) == "never"
    assert "no date" in formatting.format_datetime(1e300)


def test_sizes_have_a_unit_that_keeps_them_short() -> None:
    shown = [formatting.format_size(count) for count in (0, 999, 1000, 65_536, 4_300_000, 999_999_999, 10**13)]
    assert shown == ["0 B", "999 B", "1.0 kB", "65.5 kB", "4.3 MB", "1.0 GB", "10,000.0 GB"]


def test_spark_lines_scale_and_keep_gaps() -> None:
    assert formatting.sparkline([None, 1.0, 2.0, 3.0]) == " ▁▅█"
    assert formatting.sparkline([2.0, 2.0]) == "▄▄"
    assert formatting.sparkline([None, None]) == "  "


def test_untrusted_text_is_sanitized() -> None:
    assert formatting.sanitize("\x1b[31mred\x1b[0m") == "␛[31mred␛[0m"
    assert formatting.sanitize("a\u202eb\nc") == "a�b␊c"
    assert formatting.sanitize("[red]") == "[red]"
    assert len(formatting.sanitize("x" * 900)) == 500


@given(st.text(st.characters(codec=None), max_size=200))
def test_no_control_character_survives(text: str) -> None:
    assert not {unicodedata.category(each) for each in formatting.sanitize(text)} & {"Cc", "Cs", "Zl", "Zp"}


def test_hashes_are_grouped_to_be_compared_by_eye() -> None:
    assert formatting.group_digest("9f3c41aa07be" + "0" * 52) == "9f3c 41aa 07be …"
    assert formatting.group_digest("abc") == "abc"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0.0 s ago"), (-1.5, "0.0 s ago"), (12, "12 s ago"), (-28, "28 s ahead")]
)
def test_an_age_says_which_way(seconds: float, text: str) -> None:
    assert formatting.describe_age(seconds) == text
