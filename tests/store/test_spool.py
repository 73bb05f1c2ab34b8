"""Spools: the numbering goes on, whatever ended the last writer."""

import math
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.contracts.events import SpooledEvent, SymbolReleased
from cq_tui.store.history.event_line import EventHead, build_line
from cq_tui.store.journal import MAX_LINE_BYTES, JournalError
from cq_tui.store.spool import EventSpool, UnspoolableEvent


def spool_of(folder: Path, writer: str = "trader") -> EventSpool:
    return EventSpool(folder, writer, quarantine=folder)


def lines_of(folder: Path, writer: str = "trader") -> list[SpooledEvent]:
    lines = (folder / f"{writer}.ndjson").read_bytes().split(b"\n")[:-1]
    return [SpooledEvent.model_validate(orjson.loads(line)) for line in lines]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 250)), max_size=5))
def test_seq_has_no_gap_and_no_double_over_restarts_and_torn_tails(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    path = folder / "trader.ndjson"
    for count, cut in rounds:
        spool = spool_of(folder)
        last = spool.seq
        assert [spool.emit("e", {"n": n}) for n in range(count)] == list(range(last + 1, last + count + 1))
        spool.close()
        content = path.read_bytes()
        # A crash tears at most the last line.
        start = content[:-1].rfind(b"\n") + 1
        path.write_bytes(content[: max(start, len(content) - cut)])
    spool_of(folder).close()
    assert [event.seq for event in lines_of(folder)] == list(range(1, len(lines_of(folder)) + 1))


def test_what_is_spooled_is_what_was_said(tmp_path: Path) -> None:
    spool = spool_of(tmp_path, "room-1a2b")
    spool.emit("symbol_released", SymbolReleased(symbol="[red]\x1b", reason=None), metadata={"k": 1}, now=5.5)
    spool.emit("x", {"nan": math.nan}, durable=True)
    spool.close()
    first, second = lines_of(tmp_path, "room-1a2b")
    assert (first.seq, first.occurred_at, first.source, first.metadata) == (1, 5.5, "room", {"k": 1})
    assert first.data == {"symbol": "[red]\x1b"}
    assert second.data == {"nan": None}
    assert second.occurred_at > 1e9


@pytest.mark.parametrize("writer", ["", "Trader", "../x", "a b", "trader-", "trader-1-2", "tra\nder", "trader\n"])
def test_writers_have_plain_names(tmp_path: Path, writer: str) -> None:
    with pytest.raises(ValueError, match="spool writer"):
        spool_of(tmp_path, writer)


@pytest.mark.parametrize("data", [{"n": 2**70}, {"text": "\ud800"}, {"big": "x" * MAX_LINE_BYTES}, {"o": object()}])
def test_an_event_that_no_line_can_hold_is_refused_by_itself(tmp_path: Path, data: dict[str, object]) -> None:
    spool = spool_of(tmp_path)
    with pytest.raises(UnspoolableEvent, match="order_executed"):
        spool.emit("order_executed", data)
    assert spool.emit("order_executed", {}) == 1
    spool.close()
    assert len(lines_of(tmp_path)) == 1


def test_a_damaged_last_line_costs_its_own_number_only(tmp_path: Path) -> None:
    spool = spool_of(tmp_path)
    for _ in range(3):
        spool.emit("e", {})
    spool.close()
    path = tmp_path / "trader.ndjson"
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0], lines[1], b"\x00" + lines[2][1:], b""]))
    spool = spool_of(tmp_path)
    assert spool.emit("e", {}) == 4
    spool.close()


def test_a_file_that_is_no_spool_at_all_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "trader.ndjson").write_bytes(b"not\nours\n")
    with pytest.raises(JournalError, match=r"trader.ndjson: .*Move the file"):
        spool_of(tmp_path)
    assert (tmp_path / "trader.ndjson").read_bytes() == b"not\nours\n"


def test_a_spool_that_was_moved_away_is_continued_from_the_history(tmp_path: Path) -> None:
    """Otherwise its new events would have the numbers of old ones and be dropped as doubles."""
    folder = tmp_path / "spool"
    folder.mkdir()
    head = EventHead("evt_5_001", "5.000000", "e")
    nested = {"metadata": {"writer": "trader", "seq": 99}}
    lines = [build_line(head, "trader", nested, "trader", seq, 5.0, {}) for seq in (1, 2, 3)]
    lines += [build_line(head, "ares", {}, "ares", 70, 5.0, {}), b"\xff{", b""]
    (tmp_path / "event_chain.ndjson").write_bytes(b"\n".join(lines))
    for writer, seq in (("trader", 4), ("ares", 71), ("feeder", 1), ("room-1", 1)):
        spool = spool_of(folder, writer)
        assert spool.emit("e", {}) == seq
        spool.close()
