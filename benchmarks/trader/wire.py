"""From ARES' append of a signal until the order is on the wire, and how soon a trader is ready: with real services."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import psutil

from benchmarks.memory.sample_events import START, sample_events
from benchmarks.report import Row, cpu_seconds, middle
from cq_tui.contracts.layout import DataDir
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import DocumentError, read_json, write_document
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.spools.spool import EventSpool

#: Milliseconds over one append with fdatasync and one flush of the chain; over the slowest appends; to be ready.
_MIDDLE_BAR, _SLOWEST_BAR, _READY_BAR = 2.0, 10.0, 1_500.0
#: Signals of one second, and within how many milliseconds they are decided.
_SIGNALS, _DECIDED_BAR = 1_000, 2_000.0
_PATIENCE = 180.0
_SETTINGS = {
    "SYMBOLS": ["BTCUSDT"],
    "TRADER_ORDER_COOLDOWN": 0.0,
    "TRADER_MAX_ORDERS_MINUTE": 10_000,
    # Each signal has a strategy of its own.
    "TRADER_EXIT_ANY_STRATEGY": True,
    "ARES_FRESHNESS_THRESHOLD": 60.0,
}


def measure(*, quick: bool) -> Iterator[Row]:
    """Measure entries and exits one by one, then starts of the trader."""
    with TemporaryDirectory() as folder:
        yield from asyncio.run(rows(Path(folder), signals=20 if quick else 100, starts=3 if quick else 7))


async def rows(place: Path, *, signals: int, starts: int) -> list[Row]:
    """Return the rows after so many signals, at least two, and starts; ``place`` is an empty folder."""
    async with Stack(DataDir(place / "data")).running() as stack:
        wire, appended, flushed = await _send(stack, place, signals)
        decided = await stack.time_of_decisions(_SIGNALS)
        ready = [await stack.restart_trader() for _ in range(starts)]
        proxy = [await stack.time_of_proxy() for _ in range(20)]
    over = middle(wire) - middle(appended) - middle(flushed)
    slowest, slowest_append = _percentile_99(wire), _percentile_99(appended)
    return [
        Row(
            f"signal appended until its order is on the wire, middle of {signals}",
            f"{middle(wire):.1f} ms",
            f"append with fdatasync {middle(appended):.1f} ms, flush of the chain {middle(flushed):.1f} ms; "
            f"the proxy that notes it {middle(proxy):.1f} ms",
            f"+{over:.1f} ms",
            f"<= +{_MIDDLE_BAR:.0f} ms",
            over <= _MIDDLE_BAR,
        ),
        Row(
            f"the same, 99th percentile of {signals}",
            f"{slowest:.1f} ms",
            f"append with fdatasync {slowest_append:.1f} ms",
            f"+{slowest - slowest_append:.1f} ms",
            f"<= +{_SLOWEST_BAR:.0f} ms",
            slowest - slowest_append <= _SLOWEST_BAR,
        ),
        Row(
            f"{_SIGNALS:,} signals appended at once until all are decided and in the history",
            f"{decided:,.0f} ms",
            "-",
            "-",
            f"<= {_DECIDED_BAR:,.0f} ms",
            decided <= _DECIDED_BAR,
        ),
        Row(
            f"trader ready after its start, middle of {starts}",
            f"{middle(ready):,.0f} ms",
            "-",
            "-",
            f"<= {_READY_BAR:,.0f} ms",
            middle(ready) <= _READY_BAR,
        ),
    ]


async def _send(stack: "Stack", place: Path, signals: int) -> tuple[list[float], list[float], list[float]]:
    """Buy and sell again and again; before each, write and chain an event here, with nothing in between."""
    wire, appended, flushed = list[float](), list[float](), list[float]()
    other = DataDir(place / "peer")
    prepare_data_directory(other)
    peer = HistoryWriter(other, now=START)
    try:
        for number in range(1, signals + 1):
            began = time.perf_counter()
            peer.append(sample_events(number, 1), START + number)
            synced = time.perf_counter()
            peer.flush_chain()
            chained = time.perf_counter()
            appended.append((synced - began) * 1000)
            flushed.append((chained - synced) * 1000)
            wire.append(await stack.time_of_order())
    finally:
        peer.close()
    return wire, appended, flushed


class Stack:
    """Exchange, memory, feeder and trader as processes; in front of the exchange a proxy that notes each order."""

    def __init__(self, data: DataDir) -> None:
        self._data = data
        prepare_data_directory(self._data)
        write_document(self._data.settings, _SETTINGS)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._order_at: asyncio.Future[float] | None = None
        #: CPU seconds of the last trader until it was ready.
        self.ready_cpu = 0.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Stack"]:
        """Start the services, and end them."""
        well = asyncio.create_task(self._keep_ares_well())
        self._spool = EventSpool(self._data.spool, "ares", quarantine=self._data.quarantine)
        try:
            for name in ("exchange", "memory", "feeder"):
                self._start(name)
            await _until(lambda: self._health("exchange").get("ready"))
            async with self._proxy():
                await _until(lambda: self._health("feeder").get("ready"))
                await self.restart_trader()
                yield self
        finally:
            well.cancel()
            self._spool.close()
            for process in reversed(self._processes.values()):
                process.terminate()
            for process in self._processes.values():
                process.wait()

    def _start(self, name: str) -> None:
        command = [sys.executable, "-m", "cq_tui", "--data-dir", str(self._data.root), "service", name]
        quiet = subprocess.DEVNULL
        self._processes[name] = subprocess.Popen(command, stdout=quiet, stderr=quiet, env=dict(os.environ))

    def _health(self, name: str) -> dict[str, Any]:
        try:
            health = read_json(self._data.health_of(name))
        except DocumentError:
            return {}
        return health if health.get("pid") == self._processes[name].pid else {}

    async def _keep_ares_well(self) -> None:
        common = {"service": "ares", "status": "ok", "updated_within_sec": 0.0, "signal_count": 0}
        more = {"last_signal_time": 0.0, "feeder_health_ok": True, "default_signals_blocked": True}
        while True:
            fresh = {"last_update_ts": time.time(), "active_strategies": [], "latency_ms_p50": 0.0}
            write_document(self._data.health_of("ares"), common | more | fresh, durable=False)
            await asyncio.sleep(1.0)

    async def restart_trader(self, *, without_state: bool = False) -> float:
        """Kill the trader, start another one, and return after how many milliseconds it was ready."""
        if (old := self._processes.get("trader")) is not None:
            old.kill()
            old.wait()
        if without_state:
            self._data.state_of("trader").unlink(missing_ok=True)
        began = time.perf_counter()
        self._start("trader")
        await _until(lambda: self._health("trader").get("ready"))
        took = (time.perf_counter() - began) * 1000
        self.ready_cpu = cpu_seconds(psutil.Process(self._processes["trader"].pid))
        await _until(lambda: self._health("trader").get("status") == "ok")
        return took

    async def wait_for_state(self) -> None:
        """Wait until the trader's state is stored."""
        await _until(self._data.state_of("trader").exists)

    async def time_of_order(self) -> float:
        """Append a signal that sells what is held, or buys; return the milliseconds until its order passed the proxy.

        Then wait until it is done: an entry that finds too little in the book expires.
        """
        side = "SELL" if self._account()["positions"] else "BUY"
        ticker = orjson.loads(self._data.tickers.read_bytes())["tickers"]["BTCUSDT"]
        price, strategy = ticker["ask"], f"bench{time.time_ns()}"
        signal = {
            "symbol": "BTCUSDT", "side": side, "entry_price": price, "stop_loss": price * 0.95,
            "take_profit": price * 1.05, "confidence": 0.5, "strategy": strategy, "frame": "1s",
            "bar_close_time": int(time.time() * 1000) - 1,
        }  # fmt: skip
        self._order_at = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        self._spool.emit("signal_generated", signal)
        async with asyncio.timeout(_PATIENCE):
            took = (await self._order_at - began) * 1000
        await _until(lambda: self._has_entered(strategy) if side == "BUY" else not self._account()["positions"])
        await asyncio.sleep(0.1)
        return took

    async def time_of_proxy(self) -> float:
        """Return how many milliseconds after it was written the proxy notes a request: part of each measurement."""
        address = read_json(self._data.exchange_address)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address["rest_url"].rpartition(":")[2]))
        await asyncio.sleep(0.02)
        self._order_at = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        writer.write(b"POST /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(_PATIENCE):
            took = (await self._order_at - began) * 1000
            await reader.read()
        writer.close()
        return took

    async def time_of_decisions(self, count: int) -> float:
        """Append signals that are all refused; return the milliseconds until the history has each refusal."""
        signal = {
            "symbol": "OTHER", "side": "SELL", "entry_price": 1.0, "stop_loss": 2.0, "take_profit": 0.5,
            "confidence": 0.5, "frame": "1s", "bar_close_time": int(time.time() * 1000) - 1,
        }  # fmt: skip
        start, seen = self._data.events.stat().st_size, 0
        began = time.perf_counter()
        for number in range(count):
            self._spool.emit("signal_generated", signal | {"strategy": f"many{number}"})
        with open(self._data.events, "rb") as history:
            history.seek(start)
            while seen < count and time.perf_counter() - began < _PATIENCE:
                seen += history.read().count(b'"refused_by":"guardrail"')
                await asyncio.sleep(0.01)
        return (time.perf_counter() - began) * 1000

    def _account(self) -> dict[str, Any]:
        return read_json(self._data.account)

    def _has_entered(self, strategy: str) -> bool:
        """Whether the entry of a strategy is protected, or has expired."""
        account = self._account()
        entries = (one for one in account["orders"] if one["leg"] == "entry")
        is_expired = any(one["signal_key"].startswith(strategy) and one["status"] == "expired" for one in entries)
        return is_expired or account["positions"].get("BTCUSDT", {}).get("state") == "protected"

    # The proxy

    @asynccontextmanager
    async def _proxy(self) -> AsyncIterator[None]:
        """Announce a proxy in the place of the exchange."""
        address = read_json(self._data.exchange_address)
        target = int(address["rest_url"].rpartition(":")[2])

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", target)
            try:
                with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                    await asyncio.gather(
                        self._pass(reader, to_writer, note=True), self._pass(to_reader, writer, note=False)
                    )
            finally:
                to_writer.transport.abort()
                writer.transport.abort()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        write_document(self._data.exchange_address, address | {"rest_url": f"http://127.0.0.1:{port}"})
        async with server:
            yield

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, note: bool) -> None:
        while chunk := await reader.read(65_536):
            waiting = self._order_at
            if note and chunk.startswith(b"POST ") and waiting is not None and not waiting.done():
                waiting.set_result(time.perf_counter())
            writer.write(chunk)
            await writer.drain()
        writer.close()


async def _until(condition: Callable[[], object]) -> None:
    deadline = time.perf_counter() + _PATIENCE
    while not condition():
        if time.perf_counter() > deadline:
            raise TimeoutError("the services did not become ready, or did not do what was asked")
        await asyncio.sleep(0.005)


def _percentile_99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]
