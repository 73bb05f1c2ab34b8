"""Base of the market stream feeds: channels by kind and symbol."""

from collections.abc import Callable

from cq_tui.simulator.streams.channel import Channel

#: Sends a payload; the flag says that a newer payload may replace it.
SendPayload = Callable[[Channel, str, bool], None]


class Feed:
    """Channels of the feed's ``kinds``, by kind and symbol."""

    kinds: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self._channels: dict[str, dict[str, list[Channel]]] = {kind: {} for kind in self.kinds}

    def open(self, channel: Channel) -> None:
        """Start feeding a channel if its kind is one of ``kinds``."""
        stream = channel.stream
        if stream.kind in self.kinds:
            self._channels[stream.kind].setdefault(stream.symbol, []).append(channel)

    def close(self, channel: Channel) -> None:
        """Stop feeding a channel."""
        stream = channel.stream
        if stream.kind in self.kinds:
            channels = self._channels[stream.kind][stream.symbol]
            channels.remove(channel)
            if not channels:
                del self._channels[stream.kind][stream.symbol]
