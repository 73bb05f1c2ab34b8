"""The line table: draws visible lines, repaints changed rows, keeps the selection on its row."""

from typing import ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from cq_tui.room.themes import DARK_VARIABLES
from cq_tui.room.widgets.columns import Cell, Column, fit, lay_out
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable, SubLine
from tests.room.conftest import screen_text, wait_until

COLUMNS = (Column("name", 10), Column("value", 8, align_right=True), Column("note", 6, drop_rank=1, grows=True))


class TableApp(App[int]):
    CSS = "LineTable { height: 12; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }"
    #: Two clicks are a double click however slow the machine is.
    CLICK_CHAIN_TIME_THRESHOLD: ClassVar[float] = 60.0

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[LineKey] = []
        self.values: dict[str, str] = {}
        self.opened: list[str] = []
        self.table = LineTable(COLUMNS, self.draw)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return DARK_VARIABLES

    def compose(self) -> ComposeResult:
        yield self.table

    def draw(self, key: LineKey) -> LineContent:
        self.drawn.append(key)
        if key.line:
            return SubLine(f"under {key.row}", "look")
        return (Cell(key.row, "strong"), Cell(self.values.get(key.row, "0")), Cell("[red]x"))

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        self.opened.append(event.row)


def keys(*rows: str) -> list[LineKey]:
    return [LineKey(row) for row in rows]


MANY = [f"row{number:03}" for number in range(500)]


async def test_only_visible_lines_are_drawn() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 15)) as pilot:
        app.table.set_lines(keys(*MANY))
        await pilot.pause()
        assert {key.row for key in app.drawn} == set(MANY[:11])
        app.drawn.clear()
        app.table.invalidate_rows(MANY)
        await wait_until(pilot, lambda: bool(app.drawn))
        assert {key.row for key in app.drawn} == set(MANY[:11])


async def test_only_changed_rows_are_redrawn() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 15)) as pilot:
        app.table.set_lines(keys(*MANY))
        await pilot.pause()
        app.drawn.clear()
        app.values["row003"] = "42"
        app.table.invalidate_rows(["row003", "row400"])
        await pilot.pause()
        assert app.drawn == [LineKey("row003")]
        assert "42" in screen_text(pilot)


async def test_a_line_with_the_same_content_is_not_painted_again() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 15)) as pilot:
        app.table.set_lines(keys("a", "b"))
        await wait_until(pilot, lambda: bool(app.drawn))
        app.drawn.clear()
        app.values["b"] = "1"
        app.table.invalidate_all()
        assert app.drawn == keys("a", "b")
        assert [region.y for region in app.table._repaint_regions] == [2]


async def test_text_is_never_markup() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 15)) as pilot:
        app.table.set_lines(keys("[red]", "a[/]"))
        await pilot.pause()
        text = screen_text(pilot)
        assert "[red]     " in text
        assert "a[/]" in text
        assert "[red]x" in text


async def select(pilot: Pilot[int], row: str) -> None:
    app = pilot.app
    assert isinstance(app, TableApp)
    app.table.select(row)
    await pilot.pause()


async def test_the_selection_stays_with_its_row_and_place() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 15)) as pilot:
        app.table.set_lines(keys(*MANY[:100]))
        await pilot.pause()
        await select(pilot, "row050")
        place = 50 - app.table.scroll_offset.y
        app.table.set_lines(keys("new1", "new2", *MANY[:100]))
        await pilot.pause()
        assert app.table.selected == "row050"
        assert 52 - app.table.scroll_offset.y == place


async def test_the_selection_moves_to_a_neighbor_when_its_row_disappears() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 15)) as pilot:
        app.table.set_lines(keys("a", "b", "c"))
        await select(pilot, "b")
        found: list[str | None] = []
        for rows in (("a", "c"), ()):
            app.table.set_lines(keys(*rows))
            found.append(app.table.selected)
        assert found == ["c", None]
        await pilot.press("down", "enter", "end", "pagedown")
        assert app.opened == []


async def test_keys_move_by_rows_not_lines() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 15)) as pilot:
        app.table.focus()
        app.table.set_lines([LineKey("a"), LineKey("a", 1), LineKey("b"), LineKey("b", 1), LineKey("c")])
        await pilot.press("down", "enter")
        assert app.opened == ["b"]
        await pilot.press("end", "enter", "home", "enter")
        assert app.opened == ["b", "c", "a"]
        assert "under a" in screen_text(pilot)


async def test_a_click_selects_and_a_second_opens() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 15)) as pilot:
        app.table.set_lines(keys("a", "b", "c"))
        await pilot.pause()
        await pilot.click(LineTable, offset=(2, 2))
        assert app.table.selected == "b"
        await pilot.click(LineTable, offset=(2, 3), times=2)
        assert app.opened == ["c"]
        await pilot.click(LineTable, offset=(2, 8))
        assert app.table.selected == "c"


async def test_an_empty_table_says_what_it_waits_for() -> None:
    app = TableApp()
    async with app.run_test(size=(20, 15)) as pilot:
        app.table.set_lines([], empty="Waits for the first row, which takes a second.")
        await pilot.pause()
        assert "Waits for the first" in screen_text(pilot)


@pytest.mark.parametrize("width", [1, 2, 5, 18, 19, 20, 27, 28, 100])
def test_columns_fit_or_are_dropped(width: int) -> None:
    layout = lay_out(COLUMNS, width)
    used = sum(layout.widths) + 2 * (len(layout.widths) - 1)
    assert used == width if len(layout.shown) == 3 else used == 20
    assert (2 in layout.shown) == (width >= 28)


def test_text_is_cut_and_padded_to_cells() -> None:
    assert fit("abc", 5) == "abc  "
    assert fit("abc", 5, right=True) == "  abc"
    assert fit("abcdef", 4) == "abc…"
    assert fit("日本語", 4) == "日 …"
    assert fit("abc", 0) == ""


async def test_the_first_row_loses_the_cursor_that_it_had_before_any_selection() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 15)) as pilot:
        app.table.set_lines(keys("a", "b", "c"))
        app.table.focus()
        await pilot.pause()

        def background(line: int) -> object:
            style = next(iter(app.table.render_line(line))).style
            return style and style.bgcolor

        plain = background(3)
        assert background(1) != plain
        await pilot.press("down")
        assert (background(1), background(2) != plain) == (plain, True)
