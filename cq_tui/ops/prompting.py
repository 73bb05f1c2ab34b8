"""Prompting for a value that must not show in the shell history or the process list."""

import getpass
import sys

from cq_tui.store.settings_file import SettingsError

_PEM_BEGIN, _PEM_END = "-----BEGIN", "-----END"


def prompt_secret(key: str) -> str:
    """Read a value without echo from a terminal, else from standard input: one line, or a whole private key (PEM).

    Raises SettingsError at the end of input.
    """
    lines = [_read_line(key, f"{key}: ")]
    while lines[0].startswith(_PEM_BEGIN) and not lines[-1].startswith(_PEM_END):
        lines.append(_read_line(key, ""))
    return "\n".join(lines)


def _read_line(key: str, prompt: str) -> str:
    try:
        line = getpass.getpass(prompt) + "\n" if sys.stdin.isatty() else sys.stdin.readline()
    except EOFError:
        line = ""
    if not line:
        raise SettingsError(f"{key}=- reads the value from the terminal or standard input, but there was none")
    return line.strip()
