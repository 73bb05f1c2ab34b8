"""Snapshots of the room: a change of its looks shows in the diff."""

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from cq_tui.contracts.layout import DataDir
from tests.room.conftest import MakeRoom, open_pane, wait_for_text, wait_until_loaded, wait_until_painted
from tests.room.stage import Stage

SnapCompare = Callable[..., bool]
SMALL, LARGE, WIDE = (80, 24), (160, 45), (200, 55)


def after(
    *keys: str, pane: int | None = None, words: str = "", theme: str = "room-dark"
) -> Callable[[Pilot[int]], object]:
    """Wait until everything is loaded, open a pane, press keys, wait for a text and for pending repaints."""

    async def run(pilot: Pilot[int]) -> None:
        pilot.app.theme = theme
        await wait_until_loaded(pilot)
        if pane is not None:
            await open_pane(pilot, pane)
        await pilot.press(*keys)
        await wait_for_text(pilot, words)
        await wait_until_painted(pilot)

    return run


@pytest.mark.parametrize("theme", ["room-dark", "room-light"])
@pytest.mark.parametrize("size", [SMALL, LARGE, WIDE], ids=lambda size: f"{size[0]}x{size[1]}")
def test_all_is_well(
    stage: Stage, make_room: MakeRoom, snap_compare: SnapCompare, size: tuple[int, int], theme: str
) -> None:
    run = after(words="67,412.10", theme=theme)
    assert snap_compare(make_room(stage.data), terminal_size=size, run_before=run)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=lambda size: f"{size[0]}x{size[1]}")
def test_trouble(stage: Stage, make_room: MakeRoom, snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    blocked = ["ares health older than 30 s"]
    stage.health(stage.trader(status="degraded", reason="blocked", blocked_by=blocked))
    faults = ["memory/event_chain.ndjson at index 12: the event is not the one that was chained"]
    stage.health(
        stage.memory_from_history(integrity_ok=False, faults=faults, missing_count=3, anchor_problem=faults[0])
    )
    stage.tickers(ages={"SOLUSDT": 6.4, "BTCUSDT": 70.0})
    stage.data.health_of("ares").write_bytes(b'{"service": "ar')
    stage.data.settings.write_text('{"DISABLE_ORDER_GUARDRAILS": true, "TRADING_STATE": "halted"}')
    run = after(pane=1, words="blocked")
    assert snap_compare(make_room(stage.data), terminal_size=size, run_before=run)


@pytest.mark.parametrize("pane", [1, 3, 4, 5, 6])
def test_each_pane_open_in_a_small_terminal(
    stage: Stage, make_room: MakeRoom, snap_compare: SnapCompare, pane: int
) -> None:
    assert snap_compare(make_room(stage.data), terminal_size=SMALL, run_before=after(pane=pane))


@pytest.mark.parametrize(
    ("mode", "environment"),
    [
        ("paper", {"SIMULATION_MODE": "false", "PAPER_MODE": "true"}),
        ("testnet", {"SIMULATION_MODE": "false"}),
        (
            "live",
            {
                "SIMULATION_MODE": "false",
                "BINANCE_USE_TESTNET": "false",
                "TRADING_MODE": "live",
                "LIVE_TRADING_ENABLED": "true",
            },
        ),
    ],
)
def test_modes(
    stage: Stage, make_room: MakeRoom, snap_compare: SnapCompare, mode: str, environment: dict[str, str]
) -> None:
    run = after(words=mode.upper())
    assert snap_compare(make_room(stage.data, environment), terminal_size=LARGE, run_before=run)


@pytest.mark.parametrize("theme", ["room-dark", "room-contrast", "room-ansi"])
def test_a_middle_terminal_in_every_theme(
    stage: Stage, make_room: MakeRoom, snap_compare: SnapCompare, theme: str
) -> None:
    run = after(words="67,412.10", theme=theme)
    assert snap_compare(make_room(stage.data), terminal_size=(120, 35), run_before=run)


@pytest.mark.parametrize(
    ("size", "keys", "words"),
    [
        (LARGE, ("3", "enter"), "its life"), (SMALL, ("4", "enter"), "commission"), (SMALL, ("n",), "Stop is missing"),
        (SMALL, ("w",), "nothing held"), (SMALL, ("m",), "equity"),
    ],
)  # fmt: skip
def test_screens(
    stage: Stage, make_room: MakeRoom, snap_compare: SnapCompare, size: tuple[int, int], keys: tuple[str, ...],
    words: str,
) -> None:  # fmt: skip
    assert snap_compare(make_room(stage.data), terminal_size=size, run_before=after(*keys, words=words))


def test_nothing_there_yet(tmp_path: Path, make_room: MakeRoom, snap_compare: SnapCompare) -> None:
    app = make_room(DataDir(tmp_path / "nowhere"))
    assert snap_compare(app, terminal_size=LARGE, run_before=after(words="all services stopped"))


@pytest.mark.parametrize(
    ("key", "words"), [("t", "The mode is"), ("q", "Quit cq-tui"), ("question_mark", "keys and icons")]
)
def test_dialogs(stage: Stage, make_room: MakeRoom, snap_compare: SnapCompare, key: str, words: str) -> None:
    assert snap_compare(make_room(stage.data), terminal_size=(100, 34), run_before=after(key, words=words))


@pytest.mark.parametrize("theme", ["room-dark", "room-light"])
@pytest.mark.parametrize("size", [SMALL, LARGE, WIDE], ids=lambda size: f"{size[0]}x{size[1]}")
def test_one_event_of_the_history(
    stage: Stage, make_room: MakeRoom, snap_compare: SnapCompare, size: tuple[int, int], theme: str
) -> None:
    run = after("e", "down", "down", "down", "enter", pane=6, words="Proved by", theme=theme)
    assert snap_compare(make_room(stage.data), terminal_size=size, run_before=run)


def test_a_changed_event_of_the_history(stage: Stage, make_room: MakeRoom, snap_compare: SnapCompare) -> None:
    content = stage.data.events.read_bytes()
    stage.data.events.write_bytes(content.replace(b'"size":0.00148', b'"size":9.00148', 1))
    run = after("e", "down", "down", "down", "enter", pane=6, words="was changed after")
    assert snap_compare(make_room(stage.data), terminal_size=LARGE, run_before=run)


def test_faults_in_a_small_terminal(stage: Stage, make_room: MakeRoom, snap_compare: SnapCompare) -> None:
    faults = [
        "memory/event_chain.ndjson at index 5: the event is not the one that was chained",
        "history has 13 events, the checkpoint signed 2026-08-01 14:21:55 UTC names 16: 3 are missing, "
        "or an old copy was put back",
    ]
    fields = {"integrity_ok": False, "faults": faults, "missing_count": 3, "backlog": 9000, "backlog_bytes": 3_400_000}
    stage.health(stage.memory_from_history(**fields, anchor_problem="signing was stopped"))
    assert snap_compare(
        make_room(stage.data), terminal_size=SMALL, run_before=after(pane=6, words="`cq-tui acknowledge`")
    )
