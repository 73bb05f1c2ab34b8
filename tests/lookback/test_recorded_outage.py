"""The outage of 2023-03-24, as recorded: no klines from 12:40 to 14:00 UTC, and none traded in the hour before."""

import calendar
from collections.abc import Sequence
from pathlib import Path

import pytest

from cq_tui.lookback.columns import Hole, KlineColumns
from cq_tui.lookback.plan import BacktestPlan
from cq_tui.lookback.run import run
from cq_tui.ops.market_data.reading import load_columns
from cq_tui.strategies.bb_mean_revert_v2 import BbMeanRevertV2
from cq_tui.strategies.protocol import Signal, Strategy
from cq_tui.strategies.trend_multi_tf import TrendMultiTf
from cq_tui.trading.core.facts import OrderFilled
from tests.lookback.scripted import FREE, MINUTE, SETTINGS, START, Scripted

pytestmark = pytest.mark.slow


def at(hour: int, minute: int) -> int:
    return calendar.timegm((2023, 3, 24, hour, minute, 0)) * 1000


LAST, FIRST = at(12, 39), at(14, 0)


@pytest.fixture
def bitcoin(shared: Path) -> KlineColumns:
    (file,) = (shared / "market").glob("BTCUSDT-1m-*.csv.gz")
    return load_columns(file)["BTCUSDT"]


def test_it_stays_a_hole_of_eighty_bars(bitcoin: KlineColumns) -> None:
    assert bitcoin.holes() == [Hole(LAST + MINUTE, 80)]


def test_no_signal_comes_in_it_and_averages_begin_anew(bitcoin: KlineColumns) -> None:
    def built_in(symbol: str, length: int) -> list[Strategy]:
        return [TrendMultiTf(symbol, length), BbMeanRevertV2(symbol, length)]

    whole = run(BacktestPlan({}), {"BTCUSDT": bitcoin}, built_in)
    after = run(BacktestPlan({}), {"BTCUSDT": bitcoin.between(FIRST, None)}, built_in)
    closed = [signal.bar_close_time for signal in whole.signals]
    assert not [time for time in closed if LAST + MINUTE <= time < FIRST]
    # What was before is forgotten: once they are warm, the bars after it alone give the same signals.
    warm = [keys_of(one.signals, after.from_ms) for one in (whole, after)]
    assert len(warm[1]) > 100
    assert warm[0] == warm[1]


def keys_of(signals: Sequence[Signal], from_ms: int) -> list[tuple[str, int, str, float, float]]:
    """Return what the signals since a time say; sums that slide over other bars are rounded otherwise."""
    return [
        (one.strategy, one.bar_close_time, one.side, one.entry_price, round(one.stop_loss, 4))
        for one in signals
        if one.bar_close_time >= from_ms
    ]


def test_an_open_position_is_judged_at_the_first_bar_after_it(bitcoin: KlineColumns) -> None:
    bought = (at(11, 20) - START) // MINUTE
    plan = BacktestPlan({}, costs=FREE, settings=SETTINGS)
    # The first bar after the hole opens at 28,079.99 and falls to 27,901.06.
    result = run(plan, {"BTCUSDT": bitcoin}, lambda symbol, _: [Scripted(symbol, {bought: (27_950.0, 29_000.0)})])
    buy, sale = (fact.fill for fact in result.facts if isinstance(fact, OrderFilled))
    assert at(11, 21) <= buy.time < at(11, 22)
    assert FIRST <= sale.time < FIRST + MINUTE
    assert sale.price == 27_950
