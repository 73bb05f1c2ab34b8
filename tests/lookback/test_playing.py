"""Strategies that know what they hold, or read other symbols, see in a run what they would see live."""

from collections.abc import Sequence

import pytest

from cq_tui.contracts.market import Kline
from cq_tui.lookback.plan import BacktestError
from cq_tui.strategies.bars import Frame
from cq_tui.strategies.protocol import HeldPosition, Signal
from tests.lookback.scripted import MINUTE, START, Scripted, columns, fills, flat, play


class Aware(Scripted):
    """Sells one candle after it hears that it holds something, and keeps what it heard."""

    heard: list[tuple[int, float | None, float | None]]
    held: HeldPosition | None = None
    number = 0

    def on_position(self, position: HeldPosition | None) -> None:
        self.held = position
        self.heard.append((self.number, *((position.entry_price, position.stop_loss) if position else (None, None))))

    def on_bar(self, frame: Frame, bar: Kline) -> Signal | None:
        self.number = (bar.open_time - START) // MINUTE + 1
        if self.held is not None:
            self.script = {**self.script, self.number - 1: None}
        return super().on_bar(frame, bar)


@pytest.mark.parametrize("skip_idle", [True, False])
def test_a_strategy_hears_of_its_position_before_the_candle_after_its_fill(skip_idle: bool) -> None:
    made = Aware("COINUSDT", {2: (95.0, 110.0)})
    made.heard = []
    result = play(columns(flat(9)), {}, make=lambda *_: [made], plan={"skip_idle": skip_idle})
    # Bought at the open of candle 3: told before that candle's close is passed, and that it is over before the next's.
    assert made.heard == [(3, 100.0, 95.0), (4, None, None)]
    assert [(one.candle, one.side) for one in fills(result)] == [(3, "BUY"), (4, "SELL")]


class Reading(Scripted):
    """Keeps the numbers of the candles that it gets, with the symbol's first letter."""

    other_symbols: Sequence[str] = ("GOLDUSDT",)
    seen: list[str]

    def on_other_bar(self, symbol: str, frame: Frame, bar: Kline) -> None:
        self.seen.append(f"{symbol[0]}{(bar.open_time - START) // MINUTE}")

    def on_bar(self, frame: Frame, bar: Kline) -> Signal | None:
        self.seen.append(f"{self.symbol[0]}{(bar.open_time - START) // MINUTE}")
        return super().on_bar(frame, bar)


def reading() -> Reading:
    made = Reading("COINUSDT", {3: (95.0, 110.0), 6: (95.0, 110.0)})
    made.seen = []
    return made


def test_other_symbols_are_read_in_the_order_of_live_bars_without_being_traded() -> None:
    made = reading()
    result = play(columns(flat(8)), {}, make=lambda *_: [made], others={"GOLDUSDT": columns(flat(8), "GOLDUSDT")})
    assert made.seen[:7] == ["C0", "G0", "C1", "G1", "C2", "G2", "C3"]
    assert [(one.candle, one.side) for one in fills(result)] == [(4, "BUY")]


def test_what_waited_for_a_hole_of_another_symbol_makes_no_signal() -> None:
    made = reading()
    gold = columns(flat(9), "GOLDUSDT", missing=[2, 3, 4])
    result = play(columns(flat(9)), {}, make=lambda *_: [made], others={"GOLDUSDT": gold})
    assert not [signal for signal in result.signals if signal.bar_close_time < START + 5 * MINUTE]
    assert made.seen.index("G1") < made.seen.index("C3") < made.seen.index("G5")


def test_a_symbol_that_is_read_and_was_not_recorded_is_named() -> None:
    with pytest.raises(BacktestError, match="scripted reads GOLDUSDT, of which there are no klines"):
        play(columns(flat(5)), {}, make=lambda *_: [reading()])
