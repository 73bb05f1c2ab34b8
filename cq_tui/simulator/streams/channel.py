"""One stream and those who listen to it: each payload is made once a form, however many listen."""

from cq_tui.simulator.connections.frames import text_frame
from cq_tui.simulator.streams.stream_names import Stream
from cq_tui.simulator.streams.subscriber import Subscriber


class Channel:
    """A stream in milliseconds (``scale`` 1) or microseconds (1,000)."""

    def __init__(self, name: str, stream: Stream, scale: int) -> None:
        self.name = name
        self.stream = stream
        self.scale = scale
        self.subscribers: dict[Subscriber, None] = {}
        self._combined_prefix = b'{"stream":"%s","data":' % name.encode()

    def send(self, payload: bytes, *, newest_counts: bool) -> None:
        """Put a payload to all listeners; where only the newest counts it takes the place of one that waits."""
        replaces = self.name if newest_counts else None
        raw = combined = None
        for listener in self.subscribers:
            if listener.combined:
                combined = combined or text_frame(self._combined_prefix + payload + b"}")
                listener.enqueue(combined, replaces)
            else:
                raw = raw or text_frame(payload)
                listener.enqueue(raw, replaces)
