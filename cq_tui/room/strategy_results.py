"""What each strategy made of its trades, as far as the room's events reach: before and after costs, and by holding."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cq_tui.ops.formatting import NO_VALUE, format_signed, pluralize
from cq_tui.room.trades import OrderRow


@dataclass(slots=True)
class StrategyResult:
    """A strategy's closed trades; amounts are in the quote asset.

    ``gross`` leaves commissions out, ``net`` has them. ``held`` is what the first entry of each symbol would have
    brought if it had been kept until now; None where a price of now is missing.
    """

    trades: int = 0
    gross: float = 0.0
    net: float = 0.0
    held: float | None = 0.0
    #: Symbols whose first entry was counted in ``held``.
    symbols: set[str] = field(default_factory=set)

    def describe(self) -> str:
        """Return it as one line."""
        held = NO_VALUE if self.held is None else format_signed(self.held)
        figures = f"gross {format_signed(self.gross)} · net {format_signed(self.net)} · held instead {held}"
        return f"{pluralize(self.trades, 'trade')} · {figures}"


def strategy_results(groups: Iterable[Sequence[OrderRow]], prices: Mapping[str, float]) -> dict[str, StrategyResult]:
    """Return the results by strategy from orders grouped by their signal; a trade counts once all of it is sold."""
    results: dict[str, StrategyResult] = {}
    for group in sorted(groups, key=lambda group: group[0].timestamp):
        entry, exits = group[0], [order for order in group[1:] if order.event_filled > 0 and not order.is_entry]
        if not (entry.is_entry and entry.signal_key and entry.event_filled > 0 and entry.event_value > 0):
            continue
        result = results.setdefault(entry.signal_key.partition(":")[0], StrategyResult())
        _count_held(result, entry, prices.get(entry.symbol))
        sold, paid = sum(order.event_filled for order in exits), entry.event_value / entry.event_filled
        # A commission in coins and the step leave a little of what was bought.
        if sold >= 0.99 * entry.event_filled:
            result.trades += 1
            result.gross += sum(order.event_value - paid * order.event_filled for order in exits)
            result.net += sum(order.pnl or 0.0 for order in exits)
    return results


def _count_held(result: StrategyResult, entry: OrderRow, price: float | None) -> None:
    if entry.symbol in result.symbols:
        return
    result.symbols.add(entry.symbol)
    if price is None or result.held is None:
        result.held = None
    else:
        result.held += entry.event_filled * price - entry.event_value
