"""What the feeds of the market streams have in common: the channels of some kinds, by symbol."""

from collections.abc import Callable

from cq_tui.simulator.streams.channel import Channel

#: Sends a payload; the flag says that only the newest counts.
SendPayload = Callable[[Channel, str, bool], None]


class Feed:
    """Channels of the given kinds, sorted by kind and symbol; ``kinds`` is set by each feed."""

    kinds: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self._channels: dict[str, dict[str, list[Channel]]] = {kind: {} for kind in self.kinds}

    def open(self, channel: Channel) -> None:
        """Begin to feed a channel, if it is of one of our kinds."""
        stream = channel.stream
        if stream.kind in self.kinds:
            self._channels[stream.kind].setdefault(stream.symbol, []).append(channel)

    def close(self, channel: Channel) -> None:
        """Feed a channel no more."""
        stream = channel.stream
        if stream.kind in self.kinds:
            channels = self._channels[stream.kind][stream.symbol]
            channels.remove(channel)
            if not channels:
                del self._channels[stream.kind][stream.symbol]
