"""What became of positions that a person wants closed: sold, still being sold, not sellable, or not held."""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from cq_tui.binance.filters import SymbolRules
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core.book import Book, coins_to_sell
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
    #: Coins that are not ours, and that no order can have: too few, locked, or without a market.
    LEFT = "left"


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
    #: The base asset, where no rules name it; empty if they do.
    asset: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be sold, now or later."""
        return self.fate in (Fate.SOLD, Fate.NOT_HELD, Fate.LEFT)


class ClosingWatch:
    """Follows the closing of some symbols. Sales are counted from its making on.

    ``foreign``: and of coins that are not ours.
    """

    def __init__(self, book: Book, symbols: Iterable[str], *, foreign: bool = False) -> None:
        self._foreign = foreign
        self._is_asked = False
        #: By symbol: the sales before; of coins that are not ours, all that there were at first.
        self._before: dict[str, set[tuple[int, str]]] = {}
        self._at_first = (
            {symbol: {key for key, _ in _sales(book, symbol)} for symbol in book.by_symbol} if foreign else {}
        )
        #: By symbol: price, quantity and order of each sale since, by its key. The book forgets old orders.
        self._sales: dict[str, dict[tuple[int, str], tuple[Decimal, Decimal]]] = {}
        self.follow(book, symbols)

    def follow(self, book: Book, symbols: Iterable[str]) -> bool:
        """Follow these symbols too; return whether one is new."""
        new = [symbol for symbol in symbols if symbol not in self._sales]
        for symbol in new:
            now = {key for key, _ in _sales(book, symbol)}
            self._before[symbol] = self._at_first.get(symbol, set()) if self._foreign else now
            self._sales[symbol] = {}
        return bool(new)

    def look(self, s: Situation) -> list[Closing]:
        """Return what has become of each symbol so far."""
        if self._foreign:
            sale = s.book.foreign_sale
            assets = (*coins_to_sell(s.book), *(() if sale is None else sale.left))
            self.follow(s.book, (f"{asset}{s.settings.quote}" for asset in assets))
        rows = [self._look(s, symbol) for symbol in self._sales]
        return [_with_foreign(s, row) for row in rows] if self._foreign else rows

    def take_foreign(self) -> bool:
        """Whether coins that are not ours are still to be asked for: once, whatever session goes on with it."""
        is_wanted, self._is_asked = self._foreign and not self._is_asked, True
        return is_wanted

    def awaits_plan(self, book: Book) -> bool:
        """Whether it is not known yet which coins that are not ours there are to sell."""
        sale = book.foreign_sale
        return self._foreign and sale is not None and sale.coins is None

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


def _with_foreign(s: Situation, row: Closing) -> Closing:
    """Add what is to be sold, or left, of coins that are not ours."""
    asset, sale = row.symbol.removesuffix(s.settings.quote), s.book.foreign_sale
    left = None if sale is None else sale.left.get(asset)
    if (most := coins_to_sell(s.book).get(asset)) is not None:
        wait = s.foreign_progress.waits.get(asset)
        lasts, reason = (False, "") if wait is None else (wait.lasts, wait.reason)
        fate = Fate.UNSELLABLE if lasts else Fate.SELLING
        return _hold_more(s, row, most)._replace(fate=fate, reason=reason, asset=asset)
    if left is None or not row.is_over:
        return row
    has_market, fate = row.symbol in s.symbol_rules or row.parts, Fate.SOLD if row.parts else Fate.LEFT
    more = _hold_more(s, row, left.quantity)
    is_dust = bool(has_market) and not _is_sellable(s.symbol_rules.get(row.symbol), more.left, s.last_bid(row.symbol))
    name = row.symbol if has_market else asset
    return more._replace(symbol=name, fate=fate, is_dust=is_dust, reason=left.reason, asset=asset)


def _hold_more(s: Situation, row: Closing, quantity: Decimal) -> Closing:
    left, bid = row.left + quantity, s.last_bid(row.symbol)
    return row._replace(left=left, worth=None if bid is None else left * bid)


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
