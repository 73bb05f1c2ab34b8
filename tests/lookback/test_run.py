"""A run fills honestly: at the next open, at the level of a stop, at the open after a gap, within the volume."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from cq_tui.lookback.columns import KlineColumns
from cq_tui.lookback.costs import Costs
from cq_tui.lookback.plan import BacktestError
from cq_tui.lookback.trade_columns import TradeColumns
from cq_tui.trading.core.facts import ExitWanted, OrderSeen, StopMoved
from tests.lookback.scripted import FREE, MINUTE, SETTINGS, START, Bar, Fill, Scripted, columns, fills, flat, play

LEVELS = (95.0, 110.0)


def prices(bars: Sequence[Bar], script: dict[int, Any], **more: Any) -> list[tuple[int, str]]:
    found = fills(play(columns(bars), script, **more))
    return [(one.candle, f"{one.side} {one.price}") for one in found]


def test_an_entry_is_filled_at_the_next_open_and_an_exit_by_signal_too() -> None:
    bars = [*flat(3), (101.0, 102.0, 100.0, 101.0), (103.0, 104.0, 102.0, 103.0), *flat(2, 103.0)]
    assert prices(bars, {2: LEVELS, 3: None}) == [(3, "BUY 101"), (4, "SELL 103")]


def test_slippage_and_half_the_spread_make_market_orders_worse_and_leave_targets_as_they_are() -> None:
    costs = Costs(Decimal(0), Decimal("0.001"), {})
    bars = [*flat(4), (100.0, 112.0, 99.0, 105.0), *flat(2)]
    assert prices(bars, {2: LEVELS}, costs=costs) == [(3, "BUY 100.1"), (4, "SELL 110")]
    assert prices([*flat(6)], {2: LEVELS, 4: None}, costs=costs) == [(3, "BUY 100.1"), (5, "SELL 99.9")]


def test_a_stop_is_filled_at_its_level_and_not_at_the_low() -> None:
    bars = [*flat(4), (100.0, 101.0, 80.0, 90.0), *flat(2)]
    assert prices(bars, {2: LEVELS}) == [(3, "BUY 100"), (4, "SELL 95")]
    worse = Costs(Decimal(0), Decimal("0.001"), {})
    assert prices(bars, {2: LEVELS}, costs=worse)[1] == (4, "SELL 94.9")  # 94.905, rounded against us


def test_a_gap_over_the_stop_is_filled_at_the_open() -> None:
    bars = [*flat(4), (85.0, 87.0, 80.0, 86.0), *flat(2)]
    assert prices(bars, {2: LEVELS}) == [(3, "BUY 100"), (4, "SELL 85")]


def test_the_entrys_own_candle_can_reach_its_stop() -> None:
    bars = [*flat(3), (100.0, 101.0, 90.0, 100.0), *flat(2)]
    assert prices(bars, {2: LEVELS}) == [(3, "BUY 100"), (3, "SELL 95")]


def test_where_both_are_in_reach_the_stop_comes_first_and_the_candle_is_counted() -> None:
    bars = [*flat(4), (100.0, 115.0, 90.0, 112.0), *flat(2)]
    result = play(columns(bars), {2: LEVELS})
    assert [one.price for one in fills(result)] == [100, 95]
    assert result.ambiguous_bars == 1
    gapped = [*flat(4), (90.0, 115.0, 90.0, 112.0), *flat(2)]
    assert play(columns(gapped), {2: LEVELS}).ambiguous_bars == 0, "the open says which came first"


def finer(*prices: tuple[float, float], begin: int = 4 * 60) -> KlineColumns:
    """Return candles of a second with these lows and highs, from the open of candle 4 on."""
    times = START + (begin + np.arange(len(prices))) * 1000
    low, high = (np.array(column) for column in zip(*prices, strict=True))
    middle = (low + high) / 2
    return KlineColumns("COINUSDT", 1000, times, middle, high, low, middle, np.full(len(prices), 1.0))


@pytest.mark.parametrize(
    ("seconds", "price", "ambiguous"),
    [
        (finer((99.0, 101.0), (100.0, 110.0), (90.0, 100.0)), 110, 0),
        (finer((99.0, 101.0), (95.0, 100.0), (90.0, 115.0)), 95, 0),
        (finer((99.0, 101.0), (90.0, 115.0)), 95, 1),  # within one second: still not known
        (finer((99.0, 101.0), (100.0, 112.0), begin=4 * 60 + 1), 95, 1),  # the first second is missing
        (finer((99.0, 101.0)), 95, 1),
    ],
)
def test_finer_candles_tell_what_came_first(seconds: KlineColumns, price: int, ambiguous: int) -> None:
    bars = [*flat(4), (100.0, 115.0, 90.0, 112.0), *flat(2)]
    result = play(columns(bars), {2: LEVELS}, detail={"COINUSDT": seconds})
    assert fills(result)[1].price == price
    assert result.ambiguous_bars == ambiguous


def trades(*prices: float, first_id: int = 7, begin: int = 4 * 60_000) -> TradeColumns:
    """Return a trade before candle 4, and trades at these prices from its open on, a second apart."""
    ids = np.arange(len(prices) + 1) + first_id
    times = START + np.array([begin - 1, *(begin + number * 1000 for number in range(len(prices)))])
    return TradeColumns("COINUSDT", ids, times, np.array([100.0, *prices]))


def without(columns: TradeColumns, place: int) -> TradeColumns:
    """Leave a trade out."""
    kept = np.arange(len(columns)) != place
    return TradeColumns(columns.symbol, columns.trade_id[kept], columns.time[kept], columns.price[kept])


@pytest.mark.parametrize(
    ("known", "price", "ambiguous"),
    [
        (trades(100.0, 112.0, 90.0), 110, 0),
        (trades(100.0, 95.0, 115.0), 95, 0),
        (trades(100.0, 101.0), 95, 1),  # neither was traded at
        (without(trades(100.0, 99.0, 112.0, 90.0), 2), 95, 1),  # a trade is missing before that
        (without(trades(100.0, 112.0, 99.0, 90.0), 3), 110, 0),  # one after it does not matter
        (without(trades(100.0, 112.0, 90.0), 0), 95, 1),  # nothing says that the first is the candle's first
    ],
)
def test_trades_tell_what_came_first(known: TradeColumns, price: int, ambiguous: int) -> None:
    bars = [*flat(4), (100.0, 115.0, 90.0, 112.0), *flat(2)]
    result = play(columns(bars), {2: LEVELS}, detail={"COINUSDT": known})
    assert fills(result)[1].price == price
    assert result.ambiguous_bars == ambiguous


def test_klines_that_are_not_finer_are_no_detail() -> None:
    with pytest.raises(BacktestError, match="klines of 1m are no detail of klines of 1m"):
        play(columns(flat(5)), {}, detail={"COINUSDT": columns(flat(5))})


def test_a_time_stop_is_carried_out_at_the_open_that_follows_its_last_candle() -> None:
    bars = [*flat(5), (101.0, 101.0, 101.0, 101.0), *flat(2)]
    result = play(columns(bars), {2: LEVELS}, max_bars=2)
    assert fills(result)[1:] == [Fill(5, 0, "SELL", Decimal(101), Decimal("0.952"))]
    assert [fact.reason for fact in result.facts if isinstance(fact, ExitWanted)] == ["time stop"]


def test_a_stop_trails_the_highs_of_closed_candles() -> None:
    bars = [*flat(4), (100.0, 108.0, 100.0, 107.0), (107.0, 107.0, 104.0, 105.0), *flat(2, 105.0)]
    result = play(columns(bars), {2: LEVELS}, trail=3.0)
    # Below 100 at first: raised by the entry's own candle, then by the next one, whose high counts once it has closed.
    moved = [(fact.stop_loss, fact.ms) for fact in result.facts if isinstance(fact, StopMoved)]
    assert moved == [(Decimal(97), START + 4 * MINUTE), (Decimal(105), START + 5 * MINUTE)]
    assert [(one.candle, one.price) for one in fills(result)] == [(3, Decimal(100)), (5, Decimal(105))]


def test_orders_take_a_tenth_of_a_candles_volume() -> None:
    """An entry of one coin (fill or kill) needs ten; a stop is sold over several candles."""
    thin = [*flat(3), (100.0, 100.0, 100.0, 100.0, 9.0), *flat(3)]
    result = play(columns(thin), {2: LEVELS})
    assert not fills(result)
    assert any("FOK" in fact.reason for fact in result.facts if isinstance(fact, OrderSeen))
    falling = [*flat(4), (100.0, 100.0, 94.0, 94.0, 4.0), (94.0, 94.0, 94.0, 94.0, 4.0), *flat(3, 94.0)]
    sold = [(one.candle, str(one.quantity)) for one in fills(play(columns(falling), {2: LEVELS}))][1:]
    assert sold == [(4, "0.4"), (5, "0.4"), (6, "0.15")]


def test_an_entry_with_a_limit_waits_until_a_candle_comes_down_to_it() -> None:
    bars = [*flat(3), (100.0, 100.0, 98.5, 99.0), (99.0, 99.5, 97.0, 98.0), *flat(4, 98.0)]
    late = play(columns(bars), {2: LEVELS}, below=2.0, limit_until_ms=START + 6 * MINUTE)
    assert [(one.candle, one.price) for one in fills(late)] == [(4, Decimal(98))]
    over = play(columns(bars), {2: LEVELS}, below=2.0, limit_until_ms=START + 4 * MINUTE)
    assert not fills(over)
    assert [denial.code for denial in over.denied] == ["limit_not_reached"]
    gap = [*flat(3), (97.0, 98.0, 96.5, 97.0), *flat(3, 97.0)]
    worse = Costs(Decimal(0), Decimal("0.001"), {})
    found = fills(play(columns(gap), {2: LEVELS}, below=2.0, costs=worse))
    assert [(one.candle, one.ms, one.price) for one in found] == [(3, 0, Decimal("97.1"))], (
        "at the open, as a market order"
    )


def test_a_part_is_sold_at_the_next_open_and_the_rest_keeps_its_stop() -> None:
    bars = [*flat(6), (100.0, 100.0, 90.0, 91.0), *flat(2, 91.0)]
    found = fills(play(columns(bars), {2: LEVELS, 4: 0.5}))
    assert [(one.candle, one.side, one.price) for one in found] == [
        (3, "BUY", Decimal(100)), (5, "SELL", Decimal(100)), (6, "SELL", Decimal(95)),
    ]  # fmt: skip
    assert found[1].quantity == found[2].quantity


def test_no_signal_of_before_a_hole_opens_a_position_after_it() -> None:
    klines = columns([*flat(12)], missing=range(4, 9))
    result = play(klines, {3: LEVELS})
    assert not fills(result)
    assert [denial.code for denial in result.denied] == ["signal_stale"]
    assert [(hole.open_time, hole.missing) for hole in result.holes["COINUSDT"]] == [(START + 4 * MINUTE, 5)]


@pytest.mark.parametrize("price", [93.0, 97.0])
def test_a_position_is_judged_at_the_first_candle_after_a_hole(price: float) -> None:
    klines = columns([*flat(4), *flat(8, price)], missing=range(4, 9))
    found = fills(play(klines, {2: LEVELS, 3: None} if price > 95 else {2: LEVELS}))
    assert [(one.candle, one.ms, one.price) for one in found[1:]] == [(9, 0, Decimal(price))]


def test_a_time_stop_within_a_hole_waits_for_the_next_candle_although_others_trade() -> None:
    holed = columns([*flat(12)], missing=range(5, 9))
    other = columns([*flat(12)], "GOLDUSDT")
    result = play([holed, other], {2: LEVELS}, max_bars=3)
    coin = {(one.candle, one.ms) for one in fills(result) if one.side == "SELL"}
    assert coin == {(6, 0), (9, 0)}


def test_the_wallet_is_shared_and_its_limits_are_those_of_the_trader() -> None:
    names = ["AUSDT", "BUSDT", "CUSDT"]
    settings = replace(SETTINGS, max_positions=2)
    result = play([columns(flat(6), name) for name in names], {2: LEVELS}, settings=settings)
    assert len(fills(result)) == 2
    assert [(denial.symbol, denial.code) for denial in result.denied] == [("CUSDT", "max_positions")]


def test_a_strategy_that_raises_is_stopped_on_its_symbol_and_the_rest_goes_on() -> None:
    class Raising(Scripted):
        def on_bar(self, frame, bar):  # type: ignore[no-untyped-def]
            if self.symbol == "AUSDT" and bar.open_time == START + 3 * MINUTE:
                raise ZeroDivisionError("spread")
            return super().on_bar(frame, bar)

    made = play(
        [columns(flat(8), "AUSDT"), columns(flat(8), "BUSDT")],
        {},
        make=lambda symbol, _: [Raising(symbol, {2: LEVELS, 5: None})],
    )
    assert [(one.strategy, one.symbol, one.open_time) for one in made.stopped] == [
        ("scripted", "AUSDT", START + 3 * MINUTE)
    ]
    assert "spread" in made.stopped[0].text
    assert [signal.symbol for signal in made.signals] == ["AUSDT", "BUSDT", "BUSDT"]


def test_a_recording_that_does_not_reach_back_is_refused_with_what_is_needed() -> None:
    with pytest.raises(
        BacktestError, match=r"COINUSDT: 1 klines of 1m are needed to warm up, and 0 are there.*begin 1"
    ):
        play(columns(flat(5)), {}, plan={"from_ms": START})
    with pytest.raises(BacktestError, match="take a longer recording"):
        play(columns(flat(1)), {})


def test_equity_is_net_of_costs_and_gross_of_none() -> None:
    result = play(columns(flat(8)), {2: LEVELS, 4: None}, costs=Costs(Decimal("0.001"), Decimal("0.001"), {}))
    assert result.gross[-1] == pytest.approx(10_000.0, abs=0.01)
    paid = float(result.costs.commission + result.costs.slippage)
    assert result.equity[-1] == pytest.approx(10_000.0 - paid, abs=0.01)
    assert 0.37 < paid < 0.39
    free = play(columns([*flat(4), *flat(4, 105.0)]), {2: LEVELS}, costs=FREE)
    assert free.equity[-1] == free.gross[-1] == pytest.approx(10_004.75)
    assert free.benchmark[-1] == 10_500.0
