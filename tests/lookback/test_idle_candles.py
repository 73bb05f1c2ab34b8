"""Leaving out the candles in which nothing can happen changes nothing; and at each candle, money is conserved."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cq_tui.lookback.costs import Costs
from cq_tui.lookback.result import BacktestResult
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.facts import EquityMarked, LossLimitReached
from cq_tui.trading.limits.losses import LossLimits
from cq_tui.trading.money.account_money import identity_fault, value_account
from tests.lookback.scripted import MINUTE, SETTINGS, START, Bar, Script, Scripted, columns, play

#: Settings by which a few losses in a row reach every limit.
NERVOUS = replace(
    SETTINGS,
    order_quote=Decimal(3_000),
    max_exposure=Decimal(1),
    losses=LossLimits(Decimal("0.03"), Decimal("0.02"), Decimal("0.04"), Decimal("0.06")),
    max_symbol_stops=2,
    quarantine_seconds=600.0,
)
#: To shrink a run takes minutes: what differs is best looked at as it was found.
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)
COSTS = Costs(Decimal("0.001"), Decimal("0.0007"), {})


class Drawn(NamedTuple):
    """Candles of one symbol, what is said at which, and which are missing."""

    bars: list[Bar]
    says: Script
    missing: list[int]
    more: Mapping[str, object]


@st.composite
def scripts(draw: st.DrawFn, count: int = 60) -> Drawn:
    moves = draw(st.lists(st.integers(-300, 300), min_size=count, max_size=count))
    bars: list[Bar] = []
    price = 10_000
    for move in moves:
        opened = price + (move if move % 7 == 0 else 0)
        price = max(opened + move, 2_000)
        reach = abs(move) % 90
        high, low = max(opened, price) + reach, min(opened, price) - reach
        volume = 15.0 if move % 11 == 0 else 1e6
        bars.append((opened / 100, high / 100, low / 100, price / 100, volume))
    numbers = st.integers(1, count - 1)
    levels = st.tuples(st.integers(1, 500), st.integers(1, 900))
    said = draw(
        st.dictionaries(numbers, st.one_of(levels, levels, st.none(), st.sampled_from([0.3, 0.5])), max_size=14)
    )
    says = {
        number: (bars[number][3] - one[0] / 100, bars[number][3] + one[1] / 100) if isinstance(one, tuple) else one
        for number, one in said.items()
    }
    missing = draw(st.lists(numbers, max_size=6))
    more = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "max_bars": st.integers(1, 9),
                "trail": st.sampled_from([0.5, 1.5, 4.0]),
                "cooldown_bars": st.integers(0, 5),
                "below": st.sampled_from([0.2, 1.0, 3.0]),
            },
        )
    )
    return Drawn(bars, says, missing, more)


def run_both(*scripts: Drawn) -> tuple[BacktestResult, BacktestResult]:
    names = [f"{letter}USDT" for letter in "ABC"]
    klines = [columns(one.bars, name, missing=one.missing) for name, one in zip(names, scripts, strict=False)]
    by_name = dict(zip(names, scripts, strict=False))

    def make(symbol: str, _: int) -> list[Scripted]:
        return [Scripted(symbol, by_name[symbol].says, by_name[symbol].more)]

    both = (
        play(klines, {}, costs=COSTS, settings=NERVOUS, make=make, plan={"skip_idle": idle}) for idle in (True, False)
    )
    return next(both), next(both)


@settings(max_examples=12, deadline=None, phases=QUICK)
@given(st.lists(scripts(), min_size=1, max_size=3))
def test_without_idle_candles_a_run_is_the_same_to_the_last_fact(script: list[Drawn]) -> None:
    quick, slow = run_both(*script)
    assert quick.facts == slow.facts
    assert quick.ambiguous_bars == slow.ambiguous_bars
    assert quick.equity.tobytes() == slow.equity.tobytes()


def test_such_runs_reach_new_days_new_peaks_and_limits() -> None:
    """A rise, a fall: a peak is marked, a loss limit reached, without idle candles too."""
    rise: list[Bar] = [(100.0 + n, 101.01 + n, 100.0 + n, 101.0 + n, 1e6) for n in range(20)]
    fall: list[Bar] = [(120.0 - n, 120.01 - n, 118.9 - n, 119.0 - n, 1e6) for n in range(40)]
    quick, slow = run_both(Drawn(rise + fall, {2: (70.0, 300.0)}, [], {}))
    assert quick.facts == slow.facts
    kinds = [type(fact) for fact in quick.facts]
    assert EquityMarked in kinds
    assert LossLimitReached in kinds


@settings(max_examples=8, deadline=None, phases=QUICK)
@given(scripts())
def test_money_is_conserved_at_every_candle(script: Drawn) -> None:
    """Cash + coins at the close = start + realized + unrealized, exactly; and the equity curve shows it."""
    result, _ = run_both(script)
    book, facts = Book("simulated:1", "back0"), list(result.facts)
    closes = {
        START + (number + 1) * MINUTE: bar[3] for number, bar in enumerate(script.bars) if number not in script.missing
    }
    last = script.bars[0][3]
    for moment, equity in zip(result.equity_ms.tolist(), result.equity.tolist(), strict=True):
        while facts and facts_ms(facts[0]) < moment:
            book.apply(facts.pop(0))
        last = closes.get(moment, last)
        assert book.money is not None
        assert identity_fault(book.money, book.holdings.values()) is None
        value = value_account(book.money, book.holdings.values(), {"AUSDT": Decimal(str(last))})
        assert value.equity - book.money.start == book.money.realized + value.unrealized
        assert equity == pytest.approx(float(value.equity), abs=1e-6)
    assert np.isfinite(result.equity).all()


def facts_ms(fact: object) -> int:
    """Return when a fact happened; one without a time belongs to those after it."""
    for name in ("ms", "fill", "order"):
        if (value := getattr(fact, name, None)) is not None:
            return int(getattr(value, "time", getattr(value, "intended_ms", value)))
    return 0
