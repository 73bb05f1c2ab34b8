"""What is wrong with recorded klines is found at its line, and nothing is found in clean ones."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.market import INTERVAL_MS, Kline
from cq_tui.lookback.column_checks import REMEDIES, Finding, interval_of
from cq_tui.lookback.gathering import Gathered, gather
from cq_tui.lookback.kline_table import KlineTable, RejectedLine, times_of
from tests.lookback.recorded_klines import FIRST, MINUTE, walk


def table(klines: list[Kline], source: str = "A.csv", interval_ms: int | None = None) -> KlineTable:
    opened, closed, *values, trades = (np.array(column) for column in zip(*klines, strict=True))
    line = np.arange(len(klines)) + 1
    first, high, low, last, volume, quote = values
    return KlineTable(source, "AUSDT", interval_ms, line, opened, first, high, low, last, volume, closed, quote, trades)


def gathered(*klines: list[Kline]) -> Gathered:
    return gather([table(part, f"{number}.csv") for number, part in enumerate(klines)], MINUTE)


def found(klines: list[Kline]) -> list[tuple[str, str]]:
    return [(finding.kind, finding.place) for finding in gathered(klines).findings]


@given(
    st.integers(0, 10**6),
    st.integers(2, 80),
    st.sampled_from([0.001, 0.5, 100.0, 60_000.0]),
    st.sampled_from(["1s", "1m", "1h", "1d", "1w"]),
)
def test_nothing_is_found_in_clean_klines(seed: int, count: int, price: float, interval: str) -> None:
    length = INTERVAL_MS[interval]
    first = FIRST - (FIRST - 4 * INTERVAL_MS["1d"]) % INTERVAL_MS["1w"]
    klines = walk(count, seed=seed, price=price, step=length, first=first)
    assert interval_of(table(klines)) == length
    result = gather([table(klines)], length)
    assert (result.findings, result.left_out) == ([], 0)
    assert result.columns is not None
    assert result.columns.klines() == klines


Plant = Callable[[list[Kline], int], list[Kline]]


def changed(**factors: float) -> Plant:
    def plant(klines: list[Kline], at: int) -> list[Kline]:
        values = {name: getattr(klines[at], name) * factor for name, factor in factors.items()}
        return [*klines[:at], klines[at]._replace(**values), *klines[at + 1 :]]

    return plant


def later(milliseconds: int) -> Plant:
    def plant(klines: list[Kline], at: int) -> list[Kline]:
        moved = klines[at]._replace(open_time=klines[at].open_time + milliseconds)
        return [*klines[:at], moved, *klines[at + 1 :]]

    return plant


#: What is done to kline ``at``, the kind that is found, and how many lines after it.
PLANTS: dict[str, tuple[Plant, str, int]] = {
    "nan": (changed(close=np.nan), "price", 0),
    "infinite": (changed(high=np.inf), "price", 0),
    "negative": (changed(open=-1), "price", 0),
    "zero": (changed(low=0), "price", 0),
    "negative volume": (changed(volume=-1), "price", 0),
    "low high": (changed(high=0.5), "price", 0),
    "high low": (changed(low=2), "price", 0),
    "no time": (later(-FIRST - 10**9), "time", 0),
    "off the interval": (later(1_000), "interval", 0),
    "swapped": (lambda klines, at: [*klines[:at], klines[at + 1], klines[at], *klines[at + 2 :]], "order", 1),
    "duplicate": (lambda klines, at: [*klines[: at + 1], *klines[at:]], "duplicate", 1),
    "contradiction": (
        lambda klines, at: [*klines[: at + 1], klines[at]._replace(volume=77.0), *klines[at + 1 :]],
        "contradiction",
        1,
    ),
    "hole": (lambda klines, at: [*klines[:at], *klines[at + 2 :]], "hole", 0),
    "quiet": (changed(volume=0), "volume", 0),
    "outlier": (changed(open=3, high=3, low=3, close=3), "outlier", 0),
    "wick": (changed(high=2), "outlier", 0),
    "down wick": (changed(low=0.5), "outlier", 0),
}


@pytest.mark.parametrize("name", PLANTS)
@given(st.integers(0, 10**6), st.integers(5, 40), st.integers(1, 4), st.integers(0, 2))
def test_a_planted_fault_is_found_at_its_line(name: str, seed: int, count: int, at: int, from_end: int) -> None:
    plant, kind, offset = PLANTS[name]
    klines = walk(count + 3, seed=seed)
    at = at if from_end == 0 else count - from_end
    result = gathered(plant(klines, at))
    hits = [finding for finding in result.findings if finding.kind == kind]
    assert [finding.place for finding in hits] == [f"0.csv, line {at + 1 + offset}"]
    # A kline that is left out leaves a hole; nothing else is found.
    assert {finding.kind for finding in result.findings} <= {kind, "hole"}
    assert result.columns is not None
    assert len(result.columns) + result.left_out == len(plant(klines, at))


def test_every_line_in_reversed_order_is_one_finding_and_no_line_is_lost() -> None:
    klines = walk(20)
    result = gathered(klines[::-1])
    assert [str(finding) for finding in result.findings] == [
        f"0.csv, line 1: its 20 klines are in reversed order. {REMEDIES['order']}"
    ]
    assert result.columns is not None
    assert result.columns.klines() == klines


def test_files_may_overlap_but_not_contradict() -> None:
    klines = walk(20)
    result = gathered(klines[10:], klines[:15])
    assert (result.findings, result.left_out, result.repeated) == ([], 0, 5)
    assert result.columns is not None
    assert result.columns.klines() == klines
    other = klines[12]._replace(close=klines[12].close * 1.0001)
    result = gathered(klines[:15], [other, *klines[13:]])
    assert [finding.place for finding in result.errors] == ["1.csv, line 1"]
    assert "contradicts" in result.errors[0].text
    assert "0.csv, line 13" in result.errors[0].text
    assert result.columns is not None
    assert result.columns.klines() == klines


def test_klines_of_another_interval_are_found_with_and_without_close_times() -> None:
    minutes, five = walk(40), walk(10, step=5 * MINUTE, first=FIRST + 40 * MINUTE)
    with_close = gathered(minutes + five)
    assert [(finding.kind, finding.place) for finding in with_close.errors] == [
        ("interval", f"0.csv, line {line}") for line in range(41, 51)
    ]
    without = gather([replace(table(minutes + five), close_time=None)], MINUTE)
    assert [(finding.kind, finding.place) for finding in without.findings] == [("mixed", "A.csv, line 41")]


def test_a_few_more() -> None:
    assert found(walk(1)) == [("one", "0.csv, line 1")]
    assert [kind for kind, _ in found(walk(30, price=2e-8))] == ["tick"]
    quiet = [kline._replace(volume=0.0) if 5 <= number < 9 else kline for number, kline in enumerate(walk(30))]
    quiet[20] = quiet[20]._replace(volume=0.0)
    [finding] = gathered(quiet).findings
    assert (finding.place, finding.affected) == ("0.csv, line 6", 5)
    jump = walk(30) + walk(30, price=900.0, first=FIRST + 30 * MINUTE)
    assert found(jump) == [("outlier", "0.csv, line 31")]
    rejected = replace(table(walk(9)), rejected=(RejectedLine(4, "is empty"),))
    assert gather([rejected], MINUTE).findings == [Finding("unreadable", "A.csv, line 4", "is empty")]
    assert gather([rejected], MINUTE).left_out == 1


def test_times_are_ms_or_microseconds() -> None:
    values = np.array([FIRST, FIRST * 1_000 + 999, FIRST / 1_000, FIRST * 1e6, np.nan, -5.0, 0.0, 1e300])
    assert times_of(values).tolist() == [FIRST, FIRST, -1, -1, -1, -1, -1, -1]
