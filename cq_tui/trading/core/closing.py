"""What became of positions that a person wants closed: sold, still being sold, not sellable, or not held."""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from cq_tui.binance.filters import SymbolRules
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.remainders import sellable_remainder
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.money.sellable import sellable_parts

ZERO = Decimal(0)


class Fate(StrEnum):
    """What became of a position."""

    SOLD = "sold"
    #: It goes on, also over a restart.
    SELLING = "selling"
    #: Kept, and tried again when the exchange's rules or its status change.
    UNSELLABLE = "unsellable"
    NOT_HELD = "not_held"


class Closing(NamedTuple):
    """What became of one symbol. Quantities in the base asset, money in the quote asset."""

    symbol: str
    fate: Fate
    #: What was sold since, for how much, and by how many orders.
    sold: Decimal
    proceeds: Decimal
    parts: int
    #: What is left, and what it is worth at the last known bid; None if no price is known.
    left: Decimal
    worth: Decimal | None
    #: Whether what is left is too little to be sold by itself.
    is_dust: bool
    #: Why it is still held; empty if it is not.
    reason: str

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be sold, now or later."""
        return self.fate in (Fate.SOLD, Fate.NOT_HELD)


class ClosingWatch:
    """Follows the closing of some symbols. Sales are counted from its making on."""

    def __init__(self, book: Book, symbols: Iterable[str]) -> None:
        #: By symbol: the sales before.
        self._before: dict[str, set[tuple[int, str]]] = {}
        #: By symbol: price, quantity and order of each sale since, by its key. The book forgets old orders.
        self._sales: dict[str, dict[tuple[int, str], tuple[Decimal, Decimal]]] = {}
        self.follow(book, symbols)

    def follow(self, book: Book, symbols: Iterable[str]) -> bool:
        """Follow these symbols too; return whether one is new."""
        new = [symbol for symbol in symbols if symbol not in self._sales]
        for symbol in new:
            self._before[symbol] = {key for key, _ in _sales(book, symbol)}
            self._sales[symbol] = {}
        return bool(new)

    def look(self, s: Situation) -> list[Closing]:
        """Return what has become of each symbol so far."""
        return [self._look(s, symbol) for symbol in self._sales]

    def _look(self, s: Situation, symbol: str) -> Closing:
        sales = self._sales[symbol]
        sales |= {key: sale for key, sale in _sales(s.book, symbol) if key not in self._before[symbol]}
        sold = sum((quantity for quantity, _ in sales.values()), ZERO)
        proceeds = sum((quote for _, quote in sales.values()), ZERO)
        parts = len({name for _, name in sales})
        left, bid, rules = s.book.quantity(symbol), s.last_bid(symbol), s.symbol_rules.get(symbol)
        worth = None if bid is None else left * bid
        fate, reason = _fate(s, symbol, is_sold=bool(sales))
        is_dust = bool(left) and fate in (Fate.SOLD, Fate.NOT_HELD) and not _is_sellable(rules, left, bid)
        return Closing(symbol, fate, sold, proceeds, parts, left, worth, is_dust, reason)


def _sales(book: Book, symbol: str) -> list[tuple[tuple[int, str], tuple[Decimal, Decimal]]]:
    sells = [order for order in book.orders_of(symbol) if order.side == "SELL"]
    return [
        ((fill.trade_id, order.client_order_id), (fill.quantity, fill.quote_quantity))
        for order in sells
        for fill in order.fills
    ]


def _fate(s: Situation, symbol: str, *, is_sold: bool) -> tuple[Fate, str]:
    if symbol not in s.book.positions:
        if sellable_remainder(s, symbol):
            why = s.left_out.get(symbol)
            return (Fate.UNSELLABLE, why) if why else (Fate.SELLING, "")
        return (Fate.SOLD if is_sold else Fate.NOT_HELD), ""
    lane = s.lane(symbol)
    if lane.stuck:
        return Fate.UNSELLABLE, lane.stuck
    return Fate.SELLING, _what_is_awaited(s, symbol)


def _what_is_awaited(s: Situation, symbol: str) -> str:
    """Return why it is not sold yet, as far as that is known."""
    lane = s.lane(symbol)
    if s.exchange_problem is not None:
        return f"the exchange: {s.exchange_problem}"
    if symbol not in s.symbol_rules:
        return "its rules are not known yet"
    undecided = [order for order in s.book.orders_of(symbol) if order.status.is_undecided or order.lacks_trades]
    if undecided:
        return f"the outcome of its {undecided[-1].leg} order is awaited"
    if any(_is_entering(order) for order in s.book.orders_of(symbol)):
        return "its entry is on its way"
    return f"the exchange says: {lane.exit_refusal}" if lane.exit_pause.failures and lane.exit_refusal else ""


def _is_entering(order: OrderRecord) -> bool:
    return order.leg is Leg.ENTRY and not order.status.is_terminal


def _is_sellable(rules: SymbolRules | None, quantity: Decimal, bid: Decimal | None) -> bool:
    return rules is not None and bool(sellable_parts(rules, quantity, bid).parts)
