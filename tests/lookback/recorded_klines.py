"""Klines as a walk of prices, and files of them in every format that is read."""

import gzip
import zipfile
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import orjson

from cq_tui.contracts.market import Kline, lines_of_klines

FIRST = 1_700_006_400_000  # 2023-11-15 00:00 UTC
MINUTE = 60_000


def walk(
    count: int,
    *,
    seed: int = 1,
    price: float = 100.0,
    holes: Collection[int] = (),
    step: int = MINUTE,
    first: int = FIRST,
) -> list[Kline]:
    """Return klines of a walk without great jumps; those numbered in ``holes`` are left out."""
    rng = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(rng.normal(0, 0.001, count + 1)))
    klines = []
    for number in range(count):
        opened, closed = float(close[number]), float(close[number + 1])
        up, down = rng.uniform(0, 0.001, 2).tolist()
        volume, time = float(rng.uniform(0.5, 9)), first + number * step
        high, low = max(opened, closed) * (1 + up), min(opened, closed) * (1 - down)
        klines.append(Kline(time, time + step - 1, opened, high, low, closed, volume, volume * closed, number % 7 + 1))
    return [kline for number, kline in enumerate(klines) if number not in holes]


def dump_lines(klines: Sequence[Kline], *, micro: bool = False) -> list[str]:
    """Return the lines of Binance's dumps, in ms or, as since 2025, in µs."""
    scale = 1_000 if micro else 1
    return [
        f"{k.open_time * scale},{k.open!r},{k.high!r},{k.low!r},{k.close!r},{k.volume!r},"
        f"{(k.close_time + 1) * scale - 1},{k.quote_volume!r},{k.trades},0,0,0"
        for k in klines
    ]


def write_lines(path: Path, lines: Sequence[str]) -> Path:
    """Write lines into a .csv, .csv.gz or .zip file."""
    content = "".join(f"{line}\n" for line in lines).encode()
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{path.stem}.csv", content)
    else:
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def write_journal(path: Path, klines: Sequence[Kline]) -> Path:
    """Write a journal of ours."""
    path.write_bytes(lines_of_klines(klines))
    return path


def write_freqtrade(path: Path, klines: Sequence[Kline]) -> Path:
    """Write a .json or .json.gz file of freqtrade."""
    content = orjson.dumps([[k.open_time, k.open, k.high, k.low, k.close, k.volume] for k in klines])
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path
