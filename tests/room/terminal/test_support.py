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
