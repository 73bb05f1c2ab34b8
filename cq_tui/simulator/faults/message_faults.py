"""Faults of messages: what is sent in place of a message, and when."""

from collections.abc import Callable, Hashable
from functools import partial
from typing import Generic, TypeVar

from cq_tui.simulator.faults.delay_lines import DelayLines
from cq_tui.simulator.faults.plan import FaultPlan, MessageTarget

M = TypeVar("M")


class MessageFaults(Generic[M]):
    """Remembers what a source said before, for messages that are stale, out of order or late."""

    def __init__(self, plan: FaultPlan, clock: Callable[[], int]) -> None:
        self._plan = plan
        self._clock = clock
        self._previous: dict[Hashable, M] = {}
        self._held: dict[Hashable, M] = {}
        self._lines = DelayLines()

    @property
    def has_pending(self) -> bool:
        """Whether a message is still to be sent."""
        return bool(self._held) or not self._lines.is_empty

    def clear_history(self) -> None:
        """Forget what was said."""
        self._previous.clear()

    def send(
        self,
        said: MessageTarget,
        source: Hashable,
        message: M,
        deliver: Callable[[M], None],
        disconnect: Callable[[], None],
    ) -> None:
        """Hand to ``deliver`` what is sent instead of ``message``; each source keeps its order."""
        sent, seconds, held = [message], 0.0, self._held.pop(source, None)
        for fault in self._plan.match_message(said, self._clock()):
            action = fault.spec.action
            # What cannot happen yet does not count: nothing older was said, or a message is held already.
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
