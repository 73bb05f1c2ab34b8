"""All open WebSocket connections, market streams and WebSocket API: maximum age and shutdown."""

from typing import Protocol

#: Maximum age of a connection (ms of market time).
MAX_AGE_MS = 86_400_000
#: Close codes (RFC 6455, section 7.4.1).
GOING_AWAY = 1001
POLICY_VIOLATION = 1008


class OpenConnection(Protocol):
    """One connection, ``opened`` at that market time (Unix ms)."""

    opened: int

    def announce_shutdown(self, now: int) -> None:
        """Send serverShutdown at ``now`` (Unix ms)."""

    def disconnect(self, reason: str, code: int = POLICY_VIOLATION) -> None:
        """Disconnect the client."""


class Connections:
    """All open connections, oldest first."""

    def __init__(self) -> None:
        self._open: dict[OpenConnection, None] = {}

    def add(self, connection: OpenConnection) -> None:
        """Add a new connection."""
        self._open[connection] = None

    def remove(self, connection: OpenConnection) -> None:
        """Remove a closed connection."""
        self._open.pop(connection, None)

    def close_expired(self, time: int) -> None:
        """Close connections that reached their maximum age at market ``time`` (Unix ms)."""
        while self._open:
            oldest = next(iter(self._open))
            if time - oldest.opened < MAX_AGE_MS:
                return
            self.remove(oldest)
            oldest.disconnect("Connected for 24 hours", GOING_AWAY)

    def announce_shutdown(self, now: int) -> list[OpenConnection]:
        """Send serverShutdown to all connections at ``now`` (Unix ms) and return them."""
        announced = list(self._open)
        for connection in announced:
            connection.announce_shutdown(now)
        return announced
