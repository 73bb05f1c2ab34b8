"""A place with a signed history, the configuration folder and a kept copy, as it was at three moments."""

import asyncio
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.services.memory import chain_schedule, service
from cq_tui.store.document import write_document
from cq_tui.store.spools.spool import EventSpool
from tests.services.memory_in_process import command, memory_of
from tests.services.processes import data_directory
from tests.services.waiting import until

#: Each moment adds a third of the events, and signs.
MOMENTS = 3
_LARGE = 2**30


@dataclass(frozen=True)
class Site:
    """One place whose path never changes, so that the configuration folder knows its data directory.

    ``saved`` has the same folders as they were at each moment.
    """

    root: Path
    saved: Path
    #: Events in its data directory after the last part.
    events: int

    @property
    def data(self) -> DataDir:
        return DataDir(self.root / "data")

    @property
    def other(self) -> DataDir:
        """Another data directory of the same user, with a short history of its own."""
        return DataDir(self.root / "other")

    @property
    def config(self) -> Path:
        return self.root / "config"

    @property
    def copy(self) -> Path:
        """MEMORY_CHECKPOINT_COPY."""
        return self.root / "outside" / "kept.checkpoint"

    @property
    def anchor(self) -> Path:
        directory_id = self.data.checkpoints.read_text("latin-1").partition("coinquant.r11/")[2][:32]
        return self.config / "anchors" / f"{directory_id}.checkpoint"

    @property
    def twin(self) -> Path:
        return self.data.hash_chain.with_name(f".{self.data.hash_chain.name}.hidden")

    def at(self, moment: int) -> "Site":
        """Return the folders as they were after the first, second or third part."""
        return Site(self.saved / str(moment), self.saved, self.events * moment // MOMENTS)

    def restore(self) -> None:
        """Put everything back as it was after the last part."""
        remove(self.root)
        shutil.copytree(self.saved / str(MOMENTS), self.root, copy_function=shutil.copy2)


def remove(folder: Path) -> None:
    """Remove a folder, also what a mutation made unreadable in it."""
    for path, folders, _ in os.walk(folder):
        for name in folders:
            Path(path, name).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def built_site(folder: Path, events: int) -> Iterator[Site]:
    """Make a history by running memory, and save it at each moment; what memory does every second, it does at once."""
    site = Site(folder / "site", folder / "saved", events)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("CQ_CONFIG_DIR", str(site.config))
        patched.setattr(service, "_CHECK_INTERVAL", 0.02)
        patched.setattr(chain_schedule, "_INTERVAL", 0.02)
        asyncio.run(_build(site))
        yield site
    remove(folder)


async def _build(site: Site) -> None:
    site.copy.parent.mkdir(parents=True)
    for data, settings in ((site.other, {}), (site.data, {"MEMORY_CHECKPOINT_COPY": str(site.copy)})):
        data_directory(data.root)
        write_document(data.settings, settings)
    await _remember(site.other, range(9))
    for moment in range(1, MOMENTS + 1):
        await _remember(site.data, range(site.at(moment - 1).events, site.at(moment).events))
        shutil.copytree(site.root, site.saved / str(moment), copy_function=shutil.copy2)


async def _remember(data: DataDir, numbers: range) -> None:
    # A command's process has a spool of its own, and its name is never used again.
    writers = ("trader", "feeder", "supervisor", f"cli-{numbers.start}")
    spools = [EventSpool(data.spool, writer, quarantine=data.quarantine) for writer in writers]
    for number in numbers:
        spools[number % len(writers)].emit("order_executed", {"number": number})
    async with memory_of(data) as memory:
        await until(lambda: memory.health(time.time()).events_count >= numbers.stop)
        assert (await memory.execute_command(command("sign_checkpoint")))[0] == "done"
        for spool in spools:
            spool.close()


def files_of(folder: Path) -> Iterator[Path]:
    """Yield what is in a folder, and in its folders, in order."""
    for path in sorted(folder.rglob("*")):
        if not path.is_dir() or path.is_symlink():
            yield path


def content_of(path: Path) -> bytes | int:
    """Return the bytes of a file, the size of one without end, and the kind of what is none."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return status.st_mode
    return path.read_bytes() if status.st_size < _LARGE else status.st_size
