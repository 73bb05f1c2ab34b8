"""What is open on another account of the mode than the one that the exchange says it is: then nothing is opened here.

The settings do not lead there while something is open, as far as they are known: keys in the environment may have
been changed while nothing ran, and files lost.
"""

from collections.abc import Mapping

from cq_tui.binance.hosts import Venue
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import Mode
from cq_tui.store.document import DocumentError
from cq_tui.store.what_is_open import read_account
from cq_tui.trading.core.book import Book

_VENUES: dict[Mode, tuple[Venue, ...]] = {"testnet": ("testnet", "demo", "simulated"), "live": ("production",)}


class LeftOpen(Exception):
    """Something is open on another account; the message names it after "waiting for"."""


def refuse_another_account(data: DataDir, books: Mapping[str, Book], mode: Mode, account: str) -> None:
    """Raise LeftOpen if another account of this mode has positions or orders in its book.

    In the other modes there are no keys: the account changes with the exchange's own directory, and is gone with it.
    """
    if mode not in _VENUES:
        return
    for other in _traded_before(data, books, mode):
        book = books.get(other)
        if other != account and book is not None and (is_open := _describe(book)):
            back = f"the key of {other}, where {'; '.join(is_open)}: the settings lead to {account}"
            raise LeftOpen(f"{back}. Put that key back, or use another data directory for {account}")


def was_elsewhere(data: DataDir, mode: Mode, account: str) -> bool:
    """Whether another account was traded last, or this one in another mode, as far as that is known."""
    try:
        last = read_account(data)
    except DocumentError:
        last = None
    return last is not None and (last.account, last.mode) != (account, mode)


def _traded_before(data: DataDir, books: Mapping[str, Book], mode: Mode) -> list[str]:
    """Return the account that was traded last; if that is not known, all that may have been in this mode."""
    try:
        last = read_account(data)
    except DocumentError:
        last = None
    if last is not None:
        return [last.account] if last.mode == mode and last.account is not None else []
    return [account for account in books if account.partition(":")[0] in _VENUES[mode]]


def _describe(book: Book) -> list[str]:
    held = [f"{quantity} {symbol} held" for symbol in book.positions if (quantity := book.quantity(symbol))]
    orders = [f"{order.symbol} {order.side} {order.leg} order {order.status.lower()}" for order in book.open_orders()]
    return [*held, *orders]
