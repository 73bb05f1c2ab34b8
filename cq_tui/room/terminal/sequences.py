"""Which escape sequences from a terminal mean something here; every other one is dropped whole.

ECMA-48 gives the form of all, xterm's control sequences and the kitty keyboard protocol the meaning of these.
Textual's parser would take an unknown one, or numbers that are out of range, for keys.
"""

import re

#: A control sequence (CSI): parameters, intermediates, one final byte; without ``final`` it goes on or is broken off.
CONTROL_SEQUENCE = re.compile(rb"\x1b\[[\x30-\x3f]*[\x20-\x2f]*(?P<final>[\x40-\x7e]?)")
#: A key of the keypad in its application mode, and a function key of older terminals (SS3).
KEYPAD_KEY = re.compile(rb"\x1bO[0-9;]*(?P<final>[A-Za-z~]?)")
#: The function keys of the Linux console.
CONSOLE_KEY = re.compile(rb"\x1b\[\[(?P<final>[A-E])")
#: Keys of rxvt with Shift, which end in what is an intermediate byte elsewhere.
SHIFTED_KEY = re.compile(rb"\x1b\[(?:3|7|8|23|24)(?P<final>\$)")

#: Bytes of the longest sequence that means something; Textual's parser gives up there.
MAX_SEQUENCE = 32

_KEYS = (
    r"[A-HPQSZIOa-d~]",  # arrows, home, end, F1 to F4, back tab, focus in and out
    r"1(?:;\d{1,3})?[A-FHP-S]",  # the same with modifiers
    r"5[A-D]|1;[5-8][p-y]",
    r"(?:[1-8]|1[1-57-9]|2[0134])(?:;\d{1,3})?[~^@]",  # function keys by number
    r"(?:2[5689]|3[1-4]|6[23]|57427)[~^@]",
    r"\[[A-E]",
    r"(?:3|7|8|23|24)\$",
)
_REPORTS = (
    r"<\d{1,3};-?\d{1,5};-?\d{1,5}[Mm]",  # a mouse event
    r"\?\d{1,5};[0-4]\$y",  # the state of a mode
    r"\d{1,4};\d{1,4}R",  # where the cursor is
)
_KEY_OR_REPORT = re.compile(rf"\x1bO[A-Za-z]|\x1b\[(?:{'|'.join((*_KEYS, *_REPORTS))})")
#: A key as its code point, with modifiers and text, or the same as xterm's modifyOtherKeys writes it.
_CODE_POINTS = re.compile(r"\x1b\[(\d{1,7})(?:;(\d{0,3})(?:;(\d{1,7}(?::\d{1,7})*))?)?u|\x1b\[27;(\d{1,3});(\d{1,7})~")
#: The new size of the window: rows, columns, and both in pixels.
_WINDOW_SIZE = re.compile(r"\x1b\[48;(\d{1,5});(\d{1,5});(\d{1,5});(\d{1,5})t")
#: No window is larger; a size is memory.
_MAX_CELLS = 2000


def is_meant(sequence: str) -> bool:
    """Whether a whole sequence is a key or a report that the room understands."""
    if len(sequence) > MAX_SEQUENCE:
        return False
    if match := _CODE_POINTS.fullmatch(sequence):
        return _are_characters(match)
    if match := _WINDOW_SIZE.fullmatch(sequence):
        rows, columns, *pixels = map(int, match.groups())
        return 0 < rows <= _MAX_CELLS and 0 < columns <= _MAX_CELLS and all(pixels)
    return _KEY_OR_REPORT.fullmatch(sequence) is not None


def _are_characters(match: re.Match[str]) -> bool:
    key, _, text, _, other_key = match.groups()
    typed = [int(code) for code in (text.split(":") if text else ())]
    return _is_character(int(key or other_key)) and all(_is_character(code) and code >= 0x20 for code in typed)


def _is_character(code: int) -> bool:
    return 0 < code < 0xD800 or 0xE000 <= code <= 0x10FFFF
