"""Following the history: every event once, in order, whatever becomes of the file."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from cq_tui.store.reading.event_filter import EventFilter
from cq_tui.store.reading.event_follower import EventFollower
from cq_tui.store.reading.events_file import open_events
from tests.store.reading.written import Lines, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events"


EVERYTHING = EventFilter()


def behind(path: Path, wanted: EventFilter = EVERYTHING) -> EventFollower:
    with open_events(path) as history:
        return EventFollower(path, history, wanted)


def append(path: Path, lines: Sequence[bytes], *, tail: bytes = b"") -> None:
    with path.open("ab") as file:
        file.write(b"".join(line + b"\n" for line in lines) + tail)


def news(follower: EventFollower) -> list[bytes]:
    """Everything that is new, damaged lines included."""
    found = []
    while entries := follower.read_new():
        found += [entry.line for entry in entries]
    return found


def replace(path: Path, lines: Sequence[bytes]) -> None:
    """Put another file in the place of this one, as a restored backup is."""
    other = path.with_name("other")
    write(other, lines)
    os.replace(other, path)


def test_only_new_events_are_shown_and_once(path: Path) -> None:
    made = Lines()
    write(path, made.some(3))
    follower = behind(path)
    assert news(follower) == []
    more = made.some(4)
    append(path, more)
    assert news(follower) == more
    assert news(follower) == []


def test_events_between_reading_and_following_are_shown(path: Path) -> None:
    made = Lines()
    write(path, made.some(3))
    with open_events(path) as history:
        late = made.some(2)
        append(path, late)
        follower = EventFollower(path, history, EVERYTHING)
    assert news(follower) == late


def test_a_file_created_later_is_followed_from_its_start(path: Path) -> None:
    follower = behind(path)
    assert news(follower) == []
    lines = Lines().some(5)
    write(path, lines)
    assert news(follower) == lines
    assert follower.replacements == 0


def test_a_partial_line_is_shown_once_it_is_complete(path: Path) -> None:
    made = Lines()
    line = made.make()
    write(path, made.some(1), tail=line[:30])
    follower = behind(path)
    assert news(follower) == []
    append(path, [], tail=line[30:])
    assert news(follower) == []
    append(path, [b""])
    assert news(follower) == [line]


def test_a_torn_line_that_is_removed_is_never_shown(path: Path) -> None:
    made = Lines()
    first = made.some(2)
    write(path, first, tail=b'{"event_id":"evt_1')
    follower = behind(path)
    assert news(follower) == []
    os.truncate(path, sum(len(line) + 1 for line in first))
    more = made.some(1)
    append(path, more)
    assert news(follower) == more
    assert follower.replacements == 0


def test_damaged_lines_are_reported_before_the_next_event(path: Path) -> None:
    made = Lines()
    write(path, made.some(1))
    follower = behind(path)
    sound = made.make()
    append(path, [b"junk", sound])
    entries = follower.read_new()
    assert [(entry.line, entry.event is None) for entry in entries] == [(b"junk", True), (sound, False)]
    content = path.read_bytes()
    assert all(content.startswith(entry.line + b"\n", entry.offset) for entry in entries)


def test_only_matching_events_are_shown(path: Path) -> None:
    made = Lines()
    write(path, made.some(2))
    follower = behind(path, EventFilter(["order_rejected"], symbol="BTCUSDT"))
    lines = made.some(30)
    append(path, lines)
    assert news(follower) == [line for line in lines if b"order_rejected" in line and b"BTCUSDT" in line]


@pytest.mark.parametrize("known", [0, 1, 40])
def test_in_a_replaced_file_it_continues_after_the_last_event_seen(path: Path, known: int) -> None:
    made = Lines()
    lines = made.some(known)
    write(path, lines)
    follower = behind(path)
    assert news(follower) == []
    lost, then = made.some(3), made.some(3)
    replace(path, [*lines, *lost])
    assert news(follower) == lost
    assert follower.replacements == (1 if known else 0)
    append(path, then)
    assert news(follower) == then


@pytest.mark.parametrize("there", [0, 1, 3, 5])
def test_another_file_may_still_be_on_its_way_in(path: Path, there: int) -> None:
    made = Lines()
    known, new = made.some(5), made.some(2)
    write(path, known)
    follower = behind(path)
    # As `cp` restores a backup: emptied first, then written piece by piece.
    write(path, known[:there], tail=(known + new)[there][:20])
    assert news(follower) == []
    append(path, [(known + new)[there][20:], *(known + new)[there + 1 :]])
    assert news(follower) == new
    then = [b"junk", *made.some(2)]
    append(path, then)
    assert news(follower) == then


def test_after_a_restored_backup_only_new_events_are_shown(path: Path) -> None:
    made = Lines()
    lines = made.some(20)
    write(path, lines)
    follower = behind(path)
    assert news(follower) == []
    replace(path, lines[:12])
    assert news(follower) == []
    then = made.some(2)
    append(path, then)
    assert news(follower) == then
    assert follower.replacements == 1


def test_a_file_truncated_and_grown_again_is_followed_from_the_new_lines(path: Path) -> None:
    made = Lines()
    lines = made.some(20)
    write(path, lines)
    follower = behind(path)
    assert news(follower) == []
    then = made.some(1)
    write(path, [*lines[:3], *then])
    assert news(follower) == then
    # Longer than before, and no line ends where it was read to.
    longer = [made.make(reason="x" * 3000), *made.some(40)]
    write(path, [*lines[:2], *longer])
    assert news(follower) == longer


def test_a_file_that_disappears_and_returns_is_still_followed(path: Path) -> None:
    made = Lines()
    lines = made.some(5)
    write(path, lines)
    follower = behind(path)
    assert news(follower) == []
    path.unlink()
    assert news(follower) == []
    then = made.some(2)
    write(path, [*lines, *then])
    assert news(follower) == then


def test_events_of_one_second_are_distinguished(path: Path) -> None:
    lines = Lines(step=0.0).some(1201)
    assert lines[-1].startswith(b'{"event_id":"evt_1790000000_1201"')
    write(path, lines[:1100])
    follower = behind(path)
    assert news(follower) == []
    replace(path, lines)
    assert news(follower) == lines[1100:]
