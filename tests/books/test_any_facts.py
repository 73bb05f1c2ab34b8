"""Any facts in any order: each is entered or refused as it stands, and whatever was entered can be shown."""

from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.books.layouts import LAYOUTS
from cq_tui.books.ledger import Ledger
from cq_tui.books.report import make_report
from cq_tui.books.statement import rows_of
from cq_tui.contracts.trading_report import ReportHeader
from cq_tui.trading.core import facts as f
from tests.trading.core.fact_samples import facts_of

KINDS = (f.OrderIntended, f.OrderFilled, f.PositionMoved, f.PositionAdopted, f.HoldingAccepted, f.CommissionValued,
         f.AccountOpened, f.FundsMoved, f.EquityMarked, f.ExitWanted, f.SignalDenied)  # fmt: skip


@settings(max_examples=60)
@given(st.lists(st.one_of(*map(facts_of, KINDS)), max_size=25))
def test_no_fact_ends_the_books(facts: list[Any]) -> None:
    ledger = Ledger()
    for fact in facts:
        with suppress(KeyError, ValueError, ArithmeticError):
            ledger.take(fact)
    rows = rows_of(ledger, 0, 2**53)
    for layout in LAYOUTS.values():
        assert all(set(record) == set(layout.columns) for row in rows for record in layout.records(row, "a"))
    header = ReportHeader(source="live", quote=ledger.quote, from_ms=0, to_ms=2**53 - 1)
    make_report(ledger, header).model_dump_json()
