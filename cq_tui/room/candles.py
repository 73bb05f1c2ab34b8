"""Bars of a symbol for the chart: recorded klines put together to longer frames. Where none were recorded is a hole."""

from collections.abc import Sequence
from typing import NamedTuple

from cq_tui.contracts.market import INTERVAL_MS, Kline

#: Lengths of bars, ms; a chart offers those from the recorded interval on.
_FRAMES = (1_000, 5_000, 15_000, 60_000, 300_000, 900_000, 3_600_000, 14_400_000, 86_400_000)
_OFFERED = 5
_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000))


class Bar(NamedTuple):
    """One bar. ``time``: Unix seconds of its open; prices in the quote asset, volume in the base asset."""

    time: float
    open: float
    high: float
    low: float
    close: float
    volume: float


def frames_of(interval: str) -> tuple[int, ...]:
    """Return the lengths of bars (ms) that a chart of klines of an interval offers, shortest first."""
    base = INTERVAL_MS.get(interval, 60_000)
    longer = [frame for frame in _FRAMES if frame > base and frame % base == 0]
    return (base, *longer)[:_OFFERED]


def frame_name(frame_ms: int) -> str:
    """Return ``5 s``, ``15 m``, ``4 h``."""
    return next((f"{frame_ms // length} {unit}" for unit, length in _UNITS if frame_ms % length == 0), f"{frame_ms} ms")


def bars_of(
    klines: Sequence[Kline], frame_ms: int, count: int, now: tuple[float, float] | None = None
) -> list[Bar | None]:
    """Return the last ``count`` bars, oldest first; None for each that was not recorded.

    ``now`` is a later time (Unix seconds) and price: it goes on with the last bar, or begins one.
    """
    found: dict[int, Bar] = {}
    for kline in klines:
        number = kline.open_time // frame_ms
        before = found.get(number)
        found[number] = (
            Bar(number * frame_ms / 1000, kline.open, kline.high, kline.low, kline.close, kline.volume)
            if before is None
            else Bar(
                before.time, before.open, max(before.high, kline.high), min(before.low, kline.low), kline.close,
                before.volume + kline.volume,
            )
        )  # fmt: skip
    if not found:
        return []
    last = max(found)
    if now is not None:
        number, price = int(now[0] * 1000) // frame_ms, now[1]
        if number - last < count and number >= last:
            before = found.get(number) or Bar(number * frame_ms / 1000, price, price, price, price, 0.0)
            found[number] = before._replace(high=max(before.high, price), low=min(before.low, price), close=price)
            last = number
    first = max(min(found), last - count + 1)
    return [found.get(number) for number in range(first, last + 1)]
