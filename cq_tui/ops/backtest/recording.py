"""Reads the recording of what the trader was told, while the trader may go on with it."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from cq_tui.contracts.layout import DataDir
from cq_tui.lookback.live import RecordedPart
from cq_tui.services.trader.input_journal import parts_in
from cq_tui.store.regular_file import open_regular


def recorded_parts(data: DataDir) -> list[RecordedPart]:
    """Return the parts, oldest first; what is deleted meanwhile is left out. Raises OSError."""
    return list(_parts(data.trader_inputs))


def _parts(folder: Path) -> Iterator[RecordedPart]:
    for part in parts_in(folder):
        try:
            first = next(iter(_whole_lines(part.path)), None)
        except FileNotFoundError:
            continue
        # A part without a whole line, after a power failure say, is a gap between the others.
        yield RecordedPart(part.path.name.removesuffix(".gz"), first or b"", partial(_rest, part.path))


def _rest(path: Path) -> Iterable[bytes]:
    return _whole_lines(path)[1:]


def _whole_lines(path: Path) -> list[bytes]:
    """Return all lines but one that is torn. Raises OSError."""
    content = _content(path)
    return content[: content.rfind(b"\n") + 1].splitlines()


def _content(path: Path) -> bytes:
    packed = path if path.suffix == ".gz" else path.with_name(f"{path.name}.gz")
    if path != packed:
        try:
            with open(path, "rb", opener=open_regular) as file:
                return file.read()
        except FileNotFoundError:
            # It was compressed meanwhile.
            pass
    with open(packed, "rb", opener=open_regular) as file:
        try:
            return gzip.decompress(file.read())
        except (EOFError, gzip.BadGzipFile, zlib.error):
            return b""
