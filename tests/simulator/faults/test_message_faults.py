"""Messages repeated, stale, reordered, lost or delayed, in order within each source."""

import asyncio
from typing import Any

import pytest

from cq_tui.simulator.faults.fault_spec import FaultSpec
from cq_tui.simulator.faults.message_faults import MessageFaults
from cq_tui.simulator.faults.plan import FaultPlan, MessageTarget

TRADES, OTHERS = MessageTarget("btcusdt@trade", "BTCUSDT"), MessageTarget("ethusdt@trade", "ETHUSDT")


class Line:
    """Sends messages through the faults of one plan and records the result."""

    def __init__(self) -> None:
        self.plan = FaultPlan()
        self.faults: MessageFaults[int] = MessageFaults(self.plan, lambda: 0)
        self.came: list[int] = []
        self.cut = 0

    def fault(self, action: Any, **more: Any) -> None:
        self.plan.add(FaultSpec(action=action, stream="btcusdt@trade", **more), 0)

    def say(self, *messages: int, said: MessageTarget = TRADES) -> None:
        for message in messages:
            self.faults.send(said, said.stream, message, self.came.append, self._disconnect)

    def _disconnect(self) -> None:
        self.cut += 1

    async def until_all_came(self) -> None:
        async with asyncio.timeout(10):
            while self.faults.has_pending:
                await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("action", "sent"),
    [
        ("silence", [1, 4]),
        ("repeat", [1, 2, 2, 3, 3, 4]),
        ("stale", [1, 1, 1, 4]),
        ("disconnect", [1, 4]),
        ("reorder", [1, 3, 2]),
    ],
)
def test_message_faults_of_one_stream(action: Any, sent: list[int]) -> None:
    line = Line()
    line.say(1)
    line.fault(action, count=2)
    for message in (2, 3, 4):
        line.say(-message, said=OTHERS)
        line.say(message)
    assert [message for message in line.came if message > 0] == sent
    assert [message for message in line.came if message < 0] == [-2, -3, -4]
    assert line.cut == (2 if action == "disconnect" else 0)


def test_each_reordering_counts_once() -> None:
    line = Line()
    line.fault("reorder", count=2)
    line.say(1, 2, 3, 4, 5, 6)
    assert line.came == [2, 1, 4, 3, 5, 6]
    assert not line.faults.has_pending


def test_stale_needs_a_previous_message_and_does_not_count_without() -> None:
    line = Line()
    line.fault("stale", count=1)
    line.say(1, 2, 3)
    assert line.came == [1, 1, 3]


async def test_messages_after_a_delayed_one_wait_for_it() -> None:
    line = Line()
    line.fault("delay", delay_ms=60, count=2)
    line.say(1, 2, 3)
    line.say(-1, said=OTHERS)
    assert line.came == [-1]
    await line.until_all_came()
    line.say(4)
    assert line.came == [-1, 1, 2, 3, 4]


async def test_a_message_is_delayed_by_delay_ms() -> None:
    line, loop = Line(), asyncio.get_running_loop()
    line.fault("delay", delay_ms=120)
    began = loop.time()
    line.say(1)
    await line.until_all_came()
    assert loop.time() - began > 0.11
    assert line.came == [1]


async def test_delayed_and_reordered() -> None:
    line = Line()
    line.fault("delay", delay_ms=20)
    line.fault("reorder", count=1)
    line.say(1, 2, 3)
    await line.until_all_came()
    assert line.came == [2, 1, 3]


def test_a_held_message_is_lost_with_the_connection() -> None:
    line = Line()
    line.fault("reorder", count=1)
    line.say(1)
    line.fault("disconnect", count=1)
    line.say(2, 3)
    assert (line.came, line.cut, line.faults.has_pending) == ([3], 1, False)
