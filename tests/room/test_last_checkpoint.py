"""The last checkpoint stays in the footer and in the terminal, whatever happens to the files."""

import subprocess
import sys

import pytest

from cq_tui.room import run as room_run
from cq_tui.room.app import RoomApp
from cq_tui.room.last_checkpoint import LastCheckpoint
from cq_tui.room.widgets.key_line import KeyLine
from tests.room.conftest import MakeRoom, screen_text, wait_for_text, wait_until, wait_until_loaded
from tests.room.stage import Stage


def test_the_newest_checkpoint_is_kept(stage: Stage) -> None:
    kept = LastCheckpoint()
    assert (kept.short_text, kept.summary_line) == ("", "")
    assert not kept.update(None)
    assert not kept.update(stage.memory())
    assert not kept.update(stage.memory(checkpoint="no note"))
    older = stage.memory_from_history()
    assert kept.update(older)
    assert not kept.update(older)
    assert kept.short_text.startswith("checkpoint 11 ")
    newer = stage.anchor(ago=1.0)
    assert kept.update(stage.memory_from_history())
    root = newer.root.hex()
    assert kept.short_text == f"checkpoint 13 {root[:4]} {root[4:8]}"
    assert kept.summary_line == f"last checkpoint: 13 events, root {root}, 2026-08-01 14:22:06 UTC"
    # A restored backup does not take it away.
    assert not kept.update(older)
    assert "13 events" in kept.summary_line


async def test_the_footer_shows_it_if_there_is_room(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "checkpoint 11 ")
        last = screen_text(pilot).splitlines()[-1]
        assert last.startswith(" space pin  = narrow  t mode")
        assert last.rstrip().endswith(app.room.checkpoint.short_text)
        stage.data.health_of("memory").unlink()
        await wait_for_text(pilot, "history unknown")
        assert "checkpoint 11 " in screen_text(pilot)
        await pilot.resize_terminal(80, 24)
        await wait_until(pilot, lambda: app.room.query_one(KeyLine).size.width == 80)
        assert "checkpoint" not in screen_text(pilot).splitlines()[-1]
        assert "q quit" in screen_text(pilot).splitlines()[-1]


@pytest.mark.parametrize("signed", [True, False])
def test_a_room_that_quits_prints_it_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], signed: bool
) -> None:
    def run(app: RoomApp) -> int:
        app.get_default_screen()
        if signed:
            app.room.checkpoint.update(stage.memory_from_history())
        return 0

    monkeypatch.setattr(RoomApp, "run", run)
    monkeypatch.setattr(room_run, "check_terminal", lambda *words, **more: None)
    assert room_run.run_room(stage.data) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(",")[0] for line in lines] == (["last checkpoint: 11 events"] if signed else [])


def test_the_room_starts_without_the_proof_modules() -> None:
    heavy = ("cryptography", "cq_tui.store.checkpoints.checkpoint", "cq_tui.room.evidence", "cq_tui.ops.prove")
    check = f"import sys, cq_tui.room.app; sys.exit(', '.join(m for m in {heavy!r} if m in sys.modules) or 0)"
    subprocess.run([sys.executable, "-c", check], check=True)
    reading = "import sys, cq_tui.room.state; sys.exit('cryptography' in sys.modules)"
    subprocess.run([sys.executable, "-c", reading], check=True)
