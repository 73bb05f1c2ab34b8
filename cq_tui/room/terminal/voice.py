"""What the room tells the terminal beside its screen: a title, and a notification of bad news nobody is looking at.

Sources: xterm's control sequences (OSC 2; CSI 22 and 23 t keep and restore a title), iTerm2's documentation (OSC 9),
the notify extension of rxvt-unicode, which VTE and foot also follow (OSC 777), and tmux(1) on ``allow-passthrough``.
"""

from collections.abc import Iterable, Mapping

from cq_tui.ops.formatting import sanitize

#: Keeps the title that the terminal had; brings it back.
KEEP_TITLE, RESTORE_TITLE = "\x1b[22;2t", "\x1b[23;2t"
_MOST = 120
_RXVT_LIKE = ("rxvt", "foot")


def title_sequence(title: str) -> str:
    """Return what sets the terminal's title."""
    return f"\x1b]2;{sanitize(title, _MOST)}\x1b\\"


def notification_sequence(text: str, environment: Mapping[str, str]) -> str:
    """Return what makes the terminal that these variables describe show a notification; empty for none that can."""
    term = environment.get("TERM", "")
    if term in ("", "dumb", "linux") or environment.get("STY"):
        return ""
    words = sanitize(text, _MOST)
    is_rxvt_like = term.startswith(_RXVT_LIKE) or bool(environment.get("VTE_VERSION"))
    # A semicolon would end the field.
    said = f"777;notify;cq-tui;{words.replace(';', ',')}" if is_rxvt_like else f"9;{words}"
    sequence = f"\x1b]{said}\x1b\\"
    if environment.get("TMUX") or term.startswith("tmux"):
        doubled = sequence.replace("\x1b", "\x1b\x1b")
        return f"\x1bPtmux;{doubled}\x1b\\"
    return sequence


class News:
    """Which bad alerts are new since somebody was looking."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._is_first = True

    def fresh(self, bad: Iterable[str], *, is_focused: bool) -> list[str]:
        """Return the alerts to notify of; none while somebody looks, and none twice while it lasts."""
        now = set(bad)
        new = [] if is_focused or self._is_first else sorted(now - self._known)
        self._known, self._is_first = now, False
        return new


def bad_subject(text: str) -> str:
    """Return what an alert is about: its text without numbers, which change while it lasts."""
    return "".join(letter for letter in text if not letter.isdigit())
