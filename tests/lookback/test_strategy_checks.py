"""Each check finds the fault that it is there for, and the built-in strategies have none."""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from cq_tui.contracts.market import Kline
from cq_tui.lookback.rehearsal import Subject
from cq_tui.lookback.strategy_checks import CheckResult, check_strategy
from cq_tui.strategies.bars import BarColumns, Frame
from cq_tui.strategies.bb_mean_revert_v2 import BbMeanRevertV2
from cq_tui.strategies.protocol import HeldPosition, Side, Signal, Strategy, StrategyParameters
from cq_tui.strategies.trend_multi_tf import TrendMultiTf
from tests.strategies.walks import SECOND, SMALL_BAND, SMALL_TREND, recorded, walk


class Rising:
    """Buys when three closes rise; sound."""

    name: ClassVar[str] = "rising"
    Parameters: ClassVar[type[StrategyParameters]] = StrategyParameters
    warm_up: Mapping[Frame, int] = {Frame.TRIGGER: 9}

    def __init__(self, symbol: str) -> None:
        self.parameters = StrategyParameters()
        self.symbol = symbol
        self.closes: list[float] = []

    def on_bar(self, frame: Frame, bar: Kline) -> Signal | None:
        self.closes = [*self.closes[-2:], bar.close]
        return self.signal(bar) if len(self.closes) == 3 and self.is_due(bar) else None

    def is_due(self, bar: Kline) -> bool:
        first, second, third = self.closes
        return first < second < third

    def signal(self, bar: Kline) -> Signal:
        close = bar.close
        return Signal(self.symbol, Side.BUY, close, close * 0.99, close * 1.01, 0.5, self.name, "1s", bar.close_time)

    def reset(self, frame: Frame) -> None:
        self.closes = []

    def values(self) -> dict[str, float]:
        return {"close": self.closes[-1] if self.closes else float("nan")}


class DependsOnTheRun(Rising):
    counter = itertools.count()

    def is_due(self, bar: Kline) -> bool:
        return super().is_due(bar) and next(self.counter) % 3 == 0


class ReadsAFile(Rising):
    """Knows the prices of the future from elsewhere than its bars."""

    known: ClassVar[dict[int, float]] = {}

    def is_due(self, bar: Kline) -> bool:
        return self.known.get(bar.open_time + SECOND, 0.0) > bar.close


class WarmsByTheWhole(Rising):
    """Its batch start decides by the highest close of all the history, which includes what came later."""

    highest = 0.0

    def warm(self, frame: Frame, bars: BarColumns) -> None:
        self.closes = bars.close.tolist()
        self.highest = float(bars.close.max())

    def is_due(self, bar: Kline) -> bool:
        return super().is_due(bar) and bar.close > self.highest


class WarmsUpTooShort(Rising):
    """Compares with an average of two hundred closes, and asks for nine."""

    def __init__(self, symbol: str) -> None:
        super().__init__(symbol)
        self.average = 0.0

    def is_due(self, bar: Kline) -> bool:
        self.average = self.average * 0.995 + bar.close * 0.005 if self.average else bar.close
        return bar.close > self.average * 1.001


class ForgetsNothing(Rising):
    def __init__(self, symbol: str) -> None:
        super().__init__(symbol)
        self.highest = 0.0

    def is_due(self, bar: Kline) -> bool:
        self.highest, before = max(self.highest, bar.high), self.highest
        return bar.high > before

    def reset(self, frame: Frame) -> None:
        """Leaves the highest high of another time."""


class TripsOverGaps(Rising):
    def reset(self, frame: Frame) -> None:
        raise ZeroDivisionError("nothing left to divide by")


class FiresWhenFlat(Rising):
    def is_due(self, bar: Kline) -> bool:
        return self.closes[0] == self.closes[2] or super().is_due(bar)


class SharesItsState(Rising):
    shared: ClassVar[list[float]] = []

    def is_due(self, bar: Kline) -> bool:
        self.shared.append(bar.close)
        return self.shared[-1] > self.shared[-2] if len(self.shared) > 1 else False

    def __init__(self, symbol: str) -> None:
        super().__init__(symbol)
        if symbol == "BTCUSDT":
            self.shared.clear()


class ShowsText(Rising):
    def is_due(self, bar: Kline) -> bool:
        return False

    def values(self) -> dict[str, Any]:
        return {"close": "high"}


class TakesItsTime(Rising):
    def is_due(self, bar: Kline) -> bool:
        until = time.process_time() + 0.003
        while time.process_time() < until:
            pass
        return super().is_due(bar)


class LooksAtTheClock(Rising):
    def is_due(self, bar: Kline) -> bool:
        return super().is_due(bar) and bar.close_time < LIMIT


class ReadsAnother(Rising):
    """Buys while another symbol falls."""

    other_symbols: Sequence[str] = ("ETHUSDT",)
    other = 0.0

    def on_other_bar(self, symbol: str, frame: Frame, bar: Kline) -> None:
        self.other = bar.close - bar.open

    def is_due(self, bar: Kline) -> bool:
        return super().is_due(bar) and self.other < 0

    def reset(self, frame: Frame) -> None:
        super().reset(frame)
        self.other = 0.0


class RemembersTheOther(ReadsAnother):
    """Compares with the highest price that the other ever had."""

    highest = 0.0

    def on_other_bar(self, symbol: str, frame: Frame, bar: Kline) -> None:
        super().on_other_bar(symbol, frame, bar)
        self.highest = max(self.highest, bar.high)

    def is_due(self, bar: Kline) -> bool:
        return super().is_due(bar) and self.highest > 60


class SharesTheOther(ReadsAnother):
    heard: ClassVar[dict[str, float]] = {}

    def on_other_bar(self, symbol: str, frame: Frame, bar: Kline) -> None:
        self.heard[symbol] = self.heard.get(symbol, 0.0) + 1

    def is_due(self, bar: Kline) -> bool:
        return Rising.is_due(self, bar) and self.heard["ETHUSDT"] % 7 == 0


class TripsOverItsPosition(Rising):
    def on_position(self, position: HeldPosition | None) -> None:
        if position is None:
            raise LookupError("nothing held any more")


KLINES = walk(11, 900)
OTHERS = {"ETHUSDT": walk(12, 900)}
LIMIT = KLINES[-1].close_time + 1
ReadsAFile.known.update({kline.open_time: kline.close for kline in KLINES})


def check(make: Callable[[str], Strategy], klines: list[Kline] = KLINES) -> dict[str, CheckResult]:
    name = getattr(make, "name", "rising")
    subject = Subject(name, SECOND, make, time.process_time, others=OTHERS)
    return {result.check: result for result in check_strategy(subject, klines, "BTCUSDT")}


def test_a_sound_strategy_passes_all() -> None:
    results = check(Rising)
    assert [result for result in results.values() if not result.passed] == []
    assert len(results) == 15
    assert results["runs"].text.endswith("signals on 900 klines")
    assert results["positions"].text == "it does not ask what it holds"


def test_a_sound_strategy_that_reads_another_symbol_passes_all() -> None:
    results = check(ReadsAnother)
    assert [result for result in results.values() if not result.passed] == []
    assert results["runs"].text != "0 signals on 900 klines"
    assert int(check(Rising)["runs"].text.split()[0]) > int(results["runs"].text.split()[0])


def test_one_that_follows_its_position_passes_all() -> None:
    class Follows(Rising):
        def on_position(self, position: HeldPosition | None) -> None:
            assert position is None or position.strategy == "rising"

    assert "times told what it holds" in check(Follows)["positions"].text
    assert not check(Follows)["positions"].text.startswith("0 ")


@pytest.mark.parametrize(
    ("faulty", "found_by", "words"),
    [
        (DependsOnTheRun, "repeats", "played again on the same klines: at the bar that closes at "),
        (ReadsAFile, "no clock", "is there a clock, or a file of prices, in it"),
        (LooksAtTheClock, "no clock", "no signal, and there is one otherwise"),
        (WarmsByTheWhole, "restart", "started again before "),
        (WarmsUpTooShort, "warm-up", "raise warm_up"),
        (ForgetsNothing, "reset", "does reset forget everything"),
        (TripsOverGaps, "gaps", "with single klines missing: rising stopped: ZeroDivisionError: nothing left"),
        (FiresWhenFlat, "flat prices", "signals while the price does not move"),
        (SharesItsState, "symbols apart", "is there state in the class"),
        (RemembersTheOther, "reset", "does reset forget everything"),
        (SharesTheOther, "repeats", "played again on the same klines"),
        (TripsOverItsPosition, "positions", "told what it holds: rising stopped: LookupError: nothing held any more"),
        (ShowsText, "values", "'close' is 'high'"),
    ],
)
def test_a_fault_is_found_where_it_is(faulty: Callable[[str], Strategy], found_by: str, words: str) -> None:
    result = check(faulty)[found_by]
    assert result.passed is False
    assert words in result.text


def test_a_slow_strategy_is_found() -> None:
    assert check(TakesItsTime, KLINES[:60])["speed"].passed is False


def test_one_that_reads_the_next_bar_of_its_own_series_is_found() -> None:
    class PeeksInWarmUp(Rising):
        """Its batch start acts as if it had seen the last bar all along."""

        def warm(self, frame: Frame, bars: BarColumns) -> None:
            self.closes = [bars.close[-1]] * 2

    assert check(PeeksInWarmUp)["restart"].passed is False


def test_one_that_cannot_be_made_or_played_ends_the_checks() -> None:
    def broken(symbol: str) -> Strategy:
        raise RuntimeError(f"no model for {symbol}")

    class Raises(Rising):
        def is_due(self, bar: Kline) -> bool:
            raise KeyError("window")

    assert check(broken)["runs"].text == "it cannot be made: RuntimeError: no model for BTCUSDT"
    results = check(Raises)
    assert list(results) == ["runs"]
    assert "KeyError: 'window'" in results["runs"].text
    assert "is_due" in results["runs"].traceback


def test_a_series_without_signals_says_that_nothing_was_compared() -> None:
    class Silent(Rising):
        def is_due(self, bar: Kline) -> bool:
            return False

    results = check(Silent)
    assert results["restart"].passed is None
    assert results["gaps"].passed is True


@pytest.mark.parametrize(
    "make",
    [
        lambda symbol: TrendMultiTf(symbol, SECOND, SMALL_TREND),
        lambda symbol: BbMeanRevertV2(symbol, SECOND, SMALL_BAND),
    ],
)
def test_the_built_in_strategies_pass(make: Callable[[str], Strategy]) -> None:
    name = make("BTCUSDT").name
    subject = Subject(name, SECOND, make, time.process_time)
    results = list(check_strategy(subject, walk(4, 2_500), "BTCUSDT"))
    assert [result for result in results if result.passed is False] == []
    assert results[0].text != "0 signals on 2,500 klines"


def test_they_pass_on_recorded_klines_too() -> None:
    klines = recorded("ETHUSDT", 11_500)
    minute = 60_000
    subject = Subject("trend_multi_tf", minute, lambda symbol: TrendMultiTf(symbol, minute), time.process_time)
    assert [result for result in check_strategy(subject, klines, "ETHUSDT") if result.passed is False] == []
