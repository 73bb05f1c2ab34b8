"""Whether the terminal is light or dark: its answer to OSC 11, and its report when that changes (mode 2031).

Sources: xterm's control sequences (OSC 11, answered as ``rgb:hhhh/hhhh/hhhh``) and contour-terminal's "Dark and light
mode detection" (mode 2031, reported as ``CSI ? 997 ; 1 n`` for dark and ``; 2 n`` for light).
"""

import re

#: Asks for the background's color, and for a report of each change; the second ends the reports.
ASK, FORGET = "\x1b]11;?\x1b\\\x1b[?2031h", "\x1b[?2031l"
#: The beginning of an answer, and a whole one.
BEGIN = b"\x1b]11;"
ANSWER = re.compile(
    rb"\x1b\]11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})(?:/[0-9a-fA-F]{1,4})?(?:\x07|\x1b\\)"
)
REPORT = re.compile(rb"\x1b\[\?997;([12])n")
#: Longest answer.
MOST_BYTES = 40
#: Terminals that print what they do not know.
_SILENT = frozenset({"", "dumb", "linux"})


def may_be_asked(term: str) -> bool:
    """Whether a terminal of this name can be asked without a trace on its screen."""
    return term not in _SILENT


def is_dark(answer: "re.Match[bytes]") -> bool:
    """Return whether a color is dark, by its luminance (ITU-R BT.601)."""
    red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in answer.groups()[:3])
    luminance: float = 0.299 * red + 0.587 * green + 0.114 * blue
    return luminance < 0.5
