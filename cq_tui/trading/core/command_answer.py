"""The answer to a person's command."""

from typing import NamedTuple


class CommandAnswer(NamedTuple):
    """What became of a command: done, or why not."""

    is_done: bool
    text: str


def done(text: str) -> CommandAnswer:
    """Return the answer to what was done, or goes on by itself."""
    return CommandAnswer(True, text)


def refused(text: str) -> CommandAnswer:
    """Return the answer to what was not done."""
    return CommandAnswer(False, text)
