"""``cq-tui flatten`` in every state of death under every fault of the exchange, judged by the exchange.

``make torture`` plays every pair, with the trader asked first and without it. Otherwise each state and each kind of
fault has its turn once.
"""

import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest

from cq_tui.ops.drills.private_exchange import PrivateExchange
from cq_tui.simulator.faults import admin
from cq_tui.simulator.faults.fault_spec import Action
from tests.ops.flattening.faults import FAULTS, Fault
from tests.ops.flattening.play import play
from tests.ops.flattening.states import STATES, State

IS_HEAVY = "CQ_HEAVY_TESTS" in os.environ
PLAIN, DIRECT = "plain", "direct"
#: A state, a fault, and whether the trader is asked first.
SHORT = (
    ("alive", "answered twice", PLAIN),
    ("alive", "answers lost", DIRECT),
    ("alive", "coins of others", PLAIN),
    ("halted", "account silent", PLAIN),
    ("reducing", "carried out late", PLAIN),
    ("mode_refused", "rejected", PLAIN),
    ("settings_unreadable", "banned", PLAIN),
    ("memory_dead", "delisted", PLAIN),
    ("feeder_dead", "account in disorder", PLAIN),
    ("full_disk", "account stream cut", DIRECT),
    ("control_unwritable", "commission in BNB", DIRECT),
    ("second_instance", "wiped", DIRECT),
    ("hung", "the server ends all connections", DIRECT),
    ("hung", "clock ahead", DIRECT),
    ("dead", "halted", DIRECT),
    ("dead", "no replacement", DIRECT),
    ("given_up", "clock stands", DIRECT),
    ("snapshot_damaged", "in parts", DIRECT),
    ("snapshot_missing", "outcome unknown", DIRECT),
    ("snapshot_and_history_torn", "none", DIRECT),
)


def _ways(state: State) -> tuple[str, ...]:
    return (PLAIN, DIRECT) if STATES.index(state) < 9 else (DIRECT,)


def _chosen() -> list[tuple[State, Fault, str]]:
    every = [(state, fault, way) for state in STATES for fault in FAULTS for way in _ways(state)]
    return [one for one in every if IS_HEAVY or (one[0].__name__, one[1].name, one[2]) in SHORT]


def _name(value: Any) -> str:
    return value.name if isinstance(value, Fault) else str(getattr(value, "__name__", value))


@pytest.mark.stack
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("state", "fault", "way"), _chosen(), ids=_name)
async def test_flatten(tmp_path: Path, state: State, fault: Fault, way: str) -> None:
    await play(tmp_path, state, fault, *(("--direct",) if way == DIRECT else ()))


class _Recorder(PrivateExchange):
    """Notes what its operator asks for."""

    def __init__(self) -> None:
        self.kinds: set[str] = set()

    def admin(self, control: str, **body: object) -> Any:
        self.kinds.add(str(body["action"]) if control == "faults" else control)
        return {"id": 1}

    def balance(self, asset: str) -> Decimal:
        return Decimal(3)


def test_every_state_and_every_kind_of_fault_has_its_turn() -> None:
    controls = set(re.findall(r'case "POST", \["(\w+)"\]', Path(admin.__file__).read_text())) - {"faults"}
    kinds = set(get_args(Action)) | controls
    short = _Recorder()
    for fault in FAULTS:
        if fault.name in {name for _, name, _ in SHORT}:
            fault.begin(short)
    assert short.kinds == kinds
    assert {state for state, _, _ in SHORT} == {state.__name__ for state in STATES}
    assert {name for _, name, _ in SHORT} <= {fault.name for fault in FAULTS}
