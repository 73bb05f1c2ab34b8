"""The base of all panes: a frame with a summary in its title, a table, a filter, and one line when collapsed."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Self

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from cq_tui.ops.formatting import GLYPHS, StatusLevel, sanitize, worst_level
from cq_tui.room.changes import Changes, Topic
from cq_tui.room.filtering import ListFilter, RecentFilters
from cq_tui.room.sorting import sort_by_text
from cq_tui.room.symbol_focus import SymbolFocus
from cq_tui.room.themes import LEVEL_COLORS
from cq_tui.room.widgets.filter_input import FilterInput
from cq_tui.room.widgets.line_table import LineKey, LineTable
from cq_tui.room.wrapping import wrap_text

if TYPE_CHECKING:
    from cq_tui.room.state import RoomState


#: Columns that change by themselves: a word is not looked for in them.
_VOLATILE = frozenset({"age", "last 60 s"})


class Summary(Static):
    """The single line of a collapsed pane."""


class Pane(Vertical):
    """One subject. Subclasses name their topics, make a table and fill it in ``update_rows``."""

    number: ClassVar[int]
    label: ClassVar[str]
    #: Changes of these topics rebuild the list; TIME repaints rows that show ages.
    topics: ClassVar[frozenset[Topic]]
    #: Whether rows show ages and so are repainted every second.
    has_ages: ClassVar[bool] = True
    #: Service whose reports the pane shows: the title begins with its verdict, unless that is ok.
    service: ClassVar[str] = ""
    #: What a row is, for the detail screen.
    subject: ClassVar[str]
    #: Whether its list can be narrowed to the symbol in focus.
    narrows: ClassVar[bool] = True
    #: Names of what ``extra_values`` returns.
    extra_names: ClassVar[tuple[str, ...]] = ()
    #: Bindings that act on this pane's rows: first in the key line, the first of them in the border.
    key_ids: ClassVar[tuple[str, ...]] = ()

    class Chosen(Message):
        """A collapsed pane was clicked."""

        def __init__(self, pane: "Pane") -> None:
            super().__init__()
            self.pane = pane

    #: Set by ``attach``.
    state: "RoomState"

    def __init__(self) -> None:
        super().__init__(id=self.label)
        self.attached = False
        self.now = 0.0
        self.table = self.make_table()
        self._summary_line = Summary(markup=False)
        self._title: tuple[str, StatusLevel, str, str | None] | None = None
        self._repaints_title = False
        self._filter: FilterInput | None = None
        names = [name.casefold() for name in self.table.all_headings]
        self._filtered = ListFilter([*names, *self.extra_names])
        #: The column that the list is sorted by, and whether in reverse; its own order without one.
        self.sorting: tuple[str, bool] | None = None
        #: The symbol in focus of the whole room; the screen's own once it is there.
        self.focus_on = SymbolFocus()
        self.recent = RecentFilters()

    # -- for subclasses

    def make_table(self) -> LineTable:
        """Return the table of this pane."""
        raise NotImplementedError

    def update_rows(self, changes: Changes) -> None:
        """Bring the table up to date."""
        raise NotImplementedError

    def summary(self) -> tuple[str, StatusLevel]:
        """Return the title's text after number and name, and its level."""
        raise NotImplementedError

    def empty_text(self) -> str:
        """Return the text of an empty pane: what it waits for, and how long that usually takes."""
        raise NotImplementedError

    def no_rows_text(self) -> str:
        """Return the text of a list without rows, also of one that is narrowed to a symbol."""
        is_narrowed = self.narrows and self.focus_on.is_narrowed and not self.filter_text
        if is_narrowed and self.focus_on.symbol is not None:
            return f"Nothing here about {sanitize(self.focus_on.symbol, 20)}. = shows all symbols again."
        return self.empty_text()

    def symbol_of(self, row: str) -> str | None:
        """Return the symbol that a row is about; None if it is about none."""
        return row if self.subject == "symbol" else None

    def extra_values(self, row: str) -> dict[str, str]:
        """Return what a filter finds of a row beside its columns, by name in lower case."""
        return {}

    def group_of(self, row: str) -> str:
        """Return the row below which a row stays when the list is sorted: itself, unless it is a part of another."""
        return row

    def id_of(self, row: str) -> str:
        """Return a row's id for other programs."""
        return row

    # -- shared

    @property
    def focus_target(self) -> Widget:
        """The widget that takes the keys."""
        return self.table

    def on_mount(self) -> None:
        """Set the title before anything has been read."""
        self.border_title = Content.assemble((f"{self.number} ", "$accent bold"), (self.label, "bold"))

    def compose(self) -> ComposeResult:
        """Yield summary line and table. The filter is mounted on first use."""
        yield self._summary_line
        yield self.table

    def attach(self, state: "RoomState") -> None:
        """Show this read model from now on."""
        self.state = state
        self.attached = True

    def apply_changes(self, changes: Changes, now: float) -> None:
        """Show what changed."""
        self.now = now
        if changes.topics & (self.topics | {Topic.FOCUS}):
            self.update_rows(changes)
            self.update_title()
        elif Topic.TIME in changes.topics:
            if self.sorting is not None:
                self.update_rows(Changes(set(Topic)))
            if self.has_ages:
                self.table.invalidate_all()
            self.update_title()

    def titled_summary(self) -> tuple[str, StatusLevel]:
        """Return the summary behind the verdict on the pane's service, unless that is ok."""
        text, level = self.summary()
        if not self.service or (verdict := self.state.verdict(self.service, self.now)).level == "good":
            return text, level
        return f"{verdict.word} · {text}", worst_level((verdict.level, level))

    def update_title(self) -> None:
        """Update the title if it changed."""
        text, level = self.titled_summary()
        only = self.focus_on.symbol if self.narrows and self.focus_on.is_narrowed else None
        title = (text, level, self.filter_text, only)
        if title == self._title:
            return
        self._title = title
        filtered = f" · filter: {sanitize(self._filtered.note, 20)}" if self.filter_text else ""
        if only is not None:
            filtered += f" · only {sanitize(only, 20)}"
        parts = [
            (f"{self.number} ", "$accent bold"),
            (self.label, "bold"),
            (f" · {text}" if text else "", "$muted" if level in ("good", "idle") else LEVEL_COLORS[level]),
            (filtered, "$accent"),
        ]
        self._repaints_title = True
        self.border_title = Content.assemble(*parts)
        self._repaints_title = False
        glyph = (f" {GLYPHS[level]} ", LEVEL_COLORS[level])
        self._summary_line.update(Content.assemble(glyph, *parts), layout=False)

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Repaint the frame's first line alone when only the title is another one."""
        if self._repaints_title and not (regions or layout or recompose):
            left, top = self.content_offset
            regions = (Region(-left, -top, self.outer_size.width, 1),)
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def apply_filter(self, keys: Iterable[LineKey]) -> list[LineKey]:
        """Keep the lines whose row matches the filter, and bring them into the chosen order."""
        shown = list(keys)
        if self.narrows and self.focus_on.is_narrowed:
            shown = [key for key in shown if self.focus_on.shows(self.symbol_of(key.row))]
        if self._filtered.is_on:
            rows = {row for row in {key.row for key in shown} if self._filtered.shows(self.values_of(row))}
            shown = [key for key in shown if key.row in rows]
        return self._sorted(shown)

    def values_of(self, row: str) -> dict[str, str]:
        """Return a row's values by the names of their columns, and under "" those that words are looked for in."""
        values = {name.casefold(): text for name, text in self.table.texts_of(row).items()} | self.extra_values(row)
        words = [text for name, text in values.items() if name not in _VOLATILE]
        return values | {"": "\n".join([row, *words])}

    def _sorted(self, keys: list[LineKey]) -> list[LineKey]:
        self.table.sorted_by = self.sorting
        if self.sorting is None:
            return keys
        heading, reverse = self.sorting
        groups: dict[str, list[LineKey]] = {}
        for key in keys:
            groups.setdefault(self.group_of(key.row), []).append(key)
        ordered = sort_by_text(groups, lambda row: self.table.texts_of(row).get(heading, ""), reverse=reverse)
        # Pinned symbols stay at the top.
        ordered.sort(key=lambda row: self.subject != "symbol" or row not in self.focus_on.pinned)
        return [key for row in ordered for key in groups[row]]

    def sort_by(self, heading: str | None) -> None:
        """Sort by a column; in reverse if it is sorted by that already; None: in the list's own order."""
        before = self.sorting
        if heading is None:
            self.sorting = None
        elif before is not None and before[0] == heading:
            self.sorting = heading, not before[1]
        else:
            self.sorting = heading, False
        self._rebuild()

    def sort_by_next(self) -> None:
        """Sort by the next column; after the last one, in the list's own order."""
        headings = self.table.headings
        at = headings.index(self.sorting[0]) + 1 if self.sorting and self.sorting[0] in headings else 0
        self.sorting = (headings[at], False) if at < len(headings) else None
        self._rebuild()

    def _rebuild(self) -> None:
        if self.attached:
            self.update_rows(Changes(set(Topic)))
            self.table.refresh()
            self.update_title()

    async def open_filter(self) -> None:
        """Show the filter and focus it."""
        if self._filter is None:
            self._filter = FilterInput(placeholder="filter: words, !not, column:value, re:pattern", compact=True)
            self._filter.recent = self.recent
            await self.mount(self._filter)
        self._filter.display = self._filter.select_on_focus = True
        self._filter.focus()

    @property
    def filter_text(self) -> str:
        """The filter as it was typed; empty without one."""
        return self._filtered.text

    @property
    def open_filter_input(self) -> FilterInput | None:
        """The filter while it is being typed."""
        return self._filter if self._filter is not None and self._filter.display else None

    def clear_filter(self) -> None:
        """Clear the filter."""
        if self._filter is not None:
            self._filter.value = ""

    @on(Input.Changed)
    def _filter_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._filtered.set(event.value)
        self._rebuild()

    @on(Input.Submitted)
    def _filter_done(self, event: Input.Submitted) -> None:
        event.stop()
        if self._filter is not None:
            self._filter.display = False
        self.recent.keep(self.filter_text)
        self.table.focus()

    def on_resize(self) -> None:
        """Wrap reasons to the new width."""
        if self.attached:
            self.update_rows(Changes({Topic.TIME}))
            # The rows are the same, but their reasons may take other lines now.
            self.table.invalidate_all()

    def wrap_text(self, text: str, indent: int, most: int) -> list[str]:
        """Sanitize text and wrap it to the table's width, in at most ``most`` lines."""
        width = max(10, self.table.scrollable_content_region.width - indent)
        lines = wrap_text(sanitize(text), width)
        return lines if len(lines) <= most else [*lines[: most - 1], " ".join(lines[most - 1 :])]

    def on_click(self) -> None:
        """Make this the active pane."""
        self.post_message(self.Chosen(self))
