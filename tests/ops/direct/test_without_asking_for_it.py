"""``cq-tui flatten`` and ``close`` without ``--direct``: they sell in the trader's place when it does not answer."""

import os
import signal
from pathlib import Path

import pytest

from cq_tui.room.controls import Controls
from cq_tui.store.lock import ProcessLock
from cq_tui.supervisor.desired_state import write_desired_state
from tests.ops.direct.commands import hold_position, run, supervised_trader, was_sold_once
from tests.services.processes import spooled
from tests.services.trader.process import trader, world

pytestmark = pytest.mark.stack


async def test_a_suspended_trader_is_asked_first(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        await hold_position(around)
        os.kill(process.pid, signal.SIGSTOP)
        told = await run(around.data, "flatten")
        was_sold_once(around, told)
        assert f"the trader (process {process.pid}) does not answer: selling directly" in told.err
        asked = [e["data"]["outcome"] for e in spooled(around.data, "trader", "command_executed")]
        assert asked == ["done"], "the one that was asked for was withdrawn"


async def test_without_anybody_it_sells_at_once(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        await hold_position(around)
        process.kill()
        told = await run(around.data, "close", "BTCUSDT")
        was_sold_once(around, told)
        assert "no trader runs, and no supervisor starts one: selling directly" in told.err


async def test_a_trader_that_shall_not_run_is_not_started_for_it(tmp_path: Path) -> None:
    async with world(tmp_path) as around, supervised_trader(around) as supervisor:
        await hold_position(around)
        await supervisor.stop("trader")
        told = await run(around.data, "flatten")
        was_sold_once(around, told)
        assert supervisor.state_of("trader").state == "stopped"
        assert len(spooled(around.data, "trader", "service_started")) == 2


async def test_a_trader_that_answers_is_not_ended(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        await hold_position(around)
        told = await run(around.data, "flatten")
        was_sold_once(around, told)
        assert process.is_alive
        assert "directly" not in told.err


async def test_a_supervisor_that_is_suspended_starts_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        await hold_position(around)
        process.kill()
        # As one that was stopped by a signal: it holds its lock and does nothing.
        lock = ProcessLock(around.data.lock_of("supervisor"), "supervisor", "headless")
        lock.acquire()
        write_desired_state(around.data, "trader", "running", "up")
        told = await run(around.data, "flatten")
        lock.release()
        was_sold_once(around, told)
        assert "no trader runs, and the supervisor has not started one: selling directly" in told.err


async def test_what_a_room_asks_for_is_recorded_as_asked_by_the_room(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        await hold_position(around)
        process.kill()
        said: list[str] = []
        answer = await Controls(around.data).close_positions("close", "BTCUSDT", said.append, "news")
        assert answer.is_done
        assert "no trader runs, and no supervisor starts one: selling directly" in said
        (told,) = [event["data"] for event in spooled(around.data, "trader", "command_executed")]
        assert (told["command"], told["issued_by"], told["why"], told["outcome"]) == ("close", "room", "news", "done")
