"""Finding a writer's last event from the end of the history."""

from pathlib import Path
from typing import Any

import pytest

from cq_tui.store.history.event_line import EventHeader, build_line
from cq_tui.store.spools.last_merged import last_merged_seq

HEAD = EventHeader("evt_5_001", "5.000000", "e")
MIB = 1024 * 1024


def line(writer: str, seq: int, **data: Any) -> bytes:
    return build_line(HEAD, writer.partition("-")[0], data, writer, seq, 5.0, {}) + b"\n"


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return tmp_path / "event_chain.ndjson"


def test_a_history_that_is_missing_or_empty_has_none(history: Path) -> None:
    assert last_merged_seq(history, "trader") == 0
    history.touch()
    assert last_merged_seq(history, "trader") == 0


def test_the_newest_event_counts_and_payloads_and_rubbish_do_not(history: Path) -> None:
    like = {"metadata": {"writer": "trader", "seq": 99}}
    torn = line("trader", 100)[:-1]
    history.write_bytes(
        line("trader", 4)
        + line("trader", 5, **like)
        + line("ares", 7, **like)
        + b"\xff{\n"
        + line("exchange", 1)
        + torn
    )
    assert [last_merged_seq(history, name) for name in ("trader", "ares", "exchange", "feeder")] == [5, 7, 1, 0]


@pytest.mark.parametrize("before", [0, 1, MIB - 400, MIB - 150, MIB, MIB + 1, 3 * MIB])
@pytest.mark.parametrize("after", [0, 1, MIB - 400, MIB - 150, MIB, MIB + 1, 3 * MIB])
def test_it_is_found_wherever_blocks_begin(history: Path, before: int, after: int) -> None:
    filler = line("ares", 1, fill="x" * 100)
    whole = [
        filler * (size // len(filler)) + line("ares", 2, fill="x" * (size % len(filler))) for size in (before, after)
    ]
    history.write_bytes(whole[0] + line("trader", 12) + whole[1])
    assert last_merged_seq(history, "trader") == 12
    assert last_merged_seq(history, "memory") == 0


def test_long_lines_count_and_lines_too_long_for_an_event_do_not(history: Path) -> None:
    long, too_long = (line("ares", seq, fill="x" * size) for seq, size in ((3, MIB - 1000), (4, 3 * MIB)))
    history.write_bytes(line("trader", 8) + long + long + too_long)
    assert (last_merged_seq(history, "trader"), last_merged_seq(history, "ares")) == (8, 3)


@pytest.mark.parametrize("leaps", [[2**53 - 1], [2**53 - 2, 2**53 - 1], [10**14], [10_000_007], [10**14, 7]])
def test_a_number_that_leaps_does_not_count(history: Path, leaps: list[int]) -> None:
    history.write_bytes(b"".join(line("trader", seq) for seq in (5, 6, *leaps)))
    assert last_merged_seq(history, "trader") == (7 if leaps[-1] == 7 else 6)


def test_a_writer_with_many_events_or_a_late_beginning_has_its_last_number(history: Path) -> None:
    history.write_bytes(line("trader", 10**9) + line("trader", 10**9 + 5) + line("ares", 2**53 - 1))
    assert (last_merged_seq(history, "trader"), last_merged_seq(history, "ares")) == (10**9 + 5, 0)
    history.write_bytes(b"".join(line("trader", seq) for seq in range(5 * 10**7, 5 * 10**7 + 3000)))
    assert last_merged_seq(history, "trader") == 5 * 10**7 + 2999
