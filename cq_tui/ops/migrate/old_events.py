"""Events in the files of another installation: each line once, whatever it holds.

Lines end with LF or CRLF; a byte-order mark, UTF-16, a torn last line, and lines that are no event are all expected.
"""

import codecs
import json
import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import orjson

from cq_tui.store.regular_file import open_regular

#: A longer line is not put into an event: it stays in its file alone.
LONGEST_LINE = 900_000
#: More than this of one line is not held.
_MOST_HELD = 8 * 1024 * 1024
#: Deeper objects are kept as text.
_DEEPEST = 64
_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
#: Larger numbers are times in milliseconds, and then in microseconds.
_SECONDS_LIMIT, _MILLISECONDS_LIMIT, _MICROSECONDS_LIMIT = 1e11, 1e14, 1e17


class OldEvent(NamedTuple):
    """One line that is an event."""

    #: Number of the line in its file, from 1.
    line: int
    #: Of the line's bytes, without its line feed.
    sha256: str
    event_type: str
    source: str
    #: When it happened (Unix seconds), as far as it says.
    time: float | None
    #: The time as it stands there; None if that is no number or text.
    told_time: float | int | str | None
    #: The event; None where another JSON reader would not read the same.
    fields: dict[str, Any] | None
    #: The line instead; None as well if it is too long.
    text: str | None


class BadLine(NamedTuple):
    """A line that is no event."""

    line: int
    why: str


def read_events(path: Path) -> Iterator[OldEvent | BadLine]:
    """Yield the lines of a file that are not blank. Raises OSError."""
    for number, line, is_whole in _lines(path):
        if line.strip(b" \t\r\n\x00"):
            yield _parse(number, line, is_whole=is_whole)
        elif b"\x00" in line:
            yield BadLine(number, "holds zero bytes only")


def _parse(number: int, line: bytes, *, is_whole: bool) -> OldEvent | BadLine:
    torn = "" if is_whole else ", and its end is missing"
    if len(line) >= _MOST_HELD:
        return BadLine(number, f"is longer than {_MOST_HELD:,} bytes")
    digest = sha256(line).hexdigest()
    text, is_unicode = _decode(line)
    exact = _read_exactly(text) if is_unicode else None
    try:
        fields = json.loads(text) if exact is None else exact
    except (ValueError, RecursionError):
        return BadLine(number, f"is no {'JSON' if is_unicode else 'UTF-8'}{torn}")
    if not isinstance(fields, dict):
        return BadLine(number, f"holds no object but {_json_type(fields)}")
    told = next((fields[name] for name in ("timestamp", "ts", "time") if name in fields), None)
    is_exact = exact is not None
    return OldEvent(
        number,
        digest,
        _word(fields, "event_type", "type", "event") or "unknown",
        _word(fields, "source", "service") or "unknown",
        read_time(told),
        told if type(told) in (int, float, str) and is_exact else None,
        fields if is_exact and len(line) <= LONGEST_LINE else None,
        None if is_exact or len(line) > LONGEST_LINE else text,
    )


def _decode(line: bytes) -> tuple[str, bool]:
    """Return a line's text, and whether it is UTF-8. Other programs of the time wrote Latin-1: any bytes are that."""
    try:
        return line.decode().strip(), True
    except UnicodeDecodeError:
        return line.decode("latin-1").strip(), False


def _json_type(value: object) -> str:
    return "a list" if isinstance(value, list) else "a text" if isinstance(value, str) else "a value"


def _word(fields: dict[str, Any], *names: str) -> str | None:
    found = next((fields[name] for name in names if isinstance(fields.get(name), str)), None)
    return found if found and _WORD.fullmatch(found) else None


def _read_exactly(text: str) -> Any:
    """Return a value of which every JSON reader gives the same; None if it holds NaN, a field twice or a huge number.

    Nor is it nested too deeply.
    """
    try:
        found = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_integer)
        is_flat = text.count("{") + text.count("[") <= _DEEPEST
        if not is_flat and _depth(found) > _DEEPEST:
            return None
        orjson.dumps(found)
    except (ValueError, TypeError, RecursionError):
        return None
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands twice")
    return found


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)


def _integer(text: str) -> int:
    if len(text) > 16:
        raise ValueError("not exact in every reader")
    return int(text)


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def read_time(told: object) -> float | None:
    """Return a time in Unix seconds from a number of seconds, milliseconds or microseconds, or from ISO text."""
    if isinstance(told, str):
        try:
            return read_time(float(told))
        except ValueError:
            return _iso_time(told)
    if isinstance(told, bool) or not isinstance(told, (int, float)):
        return None
    try:
        seconds = float(told)
    except OverflowError:
        return None
    if not math.isfinite(seconds) or not 0 <= seconds < _MICROSECONDS_LIMIT:
        return None
    if seconds >= _MILLISECONDS_LIMIT:
        return seconds / 1e6
    return seconds / 1e3 if seconds >= _SECONDS_LIMIT else seconds


def _iso_time(text: str) -> float | None:
    try:
        found = datetime.fromisoformat(text)
        seconds = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if seconds >= 0 else None


def _lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """Yield number and bytes of each line, without its end, and whether it has one. Long lines are cut."""
    with open(path, "rb", opener=open_regular) as file:
        start = file.read(3)
        encoding = next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)
        file.seek(2 if encoding else 3 if start == codecs.BOM_UTF8 else 0)
        if encoding:
            yield from _utf16_lines(path, encoding)
            return
        number = 0
        while line := file.readline(_MOST_HELD):
            number += 1
            is_whole = line.endswith(b"\n")
            rest = line
            while not rest.endswith(b"\n") and len(rest) == _MOST_HELD and (rest := file.readline(_MOST_HELD)):
                is_whole = rest.endswith(b"\n")
            yield number, line.removesuffix(b"\n").removesuffix(b"\r"), is_whole


def _utf16_lines(path: Path, encoding: str) -> Iterator[tuple[int, bytes, bool]]:
    """Yield the lines of a UTF-16 file as UTF-8. What is none is replaced: the original keeps it."""
    with open(path, encoding=encoding, errors="replace", newline="\n", opener=open_regular) as file:
        number = 0
        while line := file.readline(_MOST_HELD):
            number += 1
            text = line.removeprefix("\ufeff").rstrip("\r\n")
            yield number, text.encode(errors="replace"), line.endswith("\n")
