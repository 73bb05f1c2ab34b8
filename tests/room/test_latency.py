"""Latency from a written file to the painted screen, and the cost of a busy market."""

import asyncio
import statistics
import time

from cq_tui.contracts.tickers import Ticker, tickers_to_bytes
from cq_tui.room.app import RoomApp
from cq_tui.store.document import write_document
from tests.room.conftest import screen_text, wait_for_text, wait_until, wait_until_loaded
from tests.room.stage import Stage

#: Seconds; the aim is 0.03 on a quiet machine, and test machines are not.
_GENEROUS = 0.25
#: Seconds between two separate changes: closer ones are painted together.
_APART = 0.4


async def test_a_single_change_is_painted_at_once(stage: Stage) -> None:
    app = RoomApp(stage.data, supervise=False, environment={})
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "67,412.10")
        delays = []
        for number in range(5):
            price = 70000.0 + number
            words = f"{price:,.2f}"
            stage.tickers(prices={"BTCUSDT": price})
            written = time.perf_counter()
            while words not in screen_text(pilot):
                assert time.perf_counter() - written < 5
                await asyncio.sleep(0.001)
            delays.append(time.perf_counter() - written)
            await asyncio.sleep(_APART)
        assert statistics.median(delays) < _GENEROUS


async def test_five_hundred_symbols_ten_times_a_second(stage: Stage) -> None:
    stage.data.health_of("feeder").unlink()
    app = RoomApp(stage.data, supervise=False, environment={})
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        for number in range(20):
            now = time.time()
            table = {f"S{k:03}USDT": Ticker(1.0 + number + k, 0.1, 1.0, 1.1, 5.0, now, 2) for k in range(500)}
            write_document(stage.data.tickers, tickers_to_bytes(now, table), durable=False)
            await asyncio.sleep(0.02)
        await wait_until(pilot, lambda: "20.00" in screen_text(pilot))
        assert "S000USDT" in screen_text(pilot)
