"""Kline journal lines."""

import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.market import INTERVAL_MS, Kline, KlineLineError, kline_from_line, lines_of_klines

KLINE = Kline(1_640_995_200_000, 1_640_995_259_999, 100.0, 103.0, 99.0, 101.0, 5.0, 500.0, 12)


def test_round_trip_and_unknown_fields() -> None:
    assert kline_from_line(KLINE.to_line()) == KLINE
    assert kline_from_line(orjson.dumps(KLINE._asdict() | {"later": 1})) == KLINE


def test_lines_of_many_klines_are_those_of_each() -> None:
    others = [KLINE, KLINE._replace(open_time=2, volume=1e-9), KLINE._replace(quote_volume=1e22, trades=0)]
    assert lines_of_klines(others).split(b"\n") == [*(orjson.dumps(kline._asdict()) for kline in others), b""]
    assert lines_of_klines([]) == b""


def test_whole_numbers_may_stand_for_prices() -> None:
    line = orjson.dumps(KLINE._asdict() | {"open": 100, "volume": 5, "quote_volume": -0.0})
    assert kline_from_line(line) == KLINE._replace(quote_volume=0.0)


@pytest.mark.parametrize("field", Kline._fields)
@pytest.mark.parametrize("value", [None, "1", True, [], math.nan])
def test_a_bad_field_is_named(field: str, value: object) -> None:
    with pytest.raises(KlineLineError, match=field):
        kline_from_line(orjson.dumps(KLINE._asdict() | {field: value}))


@pytest.mark.parametrize(
    "change", [{"low": 0.0}, {"low": 100.5}, {"high": 100.5}, {"close": 98.0}, {"open": 104.0}, {"low": -1.0}]
)
def test_prices_out_of_order_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(KlineLineError, match="prices out of order at open_time 1640995200000"):
        kline_from_line(KLINE._replace(**change).to_line())


@given(st.binary(max_size=40))
def test_other_bytes_are_an_error_of_ours(line: bytes) -> None:
    with pytest.raises(KlineLineError):
        kline_from_line(line)


def test_intervals_are_what_their_names_say() -> None:
    unit = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
    assert all(length == int(name[:-1]) * unit[name[-1]] for name, length in INTERVAL_MS.items())
