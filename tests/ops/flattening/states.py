"""States of death: what has become of the trader, or of what is around it, when somebody flattens.

Each is entered with a trader that holds two protected positions; left, it is undone as far as a person could undo it.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from cq_tui.contracts.layout import DataDir
from cq_tui.ops import trading_state
from cq_tui.ops.drills.field import field_on
from cq_tui.ops.drills.services import DrilledService, find_service
from cq_tui.store.document import DocumentError, read_json, write_document
from cq_tui.supervisor.desired_state import write_desired_state
from cq_tui.supervisor.start import spawn_supervisor
from tests.ops.flattening.faults import SYMBOLS
from tests.ops.flattening.stage import Stage
from tests.ops.test_trading_state import no_file_can_be_made

State = Callable[[Stage], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def alive(_: Stage) -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def halted(stage: Stage) -> AsyncIterator[None]:
    await _stop(stage, "halt")
    yield


@asynccontextmanager
async def reducing(stage: Stage) -> AsyncIterator[None]:
    await _stop(stage, "reduce")
    yield


async def _stop(stage: Stage, verb: str) -> None:
    change = await asyncio.to_thread(trading_state.stop, stage.field.data, verb, "cli")
    assert change.problems == ()


@asynccontextmanager
async def settings_unreadable(stage: Stage) -> AsyncIterator[None]:
    path = stage.field.data.settings
    good = path.read_bytes()
    path.write_bytes(good.rstrip()[:-1] + b",}")
    await stage.field.blocked("env.json")
    yield
    path.write_bytes(good)


@asynccontextmanager
async def mode_refused(stage: Stage) -> AsyncIterator[None]:
    """The file was edited: the services stay on their account, reducing."""
    path = stage.field.data.settings
    good = read_json(path)
    write_document(path, good | {"SIMULATION_MODE": True})
    await stage.field.until(lambda: stage.field.trader.get("trading_state") == "reducing", "the switch refused")
    yield
    write_document(path, good)


@asynccontextmanager
async def memory_dead(stage: Stage) -> AsyncIterator[None]:
    stage.field.services["memory"].kill()
    yield


@asynccontextmanager
async def feeder_dead(stage: Stage) -> AsyncIterator[None]:
    stage.field.services["feeder"].kill()
    yield


@asynccontextmanager
async def full_disk(stage: Stage) -> AsyncIterator[None]:
    disk = stage.small_disk()
    await stage.field.until(lambda: not stage.field.trader.get("blocked_by"), "the reserve made")
    disk.fill()
    yield
    disk.make_room()


@asynccontextmanager
async def control_unwritable(stage: Stage) -> AsyncIterator[None]:
    with no_file_can_be_made(stage.field.data.control):
        yield


@asynccontextmanager
async def second_instance(stage: Stage) -> AsyncIterator[None]:
    """Another directory's trader waits for the account."""
    first = stage.field
    data = DataDir(stage.folder / "second")
    async with field_on(data, first.exchange, stage.run, *SYMBOLS) as second:
        await second.start("trader")
        await second.until(
            lambda: "trades; stop that process" in str(second.trader.get("reason")), "the second trader waiting"
        )
        yield
        second.services["trader"].kill()


@asynccontextmanager
async def hung(stage: Stage) -> AsyncIterator[None]:
    os.kill(stage.trader.pid, signal.SIGSTOP)
    yield
    stage.trader.kill()


@asynccontextmanager
async def dead(stage: Stage) -> AsyncIterator[None]:
    stage.trader.kill()
    yield


@asynccontextmanager
async def given_up(stage: Stage) -> AsyncIterator[None]:
    """A supervisor has seen the trader die too often."""
    data = stage.field.data
    for name in ("exchange", "ares"):
        write_desired_state(data, name, "stopped", "test")
    supervisor = spawn_supervisor(data, environment=stage.environment)
    try:
        while not _has_given_up(data):
            trader = await stage.field.until(
                lambda: find_service("trader", data) or _has_given_up(data), "another start"
            )
            if isinstance(trader, DrilledService):
                trader.kill()
        yield
    finally:
        DrilledService("supervisor", data, supervisor).kill()
        supervisor.is_running()
        # One that was started for the command.
        if left := find_service("trader", data):
            left.kill()


def _has_given_up(data: DataDir) -> bool:
    try:
        return bool(read_json(data.health_of("supervisor"))["services"]["trader"]["state"] == "gave_up")
    except (DocumentError, KeyError):
        return False


@asynccontextmanager
async def snapshot_damaged(stage: Stage) -> AsyncIterator[None]:
    stage.trader.kill()
    path = stage.field.data.state_of("trader")
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"accounts"', b'"acconuts"', 1))
    yield


@asynccontextmanager
async def snapshot_missing(stage: Stage) -> AsyncIterator[None]:
    stage.trader.kill()
    stage.field.data.state_of("trader").unlink()
    yield


@asynccontextmanager
async def snapshot_and_history_torn(stage: Stage) -> AsyncIterator[None]:
    """As a power failure leaves them."""
    stage.trader.kill()
    stage.field.services["memory"].kill()
    snapshot = stage.field.data.state_of("trader")
    snapshot.write_bytes(snapshot.read_bytes()[: snapshot.stat().st_size // 2])
    with stage.field.data.events.open("ab") as events:
        events.write(b'{"event_id":"')
    yield


STATES: tuple[State, ...] = (
    alive, halted, reducing, mode_refused, settings_unreadable, memory_dead, feeder_dead, full_disk,
    control_unwritable, second_instance, hung, dead, given_up, snapshot_damaged, snapshot_missing,
    snapshot_and_history_torn,
)  # fmt: skip
