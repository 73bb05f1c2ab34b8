"""What waits to be sent to one WebSocket client: bounded, and conflated where only the newest counts."""

import asyncio
from collections.abc import Hashable

#: Messages that wait for one client; a client so slow that more would wait loses the oldest of them.
CAPACITY = 4_096


class Outbox:
    """Messages in the order in which they are to be sent. Putting never blocks, however slow the client is."""

    def __init__(self) -> None:
        self._messages: dict[Hashable, str] = {}
        self._number = 0
        self._filled = asyncio.Event()
        self.dropped = 0

    def put(self, message: str, replaces: Hashable | None = None) -> None:
        """Add a message; with a key it takes the place of one with the same key that still waits."""
        if replaces is None:
            self._number += 1
            replaces = self._number
        else:
            self._messages.pop(replaces, None)
        if len(self._messages) >= CAPACITY:
            del self._messages[next(iter(self._messages))]
            self.dropped += 1
        self._messages[replaces] = message
        self._filled.set()

    async def drain(self) -> list[str]:
        """Wait for messages and return all of them."""
        await self._filled.wait()
        self._filled.clear()
        messages = list(self._messages.values())
        self._messages.clear()
        return messages
