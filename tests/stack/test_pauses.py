"""Pauses of the supervisor, and of everything at once as when a laptop sleeps, kill nobody. In real processes."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.running import Stack, until

pytestmark = [
    pytest.mark.stack,
    pytest.mark.timeout(400),
    pytest.mark.skipif(os.environ.get("CQ_HEAVY_TESTS") != "1", reason="takes a minute: CQ_HEAVY_TESTS=1"),
]
#: Longer than the silence for which memory, the feeder and the exchange are killed.
PAUSE = 20.0


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path / "data", SYMBOLS="BTCUSDT,ETHUSDT")
    try:
        stack.up()
        yield stack
    finally:
        for process in stack.processes():
            process.send_signal(signal.SIGCONT)
        stack.end()


def nobody_was_killed(stack: Stack, before: dict[str, int]) -> None:
    # Long enough for a kill by what was counted before.
    began = time.time()
    until(lambda: stack.json(stack.data.health_of("supervisor"))["last_update_ts"] > began + 10, 60, "ten more seconds")
    assert stack.pids() == before
    assert {state["restarts"] for state in stack.states().values()} == {0}
    until(stack.all_ready, 30, "all services ready")


@pytest.mark.parametrize("everything", [False, True])
def test_a_pause_kills_nobody(stack: Stack, everything: bool) -> None:
    assert stack.supervisor is not None
    before = stack.pids()
    pids = [stack.supervisor.pid, *(before.values() if everything else ())]
    for pid in reversed(pids):
        os.kill(pid, signal.SIGSTOP)
    time.sleep(PAUSE)
    # The supervisor wakes first, and looks at services that are still asleep.
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.5)
    nobody_was_killed(stack, before)
