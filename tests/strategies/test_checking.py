"""The checks of strategies: what passes as class, instance and signal, and how each fault is named."""

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
import orjson
import pytest
from pydantic import BaseModel

from cq_tui.strategies.bars import Frame
from cq_tui.strategies.call_times import CallTimes
from cq_tui.strategies.checking import WrongSignal, checked_signal, class_fault, instance_fault
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.protocol import Side, Signal, StrategyParameters
from cq_tui.strategies.raised import describe_error, format_traceback
from cq_tui.strategies.registry import BUILT_IN
from cq_tui.strategies.runner import Surroundings, finite_values
from tests.strategies.walks import SECOND, kline, walk

BAR = kline(7, 100.0)
GOOD = Signal("BTCUSDT", Side.BUY, 100.0, 90.0, 110.0, 0.5, "mine", "1s", BAR.close_time)
SOLD: dict[str, Any] = {"side": Side.SELL, "stop_loss": 110.0, "take_profit": 90.0}


def checked(signal: object) -> Signal:
    return checked_signal(signal, strategy="mine", symbol="BTCUSDT", interval="1s", bar=BAR)


@pytest.mark.parametrize(
    "signal",
    [
        GOOD,
        replace(GOOD, side=Side.SELL, stop_loss=110.0, take_profit=90.0),
        replace(GOOD, confidence=0, max_bars=6, trail=1.5, cooldown_bars=10, reason="because"),
        replace(GOOD, confidence=1.0),
        replace(GOOD, scale_in=True),
        replace(GOOD, limit_price=99.5, limit_until_ms=BAR.close_time + 60_000),
        replace(GOOD, limit_price=101.0),
        replace(GOOD, side=Side.SELL, stop_loss=110.0, take_profit=90.0, part=0.5),
    ],
)
def test_a_good_signal_passes_as_it_is(signal: Signal) -> None:
    assert checked(signal) == signal


def test_what_a_signal_asks_for_is_published_and_nothing_else() -> None:
    plain = GOOD.payload().model_dump(exclude_none=True)
    assert not {"scale_in", "part", "limit_price", "limit_until_ms"} & plain.keys()
    asked = checked(replace(GOOD, scale_in=True, limit_price=99.5, limit_until_ms=BAR.close_time + 1)).payload()
    assert (asked.scale_in, asked.limit_price, asked.limit_until_ms) == (True, 99.5, BAR.close_time + 1)
    sold: dict[str, Any] = SOLD | {"part": Decimal("0.25")}
    assert checked(replace(GOOD, **sold)).payload().part == 0.25


def test_numbers_of_other_kinds_become_floats() -> None:
    odd: dict[str, Any] = {"entry_price": np.float32(100.0), "stop_loss": Decimal(90), "take_profit": 110}
    signal = checked(replace(GOOD, **odd))
    assert signal == GOOD
    assert [type(price) for price in (signal.entry_price, signal.stop_loss, signal.take_profit)] == [float] * 3


def test_a_reason_can_be_written_to_a_file() -> None:
    assert checked(replace(GOOD, reason="\ud800 up" + "!" * 900)).reason == "? up" + "!" * 496


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"symbol": "ETHUSDT"}, "symbol is 'ETHUSDT', expected 'BTCUSDT'"),
        ({"strategy": "other"}, "strategy is 'other', expected 'mine'"),
        ({"frame": "5s"}, "frame is '5s', expected '1s'"),
        ({"bar_close_time": BAR.close_time + 1}, "bar_close_time is"),
        ({"side": "HOLD"}, "side is 'HOLD'"),
        ({"side": "BUY"}, "expected Side.BUY or Side.SELL"),
        ({"entry_price": math.nan}, "entry_price is nan, expected a finite number"),
        ({"take_profit": math.inf}, "take_profit is inf"),
        ({"stop_loss": -math.inf}, "stop_loss is -inf"),
        ({"stop_loss": "90"}, "stop_loss is '90'"),
        ({"entry_price": True}, "entry_price is True"),
        ({"stop_loss": 0.0}, "stop_loss is 0.0, expected a price above 0"),
        ({"stop_loss": 100.0}, "a BUY needs stop_loss < entry_price < take_profit"),
        ({"take_profit": 99.0}, "a BUY needs"),
        ({"side": Side.SELL}, "a SELL needs take_profit < entry_price < stop_loss"),
        ({"confidence": 1.01}, "confidence is 1.01, expected 0 to 1"),
        ({"confidence": math.nan}, "confidence is nan"),
        ({"confidence": -0.1}, "confidence is -0.1"),
        ({"max_bars": -1}, "max_bars is -1"),
        ({"max_bars": 1.5}, "max_bars is 1.5"),
        ({"trail": math.nan}, "trail is nan"),
        ({"cooldown_bars": "ten"}, "cooldown_bars is 'ten'"),
        ({"cooldown_bars": 2**70}, "no file can hold it"),
        ({"scale_in": 1}, "scale_in is 1, expected True or False"),
        ({**SOLD, "scale_in": True}, "scale_in is True on a SELL; only a BUY has it"),
        ({"part": 0.5}, "part is 0.5 on a BUY; only a SELL sells a part"),
        ({**SOLD, "part": 0.0}, "part is 0.0"),
        ({**SOLD, "part": 1.01}, "part is 1.01"),
        ({**SOLD, "part": math.nan}, "part is nan, expected a finite number"),
        ({**SOLD, "limit_price": 99.0}, "limit_price is 99.0 on a SELL"),
        ({"limit_price": -1.0}, "limit_price is -1.0, expected a price above 0"),
        ({"limit_price": 90.0}, "limit_price is 90.0, expected a price between"),
        ({"limit_price": 110.0}, "limit_price is 110.0, expected a price between"),
        ({"limit_until_ms": BAR.close_time + 1}, "without a limit_price"),
        ({"limit_price": 99.0, "limit_until_ms": BAR.close_time}, "before its bar closed"),
        ({"limit_price": 99.0, "limit_until_ms": 1.5}, "limit_until_ms is 1.5, expected whole milliseconds"),
    ],
)
def test_each_fault_of_a_signal_is_named(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(WrongSignal) as wrong:
        checked(replace(GOOD, **changes))
    assert word in str(wrong.value)


@pytest.mark.parametrize("signal", [True, "BUY", {"side": "BUY"}, [GOOD], float("nan")])
def test_what_is_no_signal_is_named(signal: object) -> None:
    with pytest.raises(WrongSignal, match="is no Signal"):
        checked(signal)


class Mine:
    """The least that a plug-in needs."""

    name: ClassVar[Any] = "mine"
    Parameters: ClassVar[type[BaseModel]] = StrategyParameters

    def __init__(self) -> None:
        self.warm_up: Any = {Frame.TRIGGER: 1}
        self.parameters = StrategyParameters()
        self.answer: Any = None

    def on_bar(self, frame: Frame, bar: object) -> Any:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    def reset(self, frame: Frame) -> None:
        """Forget nothing."""

    def values(self) -> dict[str, float]:
        return {}


def test_the_built_in_classes_and_instances_pass() -> None:
    for kind in BUILT_IN:
        assert class_fault(kind, kind.name) is None
        assert instance_fault(kind("BTCUSDT", SECOND), kind.name) is None
    assert class_fault(Mine, "mine") is None


@pytest.mark.parametrize(
    ("part", "value", "word"),
    [
        ("name", 7, "is named 7"),
        ("name", "other", "is named 'other'"),
        ("Parameters", dict, "Parameters are <class 'dict'>"),
        ("on_bar", None, "on_bar is no method"),
        ("values", {}, "values is no method"),
    ],
)
def test_each_fault_of_a_class_is_named(part: str, value: object, word: str) -> None:
    assert word in str(class_fault(type("Wrong", (Mine,), {part: value}), "mine"))


@pytest.mark.parametrize("name", ["", "a:b", "two words", "x" * 41, "\x1b[31m"])
def test_a_name_that_is_no_part_of_a_key_is_refused(name: str) -> None:
    assert "its name is" in str(class_fault(type("Wrong", (Mine,), {"name": name}), name))


@pytest.mark.parametrize(
    ("part", "value", "word"),
    [
        ("name", "other", "name of the instance is 'other'"),
        ("warm_up", None, "warm_up is None"),
        ("warm_up", {5: 3}, "warm_up has the key 5"),
        ("warm_up", {Frame.TREND: -1}, "warm_up of trend is -1"),
        ("warm_up", {Frame.TIDE: 2.0}, "warm_up of tide is 2.0"),
        ("reset", 1, "reset is no method"),
    ],
)
def test_each_fault_of_an_instance_is_named(part: str, value: object, word: str) -> None:
    mine = Mine()
    setattr(mine, part, value)
    assert word in str(instance_fault(mine, "mine"))


def test_a_wrong_signal_is_not_published_and_stops_the_strategy() -> None:
    mine, told = Mine(), list[tuple[str, str, str]]()
    engine = SymbolEngine(SECOND, [mine], Surroundings("BTCUSDT", on_failure=lambda *what: told.append(what)))
    first, second, third = walk(1, 3)
    mine.answer = replace(GOOD, bar_close_time=first.close_time)
    assert engine.on_kline(first) == [mine.answer]
    mine.answer = replace(GOOD, bar_close_time=second.close_time, symbol="ETHUSDT")
    assert engine.on_kline(second) == []
    mine.answer = replace(GOOD, bar_close_time=third.close_time)
    assert engine.on_kline(third) == []
    reason = "mine stopped: wrong signal: symbol is 'ETHUSDT', expected 'BTCUSDT'"
    assert engine.failures == {"mine": reason}
    assert [(name, failure) for name, failure, _ in told] == [("mine", reason)]


class Rude(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), MemoryError(), RecursionError(), Rude()])
def test_whatever_a_strategy_raises_ends_only_itself(error: BaseException) -> None:
    mine, told = Mine(), list[tuple[str, str, str]]()
    surroundings = Surroundings(contained=BaseException, on_failure=lambda *what: told.append(what))
    engine = SymbolEngine(SECOND, [mine], surroundings)
    mine.answer = error
    assert engine.on_kline(BAR) == []
    ((name, failure, trace),) = told
    assert (name, engine.failures) == ("mine", {"mine": failure})
    assert failure.startswith(f"mine stopped: {type(error).__name__}: ")
    assert "in on_bar" in trace


def test_values_that_raise_stop_the_strategy() -> None:
    mine = Mine()
    mine.values = lambda: 1 // 0  # type: ignore[method-assign, assignment, return-value]
    engine = SymbolEngine(SECOND, [mine])
    assert engine.values() == {}
    assert "ZeroDivisionError" in engine.failures["mine"]


def test_the_time_of_each_call_is_measured() -> None:
    seconds, times = iter([10.0, 10.25, 20.0, 20.5, 30.0, 30.25]), dict[str, CallTimes]()
    engine = SymbolEngine(SECOND, [Mine()], Surroundings(clock=lambda: next(seconds), times=times))
    assert [each.p50 for each in times.values()] == [None]
    for bar in walk(1, 3):
        engine.on_kline(bar)
    assert (times["mine"].p50, times["mine"].slowest) == (0.25, 0.5)


def test_what_a_strategy_raises_can_be_written_in_a_file() -> None:
    error = ValueError("a file \udce9" + "x" * 10_000)
    told = describe_error(error) + format_traceback(error)
    assert orjson.dumps(told)
    assert len(describe_error(error)) <= 500
    assert len(describe_error(WrongSignal("x" * 10_000))) <= 500


def test_the_names_of_values_can_be_written_in_a_file() -> None:
    found = finite_values({"\udce9": 1.0, "x" * 1_000: 2.0, "unknown": math.nan})
    assert [len(name) for name in found] == [1, 64]
    assert orjson.dumps(found)
