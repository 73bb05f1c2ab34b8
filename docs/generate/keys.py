"""``keys.md``: every key of the room, by the id under which ui.toml moves it."""

from collections.abc import Iterable

from textual.binding import Binding, BindingType

from cq_tui.room.keys import APP_BINDINGS, FOOTER_BINDINGS, HIDDEN_BINDINGS, SECTION_OF, SECTIONS
from cq_tui.room.screens.detail import Detail
from cq_tui.room.screens.history import HistoryScreen
from cq_tui.room.screens.logs import Logs
from cq_tui.room.screens.settings import SettingsScreen
from cq_tui.room.screens.trades import TradesScreen
from cq_tui.room.widgets.line_table import LineTable
from docs.generate import markdown

_SCREENS = (
    ("In lists", LineTable), ("Details", Detail), ("An event and its proof", HistoryScreen), ("Logs", Logs),
    ("Settings", SettingsScreen), ("Trades of a day", TradesScreen),
)  # fmt: skip


def page() -> str:
    """Return the page."""
    own = (*FOOTER_BINDINGS, *HIDDEN_BINDINGS, *APP_BINDINGS)
    parts = [
        part
        for name, title in SECTIONS.items()
        for part in (
            f"## The room: {title}",
            _table(binding for binding in own if SECTION_OF.get(binding.id or "") == name),
        )
    ]
    parts += [part for title, screen in _SCREENS for part in (f"## {title}", _table(screen.BINDINGS))]
    return markdown.page(
        "Keys",
        "A key is moved by its id in `ui.toml`; see [the room](../operating.md#your-room).",
        *parts,
    )


def _table(bindings: Iterable[BindingType]) -> str:
    rows = [
        [markdown.code(_keys(each)), markdown.code(each.id or ""), each.tooltip]
        for each in bindings
        if isinstance(each, Binding) and each.id
    ]
    return markdown.table(["key", "id", "what it does"], rows)


def _keys(binding: Binding) -> str:
    return binding.key_display or binding.key.replace(",", " ")
