"""The news: one line under the status bar for what no pane tells; the whole screen when nothing else fits."""

from textual.content import Content
from textual.widget import Widget

from cq_tui.room.news import News, room_news, worst_news
from cq_tui.room.state import RoomState
from cq_tui.room.words import GLYPHS, Level

_COLOURS: dict[Level, str] = {"good": "$success", "look": "$warning", "bad": "$error", "idle": "$muted"}


class NewsLine(Widget):
    """Hidden while there is nothing to say, unless it is all that the terminal has room for."""

    def __init__(self, state: RoomState) -> None:
        super().__init__()
        self.state = state
        #: What the room itself has to say: a read-only directory, a watch that failed.
        self.own: dict[str, News] = {}
        self.alone = False
        self._news: list[News] = []

    def follow(self, now: float) -> None:
        """Show the news of this moment."""
        told = worst_news(self.state, now) if self.alone else room_news(self.state)
        news = [*self.own.values(), *told]
        if self.alone and not news:
            news = [News("good", "all is well")]
        if news != self._news:
            self._news = news
            self.display = bool(news)
            self.refresh(layout=not self.alone)

    def render(self) -> Content:
        """Return the lines, worst first."""
        if self.alone or len(self._news) < 2:
            return Content("\n").join([_line(item) for item in self._news])
        more = Content.styled(f"  and {len(self._news) - 1} more", "$muted")
        return Content.assemble(_line(self._news[0]), more)


def _line(item: News) -> Content:
    return Content.styled(f" {GLYPHS[item.level]} {item.text}", _COLOURS[item.level])
