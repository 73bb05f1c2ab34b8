"""The market continues when the ledger fails."""

from pathlib import Path

import pytest

from cq_tui.simulator import tick_loop as tick_loop_module
from cq_tui.simulator.access.keys import ApiKeys
from cq_tui.simulator.clock import Clock
from cq_tui.simulator.connections.open_connections import Connections
from cq_tui.simulator.server import SimulatorConfig, open_exchange
from cq_tui.simulator.streams.stream_hub import StreamHub
from cq_tui.simulator.tick_loop import TickLoop
from tests.simulator.conftest import SHORT_HISTORY

START = 1_700_000_000_000


async def test_the_market_continues_when_the_ledger_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tick_loop_module, "_SAVE_STATE_MS", 1)
    clock, connections = Clock(START), Connections()
    config = SimulatorConfig(ledger=tmp_path / "ledger.ndjson", symbols=("BTCUSDT",), history_ms=SHORT_HISTORY)
    exchange = open_exchange(config, ApiKeys("key", "secret"), clock)
    tick_loop = TickLoop(exchange, StreamHub(exchange, connections), clock, connections)
    assert exchange.ledger is not None
    exchange.ledger.close()
    clock.move_to(START + 1_000)
    await tick_loop.catch_up()
    assert exchange.market.time == START + 1_000
    assert "could not save the market state to the ledger" in caplog.text
