"""The door's HTTP connections: who says nothing for long is cut off, and never keeps others out."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

#: Connections at a time.
MOST_CONNECTIONS: Final = 32
#: Seconds for the head of a request, from the connection or the last answer on. The body has its own limit.
_HEAD_SECONDS: Final = 5.0


class DoorConnection(H11Protocol):
    """A connection of which no request is carried out gives way to a new one. Its parser bounds the head's size."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._silence: asyncio.TimerHandle | None = None
        self._since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Make room, where there is none, at the cost of who has been waiting longest."""
        super().connection_made(transport)
        self._await_head()
        there = [each for each in self.connections if isinstance(each, DoorConnection) and each._is_open]
        if len(there) >= MOST_CONNECTIONS:
            # This one waits too, so there is one.
            min(filter(_is_waiting, there), key=lambda each: each._since).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        if self._silence is not None:
            self._silence.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Wait for the next head."""
        super().on_response_complete()
        self._await_head()

    @property
    def _is_open(self) -> bool:
        return not self.transport.is_closing()

    def _await_head(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
        self._since = self.loop.time()
        self._silence = self.loop.call_later(_HEAD_SECONDS, self._end_if_waiting)

    def _end_if_waiting(self) -> None:
        if _is_waiting(self):
            self.transport.abort()


def _is_waiting(connection: DoorConnection) -> bool:
    """Whether no request is carried out."""
    cycle: RequestResponseCycle | None = connection.cycle
    return cycle is None or cycle.response_complete
