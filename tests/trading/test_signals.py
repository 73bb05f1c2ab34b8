"""Signals as the trader reads them: exact prices, natural key, times."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from cq_tui.contracts.events import SignalGenerated, signal_key
from cq_tui.contracts.market import INTERVAL_MS
from cq_tui.strategies.bars import Frame, interval_label
from cq_tui.strategies.protocol import Side, Signal
from cq_tui.trading.signals import InvalidSignal, frame_milliseconds, parse_signal
from tests.trading.samples import NOW, SIGNAL


def made() -> Signal:
    return Signal(
        "BTCUSDT", Side.BUY, 40000.1, 39600.0, 40600.0, 0.7, "bb_mean_revert_v2", "15s", 1_700_000_099_999,
        max_bars=6, trail=0.3, cooldown_bars=10,
    )  # fmt: skip


def test_a_strategy_s_signal_arrives_complete() -> None:
    signal = parse_signal(made().payload())
    assert signal.entry_price == Decimal("40000.1")
    assert signal.trail == Decimal("0.3")
    assert signal.key == str(made().key) == "bb_mean_revert_v2:BTCUSDT:15s:1700000099999:BUY"
    assert signal.time_stop_ms == 1_700_000_100_000 + 6 * 15_000


def test_the_age_counts_from_the_close_of_the_bar() -> None:
    assert SIGNAL.age(NOW + 3) == pytest.approx(3.0)
    assert SIGNAL.time_stop_ms is None


def test_a_signal_from_outside_is_known_by_its_id_alone() -> None:
    """However its bar is named, and whether it is read from a payload or as JSON."""
    payload = made().payload().model_copy(update={"signal_id": "alert-7", "strategy": "my_alerts"})
    assert parse_signal(payload).key == signal_key(payload.model_dump()) == "my_alerts:id:alert-7"
    with pytest.raises(ValueError, match="signal_id"):
        SignalGenerated(**payload.model_dump() | {"signal_id": "a:b"})


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"scale_in": True}, ""),
        ({"side": "SELL", "scale_in": True}, "scale_in of a SELL"),
        ({"scale_in": True, "limit_price": 39000.0}, "scale_in together with limit_price"),
        ({"part": 0.5}, "part 0.5 of a BUY"),
        ({"limit_until_ms": 1_700_000_200_000}, "limit_until_ms without limit_price"),
        ({"side": "SELL", "limit_price": 39000.0}, "limit_price 39000 of a SELL"),
        ({"scale_in": False, "part": 1.0}, ""),
    ],
)
def test_what_is_not_done_yet_is_named_and_never_passed_over(asked: dict[str, Any], named: str) -> None:
    signal = parse_signal(made().payload().model_copy(update=asked))
    assert signal.unsupported == named


def test_a_limit_is_exact_and_ends_at_its_time_or_with_a_bar_and_not_before_a_minute() -> None:
    payload = made().payload()
    signal = parse_signal(payload.model_copy(update={"limit_price": 39_999.9}))
    assert (signal.limit_price, signal.unsupported) == (Decimal("39999.9"), "")
    assert signal.limit_end_ms == signal.bar_close_time + 1 + 60_000
    assert replace(signal, frame="5m").limit_end_ms == signal.bar_close_time + 1 + 300_000
    assert replace(signal, limit_until_ms=1_700_000_200_000).limit_end_ms == 1_700_000_200_000
    assert parse_signal(payload).limit_end_ms is None


def test_levels_are_judged_by_the_lower_of_price_and_limit() -> None:
    assert SIGNAL.judged_price == replace(SIGNAL, limit_price=Decimal(50_000)).judged_price == SIGNAL.entry_price
    assert replace(SIGNAL, limit_price=Decimal(39_900)).judged_price == Decimal(39_900)


def test_a_part_is_less_than_all() -> None:
    sell = made().payload().model_copy(update={"side": "SELL"})
    parts = [parse_signal(sell.model_copy(update={"part": part})) for part in (0.1, 1.0, None)]
    assert [(one.part, one.unsupported) for one in parts] == [(Decimal("0.1"), ""), (None, ""), (None, "")]


def test_the_size_is_exact() -> None:
    assert parse_signal(made().payload().model_copy(update={"size": 0.1})).size == Decimal("0.1")


@pytest.mark.parametrize("missing", ["frame", "bar_close_time"])
def test_a_signal_without_natural_key_is_refused(missing: str) -> None:
    payload = made().payload().model_dump() | {missing: None}
    with pytest.raises(InvalidSignal, match=missing):
        parse_signal(SignalGenerated(**payload))


@pytest.mark.parametrize("frame", ["", "m", "0m", "-1m", "1.5m", "15x", "²m"])
def test_a_frame_that_is_not_an_interval_is_rejected(frame: str) -> None:
    with pytest.raises(InvalidSignal, match="an interval such as"):
        frame_milliseconds(frame)


def test_frames_have_lengths() -> None:
    assert [frame_milliseconds(frame) for frame in ("1s", "15s", "1m", "75m", "1d")] == [
        1_000, 15_000, 60_000, 4_500_000, 86_400_000,
    ]  # fmt: skip


@pytest.mark.parametrize("interval", INTERVAL_MS)
@pytest.mark.parametrize("frame", Frame)
def test_every_frame_of_every_base_interval_has_a_name_that_is_read_back(interval: str, frame: Frame) -> None:
    length = INTERVAL_MS[interval] * frame
    assert frame_milliseconds(interval_label(length)) == length


def test_the_frames_of_five_minutes_are_named_in_minutes() -> None:
    assert [interval_label(300_000 * frame) for frame in Frame] == ["5m", "25m", "75m"]
