"""The wait for memory at the trader's start: no signal is taken from a history that memory may still have to mend."""

import time

from cq_tui.contracts.freshness import STARTUP_LIMIT, Fresh, judge_age
from cq_tui.contracts.health import MemoryHealth
from cq_tui.contracts.layout import FRESHNESS_LIMITS, DataDir
from cq_tui.store.document import DocumentError, read_document


class HistoryGate:
    """Opens once, when memory is ready, or 60 s after the trader's start.

    Both start together. A signal of the time before waits until then; without the wait it would be refused, because
    memory has not reported yet. Positions are protected meanwhile: only signals wait.
    """

    def __init__(self, data: DataDir) -> None:
        self._path = data.health_of("memory")
        self._started = time.monotonic()
        self._is_open = False

    def is_open(self) -> bool:
        """Whether signals may be read."""
        if not self._is_open:
            self._is_open = self._memory_is_ready() or time.monotonic() - self._started >= STARTUP_LIMIT
        return self._is_open

    def _memory_is_ready(self) -> bool:
        try:
            memory = read_document(self._path, MemoryHealth)
        except DocumentError:
            return False
        age = judge_age(memory.last_update_ts, time.time(), FRESHNESS_LIMITS["memory"])
        return memory.ready is not False and isinstance(age, Fresh)
