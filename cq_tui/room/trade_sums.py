"""Sums over the trades of a day, as far as the room's events reach: won, lost, profit, commissions, slippage."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cq_tui.ops.formatting import format_number, format_signed
from cq_tui.room.outcomes import is_all_sold
from cq_tui.room.trades import OrderRow


class TradeSums(NamedTuple):
    """Amounts in the quote asset; ``profit`` has the commissions in it. Slippage in basis points, worse is positive."""

    entries: int = 0
    won: int = 0
    lost: int = 0
    profit: float = 0.0
    fees: float = 0.0
    slippage_bp: float | None = None

    def describe(self) -> str:
        """Return the sums in a line."""
        if not self.entries:
            return "no entries"
        entries = "1 entry" if self.entries == 1 else f"{self.entries:,} entries"
        parts = [f"{entries}: {self.won} won, {self.lost} lost"]
        parts += [format_signed(self.profit), f"fees {format_number(self.fees, 2)}"]
        if self.slippage_bp is not None:
            parts.append(f"slip {format_signed(self.slippage_bp, 1)} bp")
        return " · ".join(parts)


def sum_trades(
    groups: Iterable[Sequence[OrderRow]], since: float, quote: str, wanted: Mapping[str, float]
) -> TradeSums:
    """Sum the trades whose entry was filled since a time.

    ``wanted`` is the entry price that a signal named, by its natural key. Commissions in other coins are left out.
    """
    entries = won = lost = 0
    profit = fees = 0.0
    slips: list[float] = []
    for group in groups:
        entry = group[0]
        if not entry.is_entry or entry.event_filled <= 0 or entry.filled_at < since:
            continue
        entries += 1
        fees += sum(float(order.commissions.get(quote, 0)) for order in group)
        realized = sum(float(order.realized or 0) for order in group)
        profit += realized
        if is_all_sold(group):
            won, lost = won + (realized > 0), lost + (realized < 0)
        if price := wanted.get(entry.signal_key or ""):
            slips.append((entry.event_value / entry.event_filled / price - 1) * 1e4)
    return TradeSums(entries, won, lost, profit, fees, sum(slips) / len(slips) if slips else None)
