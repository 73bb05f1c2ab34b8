"""ASCII twins: what stands for a sign where it cannot be shown, in as many cells.

The room and the commands use the same table, so a sign looks the same in both.
"""

import unicodedata
from functools import lru_cache

#: A character, and the signs that it stands for. Bars grow from low to full. What cuts a text must not look like the
#: end of a sentence, or of a number.
_STANDS_FOR = {
    "_": "▁", ".": "▂·░▖▗‥", "-": "▃−–—‐‑‒―▔▀▬", "=": "▄", "+": "▅✓✔±", "*": "▆●•▪■◆★⭑", "%": "▇", "#": "█▓▙▛▜▟",
    "|": "▉▊▋▌▍▎▏▐▕¦", ":": "▒", "/": "↗↙▞÷", "\\": "↘↖▚", "'": "▘▝‘’‹›", '"': "“”„«»",
    "^": "▲△↑⇧", "v": "▼▽↓⌄", ">": "→▶▸⏵≥‣", "<": "←◀◂⏴≤⏎⌫", "x": "×", "X": "✖✕✗✘", "o": "○◦⭘◯□◇°☐",
    "~": "…≈∼", "!": "≠¡", "8": "∞", "u": "µ", "E": "€", "L": "£", "Y": "¥", "S": "§", "P": "¶", "C": "©", "R": "®",
    "V": "√", " ": "\xa0",
}  # fmt: skip
_TWINS = {sign: twin for twin, signs in _STANDS_FOR.items() for sign in signs}
#: Wide signs, each of which becomes two.
_WIDE_SIGNS = {"🔎": "> ", "🔍": "> "}


@lru_cache(8192)
def ascii_twin(sign: str) -> str:
    """Return what stands for one character: nothing for a mark without a width, two characters for a wide one."""
    if sign.isascii():
        return sign
    code = ord(sign)
    if 0x2500 <= code <= 0x257F:
        return _line_twin(sign)
    if 0x2800 <= code <= 0x28FF:
        return _dots_twin(code - 0x2800)
    known = _TWINS.get(sign) or _WIDE_SIGNS.get(sign)
    if known is not None:
        return known
    if unicodedata.category(sign) in ("Mn", "Me", "Cf"):
        return ""
    if unicodedata.east_asian_width(sign) in "WF":
        return "??"
    base = unicodedata.normalize("NFKD", sign)[0]
    return base if base.isascii() else "?"


def to_ascii(text: str) -> str:
    """Return the text with a twin for each sign."""
    return text if text.isascii() else "".join(map(ascii_twin, text))


def _line_twin(sign: str) -> str:
    """Return a stroke for a straight line, a plus for a corner or crossing."""
    name = unicodedata.name(sign)
    if "DIAGONAL" in name:
        return "X" if "CROSS" in name else "/" if "RIGHT TO LOWER LEFT" in name else "\\"
    sides = {side for side in ("LEFT", "RIGHT", "UP", "DOWN", "HORIZONTAL", "VERTICAL") if side in name.split()}
    if sides <= {"LEFT", "RIGHT", "HORIZONTAL"}:
        return "=" if "DOUBLE" in name else "-"
    return "|" if sides <= {"UP", "DOWN", "VERTICAL"} else "+"


def _dots_twin(dots: int) -> str:
    """Return a sign at about the height of a Braille pattern's dots."""
    rows = [number for number, bits in enumerate((0x09, 0x12, 0x24, 0xC0)) if dots & bits]
    if not rows:
        return " "
    if rows[-1] - rows[0] >= 2:
        return "|"
    return "'" if rows[-1] == 0 else "." if rows[0] == 3 else "-"
