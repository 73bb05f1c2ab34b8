"""Which characters of untrusted text are shown: those that every terminal draws alike, with the same width.

Terminals, their multiplexers and Rich disagree about the rest: how wide a filler, a joiner, a variation selector or a
combining mark is. One wrong guess shifts what stands to the right of it.
"""

import unicodedata
from functools import lru_cache
from typing import Any

REPLACEMENT = "\ufffd"

#: Printable, but of disputed width or joined with a neighbor by some. Measured with Rich 15 and tmux 3.3.
_DISPUTED = (
    (0x1100, 0x11FF),  # conjoining Hangul letters, among them two fillers; NFC composes real syllables
    (0x2630, 0x2637),  # trigrams, wide since Unicode 16
    (0x268A, 0x268F),  # monograms and digrams, wide since Unicode 16
    (0x3164, 0x3164),  # Hangul filler: looks like a space
    (0x3248, 0x324F),  # numbers on black squares
    (0x4DC0, 0x4DFF),  # hexagrams, wide since Unicode 16
    (0xA960, 0xA97F),  # more conjoining Hangul letters
    (0xD7B0, 0xD7FF),
    (0xFFA0, 0xFFA0),  # halfwidth Hangul filler
    (0x1D300, 0x1D37F),  # Tai Xuan Jing symbols and counting rods, wide since Unicode 16
    (0x1F1E6, 0x1F1FF),  # regional indicators: a pair may be a flag
    (0x1F3FB, 0x1F3FF),  # skin tones: they may change the sign before them
)


def plain(value: Any) -> Any:
    """Return a text without what is no Unicode, such as in the names of some files, and lists and objects of them."""
    if isinstance(value, dict):
        return {plain(name): plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return list(map(plain, value))
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


def printable(text: str) -> str:
    """Return text of the same meaning in which each character has one undisputed width, and no power over others."""
    return "".join(map(_shown, unicodedata.normalize("NFC", text)))


@lru_cache(4096)
def _shown(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code < 0x7F or code == 0xA0:
        return character
    if code == 0x7F:
        return "␡"
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    if not character.isprintable() or category.startswith("M"):
        return REPLACEMENT
    return REPLACEMENT if any(first <= code <= last for first, last in _DISPUTED) else character
