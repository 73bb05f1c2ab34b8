"""Columns: cuts, holes, klines and the digest that does not depend on how they are stored."""

from dataclasses import replace

import numpy as np
import pytest

from cq_tui.contracts.market import INTERVAL_MS, Kline
from cq_tui.lookback.columns import ColumnsError, Hole, KlineColumns
from tests.lookback.recorded_klines import FIRST, MINUTE, walk


def columns_of(klines: list[Kline], symbol: str = "BTCUSDT", interval_ms: int = MINUTE) -> KlineColumns:
    times, _, *values, trades = (np.array(column) for column in zip(*klines, strict=True))
    first, high, low, last, volume, quote = values
    return KlineColumns(symbol, interval_ms, times, first, high, low, last, volume, quote, trades)


def test_klines_come_back_as_they_were_and_holes_stay_holes() -> None:
    klines = walk(30, holes=(7, 8, 20))
    columns = columns_of(klines)
    assert (len(columns), columns.interval) == (27, "1m")
    assert columns.klines() == klines
    assert all(type(value) in (int, float) for value in columns.klines(3, 4)[0])
    assert columns.holes() == [Hole(FIRST + 7 * MINUTE, 2), Hole(FIRST + 20 * MINUTE, 1)]


def test_a_cut_takes_its_first_time_and_not_its_last_and_copies_nothing() -> None:
    columns = columns_of(walk(30))
    cut = columns.between(FIRST + MINUTE, FIRST + 4 * MINUTE)
    assert cut.klines() == columns.klines(1, 4)
    assert np.shares_memory(cut.close, columns.close)
    assert columns.between(None, None).klines() == columns.klines()
    assert len(columns.between(FIRST + 9 * MINUTE, FIRST)) == 0
    assert len(columns.between(FIRST - 9 * MINUTE, FIRST + MINUTE - 1)) == 1


def test_what_was_not_recorded_is_estimated() -> None:
    klines = walk(3)
    bare = replace(columns_of(klines), quote_volume=None, trades=None)
    assert [(k.quote_volume, k.trades) for k in bare.klines()] == [(k.volume * k.close, 1) for k in klines]
    partly = replace(bare, quote_volume=np.array([5.0, np.nan, 6.0]), trades=np.array([8, -1, 9]))
    assert [(k.quote_volume, k.trades) for k in partly.klines()] == [
        (5.0, 8),
        (klines[1].volume * klines[1].close, 1),
        (6.0, 9),
    ]


def test_the_digest_is_of_the_content() -> None:
    columns = columns_of(walk(50))
    same = replace(columns, close=columns.close.astype(">f8"), volume=np.repeat(columns.volume, 2)[::2])
    assert same.digest() == columns.digest()
    bare = replace(columns, quote_volume=None, trades=None)
    nothing = replace(bare, quote_volume=np.full(50, np.nan), trades=np.full(50, -1))
    assert nothing.digest() == bare.digest()
    others = [
        bare,
        columns.rows(0, 49),
        replace(columns, symbol="ETHUSDT"),
        replace(columns, close=columns.close + 1e-9),
        replace(columns, low=columns.high, high=columns.low),
    ]
    assert len({columns.digest(), *(other.digest() for other in others)}) == 6


def test_a_zero_has_no_sign() -> None:
    columns = columns_of(walk(2))
    zeros = [replace(columns, volume=np.array([value, 1.0])).digest() for value in (0.0, -0.0)]
    assert zeros[0] == zeros[1]


@pytest.mark.parametrize(
    ("times", "interval_ms", "problem"),
    [
        ([FIRST, FIRST], MINUTE, "kline 1 does not open after"),
        ([FIRST + MINUTE, FIRST], MINUTE, "kline 1 does not open after"),
        ([FIRST, FIRST + 61_000], MINUTE, "kline 1 opens at .*, not on the interval"),
        ([FIRST, FIRST + MINUTE], 61_000, "61,000 ms is no interval"),
        ([FIRST], MINUTE, "columns of different lengths"),
    ],
)
def test_times_out_of_order_are_refused(times: list[int], interval_ms: int, problem: str) -> None:
    with pytest.raises(ColumnsError, match=problem):
        replace(columns_of(walk(2)), open_time=np.array(times), interval_ms=interval_ms)


def test_weeks_open_on_mondays() -> None:
    week = INTERVAL_MS["1w"]
    monday = 1_699_833_600_000
    assert len(columns_of(walk(5, step=week, first=monday), interval_ms=week)) == 5
