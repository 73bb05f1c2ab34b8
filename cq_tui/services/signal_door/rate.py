"""How many requests are carried out: a bucket of tokens that fills with time."""

from dataclasses import dataclass


@dataclass
class Rate:
    """At most ``burst`` at once, and ``per_second`` in the long run."""

    burst: float
    per_second: float
    _left: float = -1.0
    _at: float = 0.0

    def wait(self, now: float) -> float:
        """Count one at ``now`` (seconds of any clock that does not go back); return for how long there is no room."""
        if self._left < 0:
            self._left = self.burst
        else:
            self._left = min(self.burst, self._left + (now - self._at) * self.per_second)
        self._at = now
        if self._left < 1:
            return (1 - self._left) / self.per_second
        self._left -= 1
        return 0.0
