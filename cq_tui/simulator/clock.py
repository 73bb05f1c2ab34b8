"""The exchange's clock: the time of day, or one that only moves when it is told to."""

import asyncio
import time


def wall_clock() -> int:
    """Return Unix ms."""
    return time.time_ns() // 1_000_000


class Clock:
    """Unix ms. ``offset`` shifts what is shown and checked, not the market.

    A clock that ``stands`` shows the same time until ``move`` is called.
    """

    def __init__(self, stands_at: int | None = None) -> None:
        self.offset = 0
        self._stands_at = stands_at
        self._moved = asyncio.Event()

    def __call__(self) -> int:
        """Return the time that requests are judged by."""
        return self.market_time() + self.offset

    def market_time(self) -> int:
        """Return the time that the market has come to."""
        return wall_clock() if self._stands_at is None else self._stands_at

    @property
    def stands(self) -> bool:
        """Whether the clock only moves when it is told to."""
        return self._stands_at is not None

    def stop(self) -> None:
        """Stand still from now on."""
        self._stands_at = self.market_time()
        self._moved.set()

    def move(self, moment: int) -> None:
        """Show ``moment``, which is not before the present."""
        self._stands_at = max(moment, self.market_time())
        self._moved.set()

    def go(self) -> None:
        """Be the time of day again."""
        self._stands_at = None
        self._moved.set()

    async def reach(self, moment: int) -> None:
        """Wait until ``moment``, or until the clock was touched, whichever comes first."""
        self._moved.clear()
        seconds = None if self._stands_at is not None else max(0, moment - self.market_time()) / 1_000
        try:
            async with asyncio.timeout(seconds):
                await self._moved.wait()
        except TimeoutError:
            return
