"""The statement: every trade and movement of an account as one row, in the order of time, with lots and cost basis."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from cq_tui.books.entries import Movement, MovementKind, Profit, ProfitKind
from cq_tui.books.fills import BookedFill
from cq_tui.books.ledger import Ledger
from cq_tui.books.lots import LotUse
from cq_tui.trading.money.exact import plain_text, total


@dataclass(frozen=True, slots=True)
class Row:
    """One trade or movement, or a profit or loss without either."""

    ms: int
    #: buy, sell, opening, deposit, withdrawal, adopted, lost, taken over, commission, commission valued.
    kind: str
    fill: BookedFill | None = None
    movement: Movement | None = None
    profits: tuple[Profit, ...] = ()

    @property
    def uses(self) -> tuple[LotUse, ...]:
        """Coins that left, lot by lot."""
        return tuple(use for profit in self.profits if profit.fifo is not None for use in profit.fifo.uses)

    @property
    def proceeds(self) -> Decimal | None:
        """What came in for coins that left, after commissions; None if none left."""
        taken = [profit.fifo.proceeds for profit in self.profits if profit.fifo is not None]
        return total(taken) if taken else None

    @property
    def cost(self) -> Decimal | None:
        """What they had cost, oldest first; None if none left."""
        taken = [profit.fifo.cost for profit in self.profits if profit.fifo is not None]
        return total(taken) if taken else None

    @property
    def realized(self) -> Decimal | None:
        """The profit by average cost, as the trader counts it; None if nothing was earned or lost."""
        return total(profit.amount for profit in self.profits) if self.profits else None


def rows_of(ledger: Ledger, from_ms: int, to_ms: int) -> list[Row]:
    """Return the rows of a period: what was bought before it stays in the cost basis of what was sold in it."""
    by_trade: defaultdict[tuple[str, int], list[Profit]] = defaultdict(list)
    others = []
    for profit in ledger.profits:
        is_traded = profit.kind in (ProfitKind.SALE, ProfitKind.PURCHASE) and profit.trade_id is not None
        if is_traded:
            by_trade[profit.symbol, profit.trade_id or 0].append(profit)
        else:
            others.append(profit)
    rows = [Row(one.ms, one.side.lower(), one, None, tuple(by_trade[one.symbol, one.trade_id])) for one in ledger.fills]
    lost = [profit for profit in others if profit.kind is ProfitKind.LOST]
    rows += _movement_rows(ledger, lost)
    rows += [Row(one.ms, one.kind.value, profits=(one,)) for one in others if one.kind is not ProfitKind.LOST]
    return sorted((row for row in rows if from_ms <= row.ms < to_ms), key=lambda row: row.ms)


def _movement_rows(ledger: Ledger, lost: list[Profit]) -> Iterator[Row]:
    """Yield the movements; a loss that a person accepted with the lots that it took."""
    left = iter(lost)
    for move in ledger.movements:
        profits = (next(left),) if move.kind is MovementKind.LOST and move.quantity else ()
        yield Row(move.ms, move.kind.value, None, move, profits)


def iso_time(ms: int) -> str:
    """Return ``2026-11-29T14:05:00.123Z``."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def second_time(ms: int) -> str:
    """Return ``2026-11-29 14:05:00`` (UTC)."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def amount_text(amount: Decimal | None) -> str | None:
    """Return all digits of an amount; None for none."""
    return None if amount is None else plain_text(amount)


def lots_text(row: Row) -> str:
    """Return the lots that left: when bought, how much, at what cost, from which trade."""
    return "; ".join(
        f"{iso_time(use.acquired_ms)} {plain_text(use.quantity)} cost {plain_text(use.cost)} ({use.source})"
        for use in row.uses
    )
