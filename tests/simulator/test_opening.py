"""Opening an exchange takes long with many symbols: the loop that runs it goes on meanwhile."""

import asyncio
import threading

import pytest

from cq_tui.simulator import server
from cq_tui.simulator.engine.ledger import LedgerError
from cq_tui.simulator.server import SimulatorConfig


async def test_the_loop_goes_on_while_the_exchange_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    loop_went_on = threading.Event()

    def open_slowly(*_: object) -> None:
        raise LedgerError("opened" if loop_went_on.wait(10) else "the loop stood still")

    monkeypatch.setattr(server, "open_exchange", open_slowly)
    opening = asyncio.create_task(server.run(SimulatorConfig(), on_ready=lambda _: None, stop=asyncio.Event()))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0.01, loop_went_on.set)
    with pytest.raises(LedgerError, match=r"^opened$"):
        await opening
