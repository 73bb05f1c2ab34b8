"""A strategy that hangs is ended where it hangs, and stopped on its symbol; whoever makes progress is left alone."""

import time

import pytest

from cq_tui.lookback.plan import BacktestPlan
from cq_tui.lookback.run import Run
from cq_tui.ops.backtest.hang_watch import StrategyHangs, hang_watch
from tests.lookback.scripted import START, Scripted, columns, flat


def hang() -> None:
    while True:
        try:
            time.sleep(5)
        except Exception:  # noqa: BLE001 - as strategies do
            continue


def test_who_makes_no_progress_is_ended_whatever_it_catches() -> None:
    with pytest.raises(StrategyHangs, match=r"after 0\.2 s"), hang_watch(lambda: ("BTCUSDT", 5), seconds=0.2):
        hang()


def test_progress_and_pauses_between_strategies_are_left_alone() -> None:
    numbers = iter(range(1_000))
    with hang_watch(lambda: next(numbers), seconds=0.1):
        time.sleep(0.3)
    with hang_watch(lambda: None, seconds=0.1):
        time.sleep(0.3)


def test_a_run_names_symbol_and_candle_of_a_strategy_that_hangs_and_goes_on() -> None:
    class Hanging(Scripted):
        def on_bar(self, frame, bar):  # type: ignore[no-untyped-def]
            while self.symbol == "AUSDT" and bar.open_time == START + 180_000:
                pass
            return super().on_bar(frame, bar)

    klines = {name: columns(flat(8), name) for name in ("AUSDT", "BUSDT")}
    run = Run(
        BacktestPlan({}),
        klines,
        lambda symbol, _: [Hanging(symbol, {5: None})],
        {},
        lambda done, whole: None,
        (Exception, StrategyHangs),
    )
    with hang_watch(lambda: run.playing, seconds=0.3):
        result = run.result()
    assert [(one.symbol, one.open_time) for one in result.stopped] == [("AUSDT", START + 180_000)]
    assert "not through with one kline" in result.stopped[0].text
    assert [signal.symbol for signal in result.signals] == ["BUSDT"]
