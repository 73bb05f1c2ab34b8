"""Terminals that can show the room, and those that cannot."""

import pytest

from cq_tui.room.terminal.support import TerminalUnsupported, check_terminal


@pytest.mark.parametrize("term", ["dumb", ""])
def test_terminals_that_cannot_show_the_room_are_refused(term: str) -> None:
    with pytest.raises(TerminalUnsupported, match="cq-tui status"):
        check_terminal({"TERM": term}, is_terminal=True)
    with pytest.raises(TerminalUnsupported, match="needs a terminal"):
        check_terminal({"TERM": "xterm"}, is_terminal=False)
    check_terminal({"TERM": "linux"}, is_terminal=True)


def test_an_encoding_without_ascii_cannot_carry_a_screen() -> None:
    for encoding in ("utf-8", "iso-8859-1", "ascii"):
        check_terminal({"TERM": "xterm"}, is_terminal=True, encoding=encoding)
    with pytest.raises(TerminalUnsupported, match=r"encoding is utf-16, .* Unset PYTHONIOENCODING"):
        check_terminal({"TERM": "xterm"}, is_terminal=True, encoding="utf-16")
