"""The books of random lives of the trader: all of its own book is in them, to the last digit, and nothing else."""

from collections.abc import Callable

import pytest

from cq_tui.books.entries import ProfitKind
from cq_tui.books.ledger import keep_ledger
from cq_tui.books.report import make_report
from cq_tui.books.round_trips import round_trips
from cq_tui.contracts.trading_report import ReportHeader
from cq_tui.trading.core import facts as f
from cq_tui.trading.money.account_money import cost_of
from cq_tui.trading.money.exact import total
from tests.trading.world.happenings import Plan
from tests.trading.world.rare_seeds import make_rare_plan
from tests.trading.world.seeds import make_flattened_plan, make_plan
from tests.trading.world.shrink import run

SEEDS = range(12)


@pytest.mark.parametrize("make", [make_plan, make_rare_plan, make_flattened_plan])
def test_the_books_are_those_of_the_trader(make: Callable[[int], Plan]) -> None:
    fills = sales = 0
    for seed in SEEDS:
        facts = run(make(seed)).storage.facts
        ledger = keep_ledger(facts)
        money, filled = ledger.book.money, [one for one in facts if isinstance(one, f.OrderFilled)]
        if money is None:
            assert not filled
            continue
        assert [one.trade_id for one in ledger.fills] == [one.fill.trade_id for one in filled]
        pairs = zip(ledger.fills, filled, strict=True)
        sold = [(ours.realized, theirs.realized) for ours, theirs in pairs if ours.side == "SELL"]
        assert all(ours == theirs for ours, theirs in sold)
        opened = next(place for place, one in enumerate(facts) if isinstance(one, f.AccountOpened))
        assert not any(isinstance(one, f.OrderFilled) for one in facts[:opened])
        assert total(one.amount for one in ledger.profits) == money.realized
        for symbol, holding in ledger.book.holdings.items():
            lots, mine = ledger.lots[symbol], [one for one in ledger.profits if one.symbol == symbol]
            assert lots.quantity == holding.quantity
            fifo = total(one.fifo.gain for one in mine if one.fifo is not None)
            assert fifo - lots.cost == total(one.amount for one in mine) - cost_of([holding])
        trips = round_trips(ledger)
        apart = total(one.amount for one in ledger.profits if one.kind is ProfitKind.COMMISSION)
        assert total(one.net for one in trips) + apart == money.realized
        header = ReportHeader(source="live", quote="USDT", from_ms=0, to_ms=2**52)
        assert sum(row.fills for row in make_report(ledger, header).by_day) == len(filled)
        fills, sales = fills + len(filled), sales + len(sold)
    assert fills > sales > 3
