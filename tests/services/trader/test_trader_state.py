"""The trader's state on disk: however much of it is lost, the trader's own events give the same books."""

import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.contracts.layout import DataDir
from cq_tui.services.trader.trader_state import TAKEN_OVER, TraderState, restore_state, write_state
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.spools.merge import SpoolMerger
from cq_tui.store.spools.spool import EventSpool, SpoolEvent
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.book_snapshot import book_to_plain
from cq_tui.trading.core.codec import to_event
from tests.trading.world.scenarios import PLANS
from tests.trading.world.shrink import run

ACCOUNT = "simulated:7"
#: Lives in which orders of each kind, fills, doubts and a person's words occur.
LIVES = (
    "bought at market, then protected",
    "bought, and sold by a signal",
    "coins adopted, then sold",
    "another owner",
)


def told(facts: list[f.Fact]) -> list[SpoolEvent]:
    """The events of facts, as the recorder makes them."""
    book, events = Book(ACCOUNT), []
    for fact in facts:
        book.apply(fact)
        event_type, data = to_event(fact, book.orders)
        events.append(SpoolEvent(event_type, data, {"account": ACCOUNT}, time.time()))
    return events


@pytest.fixture(scope="module")
def lives() -> dict[str, list[f.Fact]]:
    return {name: list(run(PLANS[name]).storage.facts) for name in LIVES}


def spool_of(data: DataDir) -> EventSpool:
    return EventSpool(data.spool, "trader", quarantine=data.quarantine, segment_bytes=4_000)


def merge(data: DataDir) -> None:
    """Have memory append what the spools hold."""
    now = time.time()
    history = HistoryWriter(data, now=now)
    merger = SpoolMerger(data.spool, data.quarantine, history.cursors)
    while collected := merger.collect().events:
        history.append(collected, now)
    history.flush_chain()
    merger.trim(now)
    history.close()


def book_of(state: TraderState) -> dict[str, Any]:
    return book_to_plain(state.book_of(ACCOUNT))


@pytest.mark.parametrize("name", LIVES)
@settings(max_examples=10, deadline=None)
@given(draw=st.data())
def test_snapshot_and_events_give_the_same_book_however_they_are_split(
    tmp_path_factory: pytest.TempPathFactory, lives: dict[str, list[f.Fact]], name: str, draw: st.DataObject
) -> None:
    data = DataDir(tmp_path_factory.mktemp("data"))
    prepare_data_directory(data)
    facts, events = lives[name], told(lives[name])
    whole = Book(ACCOUNT)
    for fact in facts:
        whole.apply(fact)
    merged, stored = (draw.draw(st.integers(0, len(facts))) for _ in range(2))
    spool = spool_of(data)
    for number, event in enumerate(events, 1):
        spool.append([event])
        if number == merged:
            merge(data)
        if number == stored:
            write_state(data, restore_state(data))
    spool.close()
    state = restore_state(data)
    assert book_of(state) == book_to_plain(whole)
    assert (state.seq, state.faults) == (len(facts), {})
    for content in (b"", b'{"format": 2', b'{"format": 2, "cursor": 1, "books": {}}', b'{"format": 9}'):
        data.state_of("trader").write_bytes(content)
        damaged = restore_state(data)
        assert book_of(damaged) == book_to_plain(whole)
        assert damaged.problem is not None
        assert "memory/quarantine" in damaged.problem
    assert len(list(data.quarantine.glob("trader.json.*.damaged"))) == 4
    assert not data.state_of("trader").exists()


def test_an_old_snapshot_is_brought_up_to_date(data: DataDir, lives: dict[str, list[f.Fact]]) -> None:
    events, spool = told(lives[LIVES[0]]), spool_of(data)
    spool.append(events[:5])
    write_state(data, restore_state(data))
    old = data.state_of("trader").read_bytes()
    spool.append(events[5:])
    state = restore_state(data)
    write_state(data, state)
    data.state_of("trader").write_bytes(old)
    assert book_of(restore_state(data)) == book_of(state)


def test_events_of_other_accounts_and_of_the_first_version_change_nothing(data: DataDir) -> None:
    spool = spool_of(data)
    spool.emit("order_submitted", {"symbol": "BTCUSDT", "side": "BUY", "client_order_id": "cq-entry-x"})
    spool.emit(
        "funds_moved", {"asset": "USDT", "change": "5", "reason": "x", "ms": 1}, metadata={"account": "testnet:1"}
    )
    spool.emit("symbol_released", {"symbol": "BTCUSDT", "reason": "first version"})
    state = restore_state(data)
    assert book_of(state) == book_to_plain(Book(ACCOUNT))
    assert set(state.books) == {"testnet:1", ACCOUNT}
    assert state.faults == {}


def test_events_that_contradict_the_book_or_are_missing_are_named(data: DataDir) -> None:
    spool = spool_of(data)
    about = {"symbol": "BTCUSDT", "side": "BUY", "client_order_id": "nobody", "ms": 1}
    spool.emit("order_sent", about, metadata={"account": ACCOUNT})
    spool.emit("service_started", {"service": "trader"})
    spool.emit("service_started", {"service": "trader"})
    spool.close()
    lines = (data.spool / "trader.ndjson").read_bytes().splitlines(keepends=True)
    (data.spool / "trader.ndjson").write_bytes(lines[0] + lines[2])
    state = restore_state(data)
    assert state.take_faults(ACCOUNT) == [
        "event 1 (order_sent): KeyError 'nobody'", "events 2 to 2 of the trader are missing"
    ]  # fmt: skip
    assert state.take_faults("testnet:1") == ["events 2 to 2 of the trader are missing"]


@pytest.mark.parametrize("change", ["seq", "positions"])
def test_a_snapshot_that_was_changed_is_not_believed(
    data: DataDir, lives: dict[str, list[f.Fact]], change: str
) -> None:
    """With a smaller number events would count twice; without its position, coins would be left without a stop."""
    bought = next(n for n, fact in enumerate(lives[LIVES[1]]) if isinstance(fact, f.ExitWanted))
    spool_of(data).append(told(lives[LIVES[1]][:bought]))
    whole = book_of(restore_state(data))
    assert whole["positions"]
    write_state(data, restore_state(data))
    assert restore_state(data).problem is None
    plain = orjson.loads(data.state_of("trader").read_bytes())
    if change == "seq":
        plain["seq"] = -5
    else:
        plain["accounts"][ACCOUNT]["positions"] = type(plain["accounts"][ACCOUNT]["positions"])()
    data.state_of("trader").write_bytes(orjson.dumps(plain))
    again = restore_state(data)
    assert "does not match its checksum" in (again.problem or "")
    assert book_of(again) == whole


def test_books_of_the_first_version_are_kept_as_they_are(data: DataDir) -> None:
    folder = Path(__file__).parent / "first_version"
    content = (folder / "state" / "trader.json").read_bytes()
    data.state_of("trader").write_bytes(content)
    state = restore_state(data)
    plain = orjson.loads(content)
    assert (state.first_version, state.cursor, state.answered_ts) == (
        plain["books"], plain["cursor"], plain["answered_ts"],
    )  # fmt: skip
    write_state(data, state)
    again = restore_state(data)
    assert again.first_version == plain["books"]


def test_a_book_that_was_taken_over_is_read_from_its_event(data: DataDir, lives: dict[str, list[f.Fact]]) -> None:
    book = Book(ACCOUNT, "abcde")
    for fact in lives["bought at market, then protected"]:
        book.apply(fact)
    taken = {"account": ACCOUNT, "mode": "simulation", "book": book_to_plain(book)}
    spool_of(data).emit(TAKEN_OVER, taken, metadata={"account": ACCOUNT})
    content = (Path(__file__).parent / "first_version" / "state" / "trader.json").read_bytes()
    data.state_of("trader").write_bytes(content)
    state = restore_state(data)
    assert book_of(state) == book_to_plain(book)
    assert "simulation" in orjson.loads(content)["books"]
    assert "simulation" not in state.first_version
    assert state.faults == {}
