"""A door on a data directory of its own, opened and closed as a process would."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.tickers import Ticker, tickers_to_bytes
from cq_tui.services.ares.emission import SignalEmitter
from cq_tui.services.ares.feeder_view import FeederView
from cq_tui.services.ares.outside.door import OutsideDoor
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.store.document import read_json, write_document
from tests.services.processes import data_directory, spooled

BUY: dict[str, Any] = {
    "id": "a1", "side": "BUY", "symbol": "BTCUSDT", "strategy": "my_alerts", "stop": 94_000, "target": 99_000,
}  # fmt: skip
SELL: dict[str, Any] = {"id": "a2", "side": "SELL", "symbol": "BTCUSDT", "strategy": "my_alerts"}


def directory(root: Path, **settings: object) -> DataDir:
    """A directory with a price of one symbol."""
    data = data_directory(root / "data", **({"SYMBOLS": ["BTCUSDT"]} | settings))
    write_ticker(data)
    return data


def write_ticker(data: DataDir, age: float = 0.0, bid: float = 95_000.0, ask: float = 95_010.0) -> None:
    now = time.time()
    ticker = Ticker(95_005.0, 0.0, bid, ask, 1.0, now - age, 2)
    write_document(data.tickers, tickers_to_bytes(now, {"BTCUSDT": ticker}))


def drop(data: DataDir, fields: object, name: str = "s", age: float = 0.0) -> Path:
    """Put a file where ARES takes it, as a program would: written elsewhere, then renamed."""
    return drop_bytes(data, fields if isinstance(fields, bytes) else orjson.dumps(fields), name, age)


def drop_bytes(data: DataDir, content: bytes, name: str, age: float = 0.0) -> Path:
    path = data.signals / f"{name}.json"
    hidden = path.with_name(f".{name}")
    hidden.write_bytes(content)
    os.utime(hidden, (time.time() - age,) * 2)
    hidden.rename(path)
    return path


class Stage:
    """One process of ARES, as far as the door is concerned."""

    def __init__(self, data: DataDir) -> None:
        self.data = data
        self.runtime = ServiceRuntime("ares", data)
        self.feeder = FeederView(self.runtime)
        self.feeder.problem = ""
        self.runtime.emit("service_started", {"service": "ares"})
        self.door = OutsideDoor(
            self.runtime,
            SignalEmitter(self.runtime, self.feeder),
            self.feeder,
            reserved=lambda: {"trend_multi_tf", "default"},
            interval=lambda: "1s",
        )

    def look(self) -> None:
        """Look until nothing is left that can be taken now."""
        while self.door.look():
            pass

    def outcome(self, name: str = "s") -> dict[str, Any]:
        """What became of a file."""
        return read_json(self.data.signals_done / f"{name}.json")

    def close(self) -> None:
        self.door.close()
        self.runtime.close()


@contextmanager
def opened(data: DataDir) -> Iterator[Stage]:
    stage = Stage(data)
    try:
        yield stage
    finally:
        stage.close()


def signals(data: DataDir) -> list[dict[str, Any]]:
    """The payloads of the signals in the spool."""
    return [event["data"] for event in spooled(data, "ares", "signal_generated")]


@contextmanager
def ares(data: DataDir) -> Iterator[None]:
    """Take what comes, as ARES does."""
    ended = threading.Event()

    def take() -> None:
        stage = Stage(data)
        while not ended.wait(0.01):
            stage.look()
        stage.close()

    thread = threading.Thread(target=take)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
