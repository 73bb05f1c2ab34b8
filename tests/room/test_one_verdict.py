"""Whatever state the files are in, every place that shows a service shows the same verdict."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cq_tui.contracts.health import ServiceState
from cq_tui.contracts.layout import SERVICES
from cq_tui.contracts.runfiles import DesiredState
from cq_tui.ops.bundle import export_bundle
from cq_tui.ops.formatting import GLYPHS
from cq_tui.ops.render import status_lines
from cq_tui.ops.status import read_status
from cq_tui.ops.verdict import Verdict, summarize
from cq_tui.room.alerts import all_alerts
from cq_tui.room.details import describe
from cq_tui.room.panes.feeder import FeederPane
from cq_tui.room.panes.memory import MemoryPane
from cq_tui.room.panes.orders import OrdersPane
from cq_tui.room.panes.pane import Pane
from cq_tui.room.panes.quarantine import QuarantinePane
from cq_tui.room.panes.signals import SignalsPane
from cq_tui.room.panes.status_bar import StatusBar
from cq_tui.room.service_rows import service_rows
from cq_tui.room.state import RoomState
from cq_tui.store.document import write_document
from tests.room.conftest import MakeRoom, screen_text, wait_for_text, wait_until_loaded
from tests.room.stage import NOW, Stage, staged_holder

LARGE = (160, 45)
SERVICE_PANES = (FeederPane, SignalsPane, OrdersPane, MemoryPane)

ONE_SERVICE = st.fixed_dictionaries(
    {
        "file": st.sampled_from(["good", "good", "good", "absent", "broken"]),
        "age": st.sampled_from([0.2, 4.0, 9.0, 29.0, 31.0, 61.0, 500.0, -1.0, -30.0]),
        "status": st.sampled_from(["ok", "degraded", "error"]),
        "ready": st.sampled_from([True, False, None]),
        "started": st.sampled_from([2.0, 59.0, 90.0]),
        "holder": st.sampled_from(["own", "own", "another", None]),
        "supervised": st.sampled_from(
            [None, "running", "stopped", "starting", "waiting", "stopping", "backoff", "gave_up"]
        ),
        "hung": st.sampled_from([None, None, True]),
        "stop_requested": st.booleans(),
    }
)
STATES = st.fixed_dictionaries(dict.fromkeys(SERVICES, ONE_SERVICE) | {"supervisor_age": st.sampled_from([0.5, 30.0])})


def set_scene(stage: Stage, states: dict[str, Any]) -> None:
    for position, name in enumerate(SERVICES):
        state, path, pid = states[name], stage.data.health_of(name), 4101 + position
        if state["file"] == "absent":
            path.unlink()
        elif state["file"] == "broken":
            path.write_bytes(b'{"service": ')
        else:
            said = {"status": state["status"], "ready": state["ready"], "reason": f"{name} said so"}
            times = {"last_update_ts": NOW - state["age"], "started_ts": NOW - state["started"]}
            path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | said | times))
        if state["holder"] is None:
            stage.data.lock_of(name).unlink()
        else:
            stage.lock(name, pid if state["holder"] == "own" else 9999)
        if state["stop_requested"]:
            wish = DesiredState(wanted="stopped", changed_by="cli", changed_ts=NOW)
            write_document(stage.data.desired_state_of(name), wish, durable=False)
    supervised = {
        name: ServiceState(
            state=states[name]["supervised"],
            pid=4101 + position,
            reason=f"{name} as supervised",
            hung=states[name]["hung"],
        )
        for position, name in enumerate(SERVICES)
        if states[name]["supervised"]
    }
    stage.supervisor(**supervised)
    path = stage.data.health_of("supervisor")
    report = orjson.loads(path.read_bytes())
    report["services"] = {name: report["services"][name] for name in supervised}
    path.write_bytes(orjson.dumps(report | {"last_update_ts": NOW - states["supervisor_age"]}))


def room_over(stage: Stage) -> RoomState:
    state = RoomState(stage.data, {}, staged_holder)
    state.poll_files()
    return state


def pane_over(kind: type[Pane], state: RoomState) -> Pane:
    pane = kind()
    pane.attach(state)
    pane.now = NOW
    return pane


@given(states=STATES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_place_shows_the_same_verdict(
    states: dict[str, Any], staged: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path_factory.mktemp("scene")
    stage = Stage(shutil.copytree(staged, root / "data"))
    set_scene(stage, states)
    room, status = room_over(stage), read_status(stage.data, NOW, staged_holder)
    verdicts = room.verdicts(NOW)
    assert verdicts == status.verdicts
    assert room.overall(NOW) == status.overall
    level, headline = summarize(verdicts.values())

    bar = StatusBar()
    bar.attach(room)
    bar.update_status(NOW)
    assert bar._health().text == f"{GLYPHS[level]} {headline}"
    alerts = [alert.text for alert in all_alerts(room, NOW)]
    plain = status.to_json()["services"]
    bundle = orjson.loads(export_bundle(stage.data, NOW, staged_holder).read_bytes())["health_status"]["components"]
    lines = {line[2:].split()[0]: line for line in status_lines(status) if line[:1] in "●▲✖○"}
    for name, verdict in verdicts.items():
        assert service_rows(room, NOW)[name].verdict == verdict
        assert lines[name].startswith(f"{verdict.glyph} {name:<8}  {verdict.word} ")
        assert lines[name].endswith(verdict.explanation)
        expected = (verdict.word, verdict.level, verdict.glyph, verdict.key or None, verdict.reason or None)
        assert tuple(plain[name][field] for field in ("status", "level", "glyph", "key", "reason")) == expected
        assert (bundle[name]["status"], bundle[name].get("level", "good"), bundle[name].get("key")) == (
            expected[0],
            expected[1],
            expected[3],
        )
        fields = dict(describe(room, "service", name, NOW).fields)
        assert fields["state"].split(":")[0] == f"{verdict.glyph} {verdict.word}"
        assert verdict.reason in fields["state"]
        is_shown = f"{verdict.headline}: {verdict.explanation}" in alerts
        assert is_shown == (verdict.level != "good")
    for kind in SERVICE_PANES:
        title, title_level = pane_over(kind, room).titled_summary()
        verdict = verdicts[kind.service]
        assert title.startswith(f"{verdict.word} · ") == (verdict.level != "good")
        if verdict.level == "bad":
            assert title_level == "bad"
    quarantine, _ = pane_over(QuarantinePane, room).titled_summary()
    assert quarantine.startswith("was ") != verdicts["trader"].is_current
    shutil.rmtree(root)


def _stopped(stage: Stage) -> None:
    for name in SERVICES:
        stage.data.lock_of(name).unlink()
    stage.data.lock_of("supervisor").unlink()


def _frozen(stage: Stage) -> None:
    feeder = orjson.loads(stage.data.health_of("feeder").read_bytes()) | {"last_update_ts": NOW - 30}
    stage.data.health_of("feeder").write_bytes(orjson.dumps(feeder))
    said = "no report for more than 10 s: suspended by a signal"
    stage.supervisor(feeder=ServiceState(state="starting", pid=4103, hung=True, reason=said))


@pytest.mark.parametrize(
    ("scene", "shown", "never"),
    [
        (
            _frozen,
            [
                "✖ feeder hung",
                "✖ feeder hung: no report",
                "2 feeder · hung · 14 symbols",
                "suspended by a signal",
                "r restart",
            ],
            ["starting"],
        ),
        (
            _stopped,
            [
                "✖ all services stopped",
                "✖ trader stopped",
                "4 orders · stopped",
                "6 memory · stopped",
                "history last reported 0.4 s ago: intact · complete to 11",
                "s start",
            ],
            ["history intact", "all services ok", "memory intact"],
        ),
    ],
)
async def test_the_screen_shows_one_verdict(
    stage: Stage, make_room: MakeRoom, scene: Callable[[Stage], None], shown: list[str], never: list[str]
) -> None:
    scene(stage)
    app = make_room(stage.data)
    async with app.run_test(size=LARGE) as pilot:
        await wait_until_loaded(pilot)
        for words in shown:
            await wait_for_text(pilot, words)
        text = screen_text(pilot)
        assert not [words for words in never if words in text], text


def test_a_verdict_that_is_not_good_always_helps() -> None:
    words = (
        "degraded",
        "blocked",
        "starting",
        "stopping",
        "restarting",
        "gave up",
        "error",
        "hung",
        "stale",
        "stopped",
    )
    for word in words:
        verdict = Verdict("feeder", word)  # type: ignore[arg-type]  # by table
        assert verdict.key, word
        assert verdict.key_label.startswith(verdict.key)
