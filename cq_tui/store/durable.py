"""Durable writes: complete writes, and folder syncs."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

#: Bytes joined for one write; fits the processor's cache.
_GROUP = 256 * 1024


def write_all(descriptor: int, content: bytes) -> None:
    """Write every byte, or raise OSError."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def write_parts(descriptor: int, parts: Iterable[bytes]) -> None:
    """Write every byte of every part, small parts together, or raise OSError."""
    group: list[bytes] = []
    size = 0
    for part in parts:
        group.append(part)
        size += len(part)
        if size >= _GROUP:
            write_all(descriptor, b"".join(group))
            group, size = [], 0
    write_all(descriptor, b"".join(group))


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Give an error that names no file this one."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def sync_folder(folder: Path) -> None:
    """Make new and renamed entries of a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
