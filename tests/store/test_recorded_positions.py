"""Open positions by snapshot and events: each alone is enough, and the newer one counts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import DocumentError, write_document
from cq_tui.store.recorded_positions import RecordedPosition, recorded_positions

ACCOUNT = "simulated:7"
OPEN = RecordedPosition(ACCOUNT, "BTCUSDT", "protected")


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    return data


def snapshot(*symbols: str, seq: int = 10) -> dict[str, Any]:
    positions = [{"symbol": symbol, "state": "protected"} for symbol in symbols]
    return {"format": 2, "seq": seq, "books": {}, "accounts": {ACCOUNT: {"positions": positions}}}


def line(event_type: str, seq: int, *, spooled: bool = False, writer: str = "trader", **data: Any) -> bytes:
    origin: dict[str, Any] = {} if spooled else {"writer": writer, "seq": seq, "occurred_at": 1.0}
    event = {"event_type": event_type, "source": writer, "data": data, "metadata": origin | {"account": ACCOUNT}}
    return orjson.dumps(({"seq": seq} if spooled else {}) | event) + b"\n"


def moved(after: str, seq: int, symbol: str = "BTCUSDT", **more: Any) -> bytes:
    return line("position_changed", seq, symbol=symbol, before="opening", after=after, **more)


def test_nothing_was_ever_traded(data: DataDir) -> None:
    assert recorded_positions(data) == []


def test_the_snapshot_alone_tells(data: DataDir) -> None:
    write_document(data.state_of("trader"), snapshot("BTCUSDT"))
    assert recorded_positions(data) == [OPEN]


@pytest.mark.parametrize("spooled", [False, True], ids=["merged", "in the spool"])
def test_the_events_alone_tell_what_was_opened_and_not_closed(data: DataDir, spooled: bool) -> None:
    path = data.spool / "trader.ndjson" if spooled else data.events
    path.write_bytes(
        moved("opening", 1, spooled=spooled)
        + moved("protected", 2, spooled=spooled)
        + moved("opening", 3, "ETHUSDT", spooled=spooled)
        + moved("closed", 4, "ETHUSDT", spooled=spooled)
        + line("position_adopted", 5, symbol="BNBUSDT", spooled=spooled)
        + b'{"torn"'
    )
    assert recorded_positions(data) == [OPEN, RecordedPosition(ACCOUNT, "BNBUSDT", "opening")]


@pytest.mark.parametrize(("seq", "found"), [(9, [OPEN]), (11, [])], ids=["before it", "after it"])
def test_an_event_counts_if_it_came_after_the_snapshot(data: DataDir, seq: int, found: list[RecordedPosition]) -> None:
    write_document(data.state_of("trader"), snapshot("BTCUSDT", seq=10))
    data.events.write_bytes(moved("closed", seq))
    assert recorded_positions(data) == found


def test_what_waits_in_the_spool_is_newer_than_the_history(data: DataDir) -> None:
    data.events.write_bytes(moved("protected", 5))
    (data.spool / f"trader.{6:016}.ndjson").write_bytes(moved("closing", 6, spooled=True))
    assert recorded_positions(data) == [OPEN._replace(state="closing")]
    (data.spool / "trader.ndjson").write_bytes(moved("closed", 7, spooled=True))
    assert recorded_positions(data) == []


@pytest.mark.parametrize(
    "plain",
    [
        {"books": {"simulation": {"positions": [{"symbol": "BTCUSDT"}]}}},
        {"format": 2, "seq": 1, "accounts": {}, "books": {"simulation": {"positions": [{"symbol": "BTCUSDT"}]}}},
    ],
    ids=["0.1.0", "kept since"],
)
def test_a_book_of_the_first_version_is_named_by_its_mode(data: DataDir, plain: Mapping[str, Any]) -> None:
    write_document(data.state_of("trader"), dict(plain))
    assert recorded_positions(data) == [RecordedPosition("simulation", "BTCUSDT", "open")]


def test_a_book_of_the_first_version_that_was_taken_over_is_told_by_its_event(data: DataDir) -> None:
    book = {"positions": [{"symbol": "BTCUSDT", "state": "protected"}]}
    write_document(data.state_of("trader"), {"books": {"simulation": book}})
    data.events.write_bytes(line("book_taken_over", 1, mode="simulation", book=book))
    assert recorded_positions(data) == [OPEN], "it is no second position"
    data.events.write_bytes(line("book_taken_over", 1, mode="simulation", book=book) + moved("closed", 2))
    assert recorded_positions(data) == []


@pytest.mark.parametrize(
    "other",
    [
        moved("protected", 2, writer="ares"),
        line("order_rejected", 2, symbol="BTCUSDT", code="position_open"),
        b'{"event_type":"position_changed","data":{"symbol":"BTCUSDT"},"metadata":{}}\n',
        b'damaged "position_changed"\n',
    ],
    ids=["another writer", "another event", "half an event", "damaged"],
)
def test_what_is_no_event_of_a_position_tells_nothing(data: DataDir, other: bytes) -> None:
    data.events.write_bytes(other)
    assert recorded_positions(data) == []


@pytest.mark.parametrize("content", [b"{", b"{}", b'{"books":{"live":7}}', b""])
def test_a_damaged_snapshot_is_doubt_unless_events_tell(data: DataDir, content: bytes) -> None:
    data.state_of("trader").write_bytes(content)
    with pytest.raises(DocumentError):
        recorded_positions(data)
    data.events.write_bytes(moved("protected", 1))
    assert recorded_positions(data) == [OPEN]
