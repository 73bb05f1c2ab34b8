"""The strategies in ARES itself: whatever one raises ends that one alone."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest
from structlog.stdlib import get_logger
from structlog.testing import capture_logs

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline
from cq_tui.services.ares.held_positions import HeldPositions
from cq_tui.services.ares.interval_engines import IntervalEngines
from cq_tui.store.document import write_document
from cq_tui.strategies.bars import Frame
from cq_tui.strategies.bb_mean_revert_v2 import BbMeanRevertV2
from cq_tui.strategies.protocol import HeldPosition, Signal
from cq_tui.strategies.trend_multi_tf import TrendMultiTf
from tests.strategies.walks import SMALL_BAND, SMALL_TREND, walk


class Raising(TrendMultiTf):
    """Raises at its first bar; notes what it holds."""

    error: type[BaseException] = SystemExit
    told: ClassVar[list[HeldPosition | None]] = []

    def on_position(self, position: HeldPosition | None) -> None:
        self.told.append(position)

    def on_bar(self, frame: Frame, bar: Kline) -> Signal | None:
        raise self.error("enough")


def engines(root: Path, fresh_from_ms: float = 0.0) -> IntervalEngines:
    names = ("trend_multi_tf", "bb_mean_revert_v2")

    def make(symbol: str, interval_ms: int, names: object) -> list[Any]:
        return [Raising(symbol, interval_ms, SMALL_TREND), BbMeanRevertV2(symbol, interval_ms, SMALL_BAND)]

    plan = SimpleNamespace(enabled_on=lambda _: names, make=make)
    runtime = SimpleNamespace(data=DataDir(root), log=get_logger(), trace=lambda *_, **__: None)
    feeder = SimpleNamespace(now_ms=0.0, fresh_from_ms=fresh_from_ms)
    held = HeldPositions(runtime.data, lambda: "simulation")
    return IntervalEngines("1s", ["BTCUSDT"], cast("Any", runtime), cast("Any", feeder), cast("Any", plan), {}, held)


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, MemoryError, GeneratorExit])
def test_whatever_a_strategy_raises_ends_that_one_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    monkeypatch.setattr(Raising, "error", error)
    lane = engines(tmp_path)
    with capture_logs() as logs:
        signals = [signal for kline in walk(11, 900) for signal in lane.decide("BTCUSDT", [kline])]
    assert {signal.strategy for signal in signals} == {"bb_mean_revert_v2"}
    failure = f"trend_multi_tf stopped: {error.__name__}: enough"
    assert lane.engines["BTCUSDT"].failures == {"trend_multi_tf": failure}
    assert [(entry["event"], entry["problem"]) for entry in logs] == [("strategy stopped", failure)]


def test_what_is_held_is_told_before_the_first_live_bar_and_not_of_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Raising, "told", [])
    monkeypatch.setattr(Raising, "on_bar", lambda *_: None)
    klines = walk(11, 40)
    lane = engines(tmp_path, fresh_from_ms=klines[30].close_time)
    position = {"symbol": "BTCUSDT", "size": 0.5, "entry_price": 9.0, "unrealized_pnl": 0.0, "opened_ts": 1.5}
    account = {"timestamp": 1.0, "mode": "simulation", "equity": 1.0, "available_balance": 1.0}
    (tmp_path / "state").mkdir()
    held = {"BTCUSDT": position | {"strategy": "trend_multi_tf"}}
    write_document(DataDir(tmp_path).account, account | {"positions": held})
    list(lane.decide("BTCUSDT", klines[:20]))
    list(lane.decide("BTCUSDT", klines[20:30]))
    assert Raising.told == []
    list(lane.decide("BTCUSDT", klines[30:]))
    assert Raising.told == [HeldPosition("trend_multi_tf", 0.5, 9.0, 1_500)]
