"""Copying: whether a terminal can have taken a text (OSC 52), and the file that has it otherwise.

A terminal never answers, so only what is known of it tells. Sources: the tables of vim-oscyank (June 2022) and of
github.com/theimpostor/osc, the pull request microsoft/vscode#214262, tmux(1) on ``set-clipboard``, and Textual's
``copy_to_clipboard``. Some of the terminals that take a text have a setting against it; its user knows.
"""

from collections.abc import Mapping
from enum import Enum

#: Longest text that is sent: in base64 it fits the 100,000 bytes that hterm and others accept.
MOST_BYTES = 74_994

_TAKING_TERMS = frozenset({"alacritty", "contour", "foot", "foot-extra", "wezterm", "xterm-ghostty", "xterm-kitty"})
_TAKING_PROGRAMS = frozenset({"WezTerm", "ghostty", "iTerm.app", "vscode"})


class Clipboard(Enum):
    """What becomes of a text that is copied."""

    TAKES = "the terminal takes it"
    UNKNOWN = "nothing is known of the terminal"
    REFUSES = "the terminal is not known to take it"
    NONE = "the terminal would print it"
    TMUX = "tmux decides"
    SCREEN = "GNU screen keeps it from the terminal"
    TOO_LONG = "no terminal has to take so much"


def clipboard_of(environment: Mapping[str, str]) -> Clipboard:
    """Return what is known of the terminal that these variables describe."""
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if environment.get("TMUX") or term.startswith("tmux"):
        return Clipboard.TMUX
    if environment.get("STY") or term.startswith("screen"):
        return Clipboard.SCREEN
    if term == "linux":
        return Clipboard.NONE
    if term in _TAKING_TERMS:
        return Clipboard.TAKES
    # Gnome Terminal and all others that use VTE; a terminal started from one may inherit its variable.
    if environment.get("VTE_VERSION") or program == "Apple_Terminal":
        return Clipboard.REFUSES
    if program in _TAKING_PROGRAMS or environment.get("WT_SESSION"):
        return Clipboard.TAKES
    return Clipboard.UNKNOWN


def clipboard_for(content: bytes, environment: Mapping[str, str]) -> Clipboard:
    """Return what becomes of this text."""
    return Clipboard.TOO_LONG if len(content) > MOST_BYTES else clipboard_of(environment)


def is_sent(clipboard: Clipboard) -> bool:
    """Whether the text is sent to the terminal."""
    return clipboard not in (Clipboard.NONE, Clipboard.TOO_LONG)


def needs_file(clipboard: Clipboard) -> bool:
    """Whether the text must be found elsewhere too."""
    return clipboard not in (Clipboard.TAKES, Clipboard.UNKNOWN)


def describe_copy(clipboard: Clipboard, what: str, place: str) -> str:
    """Say what became of ``what`` ("the proof"), and the place of the text, a sentence of its own, if it needs one."""
    match clipboard:
        case Clipboard.TAKES:
            return f"Copied {what}."
        case Clipboard.UNKNOWN:
            return f"Sent {what} to the terminal's clipboard."
        case Clipboard.TMUX:
            return f"Sent {what} to tmux, which passes it on if its set-clipboard is on. {place}"
        case Clipboard.SCREEN:
            return f"Not copied: GNU screen may keep {what} from the terminal. {place}"
        case Clipboard.TOO_LONG:
            return f"Not copied: {what} is too long for a terminal's clipboard. {place}"
        case _:
            return f"Not copied: this terminal is not known to take {what} from programs. {place}"


def as_bytes(text: str) -> bytes:
    """Return the text in UTF-8. Of a file name that is no text, its bytes."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")
