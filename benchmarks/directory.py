"""A data directory as a running stack leaves it, made for a benchmark: health, tickers, settings."""

import threading
import time
from pathlib import Path
from typing import Self

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.tickers import Ticker, tickers_to_bytes
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import write_document


def prepared(folder: Path, symbols: int) -> DataDir:
    """Return a data directory with that many symbols."""
    data = DataDir(folder)
    prepare_data_directory(data)
    write_tickers(data, symbols, 0)
    return data


class LiveTickers:
    """Replaces tickers.json ten times a second, in a thread, until the context ends."""

    def __init__(self, data: DataDir, symbols: int) -> None:
        self._data = data
        self._symbols = symbols
        #: Prices written so far.
        self.updates = 0
        self._stop = threading.Event()
        self._writer = threading.Thread(target=self._write)

    def _write(self) -> None:
        started = time.monotonic()
        step = 0
        # By the clock, so that a slow write does not make the next ones rarer.
        while not self._stop.wait(max(0.0, started + (step + 1) / 10 - time.monotonic())):
            step += 1
            write_tickers(self._data, self._symbols, step)
            self.updates += self._symbols

    def __enter__(self) -> Self:
        self._writer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._writer.join()


def write_tickers(data: DataDir, symbols: int, step: int) -> None:
    """Replace tickers.json; every price is another one in each step."""
    now = time.time()
    tickers = {
        f"SYM{number:03d}USDT": Ticker(
            price=1000 + number + step % 97 / 100,
            change_percent=(step + number) % 500 / 100,
            bid=999.9 + number + step % 97 / 100,
            ask=1000.1 + number + step % 97 / 100,
            volume=1e6,
            timestamp=now,
            decimals=2,
        )
        for number in range(symbols)
    }
    write_document(data.tickers, tickers_to_bytes(now, tickers), durable=False)
