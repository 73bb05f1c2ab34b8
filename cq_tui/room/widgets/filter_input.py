"""The line in which a filter is typed; its keys bring back earlier ones."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

from cq_tui.room.filtering import RecentFilters


class FilterInput(Input):
    """The filter's text. Enter keeps it, escape clears it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", "clear", show=False, id="filter.drop", tooltip="Clear the filter"),
        Binding("up", "recall(-1)", "earlier", show=False, id="filter.earlier", tooltip="An earlier filter"),
        Binding("down", "recall(1)", "later", show=False, id="filter.later", tooltip="A later filter"),
    ]

    #: Shared by the lists of a screen.
    recent: RecentFilters

    def action_clear(self) -> None:
        """Clear the filter and close it."""
        self.value = ""
        self.post_message(self.Submitted(self, ""))

    def action_recall(self, step: int) -> None:
        """Show an earlier or later filter."""
        self.value = self.recent.step(step)
        self.cursor_position = len(self.value)
