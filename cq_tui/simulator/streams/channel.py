"""One stream with its subscribers; each payload is framed once per format, however many subscribe."""

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
        """Queue a payload for all subscribers; with ``newest_counts`` it replaces one still queued."""
        replaces = self.name if newest_counts else None
        raw = combined = None
        for subscriber in self.subscribers:
            if subscriber.combined:
                combined = combined or text_frame(self._combined_prefix + payload + b"}")
                subscriber.enqueue(combined, replaces)
            else:
                raw = raw or text_frame(payload)
                subscriber.enqueue(raw, replaces)
