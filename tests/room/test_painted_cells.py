"""Only the cells that differ are written, and the screen is the same as if all were."""

import random
import re
from typing import ClassVar

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.drivers.headless_driver import HeadlessDriver
from textual.geometry import Region
from textual.strip import Strip

from cq_tui.ops.formatting import format_price
from cq_tui.room.app import RoomApp
from cq_tui.room.painted_cells import PaintedCells
from tests.room.conftest import MakeRoom, screen_text, wait_for_text, wait_until, wait_until_loaded
from tests.room.stage import PRICES, Stage
from tests.terminal.screen_grid import ScreenGrid

WIDTH, HEIGHT = 24, 3
STYLES = (Style.parse("red"), Style.parse("bold blue on black"), Style.parse("red on white"))
CONSOLE = Console(color_system="truecolor", force_terminal=True)

texts = st.text(st.sampled_from("ab0123 ▁▂█−日本語"), max_size=8)
segments = st.tuples(texts, st.sampled_from(STYLES)).map(lambda parts: Segment(*parts))
lines = st.lists(segments, max_size=6).map(lambda parts: Strip(parts).adjust_cell_length(WIDTH, STYLES[0]))
cuts = st.lists(st.integers(1, WIDTH - 1), unique=True, max_size=3).map(lambda inner: [0, *sorted(inner), WIDTH])
spans = st.tuples(st.integers(0, WIDTH - 1), st.integers(1, WIDTH)).map(lambda pair: (min(pair), max(pair)))


@st.composite
def frames(draw: st.DrawFn) -> ChopsUpdate | LayoutUpdate:
    """A frame as the compositor makes it: lines divided at cuts, and the part of each line that is dirty."""
    strips = [draw(lines) for _ in range(HEIGHT)]
    if draw(st.integers(0, 5)) == 0:
        return LayoutUpdate([[strip] for strip in strips], Region(0, 0, WIDTH, HEIGHT))
    divided = [(draw(cuts), strip) for strip in strips]
    chops: list[dict[int, Strip | None]] = [
        dict(zip(cut[:-1], strip.divide(cut[1:]), strict=False)) for cut, strip in divided
    ]
    dirty = [(y, *draw(spans)) for y in sorted(draw(st.sets(st.integers(0, HEIGHT - 1), min_size=1)))]
    return ChopsUpdate(chops, dirty, [cut[1:] for cut, _ in divided])


@given(st.lists(frames(), min_size=1, max_size=6))
def test_the_screen_is_the_same_as_if_every_cell_were_written(updates: list[ChopsUpdate | LayoutUpdate]) -> None:
    painted, whole, ours = PaintedCells(), ScreenGrid(WIDTH, HEIGHT), ScreenGrid(WIDTH, HEIGHT)
    for update in updates:
        whole.feed(update.render_segments(CONSOLE).encode())
        ours.feed(painted.write(update, CONSOLE).encode())
        assert ours.cells == whole.cells
        if isinstance(update, ChopsUpdate):
            assert painted.write(update, CONSOLE) == ""


def test_a_wide_character_is_written_whole_when_its_half_was_lost() -> None:
    def frame(strip: Strip, cuts: list[int], first: int) -> ChopsUpdate:
        return ChopsUpdate([dict(zip(cuts[:-1], strip.divide(cuts[1:]), strict=False))], [(0, first, 6)], [cuts[1:]])

    wide, narrow = (Strip([Segment(text, STYLES[0])]) for text in ("a日本b", "a日cdb"))
    painted, grid = PaintedCells(), ScreenGrid(6, 1)
    for update in (frame(wide, [0, 6], 0), frame(narrow, [0, 3, 6], 3), frame(wide, [0, 6], 0)):
        grid.feed(painted.write(update, CONSOLE).encode())
    assert grid.text == "a日本b"


class Captured(HeadlessDriver):
    """A terminal that keeps what is written to it."""

    written: ClassVar[list[str]] = []

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        self.written.append(data)


def capture(app: RoomApp) -> list[str]:
    """Let a room write into a list, and return that."""
    app.driver_class = Captured
    Captured.written = []
    return Captured.written


async def test_a_price_change_writes_only_its_digits(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    written = capture(app)
    async with app.run_test(size=(160, 45), headless=False) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "67,412.10")
        written.clear()
        stage.tickers(prices={"BTCUSDT": 67413.1})
        await wait_for_text(pilot, "67,413.10")
        output = "".join(written)
        assert "   67,413.10" in output
        # The price in its new color, with nothing around it.
        assert len(output) < 80


async def test_the_terminal_shows_what_the_room_means(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    written = capture(app)
    async with app.run_test(size=(160, 45), headless=False) as pilot:
        await wait_until_loaded(pilot)
        grid = ScreenGrid(160, 45)

        async def shows_the_same() -> None:
            def same() -> bool:
                grid.feed("".join(written).encode())
                written.clear()
                return [line.rstrip() for line in grid.text.split("\n")] == [
                    line.rstrip() for line in screen_text(pilot).split("\n")
                ]

            await wait_until(pilot, same)

        await shows_the_same()
        keys = ["?", "escape", "down", "down", "z", "z", "1", "r", "escape", "4", "l", "escape", "tab", "p", "p"]
        for number, key in enumerate(keys):
            stage.tickers(prices={"BTCUSDT": 70_000.0 + number, "ETHUSDT": 3_000.0 + number * 7})
            await pilot.press(key)
            await shows_the_same()


async def test_prices_paint_nothing_under_another_screen(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    written = capture(app)
    async with app.run_test(size=(160, 45), headless=False) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("l")
        await wait_for_text(pilot, "following")

        def is_calm() -> bool:
            calm = not written
            written.clear()
            return calm

        # Textual paints a new screen more than once.
        await wait_until(pilot, is_calm)
        for number in range(5):
            price = 70_000.0 + number
            stage.tickers(prices={"BTCUSDT": price})
            await wait_until(pilot, lambda price=price: held(app) == price)  # type: ignore[misc]
            await pilot.pause()
        # Mode, health and money stay up to date above it; nothing else is written.
        assert {row for row, _ in re.findall(r"\x1b\[(\d+);(\d+)H", "".join(written))} <= {"1", "2"}
        assert screen_text(pilot).count("\n") == 44
        await pilot.press("escape")
        await wait_for_text(pilot, "70,004.00")


def held(app: RoomApp) -> float:
    assert app.state is not None
    return app.state.tickers["BTCUSDT"].price


async def test_a_key_draws_again_what_another_program_wrote_over(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    written = capture(app)
    async with app.run_test(size=(160, 45), headless=False) as pilot:
        await wait_until_loaded(pilot)
        grid = ScreenGrid(160, 45)

        def is_true() -> bool:
            grid.feed("".join(written).encode())
            written.clear()
            meant = [line.rstrip() for line in screen_text(pilot).split("\n")]
            return [line.rstrip() for line in grid.text.split("\n")] == meant

        await pilot.press("l")
        await wait_for_text(pilot, "following")
        await wait_until(pilot, is_true)

        def is_covered() -> bool:
            # A frame that still comes may cover it again.
            grid.feed(b"\x1b[20;1H" + b"Broadcast message from root " * 40)
            return not is_true()

        await wait_until(pilot, is_covered)
        await pilot.press("ctrl+l")
        await wait_until(pilot, is_true)


async def test_after_a_burst_the_terminal_shows_what_the_files_hold(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    written = capture(app)
    chance = random.Random(7)
    async with app.run_test(size=(160, 45), headless=False) as pilot:
        await wait_until_loaded(pilot)
        grid = ScreenGrid(160, 45)
        for _ in range(4):
            for _ in range(5):
                moved = chance.sample(sorted(PRICES), 6)
                prices = {symbol: PRICES[symbol][0] * chance.uniform(0.9, 1.1) for symbol in moved}
                stage.tickers(prices=prices)
                await pilot.pause(0.02)
            held = {symbol: price for symbol, (price, _, _) in PRICES.items()} | prices
            shown = {symbol: format_price(price, PRICES[symbol][2]) for symbol, price in held.items()}

            def is_shown(shown: dict[str, str] = shown) -> bool:
                grid.feed("".join(written).encode())
                written.clear()
                rows = {
                    words[0]: words[1]
                    for line in reversed(grid.text.split("\n"))
                    if len(words := line[:72].strip("│ ").split()) > 1
                }
                return shown.items() <= rows.items()

            await wait_until(pilot, is_shown)
