"""Whole runs that must agree: planted faults are found, each by its check, and a clean strategy passes all."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from cq_tui.contracts.market import Kline
from cq_tui.lookback.plan import BacktestPlan
from cq_tui.lookback.result import BacktestResult
from cq_tui.lookback.run import run
from cq_tui.lookback.run_checks import check_run
from cq_tui.strategies.bars import Frame
from cq_tui.strategies.protocol import Side, Signal, Strategy
from tests.lookback.scripted import FREE, MINUTE, SETTINGS, START, Script, Scripted, columns

COUNT = 400
KLINES = columns([(100.0, 101.0 + number % 7, 98.0 - number % 5, 100.0 + (number % 11) / 4) for number in range(COUNT)])


class Regular(Scripted):
    """Buys every 20th candle."""

    def on_bar(self, frame: Frame, bar: Kline) -> Signal | None:
        number = (bar.open_time - START) // MINUTE
        return self.buy(bar) if number % 20 == 10 else None

    def buy(self, bar: Kline) -> Signal:
        close = bar.close
        return Signal(self.symbol, Side.BUY, close, close * 0.97, close * 1.03, 0.5, self.name, "1m", bar.close_time)


class Prophet(Regular):
    """Knows how long the recording is: the last candle of all is in its class."""

    last = 0

    def on_bar(self, frame: Frame, bar: Kline) -> Signal | None:
        number = (bar.open_time - START) // MINUTE
        return self.buy(bar) if (self.last - number) % 20 == 10 else None


class Rememberer(Regular):
    """Counts its runs in its class."""

    runs = 0

    def __init__(self, symbol: str, script: Script) -> None:
        super().__init__(symbol, script)
        type(self).runs += 3

    def on_bar(self, frame: Frame, bar: Kline) -> Signal | None:
        number = (bar.open_time - START) // MINUTE
        return self.buy(bar) if number % 20 == self.runs % 20 else None


class Forgetful(Regular):
    """Counts its candles from the start, and asks for one candle of warm-up."""

    def on_bar(self, frame: Frame, bar: Kline) -> Signal | None:
        self.seen = getattr(self, "seen", 0) + 1
        return self.buy(bar) if self.seen % 20 == 10 else None


class Raiser(Regular):
    """Raises at a candle."""

    def on_bar(self, frame: Frame, bar: Kline) -> Signal | None:
        if (bar.open_time - START) // MINUTE == 300:
            raise ZeroDivisionError("planted")
        return None


def failures(kind: type[Regular], before: Callable[[BacktestPlan], None] = lambda _: None) -> list[str]:
    """Return the checks that fail."""
    plan = BacktestPlan({}, costs=FREE, settings=SETTINGS, from_ms=START + 5 * MINUTE)

    def make(symbol: str, _: int) -> Sequence[Strategy]:
        return [kind(symbol, {})]

    def play(asked: BacktestPlan) -> BacktestResult:
        before(asked)
        # A warm-up as short as the strategy asks for.
        klines = KLINES.between((asked.from_ms or 0) - MINUTE, None)
        return run(asked, {KLINES.symbol: klines}, make)

    results = list(check_run(plan, play, can_scan=False))
    assert results[0].check == "trades"
    return [result.check for result in results if result.passed is False]


def test_a_clean_strategy_passes() -> None:
    assert failures(Regular) == []


def test_who_knows_the_end_of_the_recording_is_found() -> None:
    def tell(plan: BacktestPlan) -> None:
        Prophet.last = COUNT if plan.to_ms is None else (plan.to_ms - START) // MINUTE + 3

    assert failures(Prophet, tell) == ["ends earlier"]


def test_who_remembers_earlier_runs_is_found() -> None:
    assert "runs again" in failures(Rememberer)


def test_a_warm_up_that_is_too_short_is_found() -> None:
    assert failures(Forgetful) == ["another start"]


def test_who_raises_is_named_with_symbol_and_bar() -> None:
    plan = BacktestPlan({}, costs=FREE, settings=SETTINGS)
    runs = lambda asked: run(replace(asked), {KLINES.symbol: KLINES}, lambda symbol, _: [Raiser(symbol, {})])  # noqa: E731
    (only,) = check_run(plan, runs, can_scan=False)
    assert only.passed is False
    assert f"COINUSDT, bar {START + 300 * MINUTE}" in only.text
    assert "ZeroDivisionError: planted" in only.text
