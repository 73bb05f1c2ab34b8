"""Tables of a report: what a period brought by strategy, symbol, kind of exit, month or day.

Every trade, profit and position is in exactly one row of a table, so the rows add up to the total to the last digit.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cq_tui.books import metrics
from cq_tui.books.entries import Profit, ProfitKind
from cq_tui.books.fills import BookedFill
from cq_tui.books.ledger import Ledger
from cq_tui.books.round_trips import RoundTrip
from cq_tui.contracts.trading_report import ReportRow
from cq_tui.trading.money.exact import ZERO, plain_text, total

Entry = BookedFill | Profit | RoundTrip


@dataclass(frozen=True, slots=True)
class Period:
    """What happened in a period. A position belongs to it by its last sale, an open one if it began before the end."""

    from_ms: int
    to_ms: int
    fills: Sequence[BookedFill]
    profits: Sequence[Profit]
    trips: Sequence[RoundTrip]
    #: Positions that were open at its end.
    open_count: int
    #: From when to when something was held.
    held: Sequence[tuple[int, int]]
    #: By code.
    denials: dict[str, int]
    #: By symbol and trade id.
    exits: dict[tuple[str, int], str]

    @classmethod
    def of(cls, ledger: Ledger, trips: Sequence[RoundTrip], from_ms: int, to_ms: int) -> "Period":
        """Return what a ledger holds of a period."""
        counts: dict[str, int] = defaultdict(int)
        for denial in ledger.denials:
            if denial.ms is None or from_ms <= denial.ms < to_ms:
                counts[denial.code] += 1
        return cls(
            from_ms,
            to_ms,
            [fill for fill in ledger.fills if from_ms <= fill.ms < to_ms],
            [profit for profit in ledger.profits if from_ms <= profit.ms < to_ms],
            [trip for trip in trips if _is_inside(trip, from_ms, to_ms)],
            sum(trip.opened_ms < to_ms <= _end_of(trip, to_ms) for trip in trips),
            [(trip.opened_ms, _end_of(trip, to_ms)) for trip in trips],
            dict(sorted(counts.items())),
            {(fill.symbol, fill.trade_id): fill.exit_reason for fill in ledger.fills},
        )

    @property
    def closed(self) -> list[RoundTrip]:
        """Positions that were closed."""
        return [trip for trip in self.trips if not trip.is_open]

    def exit_of(self, entry: Entry) -> str:
        """Return the kind of exit that an entry belongs to; empty of a purchase."""
        if not isinstance(entry, Profit):
            return entry.exit_reason
        if entry.kind is ProfitKind.SALE and entry.trade_id is not None:
            return self.exits.get((entry.symbol, entry.trade_id), "")
        return entry.kind.value

    def ms_of(self, entry: Entry) -> int:
        """Return when an entry counts."""
        if isinstance(entry, RoundTrip):
            return entry.closed_ms
        return entry.ms


def _is_inside(trip: RoundTrip, from_ms: int, to_ms: int) -> bool:
    return trip.opened_ms < to_ms if trip.is_open else from_ms <= trip.closed_ms < to_ms


def _end_of(trip: RoundTrip, to_ms: int) -> int:
    """Return when a position ended; of an open one the end of the period."""
    return to_ms if trip.is_open else trip.closed_ms


def day_name(ms: int) -> str:
    """Return the day (UTC), such as 2026-11-29."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d")


def month_name(ms: int) -> str:
    """Return the month (UTC), such as 2026-11."""
    return day_name(ms)[:7]


@dataclass(slots=True)
class _Group:
    fills: list[BookedFill] = field(default_factory=list)
    profits: list[Profit] = field(default_factory=list)
    trips: list[RoundTrip] = field(default_factory=list)


def table(period: Period, name_of: Callable[[Entry], str]) -> list[ReportRow]:
    """Return one row for each name that ``name_of`` gives to something in the period, by name."""
    groups: dict[str, _Group] = defaultdict(_Group)
    for fill in period.fills:
        groups[name_of(fill)].fills.append(fill)
    for profit in period.profits:
        groups[name_of(profit)].profits.append(profit)
    for trip in period.closed:
        groups[name_of(trip)].trips.append(trip)
    return [_row(name, group) for name, group in sorted(groups.items())]


def _row(name: str, group: _Group) -> ReportRow:
    nets = [trip.net for trip in group.trips]
    results = [float(net) for net in nets]
    return ReportRow(
        name=name,
        profit=plain_text(total(profit.amount for profit in group.profits)),
        fees=plain_text(total(fill.commission_quote or ZERO for fill in group.fills)),
        volume=plain_text(total(fill.quote_quantity for fill in group.fills)),
        fills=len(group.fills),
        trades=len(group.trips),
        win_rate=metrics.win_rate(results),
        profit_factor=metrics.profit_factor(results),
        best=plain_text(max(nets)) if nets else None,
        worst=plain_text(min(nets)) if nets else None,
    )
