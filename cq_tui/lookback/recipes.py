"""Which strategies ran with which parameters, and when: from the settings now, and their recorded changes backwards."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from typing import Any, NamedTuple

from cq_tui.contracts.strategy_settings import STRATEGIES, split_strategy_key, with_value
from cq_tui.lookback.signals_again import Recipe
from cq_tui.strategies.choice import Choice, choose, parameters_digest
from cq_tui.strategies.protocol import Strategy
from cq_tui.strategies.registry import StrategyCatalog

#: So long (seconds) after a change a strategy may still be starting over.
_STARTING_OVER = 60.0
#: With another value of one of these, other klines are stored, or none.
_OF_MARKET = (
    "TRADING_MODE", "SIMULATION_MODE", "PAPER_MODE", "LIVE_TRADING_ENABLED", "BINANCE_USE_TESTNET",
    "ARES_BASE_INTERVAL", "SIMULATOR_SEED", "SIMULATOR_REPLAY", "SIMULATOR_SPEED",
)  # fmt: skip


class Change(NamedTuple):
    """A recorded change of a setting, and what it was before; None if it was not set."""

    #: Unix seconds.
    at: float
    key: str
    before: Any


class _State(NamedTuple):
    """Settings from one time to another (Unix seconds)."""

    begin: float
    end: float
    strategies: Mapping[str, Any]
    symbols: Sequence[str]


def recipes_of(
    catalog: StrategyCatalog,
    now: Mapping[str, Any],
    changes: Iterable[Change],
    last_good: Mapping[str, Mapping[str, Any]],
    base_interval: str,
) -> list[Recipe]:
    """Return every strategy with all parameters that it had.

    ``now``: STRATEGIES and SYMBOLS in force; ``changes`` oldest first.
    """
    spans: dict[tuple[str, str | None], list[tuple[_State, Choice]]] = {}
    for state in _states(now, changes):
        for name, kind in catalog.classes.items():
            chosen = choose(name, kind.Parameters, state.strategies.get(name, {}), last_good.get(name))
            digest = parameters_digest(catalog.parameters(name, chosen.parameters))
            spans.setdefault((name, digest), []).append((state, chosen))
    return [
        Recipe(name, digest, _maker(catalog, name, found[0][1].parameters), _in_force(found, base_interval))
        for (name, digest), found in spans.items()
    ]


def _states(now: Mapping[str, Any], changes: Iterable[Change]) -> list[_State]:
    """Return the settings of each time, the newest first."""
    values, end, states = dict(now), inf, []
    is_same_market = True
    for change in reversed(list(changes)):
        is_market, is_strategy = change.key in _OF_MARKET, change.key == STRATEGIES or split_strategy_key(change.key)
        if not (is_market or is_strategy or change.key == "SYMBOLS"):
            continue
        states.append(_state_of(values, change.at + _STARTING_OVER, end, is_same_market=is_same_market))
        is_same_market = is_same_market and not is_market
        end = change.at
        if not is_market:
            values = _before(values, change)
    states.append(_state_of(values, -inf, end, is_same_market=is_same_market))
    return states


def _state_of(values: Mapping[str, Any], begin: float, end: float, *, is_same_market: bool) -> _State:
    strategies, symbols = values.get(STRATEGIES), values.get("SYMBOLS")
    return _State(
        begin,
        # Signals of klines that are no longer stored are expected at no time.
        end if is_same_market else -inf,
        strategies if isinstance(strategies, Mapping) else {},
        symbols if isinstance(symbols, list | tuple) else (),
    )


def _before(values: Mapping[str, Any], change: Change) -> dict[str, Any]:
    try:
        return with_value(values, change.key, change.before)
    except KeyError:
        # It was set and taken out again by what no event tells.
        return dict(values)


def _maker(catalog: StrategyCatalog, name: str, parameters: Mapping[str, Any]) -> Callable[[str, int], Strategy]:
    return lambda symbol, interval_ms: catalog.make(name, symbol, interval_ms, parameters)


def _in_force(
    found: Sequence[tuple[_State, Choice]], base_interval: str
) -> Callable[[str, str], list[tuple[float, float]]]:
    def spans(symbol: str, interval: str) -> list[tuple[float, float]]:
        return [
            (state.begin, state.end)
            for state, chosen in found
            if chosen.enabled
            and symbol in state.symbols
            and (chosen.symbols is None or symbol in chosen.symbols)
            and interval == (chosen.interval or base_interval)
            and state.begin < state.end
        ]

    return spans
