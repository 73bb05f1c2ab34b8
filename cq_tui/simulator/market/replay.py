"""Replayed prices: recorded klines or trades at a chosen speed, with their holes, times rebased to now."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cq_tui.simulator.market.background_liquidity import GeneratedLiquidity
from cq_tui.simulator.market.bars import aggregate
from cq_tui.simulator.market.holes import Holes
from cq_tui.simulator.market.recordings import Recording, ReplayError, read_recordings
from cq_tui.simulator.market.symbols import MarketSymbol, recorded_symbol
from cq_tui.simulator.market.ticks import BAR, TICK_MS, TICKS_PER_SECOND, Bars, Flags, Floats, Integers, TickBlock

log = logging.getLogger(__name__)

#: Bars served as history before the first live bar, if the recording is long enough.
HISTORY_BARS = 9_600
#: Minimum live bars: at most half of a short recording becomes history.
_LIVE_BARS = 600
#: The last seconds of the history that are played as ticks: what is older has coarse bars only.
_TICK_HISTORY_SECONDS = 9_600
_BLOCK_SECONDS = 600
#: Speeds at which klines can be replayed.
KLINE_SPEEDS = (1, 60)
#: Points of a bar's path: open, both extremes, close.
_POINTS = 4
PricePaths = NDArray[np.int32]


def open_replay(path: Path, names: Sequence[str] | None = None, speed: float | None = None) -> "Replay":
    """Read recorded prices from a file or folder; with ``names``, only of those symbols.

    ``speed`` is how many recorded seconds pass in one; None plays klines at one a second, and trades at 1.
    Raises ReplayError, also if none of the symbols was recorded.
    """
    recordings = read_recordings(path, trade_bar_ms=max(round(1_000 * (speed or 1)), 1))
    if names is not None:
        chosen = {name: recordings[name] for name in names if name in recordings}
        available = ", ".join(sorted(recordings))
        if not chosen:
            raise ReplayError(f"{path}: no recording of {', '.join(names)}; available: {available}")
        if missing := [name for name in names if name not in recordings]:
            log.warning("%s: no recording of %s; available: %s", path, ", ".join(missing), available)
        recordings = chosen
    return Replay(path, recordings, _bar_seconds(path, recordings, speed))


def _bar_seconds(path: Path, recordings: dict[str, Recording], speed: float | None) -> int:
    """Return how long a recorded bar takes. Raises ReplayError for a speed that the recording does not allow."""
    if speed is None or all(entry.kind != "klines" for entry in recordings.values()):
        return 1
    interval_ms = min(entry.interval_ms for entry in recordings.values())
    seconds, rest = divmod(interval_ms, round(1_000 * speed))
    if speed not in KLINE_SPEEDS or rest or not seconds or 60 % seconds:
        raise ReplayError(
            f"{path}: klines of {interval_ms / 1_000:g} s cannot be replayed at {speed:g} times their speed. "
            "Use 1 or 60 for klines of a minute; trades can be replayed at any speed"
        )
    return seconds


class Replay:
    """A price source that ends. Call ``begin`` before the first block."""

    def __init__(self, path: Path, recordings: dict[str, Recording], bar_seconds: int = 1) -> None:
        """Convert the recordings; the dict is emptied, so each recording is freed once converted."""
        self._path = path
        self._names = sorted(recordings)
        self._bar_seconds = bar_seconds
        self.speed = min(entry.interval_ms for entry in recordings.values()) / 1_000 / bar_seconds
        self._symbols = tuple(_market_symbol(name, recordings[name]) for name in self._names)
        interval = min(entry.interval_ms for entry in recordings.values())
        first = min(int(entry.bars["open_time"][0]) for entry in recordings.values())
        last = max(int(entry.bars["open_time"][-1]) for entry in recordings.values())
        count = (last - first) // interval + 1
        # Small types keep long recordings small: prices in ticks, volumes in steps.
        self._paths: PricePaths = np.empty((count, _POINTS, len(self._names)), dtype=np.int32)
        self._steps: Integers = np.zeros((count, len(self._names)), dtype=np.int64)
        self._present: Flags = np.zeros((count, len(self._names)), dtype=np.bool_)
        for column, entry in enumerate(self._symbols):
            bars = recordings.pop(entry.symbol).bars
            rows = (bars["open_time"] - first) // interval
            self._present[rows, column] = True
            self._paths[:, :, column] = _fill(_price_path(bars, float(entry.tick_size)), rows, count)
            self._steps[rows, column] = np.round(bars["volume"] / float(entry.step_size))
        self._step_size = np.array([float(entry.step_size) for entry in self._symbols])
        self._origin = 0
        self._next = 0
        self.trades_before = 0

    @property
    def symbols(self) -> tuple[MarketSymbol, ...]:
        """The symbols, in the column order of every block."""
        return self._symbols

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def _bar_ms(self) -> int:
        return self._bar_seconds * 1_000

    @property
    def end_ms(self) -> int:
        """Rebased end of the recording (Unix ms)."""
        return self._origin + len(self) * self._bar_ms

    def begin(self, recorded_states: Sequence[dict[str, Any]], now: int, last_trade_id: int = 0) -> None:
        """Set the rebased time of the first bar: the recorded one until its end, otherwise one based on ``now``.

        Trade ids continue as recorded, or after ``last_trade_id``.
        """
        mine = self.state()
        chosen = {"origin": mine["origin"], "trades": mine["trades"]}
        known = [entry for entry in recorded_states[-1:] if {**entry, **chosen} == mine]
        self.trades_before = last_trade_id
        if known and known[0]["origin"] <= now < known[0]["origin"] + len(self) * self._bar_ms:
            self._origin = known[0]["origin"]
            self.trades_before = known[0].get("trades", 0)
        else:
            history = max(1, min(HISTORY_BARS, max(len(self) - _LIVE_BARS, len(self) // 2)))
            self._origin = now // self._bar_ms * self._bar_ms - history * self._bar_ms
        self._next = self._first_row(now)
        log.info(
            "replaying %s: %d bars of %d symbols; %d s left, then the market halts",
            self._path,
            len(self),
            len(self._names),
            (self.end_ms - now) // 1_000,
        )

    def _first_row(self, now: int) -> int:
        """Return the first bar that is played as ticks; those before it are coarse history."""
        if self._bar_seconds == 1:
            return 0
        return max((now - _TICK_HISTORY_SECONDS * 1_000 - self._origin) // self._bar_ms, 0)

    def state(self) -> dict[str, Any]:
        """Return the JSON from which a restart continues at the same place."""
        fingerprint = hashlib.sha256(self._paths.tobytes()).hexdigest()[:16]
        return {
            "kind": "replay",
            "symbols": self._names,
            "fingerprint": fingerprint,
            "bar_seconds": self._bar_seconds,
            "origin": self._origin,
            "trades": self.trades_before,
        }

    def liquidity(self, column: int) -> GeneratedLiquidity:
        """Return liquidity generated from the price."""
        return GeneratedLiquidity(self.symbols[column])

    def holes(self, column: int) -> Holes:
        """Return the times without recorded bars of a symbol."""
        return Holes.of_flags(~self._present[:, column], self._origin, self._bar_ms)

    def statuses(self, now: int) -> dict[str, str]:
        """Return the status of each symbol at a time (Unix ms): an exchange that traded has klines."""
        row = (now - self._origin) // self._bar_ms
        if not 0 <= row < len(self):
            return {}
        present = self._present[row].tolist()
        return {name: "TRADING" if here else "BREAK" for name, here in zip(self._names, present, strict=True)}

    def history(self, minutes: int) -> Bars:
        """Return what was recorded in the minutes before the first block."""
        return self._bars(max(0, self._next - minutes * 60 // self._bar_seconds), self._next)

    def oldest(self) -> int:
        """Return when the recording begins."""
        return self._origin

    def past(self, column: int, first: int, last: int, *, hourly: bool = False) -> Bars:
        """Return what was recorded then."""
        rows = [min(max((time - self._origin) // self._bar_ms, 0), len(self)) for time in (first, last)]
        bars = self._bars(*rows)[:, column]
        bars = bars[~self.holes(column).contain(bars["open_time"], bars["open_time"] + self._bar_ms)]
        return aggregate(bars, "1m")

    def _bars(self, first: int, last: int) -> Bars:
        """Return rows of the recording as bars; where a symbol has none, they are flat."""
        bars = np.zeros((last - first, len(self._names)), dtype=BAR)
        price = self._paths[first:last] * np.array([float(entry.tick_size) for entry in self._symbols])
        bars["open_time"] = (self._origin + np.arange(first, last) * self._bar_ms)[:, None]
        bars["open"], bars["close"] = price[:, 0], price[:, -1]
        bars["high"], bars["low"] = price.max(axis=1), price.min(axis=1)
        bars["volume"] = self._steps[first:last] * self._step_size
        bars["quote"] = bars["volume"] * price.mean(axis=1)
        bars["taker"], bars["taker_quote"] = bars["volume"] / 2, bars["quote"] / 2
        bars["trades"] = np.minimum(self._steps[first:last], self._bar_seconds * TICKS_PER_SECOND)
        return bars

    def next_block(self) -> TickBlock | None:
        """Return the next minutes of the recording, or None at its end."""
        first = self._next
        self._next = min(first + max(_BLOCK_SECONDS // self._bar_seconds, 1), len(self))
        if first == self._next:
            return None
        start = (self._origin + first * self._bar_ms) // TICK_MS
        return self._block(start, self._paths[first : self._next], self._steps[first : self._next])

    def _block(self, start: int, paths: PricePaths, steps: Integers) -> TickBlock:
        ticks = self._bar_seconds * TICKS_PER_SECOND
        last = _played(paths, ticks).reshape(len(paths) * ticks, len(self._names))
        # Whole steps, spread over the bar's ticks so that they add up to its volume.
        upto = steps[:, None, :] * np.arange(ticks + 1)[:, None] // ticks
        quantity = np.diff(upto, axis=1).reshape(last.shape) * self._step_size
        bought = np.diff(last, axis=0, prepend=last[:1]) >= 0
        spread = np.maximum(np.round(last * _spread_share(self._symbols)), 1).astype(np.int64)
        return TickBlock(
            start=start,
            bid=np.maximum(np.where(bought, last - spread, last), 1),
            ask=np.where(bought, last, last + spread),
            last=last,
            quantity=quantity,
            taker_bought=bought,
        )


def _price_path(bars: Bars, tick_size: float) -> PricePaths:
    """Return each bar's path from open through its extremes to close, shape (bars, points), in tick sizes."""
    up = bars["close"] >= bars["open"]
    second, third = np.where(up, bars["low"], bars["high"]), np.where(up, bars["high"], bars["low"])
    path = np.stack([bars["open"], second, third, bars["close"]], axis=1)
    return np.round(path / tick_size).astype(np.int32)


def _fill(path: PricePaths, rows: Integers, count: int) -> PricePaths:
    """Return the paths of ``count`` rows; one without a bar stays at the last close, or at the first open."""
    at = np.searchsorted(rows, np.arange(count), side="right") - 1
    filled = np.asarray(path[np.maximum(at, 0)])
    absent = rows[np.maximum(at, 0)] != np.arange(count)
    flat = np.where(at < 0, path[0, 0], filled[:, -1])
    return np.where(absent[:, None], flat[:, None], filled)


def _played(paths: PricePaths, ticks: int) -> Integers:
    """Return each bar's path at so many ticks, straight from point to point, each of which is reached."""
    points = np.linspace(0, ticks - 1, _POINTS).round().astype(np.int64)
    at = np.searchsorted(points, np.arange(ticks), side="right").clip(max=_POINTS - 1)
    share = (np.arange(ticks) - points[at - 1]) / (points[at] - points[at - 1])
    before, after = paths[:, at - 1].astype(np.int64), paths[:, at].astype(np.int64)
    return np.asarray(before + np.round((after - before) * share[:, None]).astype(np.int64))


def _spread_share(symbols: Sequence[MarketSymbol]) -> Floats:
    return np.array([entry.spread_bp for entry in symbols]) / 1e4


def _market_symbol(name: str, recording: Recording) -> MarketSymbol:
    """Return the symbol with the recorded tick size, and a step size fine enough for the recorded volumes."""
    price = float(np.median(recording.bars["close"]))
    return recorded_symbol(name, price, recording.decimals, recording.volume_decimals)
