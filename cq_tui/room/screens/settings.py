"""The settings: each with value, origin, type and range; enter changes one, after showing what changes."""

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from cq_tui.ops.formatting import sanitize
from cq_tui.room.filtering import ListFilter, RecentFilters
from cq_tui.room.keys import RoomAction
from cq_tui.room.messages import ActionRefused, ActionRequested
from cq_tui.room.screens.own_screen import OwnScreen
from cq_tui.room.screens.refusing import RefusingScreen
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.filter_input import FilterInput
from cq_tui.room.widgets.key_line import KeyLine
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable
from cq_tui.room.wrapping import wrap_text

if TYPE_CHECKING:
    from cq_tui.ops.setting_table import SettingRow
    from cq_tui.room.state import RoomState

_COLUMNS = (
    Column("setting", 30, grows=True),
    Column("value", 24),
    Column("origin", 11),
    Column("type and range", 26, drop_rank=1),
)
#: Lines of the meaning below the list.
_MEANING = 3
#: Seconds between looks at the settings in effect.
_LOOK = 0.5

_FOOTER_BINDINGS = [
    Binding("enter", "change", "change", id="settings.change", tooltip="Change the selected setting; asks first"),
    Binding("slash", "filter", "filter", id="settings.filter", key_display="/", tooltip="Show only matching settings"),
    Binding("c", "changed", "only changed", id="settings.changed", tooltip="Show only what is not at its default"),
    Binding("escape,q,S", "back", "back", id="settings.back", key_display="esc", tooltip="Back to the room"),
]  # fmt: skip


class SettingsScreen(OwnScreen[None], RefusingScreen[None]):
    """Lists every setting, and those of strategies once they are read."""

    AUTO_FOCUS = "LineTable"
    BINDINGS: ClassVar[list[BindingType]] = [*_FOOTER_BINDINGS]

    def __init__(self, state: "RoomState", view_only: str | None) -> None:
        """``view_only`` is why nothing may be changed from this room; None if it may act."""
        super().__init__()
        self._state = state
        self._view_only = view_only
        self._rows: dict[str, SettingRow] = {}
        self._of_strategies: dict[str, SettingRow] = {}
        self._shown_of: object = None
        self._filter = ListFilter([column.heading for column in _COLUMNS])
        self._only_changed = False
        self.table = LineTable(_COLUMNS, self._draw)
        self._title = Static(id="settings-title", markup=False)
        self._meaning = Static(id="settings-meaning", markup=False)
        self._entry = FilterInput(placeholder="filter: words, !not, origin:file, value:true, re:pattern", compact=True)
        self._entry.recent = RecentFilters()

    def compose(self) -> ComposeResult:
        """Yield title, list, meaning, filter and footer."""
        yield self._title
        yield self.table
        yield self._meaning
        yield self._entry
        yield KeyLine([binding.id for binding in _FOOTER_BINDINGS if binding.id])

    def on_mount(self) -> None:
        """Read the settings, and follow them."""
        self.run_worker(self._follow(), name="settings", exit_on_error=False)

    async def _follow(self) -> None:
        while self.stays_open:
            loaded = self._state.loaded_settings
            if loaded is not self._shown_of:
                self._shown_of = loaded
                self._rows = {row.key: row for row in await asyncio.to_thread(_setting_rows, loaded)}
                self._show_rows()
                self._of_strategies = {row.key: row for row in await asyncio.to_thread(_strategy_rows, self._state)}
                self._show_rows()
            await asyncio.sleep(_LOOK)

    def _all_rows(self) -> "dict[str, SettingRow]":
        return self._rows | self._of_strategies

    def _show_rows(self) -> None:
        if not self.stays_open:
            return
        keys = [LineKey(row.key) for row in self._all_rows().values() if self._shows(row)]
        self.table.set_lines(keys, empty="No setting matches." if self._rows else "Reading the settings…")
        self.table.invalidate_all()
        problem = self._state.settings_problem
        self._title.update(
            Content.assemble(
                (" settings ", "bold"),
                (f" {len(keys)}   enter changes one", "$muted"),
                (f"  filter: {sanitize(self._filter.note, 30)}" if self._filter.note else "", "$accent"),
                ("  only changed" if self._only_changed else "", "$accent"),
                (f"  {sanitize(problem, 200)}" if problem else "", "$error"),
            )
        )
        self._show_meaning()

    def _shows(self, row: "SettingRow") -> bool:
        if self._only_changed and row.origin == "default":
            return False
        values = {"setting": row.key, "value": row.value, "origin": row.origin, "type and range": row.kind}
        return self._filter.shows(values | {"": " ".join([*values.values(), row.meaning])})

    def _show_meaning(self) -> None:
        row = self._all_rows().get(self.table.selected or "")
        if row is not None:
            text = f"{row.meaning} {row.kind}; default {row.default}."
            lines = wrap_text(sanitize(text), max(20, self.size.width - 4))
            self._meaning.update(Content("\n".join(lines[:_MEANING])))

    def _draw(self, key: LineKey) -> LineContent:
        row = self._all_rows()[key.row]
        is_changed = row.origin != "default"
        return (
            Cell(sanitize(row.key, 60), "strong" if is_changed else ""),
            Cell(sanitize(row.value, 300), "accent" if is_changed else "muted"),
            Cell(row.origin, "muted"),
            Cell(sanitize(row.kind, 80), "muted"),
        )

    @on(LineTable.Selected)
    def _selected(self) -> None:
        self._show_meaning()

    @on(LineTable.Opened)
    async def _opened(self) -> None:
        if not await self.app.run_action("change", self):
            self.post_message(ActionRefused("change"))

    @on(Input.Changed)
    def _filter_changed(self, event: Input.Changed) -> None:
        self._filter.set(event.value)
        self._show_rows()

    @on(Input.Submitted)
    def _filter_done(self) -> None:
        self._entry.recent.keep(self._filter.text)
        self._entry.display = False
        self.table.focus()

    def refusal(self, action: str, parameters: tuple[object, ...]) -> str | None:
        """Return why an action cannot be done now."""
        return self._view_only if action == "change" else None

    def action_change(self) -> None:
        """Ask for a new value of the selected setting."""
        if (row := self._all_rows().get(self.table.selected or "")) is not None:
            self.post_message(ActionRequested(RoomAction.SETTING, row.key))

    def action_filter(self) -> None:
        """Open the filter."""
        self._entry.display = True
        self._entry.focus()

    def action_changed(self) -> None:
        """Show only what is not at its default, or all again."""
        self._only_changed = not self._only_changed
        self._show_rows()

    def action_back(self) -> None:
        """Return to the room."""
        self.close()


def _setting_rows(loaded: object) -> "list[SettingRow]":
    # Imported in the thread, so that no key press waits for it.
    from cq_tui.ops.setting_table import setting_rows
    from cq_tui.store.settings_file import LoadedSettings

    return setting_rows(loaded) if isinstance(loaded, LoadedSettings) else []


def _strategy_rows(state: "RoomState") -> "list[SettingRow]":
    from cq_tui.ops.setting_table import strategy_rows
    from cq_tui.store.settings_file import SettingsError

    try:
        return strategy_rows(state.data, state.loaded_settings)
    except (SettingsError, OSError):
        # The title names what is wrong with the file.
        return []
