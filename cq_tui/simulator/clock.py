"""The exchange's clock: wall time, or a frozen time that moves only on request."""

import asyncio
import time


def wall_clock() -> int:
    """Return Unix ms."""
    return time.time_ns() // 1_000_000


class Clock:
    """Unix ms. ``offset`` shifts the time shown and checked in requests, not the market's.

    A frozen clock shows the same time until ``move_to`` or ``resume`` is called.
    """

    def __init__(self, frozen_at: int | None = None) -> None:
        self.offset = 0
        self._frozen_at = frozen_at
        self._changed = asyncio.Event()

    def __call__(self) -> int:
        """Return the time for checking requests."""
        return self.market_time() + self.offset

    def market_time(self) -> int:
        """Return the market's time."""
        return wall_clock() if self._frozen_at is None else self._frozen_at

    @property
    def is_frozen(self) -> bool:
        """Whether the clock moves only on request."""
        return self._frozen_at is not None

    def freeze(self) -> None:
        """Freeze the clock at its current time."""
        self._frozen_at = self.market_time()
        self._changed.set()

    def move_to(self, time_ms: int) -> None:
        """Freeze the clock at ``time_ms``, or at its current time if that is later."""
        self._frozen_at = max(time_ms, self.market_time())
        self._changed.set()

    def resume(self) -> None:
        """Return to wall time."""
        self._frozen_at = None
        self._changed.set()

    async def wait_until(self, time_ms: int) -> None:
        """Wait until ``time_ms``, or until the clock is changed."""
        self._changed.clear()
        seconds = None if self._frozen_at is not None else max(0, time_ms - self.market_time()) / 1_000
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
