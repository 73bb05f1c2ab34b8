"""What ARES knows of the feeder: whether its data is fresh, the symbols that it rejects, and the exchange's clock."""

import time

from cq_tui.contracts.freshness import Ahead, Missing, Stale, judge_age
from cq_tui.contracts.health import FeederHealth
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.store.document import DocumentError, read_document


class FeederView:
    """The feeder's health, as it was read last."""

    def __init__(self, runtime: ServiceRuntime) -> None:
        self._runtime = runtime
        self.path = runtime.data.health_of("feeder")
        #: Why no signal may be made on its data; empty if it is fresh.
        self.problem = "feeder has not reported yet"
        self.rejected_symbols: set[str] = set()
        #: Lead of the exchange's clock.
        self.clock_offset_ms = 0.0

    @property
    def now_ms(self) -> float:
        """The exchange's time, Unix ms."""
        return time.time() * 1000 + self.clock_offset_ms

    @property
    def fresh_from_ms(self) -> float:
        """A kline that closed before that is history: no signal is made of it. Unix ms, by the exchange's clock."""
        return self.now_ms - self._runtime.settings.ARES_FRESHNESS_THRESHOLD * 1000

    @property
    def waiting_for(self) -> str | None:
        """What is waited for, in the words of ``health/ares.json``."""
        return f"the feeder: {self.problem.removeprefix('feeder').lstrip(': ')}" if self.problem else None

    def look(self, now: float) -> None:
        """Read the feeder's health; ``now`` in Unix seconds."""
        try:
            feeder = read_document(self.path, FeederHealth)
        except DocumentError as error:
            self.problem = f"feeder health {error.problem}"
            return
        self.rejected_symbols = set(feeder.rejected_symbols or ())
        self.clock_offset_ms = feeder.clock_offset_ms or 0.0
        self.problem = self._problem_of(feeder, now)

    def _problem_of(self, feeder: FeederHealth, now: float) -> str:
        limit = self._runtime.settings.ARES_FRESHNESS_THRESHOLD
        match judge_age(feeder.last_update_ts, now, limit):
            case Missing():
                return "feeder has not reported yet"
            case Ahead(seconds):
                return f"feeder health is dated {seconds:.0f} s ahead"
            case Stale(age):
                return f"feeder health is {age:.0f} s old, limit {limit:.0f} s"
        if feeder.mode not in (None, self._runtime.mode.mode):
            return f"feeder still provides prices of {feeder.mode}"
        if feeder.status == "error":
            return f"feeder: {feeder.reason or 'error'}"
        return ""
