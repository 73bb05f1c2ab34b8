"""The command palette. Its entries act, so it takes no choice before its list can have been read."""

from textual import events
from textual.command import CommandPalette

from cq_tui.room.answer_guard import AnswerGuard
from cq_tui.room.screens.own_screen import OwnScreen


class Palette(CommandPalette, OwnScreen[None]):
    """Lists the room's keys and Textual's own commands. A choice waits until the list follows what was typed."""

    def __init__(self, guard: AnswerGuard) -> None:
        super().__init__(id="--command-palette")
        self.guard = guard

    def on_mount(self) -> None:
        """Choices count from the paint on."""
        self.call_after_refresh(self.guard.mark_painted)

    def admits(self, event: events.Event) -> bool:
        """Take typed text at once, a choice only when the list can have been read."""
        chooses = event.key == "enter" if isinstance(event, events.Key) else isinstance(event, events.MouseDown)
        return super().admits(event) and (self.guard.is_over or not chooses)

    @property
    def is_settled(self) -> bool:
        """Whether the list follows the text and nothing is on its way."""
        is_searching = any(worker.node is self and worker.is_running for worker in self.app.workers)
        return not is_searching and not any(node.message_queue_size for node in self.walk_children())
