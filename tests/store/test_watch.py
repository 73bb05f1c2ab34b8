"""Watching folders: nothing that stays changed is missed, by either way of watching."""

import asyncio
import errno
import os
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from cq_tui.store.document import write_document
from cq_tui.store.journal import JournalReader, JournalWriter
from cq_tui.store.watch import FolderWatch, InotifyWatch, WatchfilesWatch, watch_folders

Kind = Callable[[Iterable[Path]], FolderWatch]
KINDS = [
    pytest.param(InotifyWatch, marks=pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux")),
    WatchfilesWatch,
]
both = pytest.mark.parametrize("kind", KINDS)


async def gather(watch: FolderWatch, wanted: set[Path], seconds: float = 10.0) -> set[Path]:
    """Collect changes until all that are wanted have come."""
    seen: set[Path] = set()
    async with asyncio.timeout(seconds):
        while not wanted <= seen:
            seen |= await watch.changes(timeout=0.5)
    return seen


@both
async def test_a_change_right_after_opening_is_not_missed(kind: Kind, tmp_path: Path) -> None:
    with kind([tmp_path]) as watch:
        write_document(tmp_path / "a.json", {})
        assert tmp_path / "a.json" in await gather(watch, {tmp_path / "a.json"})


@both
async def test_replacing_appending_creating_and_deleting_are_seen(kind: Kind, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "old").touch()
    journal = JournalWriter(tmp_path / "j.ndjson")
    with kind([tmp_path, other]) as watch:
        await gather(watch, set())
        await watch.changes(timeout=0.3)
        for path, act in (
            (tmp_path / "d.json", lambda: write_document(tmp_path / "d.json", {"n": 1})),
            (tmp_path / "d.json", lambda: write_document(tmp_path / "d.json", {"n": 2})),
            (tmp_path / "j.ndjson", lambda: journal.append([b"x"])),
            (other / "old", (other / "old").unlink),
        ):
            act()
            assert path in await gather(watch, {path})
    journal.close()


@both
async def test_nothing_of_a_burst_is_missed(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / "j.ndjson"
    writer, reader = JournalWriter(path), JournalReader(path)
    files = {tmp_path / f"{number}.json" for number in range(300)}

    def burst() -> None:
        for number, file in enumerate(sorted(files)):
            write_document(file, {}, durable=False)
            writer.append([b"%d" % number])

    lines: list[bytes] = []
    seen: set[Path] = set()
    with kind([tmp_path]) as watch:
        thread = threading.Thread(target=burst)
        thread.start()
        async with asyncio.timeout(20):
            while len(lines) < 300 or not files <= seen:
                changed = await watch.changes(timeout=5.0)
                seen |= changed
                if path in changed:
                    lines += reader.read_new()
        thread.join()
    assert lines == [b"%d" % number for number in range(300)]
    writer.close()


@both
async def test_temporary_names_and_request_budgets_are_nobodys_change(kind: Kind, tmp_path: Path) -> None:
    hidden = [
        ".d.json.tmp",
        ".hash_chain.json.hidden",
        ".hash_chain.json.swap",
        ".env.json.lock",
        "weight-loopback.json",
    ]
    with kind([tmp_path]) as watch:
        for name in hidden:
            (tmp_path / name).write_bytes(b"x")
        write_document(tmp_path / "d.json", {})
        assert await gather(watch, {tmp_path / "d.json"}) == {tmp_path / "d.json"}


@both
async def test_without_a_change_it_returns_at_its_timeout_and_closing_twice_is_fine(kind: Kind, tmp_path: Path) -> None:
    watch = kind([tmp_path])
    await watch.changes(timeout=0.3)
    assert await watch.changes(timeout=0.05) == set()
    watch.close()
    watch.close()
    async with asyncio.timeout(10):
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0)


async def test_the_fastest_method_of_this_system_is_used(tmp_path: Path) -> None:
    with watch_folders([tmp_path]) as watch:
        assert isinstance(watch, InotifyWatch if sys.platform == "linux" else WatchfilesWatch)


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux")
async def test_used_up_notifications_are_replaced_by_looking(tmp_path: Path) -> None:
    def used_up(folders: Iterable[Path]) -> FolderWatch:
        raise OSError(errno.EMFILE, "too many open files")

    with watch_folders([tmp_path], quickest=used_up) as watch:
        await gather(watch, set())
        (tmp_path / "new").touch()
        assert tmp_path / "new" in await gather(watch, {tmp_path / "new"})


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux")
async def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="none"):
        watch_folders([tmp_path / "none"])


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux")
async def test_a_folder_that_is_not_there_leaves_no_descriptor_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(OSError, match="none"):
            watch_folders([tmp_path, tmp_path / "none"])
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux")
async def test_a_name_of_any_bytes_is_seen(tmp_path: Path) -> None:
    names = [b"caf\xe9", "価格".encode(), b"x" * 255]
    with watch_folders([tmp_path]) as watch:
        for name in names:
            Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
        assert {os.fsencode(path.name) for path in await gather(watch, {tmp_path / ("x" * 255)})} == set(names)


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux")
async def test_each_event_is_read_with_the_folder_it_is_of(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two", "gone")]
    for folder in folders:
        folder.mkdir()
    # Names of every length up to the padding, told again and again, and events of a folder itself.
    names = ["n" * length for length in range(1, 40)]
    with watch_folders(folders) as watch:
        folders[2].rmdir()
        for name in names:
            for folder in folders[:2]:
                (folder / name).write_bytes(b"x")
                (folder / name).write_bytes(b"xx")
        wanted = {folder / name for folder in folders[:2] for name in names}
        assert await gather(watch, wanted) == wanted


@both
@pytest.mark.parametrize("timeout", [0.0, 1e-9])
async def test_a_cancellation_is_heard_though_the_time_is_over(kind: Kind, tmp_path: Path, timeout: float) -> None:
    async def wait_without_time() -> None:
        with kind([tmp_path]) as watch:
            while await watch.changes(timeout=0.3):
                pass  # one way of watching begins with everything
            # As a signal does that comes while the task is at work.
            task.cancel()
            await watch.changes(timeout=timeout)

    task = asyncio.create_task(wait_without_time())
    with pytest.raises(asyncio.CancelledError):
        await task
