"""From the bytes of a terminal to whole keys, reports and pastes. Pure: the time comes in.

Reads may cut anything anywhere. What is no UTF-8 is dropped, and only that. A sequence that means nothing here is
dropped whole, also when its parts come slowly: none of it may be taken for keys.
"""

import codecs
import re
from collections.abc import Callable

from cq_tui.room.terminal import background
from cq_tui.room.terminal.inputs import AltKey, Background, EscapeKey, EscapeSequence, Input, PastedText, TypedText
from cq_tui.room.terminal.paste import START, PasteCollector
from cq_tui.room.terminal.sequences import CONSOLE_KEY, CONTROL_SEQUENCE, KEYPAD_KEY, SHIFTED_KEY, is_meant

_ESC = b"\x1b"
#: Seconds that a sequence may take; keys are heard again after that.
PATIENCE = 2.0
#: Seconds after an escape key in which the rest of a sequence may come: a slow line cut it behind its first byte.
_AFTER_ESCAPE = 1.0
#: Bytes of a control sequence that are kept.
_MAX_PENDING = 64
#: An old-style mouse event: three bytes of any value follow.
_OLD_MOUSE = b"\x1b[M"
#: Strings from a terminal (DCS, OSC, PM, APC), up to ESC \ or BEL.
_STRING_STARTS = b"P]^_"
_STRING_END = re.compile(rb"[\x07\x18\x1a]|\x1b\\?")
#: The rest of a sequence whose ESC was taken for the escape key.
_REST = re.compile(rb"O[A-Za-z]\Z|\[[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]")
_C1_CONTROLS = dict.fromkeys(range(0x80, 0xA0))


class InputFilter:
    """Feed it what was read, and call ``expire`` at its deadline."""

    def __init__(self, escape_delay: float) -> None:
        """``escape_delay``: seconds after which an ESC that nothing follows is the escape key."""
        self._escape_delay = escape_delay
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="ignore")
        #: The start of a sequence of which more must come.
        self._pending = b""
        #: Finds the end of what is dropped, and returns what follows it.
        self._skip: Callable[[bytes], bytes | None] | None = None
        self._paste: PasteCollector | None = None
        #: When the unfinished sequence began.
        self._began_at: float | None = None
        self._escape_at = float("-inf")

    @property
    def deadline(self) -> float | None:
        """When to call ``expire``; None while nothing is unfinished."""
        if self._paste is not None:
            return self._paste.deadline
        if self._began_at is None:
            return None
        return self._began_at + (self._escape_delay if self._is_escape_pending() else PATIENCE)

    def feed(self, data: bytes, now: float) -> list[Input]:
        """Return what is complete with these bytes."""
        found: list[Input] = []
        if self._is_escape_pending() and not _REST.match(data):
            # Both may have waited for us; what comes so late is no part of it.
            found += self.expire(now)
        elif not self._pending and now < self._escape_at + _AFTER_ESCAPE and _REST.match(data):
            self._pending = _ESC
        self._escape_at = float("-inf")
        return found + self._take(data, now)

    def expire(self, now: float) -> list[Input]:
        """Return what has waited for more in vain."""
        if self.deadline is None or now < self.deadline:
            return []
        if self._paste is not None:
            return self._finish_paste(self._paste, now)
        is_escape = self._is_escape_pending()
        pending, self._pending, self._skip, self._began_at = self._pending, b"", None, None
        if is_escape:
            self._escape_at = now
            return [EscapeKey()]
        # ESC and a character are Alt and that key, unless more follows.
        return [AltKey(pending.decode("ascii"))] if len(pending) == 2 else []

    def _is_escape_pending(self) -> bool:
        """Whether ESC came alone; inside what is dropped it may be half of the end."""
        return self._pending == _ESC and self._skip is None

    def _finish_paste(self, paste: PasteCollector, now: float) -> list[Input]:
        text, after = paste.finish()
        self._paste = None
        found: list[Input] = [] if text is None else [PastedText(text)]
        return found + self._take(after, now)

    def _take(self, data: bytes, now: float) -> list[Input]:
        found: list[Input] = []
        data, self._pending = self._pending + data, b""
        while data:
            if self._paste is not None:
                self._paste.feed(data, now)
                break
            if self._skip is not None:
                data = self._skip_to_end(data, self._skip)
            elif not data.startswith(_ESC):
                data = self._take_text(data, found)
            elif (taken := self._take_sequence(data, found, now)) == 0:
                self._pending = data
            else:
                data = data[taken:]
                self._began_at = None
            if self._pending:
                break
        if (self._pending or self._skip) and self._began_at is None:
            self._began_at = now
        return found

    def _take_text(self, data: bytes, found: list[Input]) -> bytes:
        typed, escape, rest = data.partition(_ESC)
        if text := self._decoder.decode(typed, final=bool(escape)).translate(_C1_CONTROLS):
            found.append(TypedText(text))
        return escape + rest

    def _skip_to_end(self, data: bytes, skip: Callable[[bytes], bytes | None]) -> bytes:
        rest = skip(data)
        if rest is None:
            self._pending = _ESC if data.endswith(_ESC) else b""
            return b""
        self._skip = self._began_at = None
        return rest

    def _take_sequence(self, data: bytes, found: list[Input], now: float) -> int:
        """Take one sequence from the start of the data; return its length, or 0 if more must come."""
        second = data[1:2]
        if not second:
            return 0
        if second == _ESC:
            found.append(EscapeKey())
            return 1
        if second == b"[":
            return self._take_control_sequence(data, found, now)
        if second == b"O":
            return _take_keypad_key(data, found)
        if background.BEGIN.startswith(data):
            return 0
        if data.startswith(background.BEGIN) and (taken := _take_background(data, found)) is not None:
            return taken
        if second in _STRING_STARTS:
            if len(data) == 2:
                return 0
            self._skip = _after_string
            return 2
        if second >= b"\x80":
            return 1
        found.append(AltKey(data[:2].decode("ascii")))
        return 2

    def _take_control_sequence(self, data: bytes, found: list[Input], now: float) -> int:
        if data.startswith(START):
            self._paste = PasteCollector(now)
            return len(START)
        if data.startswith(_OLD_MOUSE):
            return 6 if len(data) >= 6 else 0
        if data.startswith(b"\x1b[["):
            whole = CONSOLE_KEY.match(data)
            if whole is None:
                return 4 if len(data) >= 4 else 0
        else:
            whole = SHIFTED_KEY.match(data) or CONTROL_SEQUENCE.match(data)
        if whole is not None and whole["final"]:
            if report := background.REPORT.fullmatch(whole[0]):
                found.append(Background(report[1] == b"1"))
                return whole.end()
            _add_if_meant(whole[0], found)
            return whole.end()
        assert whole is not None
        if whole.end() < len(data):
            # Broken off by a byte that cannot be in it.
            if whole.end() == 2:
                found.append(AltKey("\x1b["))
            return whole.end()
        if len(data) > _MAX_PENDING:
            self._skip = _after_control_sequence
            return len(data)
        return 0


def _take_background(data: bytes, found: list[Input]) -> int | None:
    """Take the color of the background; 0 if more must come, None for anything else that begins like it."""
    if answer := background.ANSWER.match(data):
        found.append(Background(background.is_dark(answer)))
        return answer.end()
    is_ended = _STRING_END.search(data[1:].removesuffix(_ESC))
    return None if is_ended or len(data) >= background.MOST_BYTES else 0


def _take_keypad_key(data: bytes, found: list[Input]) -> int:
    whole = KEYPAD_KEY.match(data)
    assert whole is not None
    if whole["final"]:
        _add_if_meant(whole[0], found)
    elif whole.end() == len(data) <= _MAX_PENDING:
        return 0
    elif whole.end() == 2:
        found.append(AltKey("\x1bO"))
    return whole.end()


def _add_if_meant(sequence: bytes, found: list[Input]) -> None:
    text = sequence.decode("ascii")
    if is_meant(text):
        found.append(EscapeSequence(text))


def _after_string(data: bytes) -> bytes | None:
    end = _STRING_END.search(data)
    if end is None or (end[0] == _ESC and end.end() == len(data)):
        return None
    # Any other ESC breaks the string off, and begins something new.
    return data[end.start() :] if end[0] == _ESC else data[end.end() :]


def _after_control_sequence(data: bytes) -> bytes | None:
    rest = data.lstrip(bytes(range(0x20, 0x40)))
    if not rest:
        return None
    return rest[1:] if 0x40 <= rest[0] <= 0x7E else rest
