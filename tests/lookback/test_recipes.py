"""Strategies with the parameters that they had, by the settings now and the changes before."""

from collections.abc import Sequence
from math import inf
from typing import Any

from cq_tui.lookback.recipes import Change, recipes_of
from cq_tui.lookback.signals_again import Recipe
from cq_tui.strategies.registry import load_strategies

CATALOG = load_strategies([])
TREND = "trend_multi_tf"


def of(now: dict[str, Any], changes: Sequence[Change] = (), base: str = "1m") -> list[Recipe]:
    values = {"STRATEGIES": now, "SYMBOLS": ["BTCUSDT"]}
    return [one for one in recipes_of(CATALOG, values, changes, {}, base) if one.strategy == TREND]


def test_without_changes_there_is_one_of_each() -> None:
    [one] = of({})
    assert one.in_force("BTCUSDT", "1m") == [(-inf, inf)]
    assert one.in_force("ETHUSDT", "1m") == one.in_force("BTCUSDT", "5m") == []


def test_a_change_gives_another_before_it() -> None:
    now, before = of({TREND: {"adx_arm": 30.0}}, [Change(1_000.0, f"STRATEGIES.{TREND}.adx_arm", None)])
    assert now.parameters_hash != before.parameters_hash == of({})[0].parameters_hash
    assert now.in_force("BTCUSDT", "1m") == [(1_060.0, inf)]
    assert before.in_force("BTCUSDT", "1m") == [(-inf, 1_000.0)]
    assert now.make("BTCUSDT", 60_000).name == TREND


def test_switches_change_when_and_where_and_no_parameters() -> None:
    changes = [Change(500.0, f"STRATEGIES.{TREND}.enabled", False), Change(900.0, "SYMBOLS", ["ETHUSDT"])]
    [one] = of({}, changes)
    assert one.in_force("BTCUSDT", "1m") == [(960.0, inf)]
    assert one.in_force("ETHUSDT", "1m") == [(560.0, 900.0)]


def test_before_another_market_nothing_is_expected() -> None:
    [one] = of({}, [Change(900.0, "TRADING_MODE", "live")])
    assert one.in_force("BTCUSDT", "1m") == [(960.0, inf)]


def test_what_contradicts_itself_is_passed_over() -> None:
    changes = [Change(1.0, f"STRATEGIES.{TREND}.gone", None), Change(2.0, "TRADER_QUOTE", "USDC"), Change(3.0, "?", 1)]
    [one] = of({}, changes)
    assert one.in_force("BTCUSDT", "1m")[-1] == (-inf, 1.0)
