"""From the rename of a document to its digits on the screen, against watchfiles alone noticing the change."""

import asyncio
import tempfile
import threading
import time
from pathlib import Path

from watchfiles import awatch

from benchmarks.directory import prepared
from benchmarks.report import Row, middle
from benchmarks.terminal import Terminal, room_command
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.tickers import Ticker, tickers_to_bytes
from cq_tui.store.document import write_document

_BAR_MS = 30.0
_PAUSE = 0.4


def measure(changes: int) -> Row:
    """Change one price, again and again, and wait for it on the screen."""
    with tempfile.TemporaryDirectory() as folder:
        data = prepared(Path(folder) / "data", 1)
        ours = _painted(data, changes)
        peer = _noticed(data, changes)
    return Row(
        "file written -> painted, p50",
        f"{middle(ours):.1f} ms",
        f"watchfiles (default step), noticing only, {middle(peer):.1f} ms",
        f"{middle(ours) / middle(peer):.2f}x",
        f"<= {_BAR_MS:.0f} ms",
        middle(ours) <= _BAR_MS,
    )


def _write_price(data: DataDir, number: int) -> tuple[bytes, float]:
    # Every digit is another one than before: the room writes only what differs.
    price = 11_111.11 * (1 + number % 8)
    ticker = Ticker(price, 0.5, price - 0.01, price + 0.01, 1e6, time.time(), 2)
    started = time.perf_counter()
    write_document(data.tickers, tickers_to_bytes(time.time(), {"BTCUSDT": ticker}), durable=False)
    return f"{price:,.2f}".encode(), started


def _painted(data: DataDir, changes: int) -> list[float]:
    with Terminal(room_command(str(data.root), "--view")) as terminal:
        terminal.wait_for(b"services")
        terminal.drain(2.0)
        times = []
        for number in range(changes):
            text, started = _write_price(data, number)
            times.append((terminal.wait_for(text) - started) * 1000)
            # Longer than the room's longest interval between two paints: each change is a single one.
            terminal.drain(_PAUSE)
        return times


def _noticed(data: DataDir, changes: int) -> list[float]:
    return asyncio.run(_watch(data, changes))


async def _watch(data: DataDir, changes: int) -> list[float]:
    times: list[float] = []
    started = [0.0]

    def write_all() -> None:
        for number in range(changes):
            time.sleep(_PAUSE)
            started[0] = _write_price(data, number)[1]

    writer = threading.Thread(target=write_all)
    stop = asyncio.Event()
    writer.start()
    async for _ in awatch(data.tickers.parent, recursive=False, stop_event=stop):
        times.append((time.perf_counter() - started[0]) * 1000)
        if len(times) >= changes:
            stop.set()
    writer.join()
    return times
