"""One client of the market streams: what it subscribed, and the frames that wait for it."""

from collections import deque

from cq_tui.simulator.connections.frames import FrameSocket, text_frame
from cq_tui.simulator.connections.open_connections import POLICY_VIOLATION

#: Frames that wait for a slow client; when more would wait it is disconnected, since its books would have gaps.
CAPACITY = 4_096
#: Frames (messages, pings, pongs) that a client may send in a second.
MAX_FRAMES_PER_SECOND = 5


class Subscriber:
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
        self._queued: dict[str | int, bytes] = {}
        self._number = 0
        self._frame_times: deque[float] = deque(maxlen=MAX_FRAMES_PER_SECOND)

    @property
    def keeps_up(self) -> bool:
        """Whether the client reads as quickly as we write."""
        return self._connection.is_writable

    def enqueue(self, frame: bytes, replaces: str | None) -> None:
        """Add a frame; with a key it takes the place of one with the same key that still waits for a slow client."""
        if self._connection.is_writable and not self._queued:
            self._frames.append(frame)
            return
        key: str | int | None = replaces
        if key is None:
            self._number += 1
            key = self._number
        else:
            self._queued.pop(key, None)
        if len(self._queued) >= CAPACITY:
            self._queued.clear()
            self._connection.close_with_reason(POLICY_VIOLATION, "Too slow to read its streams")
            return
        self._queued[key] = frame

    def flush(self) -> None:
        """Send what was put, if the client keeps up."""
        if self._frames:
            self._connection.write_frames(b"".join(self._frames))
            self._frames.clear()
        elif self._queued and self._connection.is_writable:
            self._connection.write_frames(b"".join(self._queued.values()))
            self._queued.clear()

    def count_frame(self, time: float) -> None:
        """Count a frame from the client at ``time`` (seconds); too many in a second end the connection."""
        if len(self._frame_times) == MAX_FRAMES_PER_SECOND and time - self._frame_times[0] < 1:
            self.disconnect("Too many requests")
        self._frame_times.append(time)

    def announce_shutdown(self, now: int) -> None:
        """Tell the client that the exchange is about to end the connection, at ``now`` (Unix ms)."""
        event = b'{"e":"serverShutdown","E":%d}' % (now * self.scale)
        if self.combined:
            event = b'{"stream":"!serverShutdown","data":%s}' % event
        self.enqueue(text_frame(event), None)
        self.flush()

    def disconnect(self, reason: str, code: int = POLICY_VIOLATION) -> None:
        """Disconnect the client."""
        self._frames.clear()
        self._queued.clear()
        self._connection.close_with_reason(code, reason)
