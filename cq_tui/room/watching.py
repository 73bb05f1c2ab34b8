"""The watching worker: told of changed files, it updates the read model and posts what changed."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cq_tui.room.changes import Changes, Part
from cq_tui.store.watch import FolderWatch, watch_folders

if TYPE_CHECKING:
    from cq_tui.room.state import RoomState

#: Seconds between two sweeps over all files: a net for missed changes, and the tick of all ages.
SWEEP_INTERVAL = 1.0
#: Seconds between two readings while changes keep coming; the first is read at once. Services write many files at
#: many moments: gathered, they cost one painting.
_PACE = 0.2
#: Symbols whose recorded klines are read between two waits.
_SEEDED_AT_ONCE = 8


class Watcher:
    """Feeds a RoomState from its data directory until cancelled."""

    def __init__(
        self, state: "RoomState", now: Callable[[], float], post: Callable[[Changes], None], fail: Callable[[str], None]
    ) -> None:
        self._state = state
        self._now = now
        self._post = post
        self._fail = fail
        self._frozen = False

    @property
    def frozen(self) -> bool:
        """While frozen, files are left unread."""
        return self._frozen

    def freeze(self, frozen: bool) -> None:
        """Stop or go on; going on reads everything that changed meanwhile."""
        self._frozen = frozen

    async def run(self) -> None:
        """Watch the folders that are there; look again each second for those that are not yet."""
        while True:
            folders = self._existing()
            try:
                watch = watch_folders(folders)
            except (OSError, ImportError) as error:
                self._fail(f"files are not watched ({error}); they are read once a second")
                await self._sweep_forever()
                return
            with watch:
                await self._follow(watch, folders)

    async def _follow(self, watch: FolderWatch, folders: list[Path]) -> None:
        next_sweep, read_at = time.monotonic(), 0.0
        while True:
            changed = await watch.changes(timeout=max(0.0, next_sweep - time.monotonic()))
            if changed and (early := read_at + _PACE - time.monotonic()) > 0:
                await asyncio.sleep(early)
                changed |= await watch.changes(timeout=0.0)
            if changed and not self._frozen:
                read_at = time.monotonic()
                self._show(self._state.take(changed))
            if time.monotonic() >= next_sweep:
                next_sweep = time.monotonic() + SWEEP_INTERVAL
                await self._sweep()
                if self._existing() != folders:
                    return

    async def _sweep_forever(self) -> None:
        while True:
            await self._sweep()
            await asyncio.sleep(SWEEP_INTERVAL)

    async def _sweep(self) -> None:
        changes = Changes({Part.TIME})
        if not self._frozen:
            changes.add(self._state.sweep())
            changes.add(self._state.look_for_processes(self._now()))
        self._show(changes)
        while not self._frozen and (seeded := self._state.seed_prices(_SEEDED_AT_ONCE)):
            self._show(Changes({Part.PRICES}, seeded))
            await asyncio.sleep(0)

    def _existing(self) -> list[Path]:
        return [folder for folder in self._state.folders if folder.is_dir()]

    def _show(self, changes: Changes) -> None:
        if changes:
            self._post(changes)
