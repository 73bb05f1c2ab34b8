"""The comparison with the exchange's own list, as text and as JSON."""

from dataclasses import dataclass
from typing import Any

from cq_tui.books.fills import BookedFill
from cq_tui.books.reconciling import Comparison, Difference, DifferenceKind, ExchangeTrade, compare
from cq_tui.books.statement import iso_time
from cq_tui.ops.books.exchange_file import ExchangeFile
from cq_tui.ops.books.opening import OpenedBooks
from cq_tui.ops.formatting import sanitize
from cq_tui.trading.money.exact import plain_text

_MEANING = {
    DifferenceKind.MISSING_HERE: "in the file, not in the books: somebody else traded, or the trader missed it",
    DifferenceKind.MISSING_THERE: "in the books, not in the file: is the file of this account and whole?",
    DifferenceKind.OTHER: "in both, with other values (books, then file)",
}


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What was compared, and in what the two differ."""

    account: str
    file: str
    from_ms: int
    to_ms: int
    ours: int
    theirs: int
    comparison: Comparison
    #: Our trades of symbols that a list of single symbols does not have, by symbol.
    not_compared: dict[str, int]

    @property
    def has_differences(self) -> bool:
        """Whether any trade differs."""
        return bool(self.comparison.differences)

    def lines(self) -> list[str]:
        """Return it as text."""
        period = f"{iso_time(self.from_ms)} to {iso_time(self.to_ms)}"
        lines = [
            f"{self.account}: {self.ours:,} trades, {sanitize(self.file)}: {self.theirs:,}, {period}",
            f"equal: {self.comparison.matched:,}",
        ]
        for kind, meaning in _MEANING.items():
            found = [one for one in self.comparison.differences if one.kind is kind]
            if found:
                lines += [f"{kind.value}: {len(found):,}, {meaning}", *(f"  {_line(one)}" for one in found)]
        if self.not_compared:
            named = ", ".join(f"{symbol} ({count})" for symbol, count in self.not_compared.items())
            lines.append(f"not compared, since the file has no trade of them: {named}")
        return [*lines, "no difference" if not self.has_differences else "the two lists differ"]

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "account": self.account,
            "file": self.file,
            "from_ms": self.from_ms,
            "to_ms": self.to_ms,
            "trades_here": self.ours,
            "trades_there": self.theirs,
            "equal": self.comparison.matched,
            "differences": [_plain(one) for one in self.comparison.differences],
            "not_compared": self.not_compared,
        }


def reconcile_books(books: OpenedBooks, file: ExchangeFile, *, is_bounded: bool) -> Reconciliation:
    """Compare the period of the file or, if it ``is_bounded``, the one that was asked for."""
    times = [one.ms for one in file.trades]
    from_ms, to_ms = books.from_ms, books.to_ms
    if not is_bounded and times:
        # A time of the file is cut to its second.
        from_ms, to_ms = min(times) // 1000 * 1000, max(times) // 1000 * 1000 + 1000
    theirs = [one for one in file.trades if from_ms <= one.ms < to_ms]
    ours = [one for one in books.ledger.fills if from_ms <= one.ms < to_ms]
    symbols = {one.symbol for one in theirs}
    skipped: dict[str, int] = {}
    if not file.has_all_symbols:
        for one in ours:
            if one.symbol not in symbols:
                skipped[one.symbol] = skipped.get(one.symbol, 0) + 1
        ours = [one for one in ours if one.symbol in symbols]
    found = compare(ours, theirs)
    return Reconciliation(books.account, file.name, from_ms, to_ms, len(ours), len(theirs), found, skipped)


def _line(one: Difference) -> str:
    if one.kind is DifferenceKind.OTHER:
        changed = ", ".join(f"{name} {ours} / {sanitize(theirs, 40)}" for name, (ours, theirs) in one.fields.items())
        return f"{_known(one)}: {changed}"
    return _known(one)


def _known(one: Difference) -> str:
    trade: BookedFill | ExchangeTrade | None = one.ours or one.theirs
    assert trade is not None  # a difference is of one or two trades
    number = "" if trade.trade_id is None else f" trade {trade.trade_id}"
    line = f" (line {one.theirs.line})" if one.theirs is not None else ""
    amount = f"{plain_text(trade.quantity)} at {plain_text(trade.price)}"
    return f"{iso_time(trade.ms)} {sanitize(trade.symbol, 40)} {trade.side} {amount}{number}{line}"


def _plain(one: Difference) -> dict[str, Any]:
    trade = one.ours or one.theirs
    assert trade is not None  # a difference is of one or two trades
    return {
        "kind": one.kind.value,
        "ms": trade.ms,
        "symbol": trade.symbol,
        "side": trade.side,
        "quantity": plain_text(trade.quantity),
        "price": plain_text(trade.price),
        "trade_id": None if trade.trade_id is None else str(trade.trade_id),
        "client_order_id": None if one.ours is None else one.ours.client_order_id,
        "line": None if one.theirs is None else one.theirs.line,
        "fields": {name: list(values) for name, values in one.fields.items()},
    }
