"""The minute turn of 500 symbols: from the last closed bar in the journals until ARES has decided on all of them.

An ARES process with both built-in strategies follows 500 journals, to which this process appends a bar each, as a
feeder does when a bar closes. Bars of one second are used, since those of a minute would take as many minutes. The CPU
time of a turn, which other processes on the machine do not lengthen, includes two traced lines for each symbol.
"""

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import orjson
import psutil

from benchmarks.feeder.many_symbols import SYMBOLS
from benchmarks.report import Row, cpu_seconds, middle
from cq_tui.contracts.health import FeederHealth
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline
from cq_tui.store.document import DocumentError, read_json, write_document
from cq_tui.store.klines import KlineJournalWriter

_SECOND_MS = 1_000
#: Bars before the first turn: what an indicator does with a bar does not depend on how many it had.
_HISTORY = 300
_MOST_MS = 300.0


def measure(*, quick: bool) -> Iterator[Row]:
    """Measure how long decisions take after the last bar has arrived."""
    turns = 3 if quick else 15
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        data = _directory(Path(folder))
        market = _Journals(data, stack)
        with _ares(data) as process:
            market.catch_up()
            _wait_until_ready(data, market, process)
            taken, spent = zip(*(_turn(data, market, psutil.Process(process.pid)) for _ in range(turns)), strict=True)
    yield Row(
        "ares: decisions on a bar of 500 symbols each",
        f"p50 {middle([*taken]):.0f} ms after the last",
        "-",
        f"{middle([*spent]):.0f} ms of CPU",
        f"p50 <= {_MOST_MS:.0f} ms",
        middle([*taken]) <= _MOST_MS,
    )


class _Journals:
    """The journals of all symbols, up to the last whole second."""

    def __init__(self, data: DataDir, stack: ExitStack) -> None:
        self._data = data
        self._rng = random.Random(3)
        self._writers = {
            symbol: stack.enter_context(closing(KlineJournalWriter(data, symbol, "1s"))) for symbol in SYMBOLS
        }
        self.next_ms = (int(time.time()) - _HISTORY) * _SECOND_MS

    def catch_up(self) -> None:
        """Append the bars of all seconds that are over."""
        end = int(time.time()) * _SECOND_MS
        opened = range(self.next_ms, end, _SECOND_MS)
        for writer in self._writers.values():
            writer.append([self._bar(start) for start in opened])
        self.next_ms = end
        now = time.time()
        health = FeederHealth(
            service="feeder", status="ok", last_update_ts=now, updated_within_sec=0.0, mode="paper",
            symbols=list(SYMBOLS), ws_connected=True, rest_api_ok=True, symbols_count=len(SYMBOLS),
            last_symbol_update=now,
        )  # fmt: skip
        write_document(self._data.health_of("feeder"), health, durable=False)

    def _bar(self, start: int) -> Kline:
        price = 100 + self._rng.random()
        return Kline(start, start + _SECOND_MS - 1, price, price + 0.5, price - 0.5, price + 0.1, 10.0, 1_000.0, 20)


def _turn(data: DataDir, market: _Journals, ares: psutil.Process) -> tuple[float, float]:
    """Append a bar to each journal; return the ms from the last until all are decided on, and those of CPU."""
    market.catch_up()
    time.sleep(1.0)
    market.catch_up()
    spent = cpu_seconds(ares)
    while int(time.time()) * _SECOND_MS <= market.next_ms:
        time.sleep(0.001)
    close_time = market.next_ms + _SECOND_MS - 1
    market.catch_up()
    arrived = time.time()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        decided = _decided(data, close_time)
        if len(decided) == len(SYMBOLS):
            return max(0.0, max(decided) - arrived) * 1_000, (cpu_seconds(ares) - spent) * 1_000
        time.sleep(0.2)
    raise ValueError(f"ARES decided on {len(decided)} of {len(SYMBOLS)} bars")


def _decided(data: DataDir, close_time: int) -> list[float]:
    """Return when ARES decided on each symbol's bar, from what it traced in its log and the one before."""
    lines = [
        line
        for path in (data.log_of("ares"), data.log_of("ares").with_suffix(".log.1"))
        if path.exists()
        for line in path.read_bytes().splitlines(keepends=True)
        if b'"strategies decided"' in line and b":%d" % close_time in line and line.endswith(b"\n")
    ]
    return [orjson.loads(line)["ts"] for line in lines]


def _directory(folder: Path) -> DataDir:
    data = DataDir(folder / "data")
    for each in (data.settings.parent, data.klines, data.health):
        each.mkdir(parents=True)
    write_document(
        data.settings,
        {
            "SYMBOLS": list(SYMBOLS), "SIMULATION_MODE": False, "PAPER_MODE": True, "TRADING_MODE": "paper",
            "ARES_BASE_INTERVAL": "1s", "ENABLE_DEBUG_TRACING": True,
        },
    )  # fmt: skip
    return data


@contextmanager
def _ares(data: DataDir) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "cq_tui", "--data-dir", str(data.root), "service", "ares"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _wait_until_ready(data: DataDir, market: _Journals, process: "subprocess.Popen[bytes]") -> None:
    """Go on appending until ARES has decided on what there was."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        market.catch_up()
        try:
            status = read_json(data.health_of("ares")).get("status")
        except DocumentError:
            status = None
        if status is not None and data.log_of("ares").read_bytes().count(b'"strategies decided"') >= len(SYMBOLS):
            return
        time.sleep(1.0)
    raise ValueError("ARES did not become ready")
