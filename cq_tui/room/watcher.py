"""The file watcher: updates the read model when files change, and posts what changed."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cq_tui.room.changes import Changes, Topic
from cq_tui.store.watch import FolderWatch, watch_folders

if TYPE_CHECKING:
    from cq_tui.room.state import RoomState

#: Seconds between polls of all files: they catch missed changes, and tick all ages.
POLL_INTERVAL = 1.0
#: Seconds between reads while changes keep coming; the first is read at once. Services write many files at
#: different times: read together, they cost one repaint. Nobody reads prices faster than three times a second.
_READ_INTERVAL = 0.1
_PRICE_INTERVAL = 1 / 3
#: Symbols whose recorded klines are read without yielding to the event loop.
_SEED_BATCH = 8


class Watcher:
    """Feeds a RoomState from its data directory until canceled."""

    def __init__(
        self, state: "RoomState", now: Callable[[], float], post: Callable[[Changes], None], fail: Callable[[str], None]
    ) -> None:
        self._state = state
        self._now = now
        self._post = post
        self._fail = fail
        self._frozen = False
        #: Files that changed and have not been read, and when prices and the other files were read (monotonic).
        self._changed: set[Path] = set()
        self._priced_at = self._read_at = 0.0

    @property
    def frozen(self) -> bool:
        """Whether reading is paused."""
        return self._frozen

    def set_frozen(self, frozen: bool) -> None:
        """Pause or resume reading; after a resume, the next poll reads everything that changed."""
        self._frozen = frozen

    async def run(self) -> None:
        """Watch the existing folders; check every second for new ones."""
        while True:
            folders = self._existing_folders()
            try:
                watch = watch_folders(folders)
            except (OSError, ImportError) as error:
                self._fail(f"file watching is unavailable ({error}): polling once a second")
                await self._poll_forever()
                return
            with watch:
                await self._watch(watch, folders)

    def read_now(self) -> None:
        """Read what has changed without waiting any longer: somebody presses a key, and looks."""
        self._read(self._changed)

    async def _watch(self, watch: FolderWatch, folders: list[Path]) -> None:
        next_sweep = 0.0
        while True:
            self._changed |= await watch.changes(timeout=max(0.0, self._next_read(next_sweep) - time.monotonic()))
            now = time.monotonic()
            if now >= next_sweep:
                next_sweep = now + POLL_INTERVAL
                await self._poll()
                if self._existing_folders() != folders:
                    return
            else:
                self._read({path for path in self._changed if self._due_at(path) <= now})

    def _due_at(self, path: Path) -> float:
        if path == self._state.data.tickers:
            return self._priced_at + _PRICE_INTERVAL
        return self._read_at + _READ_INTERVAL

    def _next_read(self, sweep: float) -> float:
        return min([sweep, *map(self._due_at, self._changed)])

    def _read(self, paths: set[Path]) -> None:
        """Read these files, unless the display is frozen: then the next sweep does, once it is not."""
        self._changed = self._changed - paths
        if self._frozen or not paths:
            return
        self._note_read(paths)
        self._publish(self._state.read_changed_files(paths))

    def _note_read(self, paths: set[Path]) -> None:
        prices, now = self._state.data.tickers, time.monotonic()
        if prices in paths:
            self._priced_at = now
        if paths - {prices}:
            self._read_at = now

    async def _poll_forever(self) -> None:
        while True:
            await self._poll()
            await asyncio.sleep(POLL_INTERVAL)

    async def _poll(self) -> None:
        changes = Changes({Topic.TIME})
        if not self._frozen:
            changed, self._changed = self._changed, set()
            self._note_read(changed)
            changes.add(self._state.read_changed_files(changed))
            changes.add(self._state.poll_files())
            changes.add(self._state.refresh_lock_holders())
        self._publish(changes)
        while not self._frozen and (seeded := self._state.seed_prices(_SEED_BATCH)):
            self._publish(Changes({Topic.RECORDED}, seeded))
            await asyncio.sleep(0)

    def _existing_folders(self) -> list[Path]:
        return [folder for folder in self._state.watched_folders if folder.is_dir()]

    def _publish(self, changes: Changes) -> None:
        if changes:
            self._post(changes)
