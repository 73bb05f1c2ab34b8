"""An estimate of the server's clock: the median of round-trip-corrected offsets. No I/O."""

from collections import deque
from statistics import median


class ServerClock:
    """Local time plus an offset gives the server's time. All times are milliseconds.

    A sample assumes that the server read its clock in the middle of the round trip; the median of the
    newest samples keeps a single slow response from moving the offset (a wrong one leads to -1021).
    The server did read it within the round trip: a sample that contradicts the median by more than ``drift``
    means that one of the clocks was set, and discards the samples before it.
    """

    def __init__(self, samples: int = 9, drift: float = 250.0) -> None:
        if samples < 1:
            raise ValueError(f"{samples} samples; expected at least 1")
        self._offsets: deque[float] = deque(maxlen=samples)
        self._offset = 0.0
        self._drift = drift

    @property
    def offset_ms(self) -> float:
        """How far the server's clock is ahead of ours; 0 before the first sample."""
        return self._offset

    @property
    def sample_count(self) -> int:
        """How many samples the offset is based on."""
        return len(self._offsets)

    def add_sample(self, sent_ms: float, server_ms: float, received_ms: float) -> None:
        """Add one response of the time endpoint. One whose local times run backward is ignored."""
        if received_ms < sent_ms:
            return
        half, sample = (received_ms - sent_ms) / 2, server_ms - (sent_ms + received_ms) / 2
        if abs(sample - self._offset) > half + self._drift:
            self._offsets.clear()
        self._offsets.append(sample)
        self._offset = median(self._offsets)

    def discard_samples(self) -> None:
        """Drop the samples but keep the offset, after the local clock was set."""
        self._offsets.clear()

    def now_ms(self, local_ms: float) -> int:
        """Return the server's time at a local time."""
        return int(local_ms + self._offset)
