"""When to restart a crashed service, and when to give up. Pure."""

from dataclasses import dataclass, field

INITIAL_DELAY = 0.5
MAX_DELAY = 30.0
#: Give up after this many crashes within this many seconds.
CRASH_LIMIT = 5
CRASH_WINDOW = 60.0


@dataclass(slots=True)
class RestartPolicy:
    """The crashes of one service and the delay before its next start."""

    #: Seconds before the first restart; doubled with each consecutive crash.
    initial_delay: float = INITIAL_DELAY
    crash_times: list[float] = field(default_factory=list)
    consecutive_crashes: int = 0

    def record_crash(self, now: float, ran_for: float, jitter: float) -> float | None:
        """Record a crash; return the seconds to wait before the next start, or None to give up.

        ``ran_for`` is the process's lifetime; one longer than the window resets the delay. ``jitter`` in 0..1
        spreads restarts that would otherwise coincide.
        """
        self.consecutive_crashes = 1 if ran_for > CRASH_WINDOW else self.consecutive_crashes + 1
        self.crash_times = [moment for moment in self.crash_times if now - moment < CRASH_WINDOW] + [now]
        if len(self.crash_times) >= CRASH_LIMIT:
            return None
        # The exponent is bounded too: a large power overflows a float.
        delay = min(MAX_DELAY, self.initial_delay * 2.0 ** min(self.consecutive_crashes - 1, 32))
        return delay * (0.5 + jitter / 2)

    def reset(self) -> None:
        """Forget every crash, because somebody requested a start."""
        self.crash_times.clear()
        self.consecutive_crashes = 0
