"""Changes of files, byte by byte or line by line."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

from cq_tui.contracts.layout import DataDir
from tests.services.memory_battery.mutation import place
from tests.store.history.histories import event_lines

Lines = list[bytes]


def edit_lines(path: Path, change: Callable[[Lines], Lines]) -> None:
    """Change a file's lines; the last one may lack its line feed."""
    path.write_bytes(b"\n".join(change(path.read_bytes().split(b"\n"))))


def edit_events(data: DataDir, change: Callable[[Lines], Lines]) -> None:
    """Change the event lines."""
    data.events.write_bytes(b"".join(line + b"\n" for line in change(event_lines(data))))


def edit_line(share: float, change: Callable[[bytes], bytes]) -> Callable[[Lines], Lines]:
    """Return the change of one line, at a share of all."""

    def edited(lines: Lines) -> Lines:
        number = place(len(lines), share) - 1
        changed = change(lines[number])
        assert changed != lines[number]
        return [*lines[:number], changed, *lines[number + 1 :]]

    return edited


def without(share: float) -> Callable[[Lines], Lines]:
    """Return the deletion of one line."""

    def edited(lines: Lines) -> Lines:
        number = place(len(lines), share) - 1
        return lines[:number] + lines[number + 1 :]

    return edited


def inserted(share: float, *more: bytes) -> Callable[[Lines], Lines]:
    """Return the insertion of lines before the one at this share."""

    def edited(lines: Lines) -> Lines:
        number = place(len(lines), share) - 1
        return [*lines[:number], *more, *lines[number:]]

    return edited


def repeated(share: float) -> Callable[[Lines], Lines]:
    """Return the doubling of one line."""
    return lambda lines: inserted(share, lines[place(len(lines), share) - 1])(lines)


def swapped(share: float) -> Callable[[Lines], Lines]:
    """Return the exchange of a line and the one after it."""

    def edited(lines: Lines) -> Lines:
        number = place(len(lines), share) - 1
        return [*lines[:number], lines[number + 1], lines[number], *lines[number + 2 :]]

    return edited


def flip(path: Path, marker: bytes, share: float = 0.5, bit: int = 1) -> None:
    """Flip one bit of the first byte of a marker: of the first one after this share of the file."""
    content = bytearray(path.read_bytes())
    at = content.find(marker, int(len(content) * share))
    assert at >= 0, marker
    content[at] ^= bit
    path.write_bytes(content)


def replace_in(path: Path, old: bytes, new: bytes) -> None:
    """Replace the first such bytes."""
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))


def append(path: Path, content: bytes) -> None:
    """Add bytes at the end."""
    with path.open("ab") as file:
        file.write(content)


def cut(path: Path, size: int) -> None:
    """Cut so many bytes from the end."""
    os.truncate(path, path.stat().st_size - size)


def put_aside(path: Path) -> Path:
    """Move a file or folder out of the way, if it is there, and return where it is now."""
    aside = Path(os.environ["CQ_CONFIG_DIR"]).with_name("aside")
    aside.mkdir(exist_ok=True)
    if os.path.lexists(path):
        path.rename(aside / path.name)
    return aside / path.name


def _link(path: Path) -> None:
    path.symlink_to(put_aside(path))


def _dangling(path: Path) -> None:
    put_aside(path)
    path.symlink_to(path.with_name("nowhere"))


def _pipe(path: Path) -> None:
    put_aside(path)
    os.mkfifo(path)


def _folder(path: Path) -> None:
    put_aside(path)
    path.mkdir()


def _full_folder(path: Path) -> None:
    _folder(path)
    (path / "file").write_bytes(b"something\n")


def _socket(path: Path) -> None:
    put_aside(path)
    # The name of a socket is short: it is bound from beside it.
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(before)


def _empty(path: Path) -> None:
    put_aside(path)
    path.touch()


def _missing(path: Path) -> None:
    put_aside(path)


def _sparse(path: Path) -> None:
    put_aside(path)
    path.touch()
    os.truncate(path, 2 * 1024**3)


#: What can stand in the place of a file.
IMPOSTORS: dict[str, Callable[[Path], None]] = {
    "a link": _link,
    "a dangling link": _dangling,
    "a pipe": _pipe,
    "a folder": _folder,
    "a full folder": _full_folder,
    "a socket": _socket,
    "an empty file": _empty,
    "a sparse file": _sparse,
    "nothing": _missing,
}
