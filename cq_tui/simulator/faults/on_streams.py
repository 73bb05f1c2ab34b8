"""Faults of market streams: what is sent in place of a message."""

from collections.abc import Callable

from cq_tui.simulator.faults.plan import FaultPlan


class StreamFaults:
    """Remembers what a stream said before, for messages that are stale or out of order."""

    def __init__(self, plan: FaultPlan, clock: Callable[[], int], disconnect: Callable[[str], None]) -> None:
        self._plan = plan
        self._clock = clock
        self._disconnect = disconnect
        self._before: dict[str, bytes] = {}
        self._held: dict[str, bytes] = {}

    def tamper(self, stream: str, payload: bytes) -> list[bytes]:
        """Return what is sent instead of ``payload``, in this order."""
        sent = [payload]
        for fault in self._plan.of_message(stream, self._clock()):
            match fault.action:
                case "silence":
                    sent = []
                case "disconnect":
                    self._disconnect(stream)
                    sent = []
                case "repeat":
                    sent = [payload, payload]
                case "stale":
                    sent = [self._before.get(stream, payload)]
                case "reorder" if stream not in self._held:
                    self._held[stream] = payload
                    return []
        if stream not in self._before or sent == [payload]:
            self._before[stream] = payload
        held = self._held.pop(stream, None)
        return sent if held is None else [*sent, held]
