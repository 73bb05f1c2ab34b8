"""Numbers, times and names as people read them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.ops import words


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
    assert words.age(seconds) == said


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_ages_keep_their_width(seconds: float) -> None:
    assert len(words.age(seconds)) <= 7


def test_ages_turn_amber_at_half_the_limit_and_red_past_it() -> None:
    assert [words.age_level(age, 10) for age in (4.9, 5.1, 10.1, -5, None)] == ["good", "look", "bad", "bad", "bad"]


def test_numbers_have_true_minus_signs_and_thousands() -> None:
    assert words.number(-67412.1, 2) == "−67,412.10"
    assert words.percent(-0.41) == "−0.41 %"
    assert words.percent(-0.001) == "0.00 %"
    assert words.price(0.12034, 5) == "0.12034"
    assert words.price(68055.0, None) == "68,055"
    assert words.quantity(0.00148) == "0.00148"


def test_times_that_are_none_of_ours_do_not_break_the_clock() -> None:
    assert words.clock(1785594127.0) == "14:22:07"
    assert words.clock(1e300) == "--:--:--"
    assert words.date_and_clock(0) == "never"
    assert "no date" in words.date_and_clock(1e300)


def test_spark_lines_scale_and_keep_gaps() -> None:
    assert words.spark([None, 1.0, 2.0, 3.0]) == " ▁▅█"
    assert words.spark([2.0, 2.0]) == "▄▄"
    assert words.spark([None, None]) == "  "


def test_text_from_outside_is_made_harmless() -> None:
    assert words.clean("\x1b[31mred\x1b[0m") == "␛[31mred␛[0m"
    assert words.clean("a\u202eb\nc") == "a�b␊c"
    assert words.clean("[red]") == "[red]"
    assert len(words.clean("x" * 900)) == 500


@given(st.text(st.characters(codec=None), max_size=200))
def test_no_control_character_survives(text: str) -> None:
    assert not {unicodedata.category(each) for each in words.clean(text)} & {"Cc", "Cs", "Zl", "Zp"}


def test_hashes_are_grouped_to_be_compared_by_eye() -> None:
    assert words.grouped("9f3c41aa07be" + "0" * 52) == "9f3c 41aa 07be …"
    assert words.grouped("abc") == "abc"
