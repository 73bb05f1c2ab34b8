"""Which klines a strategy is checked on: its own, and those of the symbols that it reads beside them."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from cq_tui.contracts.market import Kline
from cq_tui.ops import strategy_check
from cq_tui.ops.strategy_check import CannotCheck, prepare
from cq_tui.strategies.protocol import StrategyClass
from cq_tui.strategies.registry import StrategyCatalog
from tests.lookback.test_strategy_checks import ReadsAnother
from tests.strategies.walks import walk

MINUTE = 60_000


class Pair(ReadsAnother):
    def __init__(self, symbol: str, base_interval_ms: int, parameters: object = None) -> None:
        super().__init__(symbol)

    def signal(self, bar: Kline) -> Any:
        return replace(super().signal(bar), frame="1m")


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = StrategyCatalog({"rising": cast("StrategyClass", Pair)})
    monkeypatch.setattr(strategy_check, "load_strategies", lambda: catalog)


def store(folder: Path, symbol: str, seed: int, first: int = 0, base: int = MINUTE) -> None:
    with (folder / f"{symbol}-1m-2024-08.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        for one in walk(seed, 700, base=base)[first:]:
            prices = (one.open, one.high, one.low, one.close, one.volume)
            rows.writerow([one.open_time, *prices, one.close_time, one.quote_volume, one.trades, 0, 0, 0])


def test_others_are_taken_from_the_same_folder(tmp_path: Path) -> None:
    store(tmp_path, "BTCUSDT", 1, first=100)
    store(tmp_path, "ETHUSDT", 2)
    results = {one.check: one for one in prepare("rising", tmp_path, symbol="BTCUSDT", settings={}).results()}
    assert [one for one in results.values() if not one.passed] == []
    assert results["runs"].text != "0 signals on 600 klines"


def test_without_them_nothing_can_be_checked(tmp_path: Path) -> None:
    store(tmp_path, "BTCUSDT", 1)
    with pytest.raises(CannotCheck, match="holds no klines of ETHUSDT, which the strategy reads, too; put the klines"):
        prepare("rising", tmp_path, symbol="BTCUSDT", settings={})
    store(tmp_path, "ETHUSDT", 2, base=5 * MINUTE)
    with pytest.raises(CannotCheck, match="holds klines of another interval of ETHUSDT"):
        prepare("rising", tmp_path, symbol="BTCUSDT", settings={})
