"""A real file system of a few MiB, so that a disk can be full."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class SmallDisk:
    """The folder on it, and a file that fills it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._filler = root / "filler"

    def fill(self) -> None:
        """Leave no byte. Pages that other files have already may still be written."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (2**20, 4096, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue

    def make_room(self, count: int | None = None) -> None:
        """Free so many bytes, all by default."""
        if count is None:
            self._filler.unlink()
        else:
            os.truncate(self._filler, self._filler.stat().st_size - count)

    @property
    def free(self) -> int:
        """Free bytes."""
        system = os.statvfs(self.root)
        return system.f_bavail * system.f_frsize


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[SmallDisk | None]:
    """Mount a file system in memory of this size on a folder; None where that is not possible or not allowed."""
    folder.mkdir(exist_ok=True)
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    options = f"size={mebibytes}m,mode=0700"
    command = [mount or "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if mount is None or unmount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield SmallDisk(folder)
    finally:
        # Lazily: a process that was just killed may still hold a file.
        subprocess.run([unmount, "-l", str(folder)], check=True)
