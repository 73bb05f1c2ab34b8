"""Alerts: what nobody may miss stands in the alert bar, above every pane."""

from typing import Any

from cq_tui.contracts.health import ServiceState
from cq_tui.ops.restarts import SEEN_LIMIT
from cq_tui.room.alerts import all_alerts, room_alerts
from cq_tui.room.panes.alert_bar import AlertBar
from cq_tui.store.document import write_document
from tests.room.conftest import MakeRoom, screen_text, state_of, wait_for_text, wait_until_loaded
from tests.room.stage import NOW, Stage
from tests.room.test_state import read_all

KILLED = "feeder was killed by signal SIGKILL; running again after 1.1 s (14:20:27)"


def restarted(**changes: Any) -> ServiceState:
    stop = {
        "last_stopped_ts": NOW - 100,
        "last_stop_reason": "killed by signal SIGKILL",
        "last_recovered_ts": NOW - 98.9,
    }
    return ServiceState.model_validate({"state": "running", "pid": 4103, "restarts": 1} | stop | changes)


async def test_a_restart_is_told_above_the_panes_although_all_is_well(stage: Stage, make_room: MakeRoom) -> None:
    stage.supervisor(feeder=restarted())
    app = make_room(stage.data)
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, KILLED)
        assert app.room.query_one(AlertBar).display
        assert "all services ok" in screen_text(pilot)


async def test_without_news_the_line_says_what_happened_last(stage: Stage, make_room: MakeRoom) -> None:
    stage.account(quarantine={})
    app = make_room(stage.data)
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "all services ok")
        bar = app.room.query_one(AlertBar)
        assert bar.size.height == 1
        assert "14:22 bought 0.00148 BTCUSDT at 67,412.10, stop −0.64 %" in screen_text(pilot).splitlines()[2]


async def test_the_worst_news_comes_first_and_moves_nothing(stage: Stage, make_room: MakeRoom) -> None:
    stage.tickers(ages={"SOLUSDT": 64.0})
    app = make_room(stage.data)
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "SOLUSDT: no price for 64 s")
        top = app.room.panes[1].region.y
        stage.account(quarantine={})
        stage.tickers()
        await wait_for_text(pilot, "14:22 bought")
        assert app.room.panes[1].region.y == top == 3


async def test_a_restart_is_told_until_a_while_after_somebody_was_there(stage: Stage, make_room: MakeRoom) -> None:
    stage.supervisor(feeder=restarted())
    app = make_room(stage.data)
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_for_text(pilot, KILLED)
        await pilot.press("down")
    state = state_of(app)
    for later, is_told in ((SEEN_LIMIT - 1, True), (SEEN_LIMIT + 1, False)):
        stage.now = NOW + later
        stage.supervisor(feeder=restarted())
        state.poll_files()
        state.refresh_lock_holders()
        assert any(alert.text == KILLED for alert in room_alerts(state, NOW + later)) is is_told
        # Another room, at which nobody has been, tells it still.
        assert any(alert.text == KILLED for alert in room_alerts(read_all(stage.data), NOW + later))


def test_a_setting_nobody_knows_is_named(stage: Stage) -> None:
    write_document(stage.data.settings, {"trading_state": "halted", "\x1b[2J": 1, "LOG_LEVEL ": "ERROR"})
    state = read_all(stage.data)
    for alerts in (room_alerts(state, NOW), all_alerts(state, NOW)):
        said = [alert.text for alert in alerts if "unknown setting" in alert.text]
        assert "unknown setting trading_state: did you mean TRADING_STATE?" in said
        assert all(text.isprintable() for text in said)
        assert "white space around the name LOG_LEVEL was trimmed" in [alert.text for alert in alerts]


def test_what_hangs_or_was_given_up_comes_before_restarts(stage: Stage) -> None:
    stage.supervisor(
        feeder=restarted(),
        ares=ServiceState(state="running", pid=4104, hung=True, reason="no report for more than 30 s"),
        exchange=ServiceState(state="gave_up", reason="crashed 5 times in 60 s"),
    )
    stage.data.lock_of("exchange").unlink()
    state = read_all(stage.data)
    assert room_alerts(state, NOW) == [
        ("bad", "exchange gave up: crashed 5 times in 60 s · l logs"),
        ("bad", "ares hung: no report for more than 30 s · r restart"),
        ("look", KILLED),
    ]
    texts = [alert.text for alert in all_alerts(state, NOW)]
    assert [text for text in texts if "ares hung" in text or text == KILLED] == [texts[1], KILLED]


def test_a_service_that_the_mode_does_not_need_is_not_told_of(stage: Stage) -> None:
    stage.supervisor(exchange=restarted(pid=4101))
    stage.data.settings.write_text('{"SIMULATION_MODE": false}')
    assert not any("SIGKILL" in alert.text for alert in room_alerts(read_all(stage.data), NOW))
