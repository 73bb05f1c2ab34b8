"""Naked times are kept by kind, with the figures that the operator sees."""

from decimal import Decimal

from cq_tui.trading.core import facts as f
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.naked import NakedLog, NakedSpan
from cq_tui.trading.core.plan import Plan
from cq_tui.trading.money.holding import Holding
from cq_tui.trading.position_life import NakedKind, PositionState

D = Decimal


def test_figures_of_one_kind() -> None:
    log = NakedLog()
    assert log.times(NakedKind.EXIT) is None
    for took in (300, 100, 200, 500, 400):
        assert log.add(NakedSpan(NakedKind.EXIT, 1_000), 1_000 + took) == took
    assert log.times(NakedKind.EXIT) == (5, 300, 500, 500)
    assert log.times(NakedKind.TRAIL) is None
    assert log.add(NakedSpan(NakedKind.TRAIL, 1_000), 900) == 0, "a report may be dated before the last"
    assert log.times(NakedKind.TRAIL) == (1, 0, 0, 0)


def test_quantiles_are_those_of_the_newest_thousand() -> None:
    log = NakedLog()
    log.add(NakedSpan(NakedKind.EXIT, 0), 9_999)
    for took in range(1_000):
        log.add(NakedSpan(NakedKind.EXIT, 0), took)
    assert log.times(NakedKind.EXIT) == (1_001, 500, 990, 9_999)
    assert len(log.spans[NakedKind.EXIT]) == 1_000


def test_a_remainder_is_no_exposure_while_the_next_entry_is_on_its_way() -> None:
    book = Book("simulated:1", "owner")
    book.holdings["BTCUSDT"] = Holding("BTCUSDT", "BTC", "USDT", D("0.00001"), D("0.4"))
    book.plans["key"] = Plan("key", "sample", "1m", D(90))
    book.apply(f.PositionMoved("BTCUSDT", "key", PositionState.CLOSED, PositionState.OPENING, 5))
    assert book.positions["BTCUSDT"].naked is None
