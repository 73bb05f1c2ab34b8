"""What is held in books of other accounts is named, with the way there."""

from decimal import Decimal

import pytest

from cq_tui.services.trader.trader_state import TraderState
from cq_tui.services.trader.wishes import held_elsewhere, waiting_closings
from cq_tui.trading.core.book import Book
from tests.trading.core.desk import SYMBOL, market_desk


def book_of(account: str) -> Book:
    """A book with a position."""
    book = Book(account=account)
    for fact in market_desk().protected().facts:
        book.apply(fact)
    return book


@pytest.mark.parametrize(
    ("account", "mode", "other", "way"),
    [
        ("simulated:1", "simulation", "testnet:2", "Switch with `cq-tui mode testnet`"),
        ("testnet:2", "testnet", "production:3", "Switch with `cq-tui mode live`"),
        ("testnet:2", "testnet", "simulated:1", "Switch with `cq-tui mode simulation`"),
        ("testnet:2", "testnet", "testnet:4", "Use the key of that account"),
    ],
)
def test_each_account_is_named(account: str, mode: str, other: str, way: str) -> None:
    state = TraderState(books={other: book_of(other), account: book_of(account)})
    [told] = held_elsewhere(state, account, mode, "")
    assert told == f"still held on {other}: {SYMBOL} 0.00249. {way}, then flatten again"
    assert held_elsewhere(state, account, mode, SYMBOL) == [told]
    assert held_elsewhere(state, account, mode, "ETHUSDT") == []


def test_an_earlier_simulated_exchange_is_gone() -> None:
    state = TraderState(books={"simulated:1": book_of("simulated:1")})
    assert held_elsewhere(state, "simulated:2", "simulation", "") == []
    assert held_elsewhere(state, "simulated:2", "testnet", "") != [], "an exchange of somebody else's"


def test_a_book_of_the_first_version_is_named_by_its_mode() -> None:
    state = TraderState(first_version={"testnet": {"positions": [{"symbol": SYMBOL}]}, "live": {"positions": []}})
    [told] = held_elsewhere(state, "simulated:1", "simulation", "")
    assert told == f"still held by an earlier book of mode testnet, of another account: {SYMBOL}"


def test_without_an_exchange_all_books_tell_what_waits() -> None:
    state = TraderState(books={"testnet:2": book_of("testnet:2"), "simulated:1": Book("simulated:1")})
    [row] = waiting_closings(state, "", "no exchange")
    assert (row.symbol, row.result, row.reason, Decimal(row.left)) == (
        SYMBOL, "selling", "no exchange", Decimal("0.00249"),
    )  # fmt: skip
    assert waiting_closings(state, "ETHUSDT", "no exchange") == []
