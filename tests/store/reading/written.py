"""Event lines as memory writes them, without a memory."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cq_tui.store.history.event_line import EventClock, build_line
from tests.store.history.histories import stamp

#: The time of the first event.
START = 1_790_000_000.0


class Lines:
    """Makes event lines one after the other, ``step`` seconds apart."""

    def __init__(self, start: float = START, step: float = 0.5) -> None:
        self.now = start
        self._step = step
        self._clock = EventClock()
        self._seq = 0

    def make(self, event_type: str = "order_executed", source: str = "trader", **data: Any) -> bytes:
        self._seq += 1
        self.now += self._step
        head = stamp(self._clock, self.now, event_type)
        return build_line(head, source, data, source, self._seq, self.now - 0.25, {})

    def some(self, count: int) -> list[bytes]:
        """Make orders of three symbols in turn, every fifth refused."""
        types = ("order_executed",) * 4 + ("order_rejected",)
        symbols = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
        return [self.make(types[n % 5], symbol=symbols[n % 3], side="BUY", reason=f"no {n}") for n in range(count)]


def write(path: Path, lines: Iterable[bytes], *, tail: bytes = b"") -> None:
    """Write whole lines, and maybe a torn one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line + b"\n" for line in lines) + tail)
