"""From Python: a run by name or with a class of one's own, and its results as columns."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

import pytest

from cq_tui.lookback import backtest
from cq_tui.strategies.protocol import StrategyParameters
from cq_tui.strategies.registry import StrategyUnknown
from tests.lookback.scripted import MINUTE, SETTINGS, START, Scripted, columns, flat


class Levels(StrategyParameters):
    stop: float = 95.0


class Own(Scripted):
    Parameters: ClassVar[type[Levels]] = Levels

    def __init__(self, symbol: str, base_interval_ms: int, parameters: StrategyParameters | None = None) -> None:
        assert isinstance(parameters, Levels)
        super().__init__(symbol, {2: (parameters.stop, 120.0), 5: None})


def test_a_class_of_ones_own_with_parameters_and_its_results_as_columns() -> None:
    klines = {"COINUSDT": columns([*flat(4), *flat(5, 104.0)])}
    found = backtest(klines, {Own: {"stop": 90.0}}, slippage=Decimal(0), fee=Decimal(0), settings=SETTINGS)
    assert [(trade.entry_price, trade.exit_price, trade.net) for trade in found.trades] == [
        (Decimal(100), Decimal(104), Decimal("3.808"))
    ]
    trades, equity = found.trade_columns(), found.equity_columns()
    assert (trades["net"], trades["exit_reason"], trades["strategy"]) == ([3.808], ["signal"], ["scripted"])
    assert {len(column) for column in equity.values()} == {9}
    assert (equity["ms"][0], equity["net"][-1]) == (START + MINUTE, 10_003.808)
    assert found.signal_columns()["stop_loss"][0] == 90.0
    nothing = backtest(klines, [Own], end=datetime(2023, 11, 15, 0, 2), settings=SETTINGS)
    assert nothing.trade_columns()["net"] == []


def test_an_unknown_name_is_refused_with_those_that_are_there() -> None:
    with pytest.raises(StrategyUnknown, match="available: trend_multi_tf"):
        backtest({"COINUSDT": columns(flat(9))}, ["nobody"])
