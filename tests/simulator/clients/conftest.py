"""An exchange on loopback in its own thread, for blocking clients."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from cq_tui.simulator.server import ExchangeEndpoint, SimulatorConfig, run
from tests.simulator.conftest import SHORT_HISTORY

#: Seconds within which it must be ready.
_PATIENCE = 30.0
SYMBOLS = ("BTCUSDT", "ETHUSDT", "DOGEUSDT")


@contextmanager
def exchange_in_a_thread(config: SimulatorConfig) -> Iterator[ExchangeEndpoint]:
    """Run an exchange; afterwards stop it and wait for its end."""
    ready = threading.Event()
    known: dict[str, Any] = {}

    def be_ready(endpoint: ExchangeEndpoint) -> None:
        known["endpoint"] = endpoint
        ready.set()

    async def serve() -> None:
        known["loop"], known["stop"] = asyncio.get_running_loop(), asyncio.Event()
        await run(config, on_ready=be_ready, stop=known["stop"])

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(_PATIENCE), "the exchange did not begin to answer"
        yield known["endpoint"]
    finally:
        known["loop"].call_soon_threadsafe(known["stop"].set)
        thread.join()


@pytest.fixture(scope="module")
def exchange() -> Iterator[ExchangeEndpoint]:
    balances = {"USDT": Decimal(1_000_000), "BTC": Decimal(2)}
    config = SimulatorConfig(symbols=SYMBOLS, seed=4, balances=balances, history_ms=SHORT_HISTORY)
    with exchange_in_a_thread(config) as endpoint:
        yield endpoint
