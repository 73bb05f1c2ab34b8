"""Asking for a value that must not stand in the shell's history or in the list of processes."""

import getpass
import sys

from cq_tui.store.settings_file import SettingsError

_FIRST, _LAST = "-----BEGIN", "-----END"


def ask(key: str) -> str:
    """Return a value typed unseen into a terminal, else from standard input: one line, or a whole private key (PEM).

    Raises SettingsError when there is none.
    """
    lines = [_line(key, f"{key}: ")]
    while lines[0].startswith(_FIRST) and not lines[-1].startswith(_LAST):
        lines.append(_line(key, ""))
    return "\n".join(lines)


def _line(key: str, prompt: str) -> str:
    try:
        line = getpass.getpass(prompt) + "\n" if sys.stdin.isatty() else sys.stdin.readline()
    except EOFError:
        line = ""
    if not line:
        raise SettingsError(f"{key}=- reads the value from the terminal or standard input, and there is none")
    return line.strip()
