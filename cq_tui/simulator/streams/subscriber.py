"""One client of the market streams: its subscriptions and its queued frames."""

from collections import deque

from cq_tui.simulator.connections.frames import FrameSocket, text_frame
from cq_tui.simulator.connections.open_connections import POLICY_VIOLATION

#: Frames queued for a slow client; beyond that it is disconnected, because its order books would have gaps.
CAPACITY = 4_096
#: Frames (messages, pings, pongs) that a client may send per second.
MAX_FRAMES_PER_SECOND = 5


class Subscriber:
    """Collects frames that ``flush`` sends in one write; queues them while the client is slow.

    ``scale`` is 1,000 for times in microseconds, else 1; ``opened`` is the market time of the connection (Unix ms).
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
        """Whether the client reads as fast as the exchange writes."""
        return self._connection.is_writable

    def enqueue(self, frame: bytes, replaces: str | None) -> None:
        """Add a frame; if it is queued for a slow client, it replaces one with the same ``replaces`` key."""
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
        """Send the collected frames if the client keeps up."""
        if self._frames:
            self._connection.write_frames(b"".join(self._frames))
            self._frames.clear()
        elif self._queued and self._connection.is_writable:
            self._connection.write_frames(b"".join(self._queued.values()))
            self._queued.clear()

    def count_frame(self, time: float) -> None:
        """Count a frame received at ``time`` (seconds); too many in one second disconnect the client."""
        if len(self._frame_times) == MAX_FRAMES_PER_SECOND and time - self._frame_times[0] < 1:
            self.disconnect("Too many requests")
        self._frame_times.append(time)

    def announce_shutdown(self, now: int) -> None:
        """Send serverShutdown at ``now`` (Unix ms)."""
        event = b'{"e":"serverShutdown","E":%d}' % (now * self.scale)
        if self.combined:
            event = b'{"stream":"!serverShutdown","data":%s}' % event
        self.enqueue(text_frame(event), None)
        self.flush()

    def disconnect(self, reason: str, code: int = POLICY_VIOLATION) -> None:
        """Disconnect the client; unsent frames are lost."""
        self._frames.clear()
        self._queued.clear()
        self._connection.close_with_reason(code, reason)
