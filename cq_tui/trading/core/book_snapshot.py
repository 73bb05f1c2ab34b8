"""The book as plain JSON values: a shortcut past its facts, never their replacement."""

from collections.abc import Mapping
from typing import Any

from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.entry_log import EntryLog
from cq_tui.trading.core.foreign_sale import ForeignSale
from cq_tui.trading.core.lock import Lock
from cq_tui.trading.core.naked import NakedLog
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.plain import NotPlain, from_plain, to_plain
from cq_tui.trading.core.plan import Plan
from cq_tui.trading.core.position import Position
from cq_tui.trading.core.price_wait import PriceWait
from cq_tui.trading.limits.losses import LossHold, LossLimit
from cq_tui.trading.money.account_money import Money
from cq_tui.trading.money.holding import Holding
from cq_tui.trading.quarantine import Quarantine


class BookUnreadable(ValueError):
    """Plain values that are no book; the message says why."""


def book_to_plain(book: Book) -> dict[str, Any]:
    """Return everything that the book knows."""
    return {
        "account": book.account,
        "owner": book.owner,
        "orders": to_plain([*book.orders.values()]),
        "forgotten": dict(book.forgotten),
        "positions": to_plain([*book.positions.values()]),
        "holdings": to_plain([*book.holdings.values()]),
        "money": None if book.money is None else to_plain(book.money),
        "plans": to_plain([*book.plans.values()]),
        "numbers": dict(book.numbers),
        "answered": [*book.answered],
        "quarantine": book.quarantine.to_dict(),
        "strategy_quarantine": book.strategy_quarantine.to_dict(),
        "waits": to_plain([*book.waits.values()]),
        "locks": {symbol: to_plain(lock) for symbol, lock in book.locks.items()},
        "foreign_sale": None if book.foreign_sale is None else to_plain(book.foreign_sale),
        "losses": to_plain(book.losses),
        "doubts": {symbol: dict(kinds) for symbol, kinds in book.doubts.items()},
        "accepted": [[*key, [*texts]] for key, texts in book.accepted.items()],
        "last_entry": dict(book.last_entry),
        "paused_until": [[*key, until] for key, until in book.paused_until.items()],
        "entries": to_plain(book.entries),
        "naked": to_plain(book.naked),
        "orders_count": book.orders_count,
        "fills_count": book.fills_count,
        "denials_count": book.denials_count,
        "last_order_time": book.last_order_time,
    }


def book_from_plain(plain: Mapping[str, Any]) -> Book:
    """Read ``book_to_plain`` back. Raises BookUnreadable."""
    try:
        book = Book(account=str(plain["account"]), owner=str(plain["owner"]))
        for order in from_plain(list[OrderRecord], plain["orders"]):
            book.put(order)
        book.forgotten = from_plain(dict[str, int], plain.get("forgotten", {}))
        book.positions = {one.symbol: one for one in from_plain(list[Position], plain["positions"])}
        book.holdings = {one.symbol: one for one in from_plain(list[Holding], plain["holdings"])}
        book.money = None if plain["money"] is None else from_plain(Money, plain["money"])
        book.plans = {one.signal_key: one for one in from_plain(list[Plan], plain["plans"])}
        book.numbers = from_plain(dict[str, int], plain["numbers"])
        book.answered = dict.fromkeys(from_plain(list[str], plain["answered"]))
        book.waits = {one.signal.key: one for one in from_plain(list[PriceWait], plain.get("waits", []))}
        book.quarantine = Quarantine.from_dict(plain["quarantine"], keep_probes=True)
        strategies = plain.get("strategy_quarantine", {"counts": {}, "held": {}})
        book.strategy_quarantine = Quarantine.from_dict(strategies, keep_probes=True)
        book.locks = from_plain(dict[str, Lock], plain.get("locks", {}))
        sale = plain.get("foreign_sale")
        book.foreign_sale = None if sale is None else from_plain(ForeignSale, sale)
        losses = from_plain(dict[str, LossHold], plain.get("losses", {}))
        book.losses = {LossLimit(limit): hold for limit, hold in losses.items()}
        book.doubts = {str(symbol): from_plain(dict[str, str], kinds) for symbol, kinds in plain["doubts"].items()}
        book.accepted = {
            (str(symbol), str(kind)): dict.fromkeys(from_plain(list[str], texts))
            for symbol, kind, texts in plain.get("accepted", ())
        }
        book.last_entry = {str(symbol): float(moment) for symbol, moment in plain["last_entry"].items()}
        book.paused_until = {(str(name), str(symbol)): float(until) for name, symbol, until in plain["paused_until"]}
        book.entries = _entries(book, plain)
        book.naked = from_plain(NakedLog, plain["naked"])
        book.orders_count, book.fills_count = int(plain["orders_count"]), int(plain["fills_count"])
        book.denials_count, book.last_order_time = int(plain["denials_count"]), float(plain["last_order_time"])
    except (NotPlain, KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise BookUnreadable(f"no book of a trader ({type(error).__name__}: {error})") from None
    return book


def _entries(book: Book, plain: Mapping[str, Any]) -> EntryLog:
    """Read the log of entries; of a book without one, those that its orders tell."""
    if "entries" in plain:
        return from_plain(EntryLog, plain["entries"])
    return EntryLog.of(order.intended_ms for order in book.orders.values() if order.leg is Leg.ENTRY)
