"""An event that wakes one task, which looks at everything anew then."""

import asyncio
import contextlib


class WakeEvent(asyncio.Event):
    """Set when anything may have changed."""

    async def wait_at_most(self, timeout: float | None) -> None:
        """Wait until it is set, at most ``timeout`` seconds, and clear it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self.wait()
        self.clear()
