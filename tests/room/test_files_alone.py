"""With no service running: a replaced health file and an appended event are shown by each of the five panes at once."""

import time
from collections.abc import Callable

import pytest

from cq_tui.contracts.account import QuarantineState
from cq_tui.contracts.health import FeederHealth
from tests.room.conftest import MakeRoom, wait_for_text, wait_until_loaded
from tests.room.stage import NOW, Stage

#: Seconds from the change of a file until it is on the screen, at best of so many tries.
_AT_ONCE, _TRIES = 0.5, 5


def feeder(stage: Stage, number: int) -> str:
    fields = {"service": "feeder", "status": "ok", "updated_within_sec": 0.1, "symbols_count": 1, "rest_api_ok": True}
    symbols = [f"ZZZ{number}USDT"]
    fields |= {"last_update_ts": NOW, "symbols": symbols, "last_symbol_update": NOW, "ws_connected": True}
    stage.health(FeederHealth.model_validate(fields))
    return symbols[0]


def signals(stage: Stage, number: int) -> str:
    entry = 71.5 + number
    signal = stage.signal("LTCUSDT", "BUY", entry, 70.0, 90.0, 0.5, "zzz", number + 1)
    stage.history([(1, "signal_generated", "ares", signal)])
    return f"{entry:.2f}"


def orders(stage: Stage, number: int) -> str:
    price = 9.75 + number
    order = {"symbol": "LTCUSDT", "side": "BUY", "client_order_id": f"cq-z{number}", "leg": "entry", "price": price}
    stage.history([(1, "order_submitted", "trader", order)])
    return f"{price:.2f}"


def quarantine(stage: Stage, number: int) -> str:
    row = QuarantineState(symbol="LTCUSDT", reason=f"zzz{number}", failures=3, since=NOW - 5, until=NOW + 60)
    stage.account(quarantine={"LTCUSDT": row})
    return f"zzz{number}"


def memory(stage: Stage, number: int) -> str:
    stage.health(stage.memory_from_history(snapshots_count=777 + number))
    return f"snapshots {777 + number}"


@pytest.mark.parametrize("change", [feeder, signals, orders, quarantine, memory])
async def test_a_change_is_shown_within_half_a_second(
    stage: Stage, make_room: MakeRoom, change: Callable[[Stage, int], str]
) -> None:
    app, took = make_room(stage.data), list[float]()
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        for number in range(_TRIES):
            began = time.monotonic()
            words = change(stage, number)
            await wait_for_text(pilot, words)
            took.append(time.monotonic() - began)
    assert min(took) < _AT_ONCE, took
