"""The signal that halts: a service holds it until ``resume``, and makes the file as soon as that is possible."""

import asyncio
import os
import signal
from pathlib import Path

from cq_tui.ops.trading_state import stop
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.services.trading_state_record import TradingStateRecord
from cq_tui.store.lock import ProcessLock
from cq_tui.store.trading_state import Stop, standing_stops
from tests.ops.test_trading_state import no_file_can_be_made
from tests.services.processes import data_directory, running, spooled
from tests.services.waiting import until

PRETEND = "tests.services.pretend:Pretend"


async def test_it_holds_without_a_file_and_then_with_one(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    async with running("trader", data, PRETEND) as service:
        await until(lambda: service.health.get("trading_state") == "active")
        with no_file_can_be_made(data.control):
            done = await asyncio.to_thread(stop, data, "halt", "cli")
            assert "by a signal to the trader" in done.done
            assert done.problems == (), "it confirms"
            assert service.health["trading_state"] == "halted"
            assert standing_stops(data) == ()
        await until(lambda: data.stop_of("halted").exists())
        (stopped,) = standing_stops(data)
        assert stopped.describe().startswith("by a signal since 2")
        # Recorded by the one who got it, and by nobody else.
        TradingStateRecord(data).follow("active")
        assert len(spooled(data, "trader", "trading_state_changed")) == 1
        assert [path.name for path in data.spool.iterdir()] == ["trader.ndjson"]
        data.stop_of("halted").unlink()
        await until(lambda: service.health["trading_state"] == "active")
        # As ever: a signal where a file can be made is a file at once.
        os.kill(service.pid, signal.SIGUSR1)
        await until(lambda: data.stop_of("halted").exists() and service.health["trading_state"] == "halted")
        assert await service.stop() == 0
    assert len(spooled(data, "trader", "trading_state_changed")) == 2


def test_what_a_command_holds_outlives_a_halt_by_signal_and_its_end(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    lock = ProcessLock(data.lock_of("trader"), "trader")
    lock.acquire()
    runtime = ServiceRuntime("trader", data, lock, Stop("halted", by="direct"))
    try:
        assert runtime.loaded.stop_reason == "by the command that sells"
        for act in (runtime.halt, runtime.reload_settings, runtime.release_halt, runtime.reload_settings):
            act()
            assert runtime.settings.TRADING_STATE == "halted"
        data.stop_of("halted").unlink()
        runtime.reload_settings()
        assert runtime.settings.TRADING_STATE == "halted"
    finally:
        runtime.close()
    assert not lock.held
