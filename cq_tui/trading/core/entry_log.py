"""When entries were made: what the limits on how often is traded count. Times in Unix milliseconds, the exchange's."""

from collections.abc import Iterable
from dataclasses import dataclass, field

_MINUTE_MS, _DAY_MS = 60_000, 86_400_000


@dataclass(slots=True)
class EntryLog:
    """The entries within a minute of the newest one, and how many there were on its day (UTC)."""

    recent: list[int] = field(default_factory=list)
    day: int = 0
    today: int = 0

    @classmethod
    def of(cls, times: Iterable[int]) -> "EntryLog":
        """Return the log of entries made at these times."""
        log = cls()
        for ms in sorted(times):
            log.add(ms)
        return log

    def add(self, ms: int) -> None:
        """Count an entry. Where the exchange's clock was set back, the later day goes on."""
        self.recent = [*(one for one in self.recent if abs(ms - one) < _MINUTE_MS), ms]
        day = ms // _DAY_MS
        self.today = self.today + 1 if day <= self.day else 1
        self.day = max(day, self.day)

    def within_minute(self, ms: int) -> int:
        """Return how many entries are less than a minute away from ``ms``."""
        return sum(1 for one in self.recent if abs(ms - one) < _MINUTE_MS)

    def on_day(self, ms: int) -> int:
        """Return how many entries the day of ``ms`` (UTC) has had."""
        return self.today if ms // _DAY_MS <= self.day else 0
