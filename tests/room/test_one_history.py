"""Whatever memory reports of its history, every place that shows it shows the same three verdicts."""

import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest
from textual.geometry import Size

from cq_tui.contracts.health import MemoryHealth
from cq_tui.contracts.layout import FRESHNESS_LIMITS
from cq_tui.ops.bundle import export_bundle
from cq_tui.ops.formatting import GLYPHS
from cq_tui.ops.render import status_lines
from cq_tui.ops.status import read_status
from cq_tui.room.alerts import all_alerts
from cq_tui.room.details import describe
from cq_tui.room.panes.memory import MemoryPane
from cq_tui.room.panes.status_bar import StatusBar
from cq_tui.room.state import RoomState
from tests.ops.reported_histories import ROWS, USUAL, Row
from tests.room.conftest import MakeRoom, screen_text, wait_until_loaded
from tests.room.stage import NOW, Stage, staged_holder


@pytest.fixture(scope="module")
def shared(staged: Path, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(shutil.copytree(staged, tmp_path_factory.mktemp("one") / "data"))


def room_over(stage: Stage) -> RoomState:
    state = RoomState(stage.data, {}, staged_holder)
    state.poll_files()
    return state


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_every_place_shows_the_same_three_words(shared: Stage, row: Row) -> None:
    shared.health(shared.memory(**USUAL | row.fields))
    expected = {"integrity": row.integrity, "completeness": row.completeness, "age": row.age}
    words = [word for word, _ in expected.values()]

    room = room_over(shared)
    history = room.history(NOW)
    assert history is not None
    assert {name: (each.word, each.level) for name, each in history.by_name.items()} == expected

    status = read_status(shared.data, NOW, staged_holder)
    assert status.history == history
    told = status.to_json()["history"]
    assert {name: (told[name]["word"], told[name]["level"]) for name in expected} == expected
    lines = status_lines(status)
    for name, (word, level) in expected.items():
        assert any(line.startswith(f"{GLYPHS[level]} {name:<12}  {word}") for line in lines), lines

    bundle = orjson.loads(export_bundle(shared.data, NOW, staged_holder).read_bytes())["memory_integrity"]
    assert {name: (bundle[name]["word"], bundle[name]["level"]) for name in expected} == expected
    assert len(bundle.get("accepted", [])) == len(told["accepted"])

    pane = MemoryPane()
    pane.attach(room)
    pane.now = NOW
    title, level = pane.summary()
    assert level == history.level
    assert all(word in title for word in words), title
    bar = StatusBar()
    bar.attach(room)
    bar.update_status(NOW)
    (item,) = bar._memory()
    assert all(word in item.text for word in words), item.text
    details = dict(describe(room, "service", "memory", NOW).fields)
    alerts = [alert.text for alert in all_alerts(room, NOW)]
    for name, (word, level) in expected.items():
        assert details[name].startswith(f"{GLYPHS[level]} {word}")
        needs_attention = level in ("bad", "look") and (name != "age" or history.is_current)
        assert any(text.startswith(f"history: {word}") for text in alerts) == needs_attention, alerts


@pytest.mark.parametrize("size", [(80, 24), (160, 45)], ids=["small", "large"])
@pytest.mark.parametrize("name", ["several faults", "damaged and cut", "absurd numbers", "stopped, damaged and cut"])
async def test_what_is_wrong_is_on_the_screen_at_every_size(
    stage: Stage, make_room: MakeRoom, name: str, size: tuple[int, int]
) -> None:
    row = ROWS[name]
    stage.health(stage.memory(**USUAL | row.fields))
    app = make_room(stage.data)
    async with app.run_test(size=size) as pilot:
        await wait_until_loaded(pilot)
        bar = "\n".join(screen_text(pilot).splitlines()[:2])
        for word, level in (row.integrity, row.completeness):
            assert level != "bad" or word in bar, bar


def test_a_memory_that_never_reported_has_no_verdicts(stage: Stage) -> None:
    stage.data.health_of("memory").unlink()
    status = read_status(stage.data, NOW, staged_holder)
    assert (status.history, status.to_json()["history"], room_over(stage).history(NOW)) == (None, None, None)
    assert (
        "integrity" not in orjson.loads(export_bundle(stage.data, NOW, staged_holder).read_bytes())["memory_integrity"]
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"faults": ["spool: \x1b[31m\u202e" * 5] * 100_000, "fault_count": 10**6, "integrity_ok": False},
        {"fault_kinds": {f"\x1b{number}": 1 for number in range(100_000)}, "integrity_ok": False},
        {"accepted": [{"accepted_by": "\x1b]0;", "accepted_at": 1e300, "fault": "\x1b"}] * 50_000},
        {"fault_kinds": {"history": "many"}},
        {"accepted": "ann"},
        {"gap_count": -1},
        {"missing_count": 1e300},
        {"clock_ahead_sec": None, "anchor_problem": "\x1b" * 10**6},
    ],
    ids=[
        "faults",
        "kinds",
        "acceptances",
        "wrong kinds",
        "wrong acceptances",
        "wrong count",
        "huge count",
        "long problem",
    ],
)
def test_a_bad_report_is_shown_and_raises_nothing(stage: Stage, fields: dict[str, Any]) -> None:
    path = stage.data.health_of("memory")
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | fields))
    status, room = read_status(stage.data, NOW, staged_holder), room_over(stage)
    text = "\n".join(status_lines(status)) + "".join(alert.text for alert in all_alerts(room, NOW))
    pane = MemoryPane()
    pane.attach(room)
    pane.now = NOW
    assert (text + pane.summary()[0]).replace("\n", "").isprintable()
    assert len(text) < 10_000
    orjson.dumps(status.to_json())
    export_bundle(stage.data, NOW, staged_holder)
    if not isinstance(status.memory, MemoryHealth):
        assert status.verdicts["memory"].word == "unreadable"
        assert next(iter(fields)) in status.verdicts["memory"].reason


def test_an_old_report_never_shows_as_a_new_one(stage: Stage) -> None:
    stage.health(stage.memory(last_update_ts=NOW - FRESHNESS_LIMITS["memory"] - 60))
    room = room_over(stage)
    history = room.history(NOW)
    assert history is not None
    assert [line.startswith(("last reported 65 s ago", "65 s ago: ")) for line in history.lines()] == [True] * 4
    heading = next(line for line in status_lines(read_status(stage.data, NOW, staged_holder)) if "history of" in line)
    assert heading.endswith(", last reported 65 s ago")


@pytest.mark.parametrize("width", [80, 100, 160])
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_the_title_fits_its_pane(shared: Stage, row: Row, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shared.health(shared.memory(**USUAL | row.fields))
    pane = MemoryPane()
    pane.attach(room_over(shared))
    pane.now = NOW
    monkeypatch.setattr(MemoryPane, "content_size", Size(width - 4, 10))
    title, _ = pane.titled_summary()
    assert len(f" 6 memory · {title} ") <= width - 4, title
