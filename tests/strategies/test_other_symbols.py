"""A strategy that reads other symbols: it is warm when all are, and the same live as on past bars."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import pytest

from cq_tui.contracts.market import Kline
from cq_tui.strategies.bar_order import BarOrder
from cq_tui.strategies.bars import Frame
from cq_tui.strategies.checking import class_fault, instance_fault
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.protocol import Side, Signal, StrategyParameters
from cq_tui.strategies.runner import Surroundings
from tests.strategies.walks import SECOND, kline, walk


class Pair:
    """Buys when its symbol rises while the other one falls, each by its last bars."""

    name: ClassVar[str] = "pair"
    Parameters: ClassVar[type[StrategyParameters]] = StrategyParameters
    warm_up: Mapping[Frame, int] = {Frame.TRIGGER: 3}
    other_symbols: Sequence[str] = ("OTHER", "OWN")

    def __init__(self) -> None:
        self.parameters = StrategyParameters()
        self.seen: list[str] = []
        self.rose = {"OWN": 0.0, "OTHER": 0.0}

    def on_other_bar(self, symbol: str, frame: Frame, bar: Kline) -> None:
        self.seen.append(f"{symbol} {frame.label} {_number(bar)}")
        self.rose[symbol] = bar.close - bar.open

    def on_bar(self, frame: Frame, bar: Kline) -> Signal | None:
        self.seen.append(f"OWN {frame.label} {_number(bar)}")
        if frame is not Frame.TRIGGER or not (bar.close - bar.open > 0 >= self.rose["OTHER"]):
            return None
        close = bar.close
        return Signal("OWN", Side.BUY, close, close * 0.9, close * 1.1, 0.5, "pair", "1s", bar.close_time)

    def reset(self, frame: Frame) -> None:
        self.seen.append(f"reset {frame.label}")

    def values(self) -> dict[str, float]:
        return {}


class Slow(Pair):
    warm_up: Mapping[Frame, int] = {Frame.TRIGGER: 1, Frame.TREND: 2}


class Bar(NamedTuple):
    symbol: str
    kline: Kline


def _number(bar: Kline) -> int:
    return (bar.open_time - kline(0, 1.0).open_time) // SECOND


def engine(strategy: Any, **more: Any) -> SymbolEngine:
    return SymbolEngine(SECOND, [strategy], Surroundings("OWN", **more))


def feed(made: SymbolEngine, bars: Iterable[Bar]) -> list[int]:
    """Return the numbers of the bars with a signal."""
    order = BarOrder[Bar]("OWN", made.others, SECOND)
    found = []
    for bar in bars:
        order.offer(bar)
        for each in order.ready():
            if each.symbol != "OWN":
                made.on_other_kline(each.symbol, each.kline)
            elif made.on_kline(each.kline):
                found.append(_number(each.kline))
    return found


def mixed(own: Iterable[int], other: Iterable[int]) -> list[Bar]:
    """Own bars rise and others fall, so that each that may make a signal does."""
    ours = [Bar("OWN", kline(number, 2.0)._replace(open=1.0, low=1.0)) for number in own]
    theirs = [Bar("OTHER", kline(number, 1.0)._replace(open=2.0, high=2.0)) for number in other]
    return sorted([*ours, *theirs], key=lambda bar: bar.kline.open_time)


def test_its_own_symbol_is_none_of_the_others_and_it_is_warm_when_all_are() -> None:
    made = engine(Pair())
    assert made.others == ("OTHER",)
    assert feed(made, mixed(range(9), range(2, 9))) == [5, 6, 7, 8]
    assert made.warmup_progress == ""


def test_what_it_waits_for_is_named() -> None:
    made = engine(Slow())
    feed(made, mixed(range(22), range(14, 22)))
    assert made.warmup_progress == "OTHER trend frame 1/2 bars"
    assert made.warmup_by_strategy == {"pair": "OTHER trend frame 1/2 bars"}


def test_frames_come_widest_first_in_time_order() -> None:
    strategy = Slow()
    feed(engine(strategy), mixed(range(6), range(6)))
    assert strategy.seen[-3:] == ["OTHER trend 0", "OTHER trigger 4", "OWN trigger 5"]


def test_a_gap_of_one_is_a_gap_of_all() -> None:
    strategy = Pair()
    made = engine(strategy)
    other = [*range(7), *range(8, 20)]
    signals = feed(made, mixed(range(20), other))
    # Bar 7 of the other is missing: noted with its bar 8, and from then on three of each are needed.
    assert strategy.seen.count("reset trigger") == 1
    assert strategy.seen[strategy.seen.index("reset trigger") + 1] == "OTHER trigger 8"
    assert signals == [3, 4, 5, 6, 7, *range(11, 20)]
    own = Pair()
    assert feed(engine(own), mixed(other, range(20))) == [3, 4, 5, 6, *range(11, 20)]


def test_there_is_no_signal_while_the_last_bar_of_another_symbol_is_missing() -> None:
    class Bridged(Slow):
        warm_up: Mapping[Frame, int] = {Frame.TRIGGER: 1, Frame.TREND: 60}

    other = [number for number in range(600) if number != 552]
    signals = feed(engine(Bridged()), mixed(range(600), other))
    # Without its bar 552, the other has no trend bar that closes with 554, until that of 559 comes.
    assert [number for number in range(540, 570) if number not in signals] == [553, *range(555, 560)]


def test_live_is_as_on_past_bars() -> None:
    own, other = walk(3, 600), walk(4, 600)
    past = [*(Bar("OTHER", each) for each in other), *(Bar("OWN", each) for each in own)]
    # The other's bars come forty bars after the own ones.
    late = [*(Bar("OWN", each) for each in own), *(Bar("OTHER", each) for each in other)]
    late.sort(key=lambda bar: bar.kline.open_time + 40 * SECOND * (bar.symbol == "OTHER"))
    expected = feed(engine(Pair()), past)
    assert len(expected) > 50
    assert feed(engine(Pair()), late) == expected


def test_what_it_raises_stops_it_alone() -> None:
    class Raising(Pair):
        def on_other_bar(self, symbol: str, frame: Frame, bar: Kline) -> None:
            raise SystemExit("enough")

    told: list[str] = []
    made = engine(Raising(), contained=BaseException, on_failure=lambda _, failure, __: told.append(failure))
    assert feed(made, mixed(range(9), range(9))) == []
    assert told == ["pair stopped: SystemExit: enough"]


@pytest.mark.parametrize(
    ("others", "word"),
    [
        ("BTCUSDT", "other_symbols is 'BTCUSDT', expected a list"),
        ({"BTCUSDT"}, "expected a list of at most 20 symbols"),
        (5, "other_symbols is 5"),
        (["A"] * 21, "expected a list of at most 20 symbols"),
        (["../../etc"], "other_symbols has '../../etc', expected a symbol"),
        (["btcusdt"], "other_symbols has 'btcusdt'"),
        ([7], "other_symbols has 7"),
    ],
)
def test_other_symbols_must_be_symbols(others: Any, word: str) -> None:
    strategy = Pair()
    strategy.other_symbols = others
    assert word in str(instance_fault(strategy, "pair"))


def test_who_names_others_must_take_their_bars() -> None:
    assert class_fault(Pair, "pair") is instance_fault(Pair(), "pair") is None
    deaf: Any = type("Deaf", (), {key: value for key, value in vars(Pair).items() if key != "on_other_bar"})
    assert instance_fault(deaf(), "pair") == "other_symbols needs a method on_other_bar"
    wrong: Any = type("Wrong", (Pair,), {"on_other_bar": 5})
    assert class_fault(wrong, "pair") == "on_other_bar is no method"
