"""A small file system of a few MiB; a test is skipped where none may be mounted."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cq_tui.ops.drills import small_disk as drills
from cq_tui.ops.drills.small_disk import SmallDisk

__all__ = ["SmallDisk", "small_disk"]


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[SmallDisk]:
    """Mount a file system in memory of this size on a folder."""
    with drills.small_disk(folder, mebibytes) as disk:
        if disk is None:
            pytest.skip("mounting a file system is not possible or not allowed here")
        yield disk
