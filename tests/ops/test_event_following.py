"""Following events: each is shown once, even when file or folder is replaced."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from cq_tui.ops.event_following import follow_events
from cq_tui.store.reading.event_filter import EventFilter, HistoryEntry
from cq_tui.store.reading.event_follower import EventFollower
from cq_tui.store.reading.events_file import open_events
from tests.store.reading.written import Lines, write


class Shown:
    """What was shown so far."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.calls = 0
        self._changed = asyncio.Event()

    def __call__(self, entries: Sequence[HistoryEntry]) -> None:
        self.calls += 1
        self.lines += [entry.line for entry in entries]
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "memory" / "event_chain.ndjson"


def following(path: Path, shown: Shown) -> asyncio.Task[None]:
    with open_events(path) as history:
        follower = EventFollower(path, history, EventFilter())

    async def run() -> None:
        await follow_events(path, follower, shown)

    return asyncio.create_task(run())


async def stop(task: asyncio.Task[None]) -> None:
    assert not task.done(), task.result()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def append(path: Path, lines: Sequence[bytes]) -> None:
    with path.open("ab") as file:
        file.write(b"".join(line + b"\n" for line in lines))


async def test_new_events_are_shown_at_once(path: Path) -> None:
    made, shown = Lines(), Shown()
    write(path, made.some(2))
    task = following(path, shown)
    await shown.until(lambda: shown.calls > 0)
    lines = made.some(4)
    append(path, lines[:1])
    await shown.until(lambda: len(shown.lines) == 1)
    append(path, lines[1:])
    await shown.until(lambda: len(shown.lines) == 4)
    assert shown.lines == lines
    await stop(task)


async def test_folders_may_come_later(path: Path) -> None:
    made, shown = Lines(), Shown()
    path.parent.parent.mkdir()
    task = following(path, shown)
    await shown.until(lambda: shown.calls > 0)
    lines = made.some(3)
    write(path, lines)
    await shown.until(lambda: len(shown.lines) == 3)
    assert shown.lines == lines
    await stop(task)


async def test_a_replaced_folder_is_followed(path: Path) -> None:
    made, shown = Lines(), Shown()
    lines, more, then = made.some(3), made.some(2), made.some(2)
    write(path, lines)
    task = following(path, shown)
    await shown.until(lambda: shown.calls > 0)
    shutil.rmtree(path.parent)
    write(path, lines + more)
    await shown.until(lambda: len(shown.lines) == 2)
    append(path, then)
    await shown.until(lambda: len(shown.lines) == 4)
    assert shown.lines == more + then
    await stop(task)


async def test_what_show_raises_ends_it(path: Path) -> None:
    write(path, [])

    def broken(entries: Sequence[HistoryEntry]) -> None:
        raise BrokenPipeError

    with open_events(path) as history:
        follower = EventFollower(path, history, EventFilter())
    with pytest.raises(BrokenPipeError):
        await follow_events(path, follower, broken)


async def test_cancellation_works_while_many_events_are_shown(path: Path) -> None:
    made = Lines()
    write(path, made.some(1))
    with open_events(path) as history:
        follower = EventFollower(path, history, EventFilter())
    append(path, made.some(1))

    def interrupted(entries: Sequence[HistoryEntry]) -> None:
        # As Ctrl-C does, which comes at any time.
        if entries and task.cancelling() == 0:
            task.cancel()

    async def run() -> None:
        await follow_events(path, follower, interrupted)

    task = asyncio.create_task(run())
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(10):
            await task
