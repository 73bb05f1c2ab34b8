"""Message faults: decides what is sent instead of a message, and when."""

from collections.abc import Callable, Hashable
from functools import partial
from typing import Generic, TypeVar

from cq_tui.simulator.faults.delay_lines import DelayLines
from cq_tui.simulator.faults.plan import FaultPlan, MessageTarget

M = TypeVar("M")


class MessageFaults(Generic[M]):
    """Remembers the previous messages of each source, to send them stale, reordered or late."""

    def __init__(self, plan: FaultPlan, clock: Callable[[], int]) -> None:
        self._plan = plan
        self._clock = clock
        self._previous: dict[Hashable, M] = {}
        self._held: dict[Hashable, M] = {}
        self._lines = DelayLines()

    @property
    def has_pending(self) -> bool:
        """Whether a held or delayed message is still unsent."""
        return bool(self._held) or not self._lines.is_empty

    def clear_history(self) -> None:
        """Forget previous messages."""
        self._previous.clear()

    def send(
        self,
        target: MessageTarget,
        source: Hashable,
        message: M,
        deliver: Callable[[M], None],
        disconnect: Callable[[], None],
    ) -> None:
        """Pass what is sent instead of ``message`` to ``deliver``; delays keep the order within a source."""
        sent, seconds, held = [message], 0.0, self._held.pop(source, None)
        for fault in self._plan.match_message(target, self._clock()):
            action = fault.spec.action
            # Not counted while impossible: without a previous message, or while another one is held.
            if (action == "stale" and source not in self._previous) or (action == "reorder" and held is not None):
                continue
            fault.count_occurrence()
            match action:
                case "silence":
                    sent = []
                case "disconnect":
                    disconnect()
                    sent, held = [], None
                case "repeat":
                    sent = sent * 2
                case "stale":
                    sent = [self._previous[source]]
                case "delay":
                    seconds += fault.spec.delay_ms / 1_000
                case "reorder" if sent:
                    self._held[source] = sent.pop()
        if sent and sent[-1] is message:
            self._previous[source] = message
        for entry in sent if held is None else [*sent, held]:
            self._lines.put(source, seconds, partial(deliver, entry))
