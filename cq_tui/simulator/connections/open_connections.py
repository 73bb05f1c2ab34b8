"""Open connections of both kinds, market streams and WebSocket API: their life, and the exchange's goodbye."""

from typing import Protocol

#: A connection's life (ms of the exchange's clock).
MAX_AGE_MS = 86_400_000
#: Codes of a close (RFC 6455, section 7.4.1).
GOING_AWAY = 1001
POLICY_VIOLATION = 1008


class OpenConnection(Protocol):
    """One connection; ``opened`` is the market's time then (Unix ms)."""

    opened: int

    def announce_shutdown(self, now: int) -> None:
        """Tell the client that the exchange is about to end the connection."""

    def disconnect(self, reason: str, code: int = POLICY_VIOLATION) -> None:
        """Disconnect the client."""


class Connections:
    """All open connections, the oldest first."""

    def __init__(self) -> None:
        self._open: dict[OpenConnection, None] = {}

    def add(self, connection: OpenConnection) -> None:
        """Take a new connection."""
        self._open[connection] = None

    def remove(self, connection: OpenConnection) -> None:
        """Remove a connection that has ended."""
        self._open.pop(connection, None)

    def close_expired(self, time: int) -> None:
        """End those whose life is over at the market's ``time`` (Unix ms)."""
        while self._open:
            oldest = next(iter(self._open))
            if time - oldest.opened < MAX_AGE_MS:
                return
            self.remove(oldest)
            oldest.disconnect("Connected for 24 hours", GOING_AWAY)

    def announce_shutdown(self, now: int) -> list[OpenConnection]:
        """Tell everybody that the exchange is about to go, at ``now`` (Unix ms); return who was told."""
        told = list(self._open)
        for connection in told:
            connection.announce_shutdown(now)
        return told
