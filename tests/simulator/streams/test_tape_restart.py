"""Restarts: the tape continues with its ids and the account's fills; no id is used twice."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from cq_tui.simulator.api import klines, public_trades
from cq_tui.simulator.market.market_start import LONGEST_CATCH_UP_MS
from cq_tui.simulator.server import SimulatorConfig
from tests.simulator.conftest import SHORT_HISTORY
from tests.simulator.streams.stage import START, Stage


@pytest.fixture
def stages(tmp_path: Path) -> Iterator["Stages"]:
    stages = Stages(tmp_path / "ledger.ndjson")
    yield stages
    stages.close()


class Stages:
    """The same exchange, opened repeatedly."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._open: Stage | None = None

    def open(self, now: int = START, seed: int = 3) -> Stage:
        self.close()
        balances = {"USDT": Decimal(10**8), "BTC": Decimal(100)}
        config = SimulatorConfig(
            symbols=("BTCUSDT",), seed=seed, balances=balances, ledger=self._ledger, history_ms=SHORT_HISTORY
        )
        self._open = Stage(config=config, start=now)
        return self._open

    def close(self) -> None:
        if self._open is not None and self._open.exchange.ledger is not None:
            self._open.exchange.ledger.close()
        self._open = None


def trade_for_a_while(stage: Stage) -> None:
    for second in range(70):
        stage.tick(4)
        if second % 9 == 0:
            stage.order("BUY" if second % 2 else "SELL", "0.4")


def test_trades_and_klines_are_the_same_after_a_restart(stages: Stages) -> None:
    stage = stages.open()
    first = stage.exchange.market.last_trade_id("BTCUSDT") + 1
    trade_for_a_while(stage)
    before = stage.get(public_trades.historical_trades, fromId=first, limit=1_000)
    aggregates = stage.get(public_trades.aggregate_trades, startTime=START, limit=1_000)
    bars = {interval: stage.get(klines.klines, interval=interval, limit=100) for interval in ("1s", "1m")}
    assert len(stage.exchange.state.trades) >= 8
    again = stages.open(stage.now)
    assert again.get(public_trades.historical_trades, fromId=first, limit=1_000) == before
    assert again.get(public_trades.aggregate_trades, startTime=START, limit=1_000) == aggregates
    for interval, expected in bars.items():
        assert again.get(klines.klines, interval=interval, limit=100) == expected
    trade_for_a_while(again)
    later = again.get(public_trades.historical_trades, fromId=first, limit=1_000)
    assert later[: len(before)] == before
    assert [trade["id"] for trade in later] == list(range(first, first + len(later)))


@pytest.mark.parametrize(("seed", "gap"), [(4, 5_000), (3, LONGEST_CATCH_UP_MS + 3_600_000), (3, -3_600_000)])
def test_ids_of_a_new_market_follow_all_earlier_ones(stages: Stages, seed: int, gap: int) -> None:
    stage = stages.open()
    trade_for_a_while(stage)
    given = {trade.trade_id for trade in stage.exchange.state.trades}
    newest = stage.exchange.market.last_trade_id("BTCUSDT")
    again = stages.open(stage.now + gap, seed=seed)
    assert again.get(public_trades.historical_trades, fromId=1, limit=1)[0]["id"] > newest
    trade_for_a_while(again)
    fresh = [trade.trade_id for trade in again.exchange.state.trades][len(given) :]
    assert fresh
    assert not given & set(fresh)
    numbers = [trade["id"] for trade in again.get(public_trades.trades, limit=1_000)]
    assert numbers == list(range(numbers[0], numbers[0] + 1_000))
    once_more = stages.open(again.now, seed=seed)
    assert once_more.get(public_trades.trades, limit=1_000) == again.get(public_trades.trades, limit=1_000)
