"""A table of lines that repaints only what changed: a line is painted again when its content differs.

A line is drawn when it becomes visible, so a table of 500 symbols draws only the forty on the screen. A row may
have sublines (reasons, legs); the selection moves between rows and follows its row's key.
"""

import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style as VisualStyle

from cq_tui.room.widgets.columns import GAP, Cell, Column, ColumnLayout, fit, lay_out


class LineKey(NamedTuple):
    """A line: its row's key, and 0 for the row itself or 1… for its sublines."""

    row: str
    line: int = 0


class SubLine(NamedTuple):
    """A line under a row: one text across the whole width."""

    text: str
    style: str = "muted"
    indent: int = 2


#: The styles of cells and cursors. Component classes of the stylesheet would be matched for each table and each focus.
_STYLES = {
    "heading": "$muted",
    "cursor": "on $cursor",
    "cursor-quiet": "on $cursor-quiet",
    "muted": "$muted",
    "idle": "$muted",
    "strong": "bold $foreground",
    "accent": "$accent",
    "good": "$success",
    "look": "$warning",
    "bad": "$error",
}

LineContent = Sequence[Cell] | SubLine
DrawLine = Callable[[LineKey], LineContent]


class PaintedLine(NamedTuple):
    """A line's content, and how it was painted."""

    content: LineContent
    strip: Strip


class LineTable(ScrollView, can_focus=True):
    """A scrolling table; see the module. ``draw`` returns a line's cells, one per column, or a SubLine."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False, id="list.up", tooltip="Select a row"),
        Binding("down,j", "move(1)", "down", show=False, id="list.down", tooltip="Select a row"),
        Binding("pageup", "page(-1)", "page up", show=False, id="list.page_up", tooltip="Page up or down"),
        Binding("pagedown", "page(1)", "page down", show=False, id="list.page_down", tooltip="Page up or down"),
        Binding("home", "edge(-1)", "first", show=False, id="list.first", tooltip="First or last row"),
        Binding("end", "edge(1)", "last", show=False, id="list.last", tooltip="First or last row"),
        Binding("enter", "open", "details", show=False, id="list.open", tooltip="Show the selected row's details"),
    ]

    @dataclass
    class Opened(Message):
        """A row was opened with enter or a double click."""

        table: "LineTable"
        row: str

    @dataclass
    class Selected(Message):
        """The selection moved."""

        table: "LineTable"
        row: str

    @dataclass
    class HeadingClicked(Message):
        """The heading of a column was clicked."""

        table: "LineTable"
        heading: str

    def __init__(self, columns: Sequence[Column], draw: DrawLine, *, heading: bool = True) -> None:
        super().__init__()
        self._columns = tuple(columns)
        self._draw = draw
        self._has_heading = heading
        self._keys: list[LineKey] = []
        self._order: list[str] = []
        self._first_line: dict[str, int] = {}
        #: What was painted of each row, by line.
        self._painted: dict[str, dict[int, PaintedLine]] = {}
        self._style_cache: dict[tuple[str, str], Style] = {}
        self._column_layout = ColumnLayout((), ())
        self._laid_out_width = 0
        self._selected: str | None = None
        self._empty = ""
        self._wanted: tuple[int, ...] | None = None
        #: The column by which the rows are sorted, and whether in reverse: a sign in its heading.
        self.sorted_by: tuple[str, bool] | None = None

    # -- content

    @property
    def headings(self) -> list[str]:
        """The headings of the visible columns, from left to right."""
        if not self._has_heading:
            return []
        shown = self._column_layout.shown or range(len(self._columns))
        return [self._columns[index].heading for index in shown if self._columns[index].heading]

    @property
    def all_headings(self) -> list[str]:
        """The headings of all columns, also of those without room."""
        return [column.heading for column in self._columns if column.heading]

    def choose_columns(self, headings: Iterable[str]) -> list[str]:
        """Show only these columns, in this order; return the names that no column has."""
        index = {column.heading: number for number, column in reversed(list(enumerate(self._columns)))}
        wanted = list(dict.fromkeys(headings))
        self._wanted = tuple(index[name] for name in wanted if name in index) or None
        self._laid_out_width = 0
        return [name for name in wanted if name not in index]

    def texts_of(self, row: str) -> dict[str, str]:
        """Return a row's texts by heading, also of columns that have no room."""
        drawn = self._draw(LineKey(row))
        if isinstance(drawn, SubLine):
            return {"": drawn.text}
        return {column.heading: cell.text for column, cell in zip(self._columns, drawn, strict=True)}

    @property
    def rows(self) -> Sequence[str]:
        """Row keys from top to bottom."""
        return self._order

    @property
    def selected(self) -> str | None:
        """Key of the selected row; the first row before any selection; None for an empty table."""
        return self._selected if self._selected is not None else (self._order[0] if self._order else None)

    def set_lines(self, keys: Iterable[LineKey], *, empty: str = "") -> None:
        """Show these lines. The selection stays on its row and keeps its place on the screen."""
        keys = list(keys)
        if empty != self._empty:
            self._empty = empty
            self.refresh()
        if keys == self._keys:
            return
        before = self._first_line.get(self._selected or "")
        position = self._order.index(self._selected) if self._selected in self._first_line else 0
        lines_changed = len(keys) != len(self._keys)
        self._keys = keys
        self._first_line = {key.row: index for index, key in reversed(list(enumerate(keys)))}
        self._order = list(dict.fromkeys(key.row for key in keys))
        for gone in self._painted.keys() - self._first_line.keys():
            del self._painted[gone]
        if lines_changed:
            self.virtual_size = Size(self._laid_out_width, len(keys) + self._heading_lines)
        self._keep_selection(before, position)
        self.refresh()

    def _keep_selection(self, before: int | None, position: int) -> None:
        if self._selected is None or before is None:
            return
        after = self._first_line.get(self._selected)
        if after is None:
            self._selected = self._order[min(position, len(self._order) - 1)] if self._order else None
        elif after != before and self.scroll_offset.y > 0:
            self.scroll_to(y=self.scroll_offset.y + after - before, animate=False, force=True)

    def invalidate_rows(self, rows: Iterable[str]) -> None:
        """Draw these rows again; those whose content differs are painted in the next frame."""
        changed = self._painted.keys() & set(rows)
        if not changed:
            return
        start = self.scroll_offset.y
        visible = self._keys[start : start + self._visible_lines]
        for row in changed - {key.row for key in visible}:
            del self._painted[row]
        dirty = [y for y, key in enumerate(visible, self._heading_lines) if key.row in changed and self._repaint(key)]
        if dirty:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in dirty))

    def invalidate_all(self) -> None:
        """Draw every row again."""
        self.invalidate_rows(self._painted.keys())

    def _repaint(self, key: LineKey) -> bool:
        """Draw a line and return whether it must be painted: its content differs, or it has not been painted."""
        lines = self._painted[key.row]
        content = self._draw(key)
        before = lines.get(key.line)
        if before is not None and before.content == content:
            return False
        lines[key.line] = PaintedLine(content, self._line_strip(key, content))
        return True

    # -- selection

    def select(self, row: str) -> None:
        """Select a row and bring it into view."""
        if row not in self._first_line:
            return
        before, self._selected = self._selected, row
        # Before any selection the cursor is on the first row.
        self._painted.pop(before or self._order[0], None)
        self._painted.pop(row, None)
        self._bring_into_view(row)
        self.refresh()
        if before != row:
            self.post_message(self.Selected(self, row))

    def clear_selection(self) -> None:
        """Scroll to the top with nothing selected."""
        self._selected = None
        self.scroll_to(y=0, animate=False)
        self.refresh()

    def _bring_into_view(self, row: str) -> None:
        first = self._first_line[row]
        top = self.scroll_offset.y
        if first < top:
            self.scroll_to(y=first, animate=False, force=True)
        elif first >= top + self._visible_lines:
            self.scroll_to(y=first - self._visible_lines + 1, animate=False, force=True)

    def action_move(self, step: int) -> None:
        """Move the selection by rows."""
        if self._order:
            position = self._order.index(self.selected or self._order[0])
            self.select(self._order[max(0, min(len(self._order) - 1, position + step))])

    def action_page(self, direction: int) -> None:
        """Move the selection by a page."""
        self.action_move(direction * max(1, self._visible_lines - 1))

    def action_edge(self, direction: int) -> None:
        """Move the selection to an end."""
        if self._order:
            self.select(self._order[0 if direction < 0 else -1])

    def action_open(self) -> None:
        """Open the selected row."""
        if self.selected is not None:
            self.post_message(self.Opened(self, self.selected))

    def on_click(self, event: events.Click) -> None:
        """Select with a click, open with a double click."""
        if event.y < self._heading_lines and (heading := self._heading_at(event.x)):
            self.post_message(self.HeadingClicked(self, heading))
        index = event.y - self._heading_lines + self.scroll_offset.y
        if event.y >= self._heading_lines and 0 <= index < len(self._keys):
            self.select(self._keys[index].row)
            if event.chain > 1:
                self.action_open()

    def _heading_at(self, x: int) -> str:
        end = 0
        for index, width in zip(self._column_layout.shown, self._column_layout.widths, strict=True):
            end += width + GAP
            if x < end:
                return self._columns[index].heading
        return ""

    # -- painting

    @property
    def _heading_lines(self) -> int:
        return 1 if self._has_heading and self._keys else 0

    @property
    def _visible_lines(self) -> int:
        return max(0, self.scrollable_content_region.height - self._heading_lines)

    def column_width(self, column: int) -> int:
        """Return a column's current width; 0 while it is hidden."""
        return self._column_layout.width_of(column)

    def notify_style_update(self) -> None:
        """Drop the strips painted in the old colors."""
        super().notify_style_update()
        self._painted.clear()
        self._style_cache.clear()

    def on_resize(self) -> None:
        """Lay out the columns for the new width."""
        self._fit_columns(self.scrollable_content_region.width)

    def _fit_columns(self, width: int) -> None:
        if width != self._laid_out_width:
            self._laid_out_width = width
            self._column_layout = lay_out(self._columns, width, self._wanted)
            self._painted.clear()
            self.virtual_size = Size(width, len(self._keys) + self._heading_lines)

    def render_line(self, y: int) -> Strip:
        """Return one line of the visible part."""
        width = self.scrollable_content_region.width
        self._fit_columns(width)
        if not self._keys:
            return self._empty_strip(y, width)
        if y < self._heading_lines:
            return self._heading_strip(width)
        index = self.scroll_offset.y + y - self._heading_lines
        if index >= len(self._keys):
            return Strip.blank(width, self._style_of(""))
        key = self._keys[index]
        lines = self._painted.setdefault(key.row, {})
        if key.line not in lines:
            self._repaint(key)
        return lines[key.line].strip

    def on_focus(self) -> None:
        """Show the cursor."""
        self._repaint_cursor()

    def on_blur(self) -> None:
        """Dim the cursor."""
        self._repaint_cursor()

    def _repaint_cursor(self) -> None:
        self._painted.pop(self.selected or "", None)
        self.refresh()

    def _style_of(self, name: str, under: str = "") -> Style:
        """Return a style over the widget's own style, or the cursor's; computed once per theme."""
        style = self._style_cache.get((name, under))
        if style is None:
            style = self._style_of(under) if under else self.rich_style
            if name:
                style += VisualStyle.parse(_STYLES[name]).rich_style
            self._style_cache[name, under] = style
        return style

    def _cursor_style(self, key: LineKey) -> str:
        """Return the cursor's style name if the cursor is on this line, else an empty string."""
        if key.line == 0 and key.row == self._selected:
            return "cursor" if self.has_focus else "cursor-quiet"
        if key.line == 0 and self._selected is None and self.has_focus and self._order and key.row == self._order[0]:
            return "cursor-quiet"
        return ""

    def _line_strip(self, key: LineKey, drawn: LineContent) -> Strip:
        width, under = self._laid_out_width, self._cursor_style(key)
        if isinstance(drawn, SubLine):
            text = fit(" " * drawn.indent + drawn.text, width)
            return Strip([Segment(text, self._style_of(drawn.style, under))], width)
        runs: list[tuple[str, list[str]]] = []
        for index, cell_width in zip(self._column_layout.shown, self._column_layout.widths, strict=True):
            cell = drawn[index]
            text = fit(cell.text, cell_width, self._columns[index].align_right)
            # Cells of one style share a segment: each segment costs here and in the compositor.
            if runs and runs[-1][0] == cell.style:
                runs[-1][1].append(text)
            else:
                runs.append((cell.style, [text]))
        gap = " " * GAP
        last = len(runs) - 1
        segments = [
            Segment(gap.join(texts) + (gap if number < last else ""), self._style_of(style, under))
            for number, (style, texts) in enumerate(runs)
        ]
        # Textual would measure the segments, and keep thousands of texts with their lengths.
        used = sum(self._column_layout.widths) + GAP * (len(self._column_layout.widths) - 1)
        return Strip(segments, used).adjust_cell_length(width, self._style_of("", under))

    def _heading_strip(self, width: int) -> Strip:
        columns = zip(self._column_layout.shown, self._column_layout.widths, strict=True)
        text = (" " * GAP).join(fit(self._heading_text(i, w), w, self._columns[i].align_right) for i, w in columns)
        return Strip([Segment(fit(text, width), self._style_of("heading"))], width)

    def _heading_text(self, column: int, width: int) -> str:
        heading = self._columns[column].heading
        if self.sorted_by is None or not heading or heading != self.sorted_by[0]:
            return heading
        sign = "▼" if self.sorted_by[1] else "▲"
        return f"{heading[: width - 2]} {sign}" if width > 2 else sign

    def _empty_strip(self, y: int, width: int) -> Strip:
        lines = textwrap.wrap(self._empty, max(8, width))
        text = lines[y] if y < len(lines) else ""
        return Strip([Segment(fit(text, width), self._style_of("muted"))], width)
