"""Memory's reports while it verifies the history at its start, which takes long for millions of events."""

import time

from cq_tui.contracts.health import MemoryHealth
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.store.document import DocumentError, read_document

_INTERVAL = 1.0


class StartReports:
    """Call it with the verified share, 0..1, as often as you like: it reports once a second.

    Until everything is verified the last report's findings stand, not ready and never better than degraded, so that
    nothing is bought. Without reports a supervisor would take a long start for a hang.
    """

    def __init__(self, runtime: ServiceRuntime) -> None:
        self._runtime = runtime
        self._reported = time.monotonic()

    def __call__(self, share: float) -> None:
        """Report if it is time to."""
        if time.monotonic() - self._reported >= _INTERVAL:
            self._reported = time.monotonic()
            self._runtime.publish_health(self._health(share, time.time()))

    def _health(self, share: float, now: float) -> MemoryHealth:
        doing = f"verifying the history, {share:.0%} done"
        last = self._last_report()
        update = {
            "status": "degraded" if last.integrity_ok else "error",
            "reason": last.reason if not last.integrity_ok and last.reason else doing,
            "last_update_ts": now,
            "updated_within_sec": 0.0,
            "ready": False,
            "waiting_for": doing,
            "full_check_progress": min(max(share, 0.0), 1.0),
        }
        return last.model_copy(update=update)

    def _last_report(self) -> MemoryHealth:
        try:
            return read_document(self._runtime.data.health_of("memory"), MemoryHealth)
        except DocumentError:
            return MemoryHealth(
                service="memory", status="degraded", last_update_ts=0.0, updated_within_sec=0.0,
                integrity_ok=True, events_count=0, snapshots_count=0, last_integrity_check=0.0, merkle_root="",
                chain_length=0,
            )  # fmt: skip
