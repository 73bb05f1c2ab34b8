"""The room in ASCII: every painted character, in every screen, and rows as wide as before."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.pilot import Pilot
from textual.strip import Strip

from cq_tui.room.ascii_filter import AsciiFilter, PlainScrollBar
from tests.ops.test_characters import DISPUTED
from tests.room.conftest import MakeRoom, screen_text, wait_for_text, wait_until, wait_until_loaded
from tests.room.stage import NOW, Stage

HUGE = (200, 55)
#: Keys that open something, words that it shows, and keys that close it.
SCREENS: tuple[tuple[list[str], str, list[str]], ...] = (
    ([], "config_changed", []),
    (["w"], "why no trade", ["escape"]),
    (["m"], "balances", ["escape"]),
    (["2", "enter"], "bid", ["escape"]),
    (["4", "enter"], "client order id", ["escape"]),
    (["6", "enter"], "checkpoint", ["escape"]),
    (["1", "z"], "restarts", ["escape"]),
    (["2", "slash", "x"], "filter: x", ["escape"]),
    (["question_mark"], "keys and icons", ["escape"]),
    (["q"], "Quit cq-tui?", ["escape"]),
    (["1", "l"], "strange", ["escape"]),
    (["ctrl+p"], "Search for commands", ["escape"]),
    (["p"], "FROZEN", ["p"]),
)


def painted(pilot: Pilot[int]) -> list[Strip]:
    return pilot.app.screen._compositor.render_strips()


async def test_every_painted_character_is_ascii(stage: Stage, make_room: MakeRoom) -> None:
    strange = ({"ts": NOW, "level": "info", "event": f"strange: {name} {text!r}"} for name, text in DISPUTED.items())
    stage.log("exchange", list(strange))
    app = make_room(stage.data, ascii_only=True)
    async with app.run_test(size=HUGE, notifications=True) as pilot:
        await wait_until_loaded(pilot)
        app.notify("Copied − …", timeout=600)
        for opening, words, closing in SCREENS:
            await pilot.press(*opening)
            await wait_for_text(pilot, words)
            for strip in painted(pilot):
                assert strip.text.isascii(), (opening, strip.text)
                assert cell_len(strip.text) == HUGE[0]
            await pilot.press(*closing)
            await wait_until(pilot, lambda: app.screen is app.room)


def test_scroll_bars_have_no_fine_ends() -> None:
    drawn = PlainScrollBar.render_bar(size=10, virtual_size=37, window_size=10, position=5)
    assert {segment.text for segment in drawn.segments if not segment.control} <= {" ", "\n"}


async def test_keys_have_names_in_ascii(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data, ascii_only=True)
    async with app.run_test(size=HUGE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("question_mark")
        await wait_until(pilot, lambda: "up down k j  Select a row" in screen_text(pilot))
        assert "enter  Show the selected row's details" in screen_text(pilot)


DISPUTED_TEXT = st.lists(st.sampled_from([*(set(DISPUTED.values()) - {DISPUTED["control"]}), "中"]), min_size=1).map(
    "".join
)
TEXTS = (
    st.text(
        st.characters(codec=None, exclude_characters="".join(map(chr, (*range(0x20), *range(0x7F, 0xA0))))),
        min_size=1,
        max_size=60,
    )
    | DISPUTED_TEXT
)


@given(st.lists(TEXTS, max_size=4))
def test_each_row_keeps_its_width(texts: list[str]) -> None:
    before = [Segment(text) for text in texts]
    after = AsciiFilter().apply(before, Color(0, 0, 0))
    assert all(segment.text.isascii() for segment in after)
    assert [segment.cell_length for segment in after] == [segment.cell_length for segment in before]
