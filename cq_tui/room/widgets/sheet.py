"""A widget of lines that are laid out again for each width."""

from collections.abc import Callable

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

LinesForWidth = Callable[[int], list[Content]]


class Sheet(Widget):
    """As high as its lines. ``set_lines`` takes a function from width to lines."""

    def __init__(self, sheet_id: str) -> None:
        super().__init__(id=sheet_id)
        self._lay_out: LinesForWidth = lambda width: []

    def set_lines(self, lay_out: LinesForWidth) -> None:
        """Show these lines."""
        self._lay_out = lay_out
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of lines at this width."""
        return len(self._lay_out(width))

    def render(self) -> Content:
        """Return the lines."""
        return Content("\n").join(self._lay_out(self.content_size.width))
