"""Bounded queue of messages for one WebSocket client."""

import asyncio
from collections import deque

#: Messages queued for one client; beyond that, the oldest are dropped.
CAPACITY = 4_096


class Outbox:
    """Messages in sending order. ``put`` never blocks, however slow the client is; ``dropped`` counts those lost."""

    def __init__(self) -> None:
        self._messages: deque[str] = deque(maxlen=CAPACITY)
        self._filled = asyncio.Event()
        self.dropped = 0

    def put(self, message: str) -> None:
        """Add a message."""
        self.dropped += len(self._messages) == CAPACITY
        self._messages.append(message)
        self._filled.set()

    async def drain(self) -> list[str]:
        """Wait for messages and return all of them."""
        await self._filled.wait()
        self._filled.clear()
        messages = list(self._messages)
        self._messages.clear()
        return messages
