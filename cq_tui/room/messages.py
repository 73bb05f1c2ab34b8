"""The room's messages, between the file watcher, the screen and the app."""

from dataclasses import dataclass

from textual.message import Message

from cq_tui.room.changes import Changes
from cq_tui.room.keys import RoomAction


@dataclass
class StateChanged(Message):
    """Files changed; panes that show those topics update."""

    changes: Changes


@dataclass
class ActionRequested(Message):
    """A key requests an action on the stack."""

    action: RoomAction
    #: The service to act on, if the action needs one.
    target: str | None = None


@dataclass
class ActionRefused(Message):
    """A binding was clicked or chosen whose action cannot be done now."""

    action: str


@dataclass
class FreezeRequested(Message):
    """Freeze or resume the display."""

    frozen: bool


@dataclass
class CopyRequested(Message):
    """Copy a text."""

    text: str
    #: What it is, as in "the proof".
    what: str
    #: A sentence to say first.
    before: str = ""


@dataclass
class PinsChanged(Message):
    """Other symbols are pinned."""

    pins: tuple[str, ...]


@dataclass
class DrillRequested(Message):
    """Run a drill, or all; end those that run with None."""

    name: str | None


class QuitRequested(Message):
    """The user wants to quit."""
