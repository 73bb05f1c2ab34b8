"""The strategies in ARES itself: whatever one raises ends that one alone."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from structlog.stdlib import get_logger
from structlog.testing import capture_logs

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline
from cq_tui.services.ares.interval_engines import IntervalEngines
from cq_tui.strategies.bars import Frame
from cq_tui.strategies.bb_mean_revert_v2 import BbMeanRevertV2
from cq_tui.strategies.protocol import Signal
from cq_tui.strategies.trend_multi_tf import TrendMultiTf
from tests.strategies.walks import SMALL_BAND, SMALL_TREND, walk


class Raising(TrendMultiTf):
    """Raises once it is warm."""

    error: type[BaseException] = SystemExit

    def on_bar(self, frame: Frame, bar: Kline) -> Signal | None:
        raise self.error("enough")


def engines(root: Path) -> IntervalEngines:
    names = ("trend_multi_tf", "bb_mean_revert_v2")

    def make(symbol: str, interval_ms: int, names: object) -> list[Any]:
        return [Raising(symbol, interval_ms, SMALL_TREND), BbMeanRevertV2(symbol, interval_ms, SMALL_BAND)]

    plan = SimpleNamespace(enabled_on=lambda _: names, make=make)
    runtime = SimpleNamespace(data=DataDir(root), log=get_logger(), trace=lambda *_, **__: None)
    feeder = SimpleNamespace(now_ms=0.0, fresh_from_ms=0.0)
    return IntervalEngines("1s", ["BTCUSDT"], cast("Any", runtime), cast("Any", feeder), cast("Any", plan), {})


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
