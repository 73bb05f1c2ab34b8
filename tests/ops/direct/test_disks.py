"""Selling directly from a data directory that is full, or read-only: no file is needed."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from tests.ops.direct.commands import hold_position, run, was_sold
from tests.services.trader.process import trader, world
from tests.services.waiting import until
from tests.small_disk import small_disk

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("state", ["alive", "dead"])
async def test_on_a_full_disk(tmp_path: Path, state: str) -> None:
    data = DataDir(tmp_path / "disk")
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(data.root, 48))
        for folder in (data.health, data.tickers.parent):
            # What others write goes on.
            stack.enter_context(small_disk(folder, 4))
        async with world(data.root) as around, trader(around) as process:
            await hold_position(around)
            if state == "dead":
                process.kill()
            disk.fill()
            was_sold(around, await run(data, "flatten", "--direct"))
            disk.make_room()
            async with trader(around) as again:
                # What could not be stored is found again by query.
                await until(lambda: again.health["active_positions"] == 0 and not around.position)
                assert again.health["trading_state"] == "halted"
                around.told_once()


@pytest.mark.parametrize("state", ["alive", "dead"])
async def test_in_a_read_only_directory(tmp_path: Path, state: str) -> None:
    async with world(tmp_path / "data") as around, trader(around) as process:
        await hold_position(around)
        if state == "dead":
            process.kill()
        with seen_read_only(around.data.root, tmp_path / "view") as view:
            told = await run(DataDir(view), "flatten", "--direct")
            was_sold(around, told)
            assert "is read-only" in told.err
        async with trader(around) as again:
            await until(lambda: again.health["active_positions"] == 0 and not around.position)
            around.told_once()


@contextmanager
def seen_read_only(folder: Path, view: Path) -> Iterator[Path]:
    """The same files at another place, where nothing can be written."""
    view.mkdir()
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if mount is None or unmount is None or _fails(mount, "--bind", str(folder), str(view)):
        pytest.skip("mounting a file system is not possible or not allowed here")
    try:
        assert not _fails(mount, "-o", "remount,ro,bind", str(view))
        yield view
    finally:
        subprocess.run([unmount, "-l", str(view)], check=True)


def _fails(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode != 0
