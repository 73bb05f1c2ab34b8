"""The news: one line under the status bar for what no pane tells; the whole screen when nothing else fits."""

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget

from cq_tui.ops.words import GLYPHS, Level, News

if TYPE_CHECKING:
    from cq_tui.room.state import RoomState

_COLOURS: dict[Level, str] = {"good": "$success", "look": "$warning", "bad": "$error", "idle": "$muted"}


class NewsLine(Widget):
    """Hidden while there is nothing to say, unless it is all that the terminal has room for."""

    def __init__(self) -> None:
        super().__init__()
        self._state: RoomState | None = None
        #: What the room itself has to say: a read-only directory, a watch that failed.
        self.own: dict[str, News] = {}
        self.alone = False
        self._news: list[News] = []

    def attach(self, state: "RoomState") -> None:
        """Tell of this read model from now on."""
        self._state = state

    def follow(self, now: float) -> None:
        """Show the news of this moment."""
        news = [*self.own.values(), *self._told(now)]
        if self.alone and not news:
            news = [News("good", "all is well")]
        if news != self._news:
            self._news = news
            self.display = bool(news)
            self.refresh(layout=not self.alone)

    def _told(self, now: float) -> list[News]:
        from cq_tui.room.news import room_news, worst_news

        if self._state is None:
            return []
        return worst_news(self._state, now) if self.alone else room_news(self._state)

    def render(self) -> Content:
        """Return the lines, worst first."""
        if self.alone or len(self._news) < 2:
            return Content("\n").join([_line(item) for item in self._news])
        more = Content.styled(f"  and {len(self._news) - 1} more", "$muted")
        return Content.assemble(_line(self._news[0]), more)


def _line(item: News) -> Content:
    return Content.styled(f" {GLYPHS[item.level]} {item.text}", _COLOURS[item.level])
