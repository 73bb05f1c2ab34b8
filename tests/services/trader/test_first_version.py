"""A book of the first version, as it wrote it, becomes the book of an account."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from cq_tui.services.trader.first_version import (
    Evidence,
    FirstVersionUnreadable,
    evidence_of,
    holds_something,
    take_over,
)
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.book_snapshot import book_from_plain, book_to_plain
from cq_tui.trading.money.account_money import identity_fault
from cq_tui.trading.order_life import OrderStatus
from cq_tui.trading.position_life import PositionState

FOLDER = Path(__file__).parent / "first_version"
D = Decimal
STOP, ENTRY = "cq-stop-3yk6a7pqtqbghwn27mxqjytvli", "cq-entry-iei3rpbtz3anikmqfxx6flbegt"


@pytest.fixture
def plain() -> dict[str, Any]:
    books: dict[str, Any] = orjson.loads((FOLDER / "state" / "trader.json").read_bytes())["books"]
    return dict(books["simulation"])


def taken(plain: dict[str, Any]) -> Book:
    return take_over(plain, "simulated:7", "abcde", "USDT", D("9900.19864420"), 1_796_034_290_000)


def test_position_orders_and_answers_are_taken_over(plain: dict[str, Any]) -> None:
    book = taken(plain)
    position = book.positions["BTCUSDT"]
    assert (position.state, position.plan.stop_loss, position.plan.take_profit) == (
        PositionState.PROTECTED, D("40886.7"), D("147192.12"),
    )  # fmt: skip
    assert (position.plan.strategy, position.plan.frame, position.average_price) == ("sample", "1s", D("81804.39"))
    assert book.quantity("BTCUSDT") == D("0.00121878")
    assert [order.client_order_id for order in book.working_stops("BTCUSDT")] == [STOP]
    assert {order.leg for order in book.open_orders()} == {Leg.STOP, Leg.TARGET}
    entry = book.orders[ENTRY]
    assert (entry.leg, entry.status, entry.order_id, entry.lacks_trades) == (Leg.ENTRY, OrderStatus.FILLED, 1, False)
    assert list(book.answered) == ["sample:BTCUSDT:1s:1796034282999:BUY"]
    assert (book.orders_count, book.fills_count, book.denials_count) == (3, 1, 1)


def test_the_money_adds_up_from_the_start(plain: dict[str, Any]) -> None:
    book = taken(plain)
    assert book.money is not None
    assert (book.money.start, book.money.day) == (D(10_000), 20_787)
    assert identity_fault(book.money, book.holdings.values()) is None
    earned = taken(plain | {"realised": "-1.5"})
    assert earned.money is not None
    assert (earned.money.realized, earned.money.start) == (D("-1.5"), D("10001.5"))


def test_the_snapshot_of_a_taken_book_is_a_book(plain: dict[str, Any]) -> None:
    book = taken(plain)
    assert book_to_plain(book_from_plain(orjson.loads(orjson.dumps(book_to_plain(book))))) == book_to_plain(book)


def test_open_orders_are_the_first_evidence(plain: dict[str, Any]) -> None:
    assert evidence_of(plain)[0] == Evidence("BTCUSDT", STOP)
    assert evidence_of(plain)[-1] == Evidence("BTCUSDT", ENTRY)
    assert holds_something(plain)
    assert not holds_something({"orders": plain["orders"][:1], "positions": []})


def test_a_position_without_its_signal_keeps_its_levels(plain: dict[str, Any]) -> None:
    book = taken(plain | {"signals": []})
    assert book.positions["BTCUSDT"].plan.stop_loss == D("40886.7")
    [position] = plain["positions"]
    bare = taken(plain | {"signals": [], "positions": [position | {"stop_loss": None, "take_profit": None}]})
    assert bare.positions["BTCUSDT"].plan.stop_loss == 0


@pytest.mark.parametrize("field", ["orders", "positions", "acted", "quarantine", "realised", "paused_until"])
def test_what_is_no_book_is_named(plain: dict[str, Any], field: str) -> None:
    with pytest.raises(FirstVersionUnreadable):
        taken(plain | {field: 7})
    with pytest.raises(FirstVersionUnreadable):
        evidence_of({"orders": 7})
