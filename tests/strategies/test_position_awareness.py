"""A strategy is told what it holds: its own position, each change once, before the bar."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from cq_tui.contracts.market import Kline
from cq_tui.strategies.bars import Frame
from cq_tui.strategies.checking import class_fault, instance_fault
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.protocol import HeldPosition, Side, Signal, StrategyParameters
from cq_tui.strategies.runner import Surroundings
from tests.strategies.walks import SECOND, kline, small_engine, walk

HELD = HeldPosition("aware", 0.5, 100.0, 1_700_000_000_000, 90.0, 120.0)


class Aware:
    """Sells what it holds at once, and keeps what it was told between the bars."""

    name: ClassVar[str] = "aware"
    Parameters: ClassVar[type[StrategyParameters]] = StrategyParameters
    warm_up: Mapping[Frame, int] = {Frame.TRIGGER: 2}

    def __init__(self) -> None:
        self.parameters = StrategyParameters()
        self.seen: list[object] = []
        self.position: HeldPosition | None = None

    def on_position(self, position: HeldPosition | None) -> None:
        self.seen.append(position)
        self.position = position

    def on_bar(self, frame: Frame, bar: Kline) -> Signal | None:
        self.seen.append(bar.close)
        if self.position is None:
            return None
        close = bar.close
        return Signal("BTCUSDT", Side.SELL, close, close * 1.1, close * 0.9, 0.5, "aware", "1s", bar.close_time)

    def reset(self, frame: Frame) -> None:
        """Forget nothing."""

    def values(self) -> dict[str, float]:
        return {}


def engine(strategy: Any, **more: Any) -> SymbolEngine:
    return SymbolEngine(SECOND, [strategy], Surroundings("BTCUSDT", **more))


def test_each_change_of_its_own_position_is_told_once_and_before_the_bar() -> None:
    strategy = Aware()
    made, trailed = engine(strategy), replace(HELD, stop_loss=95.0)
    others = replace(HELD, strategy="other")
    held = [None, HELD, HELD, trailed, others, None, HELD]
    signals = []
    for number, position in enumerate(held):
        made.hold(position)
        signals.append(bool(made.on_kline(kline(number, 1.0 + number))))
    assert strategy.seen == [1.0, HELD, 2.0, 3.0, trailed, 4.0, None, 5.0, 6.0, HELD, 7.0]
    assert signals == [False, True, True, True, False, False, True]


def test_a_fresh_strategy_holds_nothing_and_is_told_anew() -> None:
    first = engine(Aware())
    first.hold(HELD)
    again = Aware()
    made = engine(again)
    made.warm_up([kline(number, 1.0) for number in range(3)])
    made.hold(HELD)
    made.on_kline(kline(3, 2.0))
    assert again.seen == [1.0, 1.0, 1.0, HELD, 2.0]


def test_what_it_raises_stops_that_strategy_alone() -> None:
    class Raising(Aware):
        def on_position(self, position: HeldPosition | None) -> None:
            raise SystemExit("enough")

    told: list[str] = []
    made = engine(Raising(), contained=BaseException, on_failure=lambda _, failure, __: told.append(failure))
    for position in (HELD, None):
        made.hold(position)
    assert told == ["aware stopped: SystemExit: enough"]


def test_strategies_without_the_member_are_told_nothing() -> None:
    made = small_engine()
    assert not made.wants_position
    made.hold(HELD)
    assert not any(made.on_kline(each) for each in walk(1, 20))


def test_the_member_must_be_a_method() -> None:
    class Wrong(Aware):
        on_position: Any = 5

    assert class_fault(Aware, "aware") is instance_fault(Aware(), "aware") is None
    assert class_fault(Wrong, "aware") == instance_fault(Wrong(), "aware") == "on_position is no method"
