"""The room's vocabulary: messages between the watching worker, the screen and its widgets."""

from dataclasses import dataclass

from textual.message import Message

from cq_tui.room.changes import Changes
from cq_tui.room.keys import RoomAction


@dataclass
class StateChanged(Message):
    """Files said something new; panes that show those parts follow."""

    changes: Changes


@dataclass
class ActionRequested(Message):
    """A key requests an action on the stack."""

    action: RoomAction
    #: The service to act on, for actions that need one.
    target: str | None = None


@dataclass
class FreezeRequested(Message):
    """Hold the display still, or let it go on."""

    frozen: bool


class QuitRequested(Message):
    """A person wants to go."""
