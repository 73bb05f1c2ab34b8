"""Stored klines compared with the exchange's: what is wrong, and what a journal without it holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.market import Kline
from cq_tui.store.kline_differences import SeenKlines, compare_klines
from tests.services.scripted_market import bar

STEP = 1_000
TRUTH = [bar(i * STEP, 100.0 + i) for i in range(10)]


def test_equal_klines_do_not_differ() -> None:
    assert compare_klines(TRUTH, TRUTH, to_end=True) is None
    assert compare_klines(TRUTH, TRUTH[4:], to_end=True) is None
    assert compare_klines(TRUTH, TRUTH[2:6], to_end=False) is None
    assert compare_klines(TRUTH[:6], TRUTH, to_end=False) is None, "what comes after the journal is not missing"
    assert compare_klines([], TRUTH, to_end=True) is None
    assert compare_klines(TRUTH, [], to_end=True) is None


@pytest.mark.parametrize(
    ("stored", "wrong"),
    [
        ([*TRUTH[:3], bar(3 * STEP, 5.0), *TRUTH[4:]], [3]),
        ([*TRUTH[:3], *TRUTH[5:]], [3, 4]),
        ([*TRUTH[:4], TRUTH[3], *TRUTH[4:]], [3]),
        ([*TRUTH, bar(10 * STEP, 5.0)], [10]),
        ([*TRUTH[:2], TRUTH[3], TRUTH[2], *TRUTH[4:]], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ],
    ids=["changed", "missing", "twice", "too many", "out of order"],
)
def test_what_is_wrong_is_named_and_gone(stored: list[Kline], wrong: list[int]) -> None:
    difference = compare_klines(stored, TRUTH, to_end=True)
    assert difference is not None
    assert difference.open_times == [time * STEP for time in wrong]
    assert difference.klines == TRUTH


def test_klines_before_and_after_the_known_ones_stay() -> None:
    stored = [*TRUTH[:3], bar(3 * STEP, 5.0), *TRUTH[4:]]
    difference = compare_klines(stored, TRUTH[2:5], to_end=False)
    assert difference is not None
    assert (difference.klines, difference.open_times) == (TRUTH, [3 * STEP])


@given(st.lists(st.sampled_from([*TRUTH, bar(3 * STEP, 1.0), bar(7 * STEP, 1.0), bar(12 * STEP, 1.0)])))
def test_what_is_mended_equals_the_exchange_s_klines(stored: list[Kline]) -> None:
    difference = compare_klines(stored, TRUTH, to_end=True)
    mended = stored if difference is None else difference.klines
    newest = max((kline.open_time for kline in stored), default=-STEP)
    assert mended == TRUTH[: newest // STEP + 1]
    assert difference is None or difference.open_times


def seen(klines: list[Kline], *parts: int) -> SeenKlines:
    """Klines as they were read, in parts that end at these places."""
    result, start = SeenKlines(), 0
    for end in (*parts, len(klines)):
        result.add(klines[start:end])
        start = end
    return result


LONG = [bar(i * STEP, 100.0 + i) for i in range(1_000)]


@given(st.integers(0, 1_000), st.integers(0, 900))
def test_a_cut_journal_does_not_contradict_what_was_read(part: int, cut: int) -> None:
    assert not seen(LONG, part).contradicts(seen(LONG[cut:]))


@given(st.integers(0, 999), st.integers(0, 1_000))
def test_a_repaired_kline_contradicts_what_was_read(changed: int, part: int) -> None:
    repaired = [*LONG[:changed], bar(changed * STEP, 1.0), *LONG[changed + 1 :]]
    assert seen(LONG, part).contradicts(seen(repaired))
    assert seen(LONG).contradicts(seen([*LONG[:changed], *LONG[changed + 1 :]])) or changed == 0


def test_a_filled_hole_contradicts_what_was_read() -> None:
    assert seen([*LONG[:100], *LONG[400:]]).contradicts(seen(LONG))
    assert seen(LONG).contradicts(seen([*LONG[:100], *LONG[400:]]))
    assert not SeenKlines().contradicts(seen(LONG))


def test_only_so_much_is_remembered() -> None:
    many = [bar(i * STEP, 100.0) for i in range(64 * 600)]
    assert len(seen(many)._blocks) == 512
