"""A signal that a person gives: put where ARES takes it, then what became of it, and what the trader made of it."""

import asyncio
import secrets
import time
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, NamedTuple

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.outside_signals import OutsideOutcome
from cq_tui.ops.event_summary import summarize_event
from cq_tui.store.lock import find_holder
from cq_tui.store.outside_signals import put_signal, wait_for_outcome, withdraw_signal
from cq_tui.store.person import person_here
from cq_tui.store.reading.event import HistoryEvent
from cq_tui.store.reading.event_filter import EventFilter
from cq_tui.store.reading.event_follower import EventFollower
from cq_tui.store.reading.events_file import open_events
from cq_tui.trading.order_life import may_be_open

#: Seconds for ARES to take it; for the trader to say something about it; for an order to be filled.
_TO_TAKE, _TO_JUDGE, _TO_FILL = 10.0, 10.0, 5.0
#: And for an entry that waits for its price to be there already.
_TO_REACH: Final = 1.0
_POLL: Final = 0.05
_TYPES: Final = (
    "entry_waits",
    "order_submitted",
    "order_executed",
    "order_rejected",
    "order_canceled",
    "exit_requested",
    "part_exit_requested",
    "part_exit_ended",
)


class SignalEnd(Enum):
    """How it ended."""

    FOLLOWED = "followed"
    NOT_FOLLOWED = "not followed"
    NOT_RECORDED = "not recorded"


class SignalAnswer(NamedTuple):
    """What became of a signal."""

    end: SignalEnd
    #: In words, for a person.
    message: str


def make_id() -> str:
    """Return an id that no other signal has."""
    return f"{int(time.time() * 1000)}-{secrets.token_hex(4)}"


async def send_signal(data: DataDir, fields: dict[str, Any], tell: Callable[[str], object]) -> SignalAnswer:
    """Send a signal and wait for what becomes of it; ``tell`` is called with each step.

    Raises OSError, JournalError.
    """
    if find_holder(data.lock_of("ares")) is None:
        return SignalAnswer(SignalEnd.NOT_RECORDED, "ARES is not running, so nothing was recorded. Run `cq-tui up`")
    if not data.signals.is_dir():
        text = "the services are of an earlier version, so nothing was recorded. Run `cq-tui down`, then `cq-tui up`"
        return SignalAnswer(SignalEnd.NOT_RECORDED, text)
    wanted = EventFilter(_TYPES, fields["symbol"])
    with open_events(data.events) as history:
        follower = EventFollower(data.events, history, wanted)
    given = {"issued": round(time.time(), 3), "source": "command", "person": person_here()}
    name = put_signal(data, fields | given, "command")
    try:
        outcome = await wait_for_outcome(data, name, _TO_TAKE)
    except asyncio.CancelledError:
        # Ctrl+C: what was not taken yet is not meant any more.
        withdraw_signal(data, name)
        raise
    if outcome is None:
        return await _untaken(data, name)
    if outcome.outcome != "accepted" or outcome.signal_key is None:
        return SignalAnswer(SignalEnd.NOT_FOLLOWED, f"{outcome.outcome}: {outcome.message}")
    return await _Reaction(data, follower, outcome.signal_key, tell).wait()


async def _untaken(data: DataDir, name: str) -> SignalAnswer:
    if withdraw_signal(data, name):
        text = (
            f"ARES did not take it within {_TO_TAKE:g} s. It was withdrawn: nothing was recorded. See `cq-tui status`"
        )
        return SignalAnswer(SignalEnd.NOT_RECORDED, text)
    outcome: OutsideOutcome | None = await wait_for_outcome(data, name, _TO_TAKE)
    said = f"{outcome.outcome} late" if outcome else "not answered"
    return SignalAnswer(SignalEnd.NOT_FOLLOWED, f"{said}: ARES took it, see control/signals/done/{name} and the events")


class _Reaction:
    """What the trader makes of one signal, as the history tells it."""

    def __init__(self, data: DataDir, follower: EventFollower, key: str, tell: Callable[[str], object]) -> None:
        self._data, self._follower, self._key, self._tell = data, follower, key, tell
        #: Whether it closes a position.
        self._closing = False
        self._is_followed = False
        #: How an entry waits for its price; empty if it does not.
        self._waiting = ""

    async def wait(self) -> SignalAnswer:
        """Wait until it is denied, filled or canceled, or until nothing more is heard."""
        end = time.monotonic() + _TO_JUDGE
        while time.monotonic() < end:
            for entry in self._follower.read_new():
                if entry.event is None:
                    continue
                was_followed, was_waiting = self._is_followed, self._waiting
                if (answer := self._take(entry.event)) is not None:
                    return answer
                if self._is_followed and not was_followed:
                    end = time.monotonic() + _TO_FILL
                elif self._waiting and not was_waiting:
                    end = time.monotonic() + _TO_REACH
            await asyncio.sleep(_POLL)
        return self._out_of_time()

    def _take(self, event: HistoryEvent) -> SignalAnswer | None:
        leg = event.text_field("leg")
        is_own = event.text_field("signal_key") == self._key and leg in (None, "entry")
        if not is_own and not (self._closing and leg == "exit"):
            return None
        summary = summarize_event(event)
        if self._closing and event.event_type in ("order_rejected", "order_canceled"):
            # The trader goes on until it is sold.
            self._tell(f"not sold yet: {summary}")
            return None
        match event.event_type:
            case "order_rejected":
                by = "by the exchange" if event.text_field("refused_by") == "exchange" else "by the trader"
                return SignalAnswer(SignalEnd.NOT_FOLLOWED, f"denied {by}: {event.text_field('reason') or summary}")
            case "order_canceled" if self._waiting:
                self._tell(f"nothing was bought, it is tried again: {summary}")
            case "order_canceled":
                return SignalAnswer(SignalEnd.NOT_FOLLOWED, f"nothing was bought or sold: {summary}")
            case "order_executed" if not may_be_open(event.text_field("status") or ""):
                return SignalAnswer(SignalEnd.FOLLOWED, f"filled: {summary}")
            case "order_executed":
                self._tell(f"partly filled: {summary}")
            case "entry_waits":
                self._waiting = summary
            case "part_exit_ended":
                end = SignalEnd.NOT_FOLLOWED if event.text_field("reason") else SignalEnd.FOLLOWED
                return SignalAnswer(end, summary)
            case "part_exit_requested":
                self._closing = self._is_followed = True
                self._tell(f"selling a part: {summary}")
            case "exit_requested":
                self._closing = self._is_followed = True
                self._tell(f"closing: {summary}")
            case _:
                self._is_followed = True
                self._tell(f"order: {summary}")
        return None

    def _out_of_time(self) -> SignalAnswer:
        if self._is_followed and self._closing:
            return SignalAnswer(SignalEnd.FOLLOWED, "the position is being closed; see cq-tui events --follow")
        if self._waiting:
            return SignalAnswer(SignalEnd.FOLLOWED, f"waiting: {self._waiting}; see cq-tui events --follow")
        if self._is_followed:
            return SignalAnswer(SignalEnd.NOT_FOLLOWED, "the order is not filled yet; see cq-tui events --follow")
        is_running = find_holder(self._data.lock_of("trader")) is not None
        why = "it has not answered yet" if is_running else "it is not running; run `cq-tui up`"
        return SignalAnswer(
            SignalEnd.NOT_FOLLOWED, f"recorded for the trader, but {why}. It acts only while it is fresh"
        )
