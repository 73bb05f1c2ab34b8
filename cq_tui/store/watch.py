"""Watching folders for changed files, with a delay of about a millisecond on Linux and a few elsewhere.

Uses inotify (asyncinotify) on Linux, watchfiles elsewhere. Both may miss changes (network file systems, full queues),
so callers must rescan now and then: ``changes`` returns after its timeout.
"""

import asyncio
import errno
import os
import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Self

#: Polling interval in milliseconds where the system does not report changes.
_POLL_MS = 200
#: Temporary files, of which only the rename matters, and request budgets, which change twice with every request.
_UNWATCHED = (".", "weight-")
#: One event as inotify(7) tells it: watch, mask, cookie, length of the padded name that follows.
_EVENT = struct.Struct("iIII")
#: Read at once: some hundred events.
_READ = 16 * 1024
#: Paths of a watch that are kept.
_PATHS_KEPT = 500


class FolderWatch:
    """An open watch on some folders, not recursive."""

    def __init__(self) -> None:
        self._changed: set[Path] = set()
        self._wake = asyncio.Event()

    def _add(self, path: Path) -> None:
        if not path.name.startswith(_UNWATCHED):
            self._changed.add(path)
            self._wake.set()

    async def changes(self, timeout: float) -> set[Path]:
        """Return the files that changed since the last call; wait at most ``timeout`` seconds for the first."""
        # The timeout sets the event like a change does: a cancellation could hide another that comes just then.
        timer = asyncio.get_running_loop().call_later(timeout, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()
        self._wake.clear()
        changed, self._changed = self._changed, set()
        return changed

    def wake(self) -> None:
        """End the wait of ``changes``, or the next one, without a change."""
        self._wake.set()

    def close(self) -> None:
        """Stop watching."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class InotifyWatch(FolderWatch):
    """Linux: woken by the kernel."""

    def __init__(self, folders: Iterable[Path]) -> None:
        from asyncinotify import Inotify, Mask

        super().__init__()
        self._inotify = Inotify()
        mask = Mask.MODIFY | Mask.MOVED_TO | Mask.CREATE | Mask.DELETE | Mask.ONLYDIR
        #: By the number of their watch.
        self._folders: dict[int, Path] = {}
        #: The same names come again and again.
        self._paths: dict[tuple[int, bytes], Path] = {}
        try:
            for folder in folders:
                self._folders[self._inotify.add_watch(folder, mask).wd] = folder
        except OSError:
            self._inotify.close()
            raise
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._descriptor = self._inotify.fd
        self._loop.add_reader(self._descriptor, self._drain)

    def _drain(self) -> None:
        # The library makes an object with two paths of each event: several times slower, on the way of every order.
        # What is left unread calls this again.
        for event in _named_events(os.read(self._descriptor, _READ)):
            if (path := self._paths.get(event) or self._path(*event)) is not None:
                self._add(path)

    def _path(self, number: int, name: bytes) -> Path | None:
        folder = self._folders.get(number)
        if folder is None:
            return None
        if len(self._paths) >= _PATHS_KEPT:
            self._paths.clear()
        path = self._paths[number, name] = folder / os.fsdecode(name)
        return path

    def close(self) -> None:
        """Stop watching."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._descriptor)
            self._inotify.close()


def _named_events(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield watch and file name of each event, without repetitions in a row; events of the folder have no name."""
    offset, last = 0, (-1, b"")
    while offset < len(content):
        number, _, _, length = _EVENT.unpack_from(content, offset)
        offset += _EVENT.size + length
        event = number, content[offset - length : offset].rstrip(b"\0")
        if event[1] and event != last:
            yield event
        last = event


class WatchfilesWatch(FolderWatch):
    """Elsewhere: watchfiles, with the system's notifications or with polling."""

    def __init__(self, folders: Iterable[Path], *, polling: bool = False) -> None:
        super().__init__()
        self._task = asyncio.get_running_loop().create_task(self._follow(list(folders), polling))

    async def _follow(self, folders: list[Path], polling: bool) -> None:
        from watchfiles import awatch

        batches = awatch(
            *folders,
            step=10,
            debounce=100,
            rust_timeout=1000,
            recursive=False,
            watch_filter=None,
            force_polling=polling,
            poll_delay_ms=_POLL_MS,
        )
        batch = asyncio.ensure_future(anext(batches))
        try:
            # The first step opens the watch. Earlier changes are not reported, so report every file once.
            await asyncio.sleep(0)
            for folder in folders:
                for path in folder.iterdir():
                    self._add(path)
            while True:
                for _, name in await batch:
                    self._add(Path(name))
                batch = asyncio.ensure_future(anext(batches))
        finally:
            batch.cancel()

    def close(self) -> None:
        """Stop watching."""
        self._task.cancel()


def watch_folders(
    folders: Iterable[Path], quickest: Callable[[Iterable[Path]], FolderWatch] | None = None
) -> FolderWatch:
    """Watch folders that exist. Call from a running event loop; close when done.

    ``quickest`` is the system's best watcher (inotify on Linux). If other programs have used up its resources, this
    polls instead: slower, and a change may be missed until the next rescan. Raises OSError for a missing folder.
    """
    chosen = list(folders)
    open_quickest = quickest or (InotifyWatch if sys.platform == "linux" else WatchfilesWatch)
    try:
        return open_quickest(chosen)
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENOSPC):
            raise
        return WatchfilesWatch(chosen, polling=True)
