"""The ledger of one account: the trader's facts once more, through the trader's own book, with all that it forgets."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from cq_tui.books.entries import Denial, Mark, Movement, MovementKind, Profit, ProfitKind
from cq_tui.books.fills import BookedFill, fill_of
from cq_tui.books.lots import ADOPTED, Lots
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.bookings import bookings_of
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.money.account_money import cost_of
from cq_tui.trading.money.exact import ZERO, add, check_product, multiply, total
from cq_tui.trading.money.holding import Booking, Holding

#: The end of the year 9999, Unix milliseconds.
_LAST_MS: Final = 253_402_300_799_999


@dataclass(slots=True)
class Ledger:
    """What was traded, moved and earned, in order. ``book`` is that of the trader after all of it."""

    book: Book = field(default_factory=Book)
    fills: list[BookedFill] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    profits: list[Profit] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    denials: list[Denial] = field(default_factory=list)
    #: By symbol: what is left of each purchase.
    lots: defaultdict[str, Lots] = field(default_factory=lambda: defaultdict(Lots))
    #: By (symbol, signal key): why the position is, or was last, to be closed.
    reasons: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def quote(self) -> str:
        """The asset in which money is counted; empty if no fact tells it."""
        if self.book.money is not None:
            return self.book.money.asset
        return next((holding.quote for holding in self.book.holdings.values()), "")

    def take_over(self, book: Book, ms: int) -> None:
        """Begin again with a book of an earlier program."""
        self.book, self.lots = book, defaultdict(Lots)
        for symbol, held in book.holdings.items():
            self.lots[symbol].begin_with(held, ms)
            if held.quantity:
                moved = Movement(ms, MovementKind.TAKEN_OVER, held.base, held.quantity, held.cost, held.quote, symbol)
                self.movements.append(moved)
        if (money := book.money) is not None:
            opened = Movement(ms, MovementKind.TAKEN_OVER, money.asset, money.quote, money.quote, money.asset)
            self.movements.append(opened)
            self._mark(ms)

    def take(self, fact: f.Fact, ms: int | None = None) -> None:
        """Enter one fact, told at ``ms``. Raises KeyError, ValueError or ArithmeticError if it makes no sense."""
        _check(fact)
        book = self.book
        bookings = bookings_of(fact, book.holdings, book.orders)
        before = dict(book.holdings) if bookings else {}
        moved = self._movement(fact)
        # The book drops the oldest ended orders, and plans that nothing follows any more.
        order = book.orders[fact.client_order_id] if isinstance(fact, f.OrderFilled) else None
        strategy = "" if order is None else self._strategy(order.signal_key)
        book.apply(fact)
        self._note(fact, ms)
        if isinstance(fact, f.OrderFilled) and order is not None:
            self._fill(fact, order, strategy, bookings, before)
        else:
            self._other(fact, bookings, before)
        if moved is not None:
            self.movements.append(moved)

    def _note(self, fact: f.Fact, ms: int | None) -> None:
        match fact:
            case f.ExitWanted() | f.PositionAdopted():
                position = self.book.positions.get(fact.symbol)
                if position is not None and position.exit_reason:
                    self.reasons[fact.symbol, position.plan.signal_key] = position.exit_reason
            case f.PartExitWanted():
                if (position := self.book.positions.get(fact.symbol)) is not None:
                    self.reasons[fact.symbol, position.plan.signal_key] = fact.reason
            case f.AccountOpened():
                self._mark(fact.ms)
            case f.EquityMarked():
                self._mark(fact.ms, fact.equity)
            case f.SignalDenied():
                self.denials.append(Denial(ms, fact.symbol, fact.strategy, fact.code))
            case _:
                pass

    def _mark(self, ms: int, equity: Decimal | None = None) -> None:
        """Note what the account is worth; without ``equity``, what is held counts at its cost."""
        if (money := self.book.money) is not None:
            at_cost = add(money.quote, cost_of(self.book.holdings.values()))
            self.marks.append(Mark(ms, at_cost if equity is None else equity, money.start))

    def _fill(
        self, fact: f.OrderFilled, order: OrderRecord, strategy: str, bookings: list[Booking],
        before: dict[str, Holding],
    ) -> None:  # fmt: skip
        key, trade, own = order.signal_key, fact.fill, bookings[-1]
        reason = self.reasons.get((order.symbol, key), "")
        held = before[order.symbol]
        self.fills.append(fill_of(fact, order, held, strategy=strategy, reason=reason, realized=own.realized))
        for paid in bookings[:-1]:
            self._book(paid, before, trade.time, ProfitKind.COMMISSION, ("", ""), trade.trade_id)
        self._book(own, before, trade.time, _KINDS[order.side], (strategy, key), trade.trade_id)

    def _other(self, fact: f.Fact, bookings: list[Booking], before: dict[str, Holding]) -> None:
        """Enter what moves coins without a trade."""
        for booking in bookings:
            symbol = booking.holding.symbol
            kind = ProfitKind.LOST if isinstance(fact, f.HoldingAccepted) else ProfitKind.VALUED
            key = self._key_of(symbol)
            ms = getattr(fact, "ms", 0)
            self._book(booking, before, ms, kind, (self._strategy(key), key), None)

    def _book(
        self, booking: Booking, before: dict[str, Holding], ms: int, kind: ProfitKind,
        whose: tuple[str, str], trade_id: int | None,
    ) -> None:  # fmt: skip
        after = booking.holding
        held = before.get(after.symbol) or Holding(after.symbol, after.base, after.quote)
        source = ADOPTED if trade_id is None else str(trade_id)
        taken = self.lots[after.symbol].follow(held, booking, ms, source)
        if booking.realized or taken is not None:
            strategy, key = whose
            self.profits.append(Profit(ms, after.symbol, kind, strategy, key, trade_id, booking.realized, taken))

    def _strategy(self, signal_key: str) -> str:
        """Return the strategy whose result a position is; empty for none, as of coins that a person chose."""
        if (plan := self.book.plans.get(signal_key)) is not None:
            return plan.counts_for
        positions = (one.plan for one in self.book.positions.values())
        return next((plan.counts_for for plan in positions if plan.signal_key == signal_key), "")

    def _key_of(self, symbol: str) -> str:
        """Return the signal key of the position in a symbol, or of the last one that traded there."""
        if (position := self.book.positions.get(symbol)) is not None:
            return position.plan.signal_key
        return next((fill.signal_key for fill in reversed(self.fills) if fill.symbol == symbol), "")

    def _movement(self, fact: f.Fact) -> Movement | None:
        kinds = MovementKind
        match fact:
            case f.AccountOpened():
                return Movement(fact.ms, kinds.OPENING, fact.asset, fact.quantity, fact.quantity, fact.asset)
            case f.FundsMoved():
                kind = kinds.DEPOSIT if fact.change > 0 else kinds.WITHDRAWAL
                return Movement(fact.ms, kind, fact.asset, fact.change, fact.change, fact.asset, why=fact.reason)
            case f.PositionAdopted():
                position = self.book.positions.get(fact.symbol)
                key = fact.plan.signal_key if position is None else position.plan.signal_key
                value = multiply(fact.quantity, fact.price)
                return Movement(
                    fact.ms, kinds.ADOPTED, fact.base_asset, fact.quantity, value, fact.quote_asset, fact.symbol, key,
                    fact.why, fact.person,
                )  # fmt: skip
            case f.HoldingAccepted():
                held = self.book.holdings[fact.symbol]
                return Movement(
                    fact.ms, kinds.LOST, held.base, fact.quantity.copy_negate(), ZERO, held.quote, fact.symbol,
                    self._key_of(fact.symbol), fact.why, fact.person,
                )  # fmt: skip
            case _:
                return None


_KINDS = {"BUY": ProfitKind.PURCHASE, "SELL": ProfitKind.SALE}


def _check(fact: f.Fact) -> None:
    """Raise ValueError for a time that no calendar has, and for an equity that no account has."""
    ms = fact.fill.time if isinstance(fact, f.OrderFilled) else getattr(fact, "ms", 0)
    if not 0 <= ms <= _LAST_MS:
        raise ValueError(f"its time {ms} ms is not between 1970 and 9999")
    if isinstance(fact, f.EquityMarked):
        check_product(fact.equity.copy_abs(), "equity")


def keep_ledger(facts: Iterable[f.Fact]) -> Ledger:
    """Return the ledger of facts that one core recorded. Raises as ``Ledger.take``."""
    ledger = Ledger()
    for fact in facts:
        ledger.take(fact)
    return ledger


def booked_fills(facts: Iterable[f.Fact]) -> list[BookedFill]:
    """Return the trades among the facts of one core, in their order."""
    return keep_ledger(facts).fills


def open_keys(ledger: Ledger) -> Iterator[tuple[str, str]]:
    """Yield symbol and signal key of each position that is open."""
    return ((symbol, position.plan.signal_key) for symbol, position in ledger.book.positions.items())


def realized(profits: Iterable[Profit]) -> Decimal:
    """Return what was earned in all, by the trader's book."""
    return total(profit.amount for profit in profits)
