"""The start of prices: continued from the ledger after a restart, or new ones with later trade ids."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from cq_tui.simulator.market.live_prices import LivePrices
from cq_tui.simulator.market.random_walk import RandomWalk, WalkState, recorded_trades
from cq_tui.simulator.market.replay import Replay
from cq_tui.simulator.market.symbols import MarketSymbol

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
) -> RandomWalk:
    """Return generated prices that reach back at least ``history_ms`` from ``now`` (Unix ms).

    Recorded states of the same seed and symbols continue with exactly the same prices. After a long gap, with another
    seed or other symbols, or if an earlier version recorded other fields, a new era begins at the last prices, with
    trade ids after ``last_trade_id``; always without ``continues``.
    """
    names = [entry.symbol for entry in symbols]
    walks = [entry for entry in recorded_states if entry.get("kind") == "walk"]
    same = [entry for entry in walks if entry["seed"] == seed and entry["symbols"] == names]
    if continues and same and same[-1] is walks[-1]:
        last, states = _read_state(same[-1]), filter(None, map(_read_state, same))
        early = [state for state in states if state.start_ms <= now - history_ms]
        if last and early and now - last.start_ms <= LONGEST_CATCH_UP_MS:
            return RandomWalk(symbols, seed, early[-1])
        log.info("the exchange was down for too long, upgraded, or the clock was set back: starting new prices")
    return RandomWalk(symbols, seed, _start_new_era(names, walks, now - history_ms, last_trade_id))


def _read_state(entry: dict[str, Any]) -> WalkState | None:
    """Return a recorded state; None if it has other fields than this version's."""
    with suppress(KeyError, TypeError, ValueError):
        return WalkState.from_json(entry["state"])
    return None


def _start_new_era(names: list[str], walks: list[dict[str, Any]], start: int, last_trade_id: int) -> WalkState:
    # On a whole second, not a minute: the same offset from the start then always has the same prices.
    start = start // 1_000 * 1_000
    levels = dict.fromkeys(names, 0.0)
    if walks:
        last = walks[-1]["state"]
        known = dict(zip(walks[-1]["symbols"], np.add(last["level"], last["cycle"]).tolist(), strict=True))
        levels |= {name: known[name] for name in names if name in known}
        # The old era continued for minutes after its last state: fewer trades than a history has.
        last_trade_id = max(last_trade_id, recorded_trades(last))
    return WalkState.at(start, np.array([levels[name] for name in names]), last_trade_id)


def random_walk_state(walk: RandomWalk, seed: int) -> dict[str, Any]:
    """Return the market state from which ``start_random_walk`` continues this walk."""
    return {
        "kind": "walk",
        "seed": seed,
        "symbols": [entry.symbol for entry in walk.symbols],
        "state": walk.state(),
    }
