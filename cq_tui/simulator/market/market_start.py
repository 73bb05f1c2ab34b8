"""The start of prices: continued from the ledger after a restart, or new ones with later trade ids."""

import logging
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from cq_tui.simulator.market.live_prices import LivePrices
from cq_tui.simulator.market.random_walk import BLOCK_MS, FULL_SPEED, RandomWalk, WalkState, recorded_trades
from cq_tui.simulator.market.replay import Replay
from cq_tui.simulator.market.symbols import MarketSymbol
from cq_tui.simulator.market.ticks import Floats

log = logging.getLogger(__name__)

#: Default history (ms) that a new era generates, and a restart regenerates.
HISTORY_MS = 9_600_000
#: After a longer gap (ms) since the last recorded state, a new era begins at the last prices.
LONGEST_CATCH_UP_MS = 6 * 3_600_000


def start_external_prices(
    source: Replay | LivePrices,
    recorded_states: Sequence[dict[str, Any]],
    now: int,
    last_trade_id: int,
    *,
    continues: bool = True,
) -> None:
    """Begin recorded or live prices, with trade ids after ``last_trade_id`` unless a recording continues."""
    if isinstance(source, Replay):
        source.begin(recorded_states if continues else [], now, last_trade_id)
    else:
        source.trades_before = last_trade_id


def start_random_walk(
    symbols: Sequence[MarketSymbol],
    seed: int,
    recorded_states: Sequence[dict[str, Any]],
    now: int,
    last_trade_id: int = 0,
    history_ms: int = HISTORY_MS,
    *,
    continues: bool = True,
    speed: float = FULL_SPEED,
) -> RandomWalk:
    """Return generated prices that reach back at least ``history_ms`` from ``now`` (Unix ms).

    Recorded states of the same seed, symbols and speed continue with exactly the same prices. After a long gap, with
    other ones of these, or if an earlier version recorded other fields, a new era begins, whose history leads to the
    last prices now, with trade ids after ``last_trade_id``; always without ``continues``.
    """
    names = [entry.symbol for entry in symbols]
    walks = [entry for entry in recorded_states if entry.get("kind") == "walk"]
    same = [entry for entry in walks if (entry["seed"], entry["symbols"], _speed(entry)) == (seed, names, speed)]
    if continues and same and same[-1] is walks[-1]:
        last, states = _read_state(same[-1]), filter(None, map(_read_state, same))
        early = [state for state in states if state.start_ms <= now - history_ms]
        if last and early and now - last.start_ms <= LONGEST_CATCH_UP_MS:
            return RandomWalk(symbols, seed, early[-1], speed, _era_of(same[-1]))
        log.info("the exchange was down for too long, upgraded, or the clock was set back: starting new prices")
    origin = RandomWalk(symbols, seed, WalkState.at(0, np.zeros(len(symbols))), speed)
    return RandomWalk(
        symbols, seed, _new_era(origin, walks, now - history_ms, history_ms // BLOCK_MS, last_trade_id), speed
    )


def _speed(entry: Mapping[str, Any]) -> float:
    """Return the speed of a recorded state; up to version 0.1.0 there was one."""
    return float(entry.get("speed", FULL_SPEED))


def _era_of(entry: Mapping[str, Any]) -> tuple[int, Floats] | None:
    """Return where the era of a recorded state began."""
    era = entry.get("era")
    return None if era is None else (int(era["start_ms"]), np.array(era["level"], dtype=np.float64))


def _read_state(entry: dict[str, Any]) -> WalkState | None:
    """Return a recorded state; None if it has other fields than this version's."""
    with suppress(KeyError, TypeError, ValueError):
        return WalkState.from_json(entry["state"])
    return None


def _new_era(
    walk: RandomWalk, walks: list[dict[str, Any]], start: int, history_blocks: int, last_trade_id: int
) -> WalkState:
    """Return the state of ``walk`` at ``start`` that passes through the last known prices after its history."""
    # On a whole second, not a minute: the same offset from the start then always has the same prices.
    start = start // 1_000 * 1_000
    known: dict[str, float] = {}
    if walks:
        last = walks[-1]["state"]
        known = dict(zip(walks[-1]["symbols"], _last_levels(last), strict=True))
        # The old era continued for minutes after its last state: fewer trades than a history has.
        last_trade_id = max(last_trade_id, recorded_trades(last))
    levels = np.array([known.get(entry.symbol, 0.0) for entry in walk.symbols])
    return WalkState.at(start, walk.leads_to(levels, history_blocks), last_trade_id)


def _last_levels(state: Mapping[str, Any]) -> list[float]:
    """Return the log prices of a recorded state; up to version 0.1.0, swings and shocks were kept beside the level."""
    parts = [state[name] for name in ("level", "cycle", "shock") if name in state]
    return [math.fsum(part) for part in zip(*parts, strict=True)]


def random_walk_state(walk: RandomWalk, seed: int) -> dict[str, Any]:
    """Return the market state from which ``start_random_walk`` continues this walk."""
    return {
        "kind": "walk",
        "seed": seed,
        "speed": walk.speed,
        "symbols": [entry.symbol for entry in walk.symbols],
        "state": walk.state(),
        "era": {"start_ms": walk.era[0], "level": walk.era[1].tolist()},
    }
