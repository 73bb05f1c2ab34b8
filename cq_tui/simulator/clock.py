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
        self._frozen_at = stands_at
        self._changed = asyncio.Event()

    def __call__(self) -> int:
        """Return the time that requests are judged by."""
        return self.market_time() + self.offset

    def market_time(self) -> int:
        """Return the time that the market has come to."""
        return wall_clock() if self._frozen_at is None else self._frozen_at

    @property
    def is_frozen(self) -> bool:
        """Whether the clock only moves when it is told to."""
        return self._frozen_at is not None

    def freeze(self) -> None:
        """Stand still from now on."""
        self._frozen_at = self.market_time()
        self._changed.set()

    def move_to(self, moment: int) -> None:
        """Show ``moment``, which is not before the present."""
        self._frozen_at = max(moment, self.market_time())
        self._changed.set()

    def resume(self) -> None:
        """Be the time of day again."""
        self._frozen_at = None
        self._changed.set()

    async def wait_until(self, moment: int) -> None:
        """Wait until ``moment``, or until the clock was touched, whichever comes first."""
        self._changed.clear()
        seconds = None if self._frozen_at is not None else max(0, moment - self.market_time()) / 1_000
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
