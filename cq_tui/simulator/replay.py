"""Replayed prices: recorded klines or trades, one recorded bar a second, their time rebased to now."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from cq_tui.simulator.recordings import Recording, ReplayError, read_recordings
from cq_tui.simulator.symbols import MarketSymbol, symbol_at_price
from cq_tui.simulator.ticks import BAR, TICK_MS, TICKS_PER_SECOND, Bars, Floats, TickBlock

log = logging.getLogger(__name__)

#: Bars served as history before the first live one, when the recording has enough.
HISTORY_BARS = 9_600
#: Bars that stay live at least: of a short recording no more than half becomes history.
_LIVE_BARS = 600
_BLOCK_SECONDS = 600


def open_replay(path: Path, wanted: Sequence[str] | None = None) -> "Replay":
    """Read recorded prices of a file or folder, of the ``wanted`` symbols only when given. Raises ReplayError."""
    recordings = read_recordings(path)
    if wanted is not None:
        missing = [name for name in wanted if name not in recordings]
        if missing:
            raise ReplayError(
                f"{path}: no recording of {', '.join(missing)}; there are {', '.join(sorted(recordings))}"
            )
        recordings = {name: recordings[name] for name in wanted}
    return Replay(path, recordings)


class Replay:
    """A price source that ends. ``begin`` has to be called before the first block."""

    def __init__(self, path: Path, recordings: dict[str, Recording]) -> None:
        self._path = path
        self._names = sorted(recordings)
        self._bars = _aligned([recordings[name] for name in self._names])
        self._symbols = tuple(_symbol(name, recordings[name]) for name in self._names)
        self._tick_size = np.array([float(entry.tick_size) for entry in self._symbols])
        self._step_size = np.array([float(entry.step_size) for entry in self._symbols])
        self._origin = 0
        self._next = 0

    @property
    def symbols(self) -> tuple[MarketSymbol, ...]:
        """The symbols, in the column order of every block."""
        return self._symbols

    def __len__(self) -> int:
        return len(self._bars)

    @property
    def end_ms(self) -> int:
        """Unix ms, rebased, at which the recording ends."""
        return self._origin + len(self) * 1_000

    def begin(self, memory: Sequence[dict[str, Any]], now: int) -> None:
        """Choose the rebased time of the first bar: the remembered one while it lasts, else by ``now``."""
        mine = self.state()
        known = [entry["origin"] for entry in memory[-1:] if {**entry, "origin": mine["origin"]} == mine]
        self._next = 0
        if known and known[0] <= now < known[0] + len(self) * 1_000:
            self._origin = known[0]
        else:
            history = max(1, min(HISTORY_BARS, max(len(self) - _LIVE_BARS, len(self) // 2)))
            self._origin = now // 1_000 * 1_000 - history * 1_000
        left = (self.end_ms - now) // 1_000
        log.info(
            "replaying %s: %d bars of %d symbols, %d s to come, then the market halts",
            self._path,
            len(self),
            len(self._names),
            left,
        )

    def state(self) -> dict[str, Any]:
        """Return what a restart needs to go on at the same place."""
        fingerprint = hashlib.sha256(self._bars["close"].tobytes()).hexdigest()[:16]
        return {"kind": "replay", "symbols": self._names, "fingerprint": fingerprint, "origin": self._origin}

    def history(self) -> Bars:
        """Return no bars: a recording's history comes as its first blocks."""
        return np.empty((0, len(self._names)), dtype=BAR)

    def next_block(self) -> TickBlock | None:
        """Return the next minutes of the recording; None at its end."""
        bars = self._bars[self._next : self._next + _BLOCK_SECONDS]
        if not len(bars):
            return None
        start = (self._origin + self._next * 1_000) // TICK_MS
        self._next += len(bars)
        return self._block(start, bars)

    def _block(self, start: int, bars: Bars) -> TickBlock:
        """Walk each bar from open over its extremes to its close: the nearer extreme first."""
        up = bars["close"] >= bars["open"]
        second, third = np.where(up, bars["low"], bars["high"]), np.where(up, bars["high"], bars["low"])
        path: Floats = np.stack([bars["open"], second, third, bars["close"]], axis=1)
        seconds, _, width = path.shape
        last = np.round(path.reshape(seconds * TICKS_PER_SECOND, width) / self._tick_size).astype(np.int64)
        part = bars["volume"].astype(np.float64) / TICKS_PER_SECOND
        quantity = np.round(part / self._step_size) * self._step_size
        bought = np.diff(last, axis=0, prepend=last[:1]) >= 0
        spread = np.maximum(np.round(last * _spread_share(self._symbols)), 1).astype(np.int64)
        return TickBlock(
            start=start,
            bid=np.maximum(np.where(bought, last - spread, last), 1),
            ask=np.where(bought, last, last + spread),
            last=last,
            quantity=np.repeat(quantity, TICKS_PER_SECOND, axis=0),
            taker_bought=bought,
        )


def _spread_share(symbols: Sequence[MarketSymbol]) -> Floats:
    return np.array([entry.spread_bp for entry in symbols]) / 1e4


def _symbol(name: str, recording: Recording) -> MarketSymbol:
    price = float(np.median(recording.bars["close"]))
    entry = symbol_at_price(name, price, Decimal(1).scaleb(-recording.decimals))
    return replace(entry, start_price=price)


def _aligned(recordings: Sequence[Recording]) -> Bars:
    """Put all symbols on the times that any of them has; who has no bar there gets a flat one without volume."""
    times = np.unique(np.concatenate([entry.bars["open_time"] for entry in recordings]))
    result = np.empty((len(times), len(recordings)), dtype=BAR)
    for column, entry in enumerate(recordings):
        bars = entry.bars
        at = np.searchsorted(bars["open_time"], times, side="right") - 1
        result[:, column] = bars[np.maximum(at, 0)]
        absent = (at < 0) | (bars["open_time"][np.maximum(at, 0)] != times)
        flat = np.where(at < 0, bars["open"][0], result["close"][:, column])
        for field in ("open", "high", "low", "close"):
            result[field][:, column] = np.where(absent, flat, result[field][:, column])
        for field in ("volume", "quote", "taker", "taker_quote", "trades"):
            result[field][:, column] = np.where(absent, 0, result[field][:, column])
    result["open_time"] = times[:, None]
    return result
