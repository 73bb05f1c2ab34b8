"""Text from outside in a question, an alert or a toast: symbols of positions, names of files, messages of errors."""

from cq_tui.ops.characters import printable
from cq_tui.ops.formatting import Alert
from cq_tui.room.panes.alert_bar import AlertBar
from cq_tui.room.screens.dialog import NO, Dialog
from tests.ops.test_characters import DISPUTED
from tests.room.conftest import MakeRoom, screen_text, wait_for_text, wait_until_loaded
from tests.room.stage import Stage

#: Each after a letter, so that a mark has something to change.
TEXT = "".join(f"a{text}" for name, text in DISPUTED.items() if name != "lone surrogate")


async def test_it_is_harmless_wherever_it_is_shown(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    shown = ""
    async with app.run_test(size=(160, 45), notifications=True) as pilot:
        await wait_until_loaded(pilot)
        app.room.query_one(AlertBar).room_alerts["test"] = Alert("bad", f"alert {TEXT}")
        app._show_toast(f"toast {TEXT}", "warning")
        app.room.query_one(AlertBar).update_alerts(app.room.now)
        await wait_for_text(pilot, "toast")
        await wait_for_text(pilot, "alert")
        shown += screen_text(pilot)
        app.push_screen(Dialog(f"question {TEXT}", [f"reason {TEXT}"], [NO], None))
        await wait_for_text(pilot, "reason")
        shown += screen_text(pilot)
    assert printable(shown.replace("\n", " ")) == shown.replace("\n", " ")
