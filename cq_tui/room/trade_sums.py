"""Sums over the trades of a day, as far as the room's events reach: won, lost, profit, commissions, slippage."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from cq_tui.ops.formatting import format_number, format_signed, sanitize
from cq_tui.room.outcomes import is_all_sold
from cq_tui.room.trades import OrderRow

_DAY = 86_400.0


class TradeSums(NamedTuple):
    """Amounts in the quote asset; ``profit`` has the commissions in it. Slippage in basis points, worse is positive."""

    entries: int = 0
    won: int = 0
    lost: int = 0
    profit: float = 0.0
    fees: float = 0.0
    #: Assets of commissions whose value is not known here.
    other_fees: tuple[str, ...] = ()
    slippage_bp: float | None = None

    @property
    def fees_text(self) -> str:
        """The commissions, as in ``0.45`` or ``0.45 + BNB``."""
        return " + ".join([format_number(self.fees, 2), *(sanitize(asset, 10) for asset in self.other_fees)])

    def describe(self) -> str:
        """Return the sums in a line."""
        if not self.entries:
            return "no entries"
        entries = "1 entry" if self.entries == 1 else f"{self.entries:,} entries"
        parts = [f"{entries}: {self.won} won, {self.lost} lost"]
        parts += [format_signed(self.profit), f"fees {self.fees_text}"]
        if self.slippage_bp is not None:
            parts.append(f"slip {format_signed(self.slippage_bp, 1)} bp")
        return " · ".join(parts)


def day_begin(now: float) -> float:
    """Return midnight of the UTC day of a time, Unix seconds: the trader's day, too."""
    return now - now % _DAY


def sum_trades(
    groups: Iterable[Sequence[OrderRow]], since: float, quote: str, wanted: Mapping[str, float]
) -> TradeSums:
    """Sum the trades whose entry was filled since a time.

    ``wanted`` is the entry price that a signal named, by its natural key. A commission in what was traded counts at
    the price of its order; of one in a third coin no price is known here.
    """
    entries = won = lost = 0
    profit = fees = 0.0
    others: set[str] = set()
    slips: list[float] = []
    for group in groups:
        entry = group[0]
        if not entry.is_entry or entry.event_filled <= 0 or entry.filled_at < since:
            continue
        entries += 1
        for order in group:
            paid, unvalued = _commissions(order, quote)
            fees += paid
            others |= unvalued
        realized = sum(float(order.realized or 0) for order in group)
        profit += realized
        if is_all_sold(group):
            won, lost = won + (realized > 0), lost + (realized < 0)
        if price := wanted.get(entry.signal_key or ""):
            slips.append((entry.event_value / entry.event_filled / price - 1) * 1e4)
    slippage = sum(slips) / len(slips) if slips else None
    return TradeSums(entries, won, lost, profit, fees, tuple(sorted(others)), slippage)


def realized_curve(orders: Iterable[OrderRow]) -> list[float]:
    """Return the sum of realized profits after each sale, oldest first: a curve that no restart of the room breaks."""
    sales = sorted((order.filled_at, float(order.realized)) for order in orders if order.realized is not None)
    return list(accumulate(profit for _, profit in sales))


def _commissions(order: OrderRow, quote: str) -> tuple[float, set[str]]:
    """Return an order's commissions in the quote asset, and the assets of those that have no price here."""
    paid, unvalued = 0.0, set[str]()
    for asset, amount in order.commissions.items():
        if asset == quote:
            paid += float(amount)
        elif order.symbol == f"{asset}{quote}" and order.event_filled:
            paid += float(amount) * order.event_value / order.event_filled
        else:
            unvalued.add(asset)
    return paid, unvalued
