"""The simulated exchange with 500 symbols: the processor time of its start, and its memory then."""

import subprocess
import sys
from collections.abc import Iterator

import psutil

from benchmarks.report import Row

_SYMBOLS = ",".join(f"C{number}USDT" for number in range(500))
_START_SECONDS, _MOST_MB = 10.0, 350


def measure() -> Iterator[Row]:
    """Start an exchange of its own and end it once it listens."""
    command = [
        sys.executable,
        "-m",
        "cq_tui",
        "exchange",
        "--port",
        "0",
        "--speed",
        "60",
        "--symbols",
        _SYMBOLS,
        "--json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as exchange:
        assert exchange.stdout is not None
        try:
            said = exchange.stdout.readline()
            if not said.startswith("{"):
                raise RuntimeError(f"the exchange did not start: {said!r}")
            process = psutil.Process(exchange.pid)
            times, memory = process.cpu_times(), process.memory_info().rss / 2**20
        finally:
            exchange.terminate()
    spent = times.user + times.system
    yield Row(
        "exchange: start with 500 symbols", f"{spent:.1f} CPU s", "", "", f"<= {_START_SECONDS:g}",
        spent <= _START_SECONDS,
    )  # fmt: skip
    yield Row(
        "exchange: memory with 500 symbols (RSS)", f"{memory:.0f} MiB", "", "", f"<= {_MOST_MB}", memory <= _MOST_MB
    )
