"""Replayed prices: recorded klines or trades, one recorded bar per second, with times rebased to now."""

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

#: Bars served as history before the first live bar, if the recording is long enough.
HISTORY_BARS = 9_600
#: Minimum live bars: at most half of a short recording becomes history.
_LIVE_BARS = 600
_BLOCK_SECONDS = 600
PricePaths = NDArray[np.int32]


def open_replay(path: Path, names: Sequence[str] | None = None) -> "Replay":
    """Read recorded prices from a file or folder; with ``names``, only of those symbols.

    Raises ReplayError, also if none of the symbols was recorded.
    """
    recordings = read_recordings(path)
    if names is not None:
        chosen = {name: recordings[name] for name in names if name in recordings}
        available = ", ".join(sorted(recordings))
        if not chosen:
            raise ReplayError(f"{path}: no recording of {', '.join(names)}; available: {available}")
        if missing := [name for name in names if name not in recordings]:
            log.warning("%s: no recording of %s; available: %s", path, ", ".join(missing), available)
        recordings = chosen
    return Replay(path, recordings)


class Replay:
    """A price source that ends. Call ``begin`` before the first block."""

    def __init__(self, path: Path, recordings: dict[str, Recording]) -> None:
        """Convert the recordings; the dict is emptied, so each recording is freed once converted."""
        self._path = path
        self._names = sorted(recordings)
        self._symbols = tuple(_market_symbol(name, recordings[name]) for name in self._names)
        times = np.unique(np.concatenate([entry.bars["open_time"] for entry in recordings.values()]))
        # Small types keep long recordings small: prices in ticks, volumes in single precision.
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
        """Rebased end of the recording (Unix ms)."""
        return self._origin + len(self) * 1_000

    def begin(self, recorded_states: Sequence[dict[str, Any]], now: int, last_trade_id: int = 0) -> None:
        """Set the rebased time of the first bar: the recorded one until its end, otherwise one based on ``now``.

        Trade ids continue as recorded, or after ``last_trade_id``.
        """
        mine = self.state()
        chosen = {"origin": mine["origin"], "trades": mine["trades"]}
        known = [entry for entry in recorded_states[-1:] if {**entry, **chosen} == mine]
        self._next, self.trades_before = 0, last_trade_id
        if known and known[0]["origin"] <= now < known[0]["origin"] + len(self) * 1_000:
            self._origin = known[0]["origin"]
            self.trades_before = known[0].get("trades", 0)
        else:
            history = max(1, min(HISTORY_BARS, max(len(self) - _LIVE_BARS, len(self) // 2)))
            self._origin = now // 1_000 * 1_000 - history * 1_000
        seconds_left = (self.end_ms - now) // 1_000
        log.info(
            "replaying %s: %d bars of %d symbols; %d s left, then the market halts",
            self._path,
            len(self),
            len(self._names),
            seconds_left,
        )

    def state(self) -> dict[str, Any]:
        """Return the JSON from which a restart continues at the same place."""
        fingerprint = hashlib.sha256(self._paths.tobytes()).hexdigest()[:16]
        return {
            "kind": "replay",
            "symbols": self._names,
            "fingerprint": fingerprint,
            "origin": self._origin,
            "trades": self.trades_before,
        }

    def liquidity(self, column: int) -> GeneratedLiquidity:
        """Return liquidity generated from the price."""
        return GeneratedLiquidity(self.symbols[column])

    def history(self) -> Bars:
        """Return no bars: the history of a recording comes in its first blocks."""
        return np.empty((0, len(self._names)), dtype=BAR)

    def next_block(self) -> TickBlock | None:
        """Return the next minutes of the recording, or None at its end."""
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
    """Return each bar's path from open through its extremes to close, shape (bars, ticks), in tick sizes."""
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
    """Align a symbol's bars to all ``times``; missing bars become flat ones without volume."""
    at = np.maximum(np.searchsorted(bars["open_time"], times, side="right") - 1, 0)
    result: Bars = bars[at]
    absent = result["open_time"] != times
    # Before a symbol's first bar the price is its first open, later its last close.
    flat = np.where(times < bars["open_time"][0], bars["open"][0], result["close"])
    for field in ("open", "high", "low", "close"):
        result[field] = np.where(absent, flat, result[field])
    result["volume"] = np.where(absent, 0, result["volume"])
    return result
