"""A signal as the trader acts on it: parsed from its event, prices as Decimal, with its natural key."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from cq_tui.contracts.base import Side
from cq_tui.contracts.events import SignalGenerated, signal_key
from cq_tui.contracts.market import INTERVAL_MS
from cq_tui.contracts.numbers import to_decimal

#: Bars that a trailing stop looks back where the signal does not say.
TRAIL_BARS = 22
#: An entry with a limit waits for its price at most so long after its signal; where the signal does not say, for one
#: trigger bar, and at least for the shortest time (ms).
LONGEST_LIMIT_MS = 24 * 3_600_000
SHORTEST_LIMIT_MS = 60_000
_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class InvalidSignal(ValueError):
    """A ``signal_generated`` event that cannot be acted on; the message names the field."""


@dataclass(frozen=True)
class TradeSignal:
    """One signal. Prices in the quote asset, times in Unix milliseconds."""

    symbol: str
    side: Side
    entry_price: Decimal
    stop_loss: Decimal
    take_profit: Decimal
    confidence: float
    strategy: str
    #: Interval of the trigger bar, such as ``1m``.
    frame: str
    bar_close_time: int
    max_bars: int | None = None
    trail: Decimal | None = None
    cooldown_bars: int = 0
    #: Bars of the highest high that the trailing stop hangs below.
    trail_bars: int = TRAIL_BARS
    #: Of a signal from outside; its natural key.
    signal_id: str | None = None
    #: The most base units that the entry may buy; None leaves it to our sizing.
    size: Decimal | None = None
    #: The most that an entry may pay, and when it is given up; without a limit it is made at the market's price.
    limit_price: Decimal | None = None
    limit_until_ms: int | None = None
    #: Share of the position that a SELL sells, less than 1; None for all of it.
    part: Decimal | None = None
    #: Whether a BUY adds to the position of its strategy.
    scale_in: bool = False
    #: What it asks for that is not done here, in words; empty for nothing.
    unsupported: str = ""

    @cached_property
    def key(self) -> str:
        """Natural key: the same after any restart or repeated merge."""
        return signal_key(self)

    @property
    def frame_ms(self) -> int:
        """Length of a trigger bar."""
        return frame_milliseconds(self.frame)

    def age(self, now: float) -> float:
        """Seconds since its bar closed; ``now`` in Unix seconds by the exchange's clock."""
        return now - (self.bar_close_time + 1) / 1000

    @property
    def judged_price(self) -> Decimal:
        """The price by which its levels are judged: that of the entry, or its limit where that is lower."""
        return self.entry_price if self.limit_price is None else min(self.entry_price, self.limit_price)

    @property
    def limit_end_ms(self) -> int | None:
        """When an entry with a limit is given up (Unix ms, the exchange's); None without a limit."""
        if self.limit_price is None:
            return None
        return self.limit_until_ms or self.bar_close_time + 1 + max(self.frame_ms, SHORTEST_LIMIT_MS)

    @property
    def time_stop_ms(self) -> int | None:
        """When ``max_bars`` more trigger bars have closed (Unix ms); None without a time stop."""
        return None if self.max_bars is None else self.bar_close_time + 1 + self.max_bars * self.frame_ms


def frame_milliseconds(frame: str) -> int:
    """Return the length of a frame such as ``1m`` or ``15s``. Raises InvalidSignal."""
    if (known := INTERVAL_MS.get(frame)) is not None:
        return known
    count, unit = frame[:-1], frame[-1:]
    if len(count) <= 5 and count.isascii() and count.isdigit() and int(count) > 0 and unit in _UNITS:
        return int(count) * _UNITS[unit]
    raise InvalidSignal(f"signal: frame is {frame[:20]!r}, expected an interval such as '1m'")


def parse_signal(payload: SignalGenerated) -> TradeSignal:
    """Parse the payload of a ``signal_generated`` event.

    Raises InvalidSignal if the frame or the bar close time is missing: they are the natural key, without which nothing
    could stop the signal from being acted on twice, and its age.
    """
    if payload.frame is None or payload.bar_close_time is None:
        missing = "frame" if payload.frame is None else "bar_close_time"
        raise InvalidSignal(f"signal of {payload.strategy} for {payload.symbol}: {missing} is missing")
    frame_milliseconds(payload.frame)
    return TradeSignal(
        symbol=payload.symbol,
        side=payload.side,
        entry_price=to_decimal(payload.entry_price),
        stop_loss=to_decimal(payload.stop_loss),
        take_profit=to_decimal(payload.take_profit),
        confidence=payload.confidence,
        strategy=payload.strategy,
        frame=payload.frame,
        bar_close_time=payload.bar_close_time,
        max_bars=payload.max_bars,
        trail=None if payload.trail is None else to_decimal(payload.trail),
        cooldown_bars=payload.cooldown_bars or 0,
        trail_bars=payload.trail_bars or TRAIL_BARS,
        signal_id=payload.signal_id,
        size=None if payload.size is None else to_decimal(payload.size),
        limit_price=None if payload.limit_price is None else to_decimal(payload.limit_price),
        limit_until_ms=payload.limit_until_ms,
        part=None if payload.part is None or payload.part >= 1 else to_decimal(payload.part),
        scale_in=bool(payload.scale_in),
        unsupported=", ".join(_unsupported(payload)),
    )


def _unsupported(payload: SignalGenerated) -> Iterator[str]:
    """Yield what a signal asks for and is not done: without that it would mean something else, so it is denied."""
    if payload.scale_in and payload.limit_price is not None:
        yield "scale_in together with limit_price"
    if payload.scale_in and payload.side == "SELL":
        yield "scale_in of a SELL"
    if payload.part is not None and payload.part < 1 and payload.side == "BUY":
        yield f"part {payload.part:g} of a BUY"
    if payload.side == "SELL" and payload.limit_price is not None:
        yield f"limit_price {payload.limit_price:g} of a SELL"
    if payload.limit_price is None and payload.limit_until_ms is not None:
        yield "limit_until_ms without limit_price"
