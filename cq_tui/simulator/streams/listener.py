"""One client of the market streams: what it subscribed, and the frames that wait for it."""

from collections import deque

from cq_tui.simulator.connections.frames import FrameSocket, text_frame
from cq_tui.simulator.connections.open_connections import POLICY_VIOLATION

#: Frames that wait for a slow client; when more would wait it is disconnected, since its books would have gaps.
CAPACITY = 4_096
#: Frames (messages, pings, pongs) that a client may send in a second.
MOST_FRAMES = 5


class Listener:
    """Frames are put, and sent in one write by ``flush``; while the client is slow they wait, the newest of a kind.

    ``scale`` is 1,000 for times in microseconds, else 1; ``opened`` is the market's time then (Unix ms).
    """

    def __init__(self, connection: FrameSocket, *, combined: bool, scale: int = 1, opened: int = 0) -> None:
        self._connection = connection
        self.combined = combined
        self.scale = scale
        self.opened = opened
        self.streams: dict[str, None] = {}
        self._frames: list[bytes] = []
        self._waiting: dict[str | int, bytes] = {}
        self._number = 0
        self._came: deque[float] = deque(maxlen=MOST_FRAMES)

    @property
    def backlog(self) -> int:
        """Frames that wait."""
        return len(self._frames) + len(self._waiting)

    @property
    def keeps_up(self) -> bool:
        """Whether the client reads as quickly as we write."""
        return self._connection.is_writable

    def put(self, frame: bytes, replaces: str | None) -> None:
        """Add a frame; with a key it takes the place of one with the same key that still waits for a slow client."""
        if self._connection.is_writable and not self._waiting:
            self._frames.append(frame)
            return
        key: str | int | None = replaces
        if key is None:
            self._number += 1
            key = self._number
        else:
            self._waiting.pop(key, None)
        if len(self._waiting) >= CAPACITY:
            self._waiting.clear()
            self._connection.break_off(POLICY_VIOLATION, "Too slow to read its streams")
            return
        self._waiting[key] = frame

    def flush(self) -> None:
        """Send what was put, if the client keeps up."""
        if self._frames:
            self._connection.write_frames(b"".join(self._frames))
            self._frames.clear()
        elif self._waiting and self._connection.is_writable:
            self._connection.write_frames(b"".join(self._waiting.values()))
            self._waiting.clear()

    def came(self, time: float) -> None:
        """Count a frame from the client at ``time`` (seconds); too many in a second end the connection."""
        if len(self._came) == MOST_FRAMES and time - self._came[0] < 1:
            self.end("Too many requests")
        self._came.append(time)

    def announce_shutdown(self, now: int) -> None:
        """Tell the client that the exchange is about to end the connection, at ``now`` (Unix ms)."""
        event = b'{"e":"serverShutdown","E":%d}' % (now * self.scale)
        if self.combined:
            event = b'{"stream":"!serverShutdown","data":%s}' % event
        self.put(text_frame(event), None)
        self.flush()

    def end(self, reason: str, code: int = POLICY_VIOLATION) -> None:
        """Disconnect the client."""
        self._frames.clear()
        self._waiting.clear()
        self._connection.break_off(code, reason)
