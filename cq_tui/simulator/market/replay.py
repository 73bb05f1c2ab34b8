"""Replayed prices: recorded klines or trades, one recorded bar a second, their time rebased to now."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cq_tui.simulator.market.background_liquidity import GeneratedLiquidity
from cq_tui.simulator.market.recordings import Recording, ReplayError, read_recordings
from cq_tui.simulator.market.symbols import MarketSymbol, symbol_at_price
from cq_tui.simulator.market.ticks import BAR, TICK_MS, TICKS_PER_SECOND, Bars, Floats, Integers, TickBlock

log = logging.getLogger(__name__)

#: Bars served as history before the first live one, when the recording has enough.
HISTORY_BARS = 9_600
#: Bars that stay live at least: of a short recording no more than half becomes history.
_LIVE_BARS = 600
_BLOCK_SECONDS = 600
PricePaths = NDArray[np.int32]


def open_replay(path: Path, wanted: Sequence[str] | None = None) -> "Replay":
    """Read recorded prices of a file or folder; of ``wanted`` symbols, those that were recorded.

    Raises ReplayError, also when none of the wanted was recorded.
    """
    recordings = read_recordings(path)
    if wanted is not None:
        chosen = {name: recordings[name] for name in wanted if name in recordings}
        there = ", ".join(sorted(recordings))
        if not chosen:
            raise ReplayError(f"{path}: no recording of {', '.join(wanted)}; there are {there}")
        if missing := [name for name in wanted if name not in recordings]:
            log.warning("%s: no recording of %s; there are %s", path, ", ".join(missing), there)
        recordings = chosen
    return Replay(path, recordings)


class Replay:
    """A price source that ends. ``begin`` has to be called before the first block."""

    def __init__(self, path: Path, recordings: dict[str, Recording]) -> None:
        """Take over the recordings (the dict is emptied, so that each is freed once it is converted)."""
        self._path = path
        self._names = sorted(recordings)
        self._symbols = tuple(_market_symbol(name, recordings[name]) for name in self._names)
        times = np.unique(np.concatenate([entry.bars["open_time"] for entry in recordings.values()]))
        # A long recording is kept as small numbers: prices in ticks, volumes in single precision.
        self._paths: PricePaths = np.empty((len(times), TICKS_PER_SECOND, len(self._names)), dtype=np.int32)
        self._volume = np.empty((len(times), len(self._names)), dtype=np.float32)
        for column, entry in enumerate(self._symbols):
            bars = _align(recordings.pop(entry.symbol).bars, times)
            self._paths[:, :, column] = _price_path(bars, float(entry.tick_size))
            self._volume[:, column] = bars["volume"]
        self._step_size = np.array([float(entry.step_size) for entry in self._symbols])
        self._origin = 0
        self._next = 0
        self.trades_before = 0

    @property
    def symbols(self) -> tuple[MarketSymbol, ...]:
        """The symbols, in the column order of every block."""
        return self._symbols

    def __len__(self) -> int:
        return len(self._volume)

    @property
    def end_ms(self) -> int:
        """Unix ms, rebased, at which the recording ends."""
        return self._origin + len(self) * 1_000

    def begin(self, memory: Sequence[dict[str, Any]], now: int, last_trade_id: int = 0) -> None:
        """Choose the rebased time of the first bar: the remembered one while it lasts, else by ``now``.

        Trade ids go on as remembered, or after ``last_trade_id``.
        """
        mine = self.state()
        chosen = {"origin": mine["origin"], "trades": mine["trades"]}
        known = [entry for entry in memory[-1:] if {**entry, **chosen} == mine]
        self._next, self.trades_before = 0, last_trade_id
        if known and known[0]["origin"] <= now < known[0]["origin"] + len(self) * 1_000:
            self._origin = known[0]["origin"]
            self.trades_before = known[0].get("trades", 0)
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
        fingerprint = hashlib.sha256(self._paths.tobytes()).hexdigest()[:16]
        return {
            "kind": "replay",
            "symbols": self._names,
            "fingerprint": fingerprint,
            "origin": self._origin,
            "trades": self.trades_before,
        }

    def liquidity(self, column: int) -> GeneratedLiquidity:
        """Return depth that follows from the price."""
        return GeneratedLiquidity(self.symbols[column])

    def history(self) -> Bars:
        """Return no bars: a recording's history comes as its first blocks."""
        return np.empty((0, len(self._names)), dtype=BAR)

    def next_block(self) -> TickBlock | None:
        """Return the next minutes of the recording; None at its end."""
        path = self._paths[self._next : self._next + _BLOCK_SECONDS]
        if not len(path):
            return None
        start = (self._origin + self._next * 1_000) // TICK_MS
        volume = self._volume[self._next : self._next + len(path)].astype(np.float64)
        self._next += len(path)
        return self._block(start, path, volume)

    def _block(self, start: int, path: PricePaths, volume: Floats) -> TickBlock:
        last = path.reshape(len(path) * TICKS_PER_SECOND, len(self._names)).astype(np.int64)
        quantity = np.round(volume / TICKS_PER_SECOND / self._step_size) * self._step_size
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


def _price_path(bars: Bars, tick_size: float) -> PricePaths:
    """Walk each bar of a symbol from open over its extremes to its close, shape (bars, ticks), in tick sizes."""
    up = bars["close"] >= bars["open"]
    second, third = np.where(up, bars["low"], bars["high"]), np.where(up, bars["high"], bars["low"])
    path = np.stack([bars["open"], second, third, bars["close"]], axis=1)
    return np.round(path / tick_size).astype(np.int32)


def _spread_share(symbols: Sequence[MarketSymbol]) -> Floats:
    return np.array([entry.spread_bp for entry in symbols]) / 1e4


def _market_symbol(name: str, recording: Recording) -> MarketSymbol:
    price = float(np.median(recording.bars["close"]))
    entry = symbol_at_price(name, price, Decimal(1).scaleb(-recording.decimals))
    return replace(entry, start_price=price)


def _align(bars: Bars, times: Integers) -> Bars:
    """Put a symbol on the times that any symbol has; where it has no bar it gets a flat one without volume."""
    at = np.maximum(np.searchsorted(bars["open_time"], times, side="right") - 1, 0)
    result: Bars = bars[at]
    absent = result["open_time"] != times
    # Before a symbol's first bar the price stands at its first open, later at the last close.
    flat = np.where(times < bars["open_time"][0], bars["open"][0], result["close"])
    for field in ("open", "high", "low", "close"):
        result[field] = np.where(absent, flat, result[field])
    result["volume"] = np.where(absent, 0, result["volume"])
    return result
