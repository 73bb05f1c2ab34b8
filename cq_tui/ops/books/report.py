"""The report of a history: the same document as a look back's."""

from cq_tui import __version__
from cq_tui.books.report import make_report
from cq_tui.contracts.trading_report import ReportHeader, TradingReport
from cq_tui.ops.books.opening import OpenedBooks


def live_report(books: OpenedBooks) -> TradingReport:
    """Return the report of one account and period."""
    ledger = books.ledger
    symbols = sorted({fill.symbol for fill in ledger.fills})
    strategies = sorted({fill.strategy for fill in ledger.fills if fill.strategy})
    header = ReportHeader(
        source="live",
        account=books.account,
        quote=ledger.quote,
        from_ms=books.from_ms,
        to_ms=books.to_ms,
        symbols=symbols,
        strategies={name: {} for name in strategies},
        versions={"cq-tui": __version__},
    )
    return make_report(ledger, header)
