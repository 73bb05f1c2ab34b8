"""A local order book: the rule change by change, random histories, and recordings replayed to their best prices."""

import gzip
from bisect import bisect_right
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.binance.errors import MalformedMessage
from cq_tui.binance.market_events import BookTickerUpdate, DepthUpdate, parse_stream_message
from cq_tui.binance.order_book import (
    BookSync,
    DepthSnapshot,
    OrderBook,
    PriceLevel,
    SequenceGap,
    parse_depth,
    parse_levels,
)

RECORDINGS = Path(__file__).resolve().parents[2] / "../shared/binance/fixtures"


def levels(*pairs: tuple[str, str]) -> tuple[PriceLevel, ...]:
    return tuple(PriceLevel(Decimal(price), Decimal(quantity)) for price, quantity in pairs)


SNAPSHOT = DepthSnapshot(100, levels(("10", "1"), ("9", "2")), levels(("11", "3"), ("12", "4")))


def change(first: int, last: int, bids: Any = (), asks: Any = ()) -> DepthUpdate:
    return DepthUpdate("BTCUSDT", 0, first, last, [list(row) for row in bids], [list(row) for row in asks])


def book() -> OrderBook:
    return OrderBook("BTCUSDT", SNAPSHOT)


def test_a_snapshot_is_a_book() -> None:
    assert book().best_bid == PriceLevel(Decimal(10), Decimal(1))
    assert book().best_ask == PriceLevel(Decimal(11), Decimal(3))
    assert book().bids() == [*SNAPSHOT.bids]
    assert book().asks(1) == [SNAPSHOT.asks[0]]
    assert book().bids(1) == [SNAPSHOT.bids[0]]


def test_a_change_sets_adds_and_removes() -> None:
    standing = book()
    assert standing.apply(change(101, 103, [("10", "0.00"), ("9", "7"), ("9.5", "1")], [("10.5", "2")])) is None
    assert standing.last_update_id == 103
    assert standing.bids() == [*levels(("9.5", "1"), ("9", "7"))]
    assert standing.asks() == [*levels(("10.5", "2"), ("11", "3"), ("12", "4"))]


def test_removing_an_absent_level_is_fine() -> None:
    standing = book()
    assert standing.apply(change(101, 101, [("8", "0")], [("99", "0.00000000")])) is None
    assert standing.bids() == [*SNAPSHOT.bids]


def test_a_side_may_be_empty() -> None:
    standing = book()
    standing.apply(change(101, 101, [("10", "0"), ("9", "0")]))
    assert standing.best_bid is None


@pytest.mark.parametrize(("first", "last"), [(90, 99), (95, 100), (100, 100)])
def test_an_older_change_is_ignored(first: int, last: int) -> None:
    standing = book()
    assert standing.apply(change(first, last, [("10", "0")])) is None
    assert standing.last_update_id == 100
    assert standing.best_bid == SNAPSHOT.bids[0]


@pytest.mark.parametrize("first", [99, 100, 101])
def test_a_change_may_begin_within_the_book_or_right_after_it(first: int) -> None:
    standing = book()
    assert standing.apply(change(first, 105)) is None
    assert standing.last_update_id == 105


def test_a_gap_is_reported_and_changes_nothing() -> None:
    standing = book()
    assert standing.apply(change(102, 105, [("10", "0")])) == SequenceGap(100, 102)
    assert standing.last_update_id == 100
    assert standing.best_bid == SNAPSHOT.bids[0]


WRONG_ROWS = [
    ["1"], ["1", "2", "3"], "1", 5, None, [1.5, "2"], ["1", 2], ["x", "1"], ["NaN", "1"], ["1", "NaN"], ["-1", "1"],
    ["1", "-1"], ["0", "1"], ["1", "Infinity"], ["1", None], [["1"], "1"],
]  # fmt: skip


@pytest.mark.parametrize("row", WRONG_ROWS, ids=repr)
def test_an_unparsable_change_is_not_applied_at_all(row: Any) -> None:
    standing = book()
    wrong = DepthUpdate("BTCUSDT", 0, 101, 101, [["10", "0"]], [["11", "0"], row])
    with pytest.raises(MalformedMessage, match="price, quantity"):
        standing.apply(wrong)
    assert standing.last_update_id == 100
    assert standing.best_bid == SNAPSHOT.bids[0]


def test_parsing_a_snapshot() -> None:
    raw = {"lastUpdateId": 5, "bids": [["0.0024", "10"]], "asks": [["0.0026", "100"]]}
    assert parse_depth(raw) == DepthSnapshot(5, levels(("0.0024", "10")), levels(("0.0026", "100")))
    for field in raw:
        with pytest.raises(MalformedMessage):
            parse_depth({name: value for name, value in raw.items() if name != field})


# Synchronizing a book


def test_a_snapshot_newer_than_the_first_change() -> None:
    sync = BookSync("BTCUSDT")
    for first, last in [(95, 98), (99, 100), (101, 102), (103, 103)]:
        assert sync.apply_change(change(first, last, [("9", str(last))])) is None
    assert sync.needs_snapshot
    assert sync.apply_snapshot(SNAPSHOT)
    assert sync.book is not None
    assert sync.book.last_update_id == 103
    assert sync.book.bids()[1] == PriceLevel(Decimal(9), Decimal(103))


def test_a_snapshot_older_than_the_first_change_is_not_enough() -> None:
    sync = BookSync("BTCUSDT")
    sync.apply_change(change(102, 104))
    assert not sync.apply_snapshot(SNAPSHOT)
    assert sync.needs_snapshot
    assert sync.apply_snapshot(SNAPSHOT._replace(last_update_id=102))
    assert sync.book
    assert sync.book.last_update_id == 104


def test_a_snapshot_right_before_the_first_change_is_enough() -> None:
    sync = BookSync("BTCUSDT")
    sync.apply_change(change(101, 104))
    assert sync.apply_snapshot(SNAPSHOT)


def test_a_gap_restarts_with_the_change_after_it() -> None:
    sync = BookSync("BTCUSDT")
    sync.apply_change(change(101, 101))
    assert sync.apply_snapshot(SNAPSHOT)
    assert sync.apply_change(change(103, 104)) == SequenceGap(101, 103)
    assert sync.book is None
    assert sync.needs_snapshot
    assert not sync.apply_snapshot(SNAPSHOT)
    assert sync.apply_snapshot(SNAPSHOT._replace(last_update_id=103))


def test_a_gap_among_pending_changes() -> None:
    sync = BookSync("BTCUSDT")
    for first in (101, 103):
        sync.apply_change(change(first, first))
    assert not sync.apply_snapshot(SNAPSHOT)
    assert sync.apply_snapshot(SNAPSHOT._replace(last_update_id=102))


def test_pending_changes_are_bounded() -> None:
    sync = BookSync("BTCUSDT", max_pending=2)
    for number in (101, 102, 103):
        sync.apply_change(change(number, number))
    assert not sync.apply_snapshot(SNAPSHOT)
    assert sync.apply_snapshot(SNAPSHOT._replace(last_update_id=101))


PRICES = st.integers(1, 12)
SIDES = st.dictionaries(PRICES, st.integers(0, 3), max_size=6)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), SIDES, SIDES), min_size=1, max_size=30), st.data())
def test_any_history_from_any_snapshot_ends_in_the_same_book(
    history: list[tuple[int, dict[int, int], dict[int, int]]], data: st.DataObject
) -> None:
    """The oracle is a plain dictionary that applies every change from the start."""
    bids: dict[Decimal, Decimal] = {}
    asks: dict[Decimal, Decimal] = {}
    states = [DepthSnapshot(0, (), ())]
    changes: list[DepthUpdate] = []
    for span, new_bids, new_asks in history:
        first, last = states[-1].last_update_id + 1, states[-1].last_update_id + span
        for side, new in ((bids, new_bids), (asks, new_asks)):
            side.update((Decimal(price), Decimal(quantity)) for price, quantity in new.items())
        rows = [[(str(price), f"{quantity}.00") for price, quantity in new.items()] for new in (new_bids, new_asks)]
        changes.append(change(first, last, *rows))
        states.append(DepthSnapshot(last, _standing(bids), _standing(asks)))
    taken = data.draw(st.integers(0, len(changes)), "changes before the snapshot comes")
    start = data.draw(st.integers(0, taken), "the first change that is seen")
    sync = BookSync("BTCUSDT")
    for seen in changes[start:taken]:
        assert sync.apply_change(seen) is None
    snapshot = states[data.draw(st.integers(start, len(changes)), "the state that the snapshot shows")]
    assert sync.apply_snapshot(snapshot)
    for seen in changes[taken:]:
        # A snapshot ahead of the stream: changes it already contains are ignored.
        assert sync.apply_change(seen) is None
    assert sync.book is not None
    assert sync.book.last_update_id == states[-1].last_update_id
    assert sync.book.bids() == sorted(states[-1].bids, reverse=True)
    assert sync.book.asks() == sorted(states[-1].asks)


def _standing(side: dict[Decimal, Decimal]) -> tuple[PriceLevel, ...]:
    return tuple(PriceLevel(price, quantity) for price, quantity in side.items() if quantity)


@settings(deadline=None)
@given(st.lists(st.integers(1, 3), min_size=2, max_size=20), st.data())
def test_a_lost_change_is_always_noticed(spans: list[int], data: st.DataObject) -> None:
    ends = [sum(spans[: number + 1]) for number in range(len(spans))]
    changes = [change(end - span + 1, end) for span, end in zip(spans, ends, strict=True)]
    lost = data.draw(st.integers(0, len(changes) - 2))
    sync = BookSync("BTCUSDT")
    assert sync.apply_snapshot(DepthSnapshot(0, (), ()))
    gaps = [sync.apply_change(seen) for seen in changes[:lost] + changes[lost + 1 :]]
    expected = SequenceGap(changes[lost].first_update_id - 1, changes[lost + 1].first_update_id)
    assert [gap for gap in gaps if gap] == [expected]


# Recordings


def recorded(symbol: str) -> list[Any]:
    """Return the parsed messages of a symbol in the order of receipt. Skips without a recording."""
    paths = sorted(RECORDINGS.glob(f"hftbacktest_spot_{symbol.lower()}_*.gz"))
    if len(paths) < 2:
        pytest.skip(f"the recordings of {symbol} are not beside this checkout: {RECORDINGS}")
    return [message for path in paths for message in _messages(path)]


def _messages(path: Path) -> Iterator[Any]:
    with gzip.open(path) as lines:
        for line in lines:
            frame = line.split(b" ", 1)[1]
            if frame.startswith(b'{"lastUpdateId"'):
                yield parse_depth(orjson.loads(frame))
            elif b"@trade" not in frame:
                yield parse_stream_message(frame)


@pytest.mark.parametrize(
    ("symbol", "changes", "compared", "equal"), [("BTCUSDT", 6495, 6493, 6491), ("ETHUSDT", 6470, 6468, 6468)]
)
def test_a_recording_is_rebuilt_to_its_best_prices(symbol: str, changes: int, compared: int, equal: int) -> None:
    """After each step the top of the book is compared with the last recorded bookTicker that is not newer."""
    messages = recorded(symbol)
    tickers = {event.update_id: event for event in messages if isinstance(event, BookTickerUpdate)}
    update_ids = sorted(tickers)
    sync, comparisons, agreed, seen, gaps = BookSync(symbol), 0, 0, 0, 0
    for message in messages:
        if isinstance(message, DepthSnapshot):
            assert sync.apply_snapshot(message)
        elif isinstance(message, DepthUpdate):
            seen += 1
            gaps += sync.apply_change(message) is not None
        else:
            continue
        if sync.book is not None and (position := bisect_right(update_ids, sync.book.last_update_id)):
            ticker = tickers[update_ids[position - 1]]
            comparisons += 1
            agreed += (sync.book.best_bid, sync.book.best_ask) == (
                (ticker.bid_price, ticker.bid_quantity),
                (ticker.ask_price, ticker.ask_quantity),
            )
    assert (seen, gaps) == (changes, 0)
    assert (agreed, comparisons) == (equal, compared)


def test_parsing_levels_keeps_the_digits() -> None:
    (level,) = parse_levels([["61837.63000000", "3.78826000"]], "depth", "bids")
    assert str(level.price) == "61837.63000000"
