"""The history screen: content, navigation, copying, and bad files."""

from threading import Event

import orjson
import pytest
from textual.binding import Binding
from textual.pilot import Pilot

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.check_proof import check_proof
from cq_tui.room.app import RoomApp
from cq_tui.room.evidence import EventEvidence, gather_evidence
from cq_tui.room.screens.help import Help
from cq_tui.room.screens.history import HistoryScreen
from cq_tui.store.checkpoints.checkpoint import parse_unverified
from tests.room.conftest import (
    MakeRoom,
    open_pane,
    screen_text,
    toasts,
    wait_for_clipboard,
    wait_for_text,
    wait_until,
    wait_until_idle,
    wait_until_loaded,
)
from tests.room.stage import NOW, Stage

SMALL, LARGE, WIDE = (80, 24), (160, 45), (200, 55)


async def opened(pilot: Pilot[int], row: int = 0) -> HistoryScreen:
    """Open the screen for a row of the memory pane, counted from the newest."""
    await wait_until_loaded(pilot)
    await open_pane(pilot, 6)
    await pilot.press("e")
    await pilot.press(*["down"] * row, "enter")
    await wait_until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen))
    screen = pilot.app.screen
    assert isinstance(screen, HistoryScreen)
    await wait_until(pilot, lambda: screen.evidence is not None)
    return screen


async def at(pilot: Pilot[int], screen: HistoryScreen, index: int) -> None:
    await wait_until(pilot, lambda: screen.evidence is not None and screen.evidence.index == index)


@pytest.mark.parametrize("size", [SMALL, LARGE, WIDE], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_it_shows_event_block_and_proof(stage: Stage, make_room: MakeRoom, size: tuple[int, int]) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=size) as pilot:
        await opened(pilot, row=3)
        await wait_for_text(pilot, "Proved by the checkpoint of 11 events, signed 2026-08-01 14:21:55 UTC.")
        seen = screen_text(pilot)
        for _ in range(3):
            await pilot.press("pagedown")
            seen += screen_text(pilot)
        for words in (
            "event 10 of 13", "order_submitted", "client_order_id", "cq-btc-entry", '{"event_id":"evt_', "block 10",
            "matches its bytes", "matches block 9", "matches the line", "3 hashes up to the signed root", "left",
            "right", "1–8", "as signed", "coinquant.r11/",
        ):  # fmt: skip
            assert words in seen, words


async def test_it_moves_from_block_to_block(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        await wait_for_text(pilot, "event 13 of 13")
        await wait_for_text(pilot, "Not anchored yet")
        await pilot.press("right")
        await at(pilot, screen, 13)
        await pilot.press("left", "left_square_bracket")
        await at(pilot, screen, 11)
        await pilot.press("right")
        await at(pilot, screen, 12)
        await pilot.press("right_square_bracket")
        await at(pilot, screen, 13)
        await pilot.press("home")
        await wait_for_text(pilot, "genesis block")
        assert "block 0" in screen_text(pilot)
        await pilot.press("left")
        await at(pilot, screen, 0)
        await pilot.press("right")
        await wait_for_text(pilot, "event 1 of 13")
        await pilot.press("end")
        await wait_for_text(pilot, "event 13 of 13")
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.screen is app.room)


async def test_many_keys_at_once_reach_the_right_block(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        await pilot.press(*["left"] * 9)
        await at(pilot, screen, 4)
        await pilot.press("home", *["right"] * 5)
        await at(pilot, screen, 5)


async def test_a_key_pressed_while_loading_counts_from_the_target_block(
    stage: Stage, make_room: MakeRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        reading, go_on = Event(), Event()

        def look_slowly(data: DataDir, wanted: str | int) -> EventEvidence:
            reading.set()
            assert go_on.wait(10)
            return gather_evidence(data, wanted)

        monkeypatch.setattr("cq_tui.room.evidence.gather_evidence", look_slowly)
        await pilot.press("home")
        await wait_until(pilot, reading.is_set)
        await pilot.press("right")
        go_on.set()
        await at(pilot, screen, 1)


async def test_it_copies_checkpoint_proof_and_line(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SMALL) as pilot:
        screen = await opened(pilot, row=3)
        await pilot.press("c")
        await wait_until(pilot, lambda: bool(app.clipboard))
        kept = app.clipboard
        assert parse_unverified(kept).size == 11
        await pilot.press("y")
        await wait_until(pilot, lambda: app.clipboard != kept)
        proof = check_proof(app.clipboard.encode())
        assert proof.holds
        assert "event 10 of 11" in " ".join(proof.lines)
        await pilot.press("end")
        await at(pilot, screen, 13)
        await pilot.press("y")
        line = stage.data.events.read_bytes().splitlines()[-1]
        await wait_until(pilot, lambda: app.clipboard.encode() == line)


async def test_an_event_is_proved_as_soon_as_a_checkpoint_covers_it(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot)
        await wait_for_text(pilot, "Not anchored yet")
        stage.anchor(ago=1.0)
        stage.health(stage.memory_from_history())
        await wait_for_text(pilot, "Proved by the checkpoint of 13 events")


async def test_a_changed_event_is_explained(stage: Stage, make_room: MakeRoom) -> None:
    content = stage.data.events.read_bytes()
    stage.data.events.write_bytes(content.replace(b'"size":0.00148', b'"size":9.00148', 1))
    app = make_room(stage.data)
    async with app.run_test(size=LARGE) as pilot:
        await opened(pilot, row=3)
        await wait_for_text(pilot, "was changed after it was chained")
        await wait_for_text(pilot, "does not match the line")
        await pilot.press("y")
        await wait_for_clipboard(pilot, '"size":9.00148')


async def test_files_may_disappear_while_it_is_open(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SMALL) as pilot:
        screen = await opened(pilot, row=3)
        for path in (stage.data.events, stage.data.hash_chain, stage.data.checkpoints):
            path.unlink()
        await pilot.press("left")
        await wait_for_text(pilot, "memory/event_chain.ndjson: not found")
        await pilot.press("c", "y", "home", "end", "left", "right", "pagedown")
        await wait_until(pilot, lambda: screen.evidence is not None and screen.evidence.line is None)
        await pilot.press("q")
        await wait_until(pilot, lambda: app.screen is app.room)


async def test_text_from_outside_is_only_text(stage: Stage, make_room: MakeRoom) -> None:
    hostile = {"[red]\x1b[2J": "[@click=app.quit]x[/]", "\u202eabc": "日本語" * 60, "n" * 300: {"a": ["\x07"]}}
    stage.history([(1.0, "custom_event", "elsewhere", hostile)])
    with stage.data.events.open("ab") as file:
        line = {"event_id": "[b]\x1b", "timestamp": NOW, "event_type": "x\x07", "source": "[i]", "data": hostile}
        file.write(orjson.dumps(line) + b"\n")
    app = make_room(stage.data)
    async with app.run_test(size=SMALL) as pilot:
        for row in (0, 1):
            await opened(pilot, row)
            for _ in range(6):
                text = screen_text(pilot)
                assert "\x1b" not in text
                assert "\u202e" not in text
                assert all(len(each) <= 80 for each in text.splitlines())
                await pilot.press("pagedown")
            await pilot.press("left", "right", "escape")
            await pilot.press("escape")


async def test_its_keys_can_be_remapped_and_are_in_the_help(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=LARGE) as pilot:
        app.set_keymap({"history.proof": "f9"})
        await opened(pilot)
        await wait_for_text(pilot, "f9 proof")
        await pilot.press("question_mark")
        await wait_until(pilot, lambda: isinstance(app.screen, Help))
        text = screen_text(pilot)
        assert all(binding.tooltip in text for binding in HistoryScreen.BINDINGS if isinstance(binding, Binding))
        assert "f9  Copy the proof" in text


async def test_it_can_be_closed_while_loading(stage: Stage, make_room: MakeRoom) -> None:
    app: RoomApp = make_room(stage.data)
    async with app.run_test(size=SMALL) as pilot:
        await wait_until_loaded(pilot)
        await open_pane(pilot, 6)
        await pilot.press("e")
        await pilot.press("enter", "escape", "enter", "left", "escape")
        await wait_until(pilot, lambda: app.screen is app.room)
        await wait_until_idle(pilot, "default")
        assert "failed" not in screen_text(pilot)


async def test_keys_that_have_nothing_to_copy_are_gray_and_say_so(stage: Stage, make_room: MakeRoom) -> None:
    stage.data.checkpoints.unlink()
    app = make_room(stage.data)
    async with app.run_test(size=LARGE, notifications=True) as pilot:
        screen = await opened(pilot)
        assert [screen.active_bindings[key].enabled for key in ("c", "y", "left")] == [False, True, True]
        await pilot.press("c")
        await wait_until(pilot, lambda: toasts(app) == ["No signed checkpoint yet"])
        assert app.clipboard == ""
