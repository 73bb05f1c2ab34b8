"""``cq-tui flatten`` in every state of death under every fault of the exchange, judged by the exchange.

``make torture`` plays every pair. Otherwise each state and each kind of fault has its turn once.
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
#: A state, and a fault.
SHORT = (
    ("alive", "none"),
    ("alive", "answered twice"),
    ("alive", "clock ahead"),
    ("alive", "coins of others"),
    ("halted", "answers lost"),
    ("halted", "account silent"),
    ("reducing", "carried out late"),
    ("reducing", "in parts"),
    ("mode_refused", "rejected"),
    ("mode_refused", "the server ends all connections"),
    ("settings_unreadable", "banned"),
    ("settings_unreadable", "no replacement"),
    ("memory_dead", "delisted"),
    ("memory_dead", "account in disorder"),
    ("feeder_dead", "halted"),
    ("feeder_dead", "commission in BNB"),
    ("full_disk", "account stream cut"),
    ("second_instance", "clock stands"),
    ("second_instance", "wiped"),
)


def _chosen() -> list[tuple[State, Fault]]:
    pairs = [(state, fault) for state in STATES for fault in FAULTS]
    return [pair for pair in pairs if IS_HEAVY or (pair[0].__name__, pair[1].name) in SHORT]


def _name(value: Any) -> str:
    return value.name if isinstance(value, Fault) else str(value.__name__)


@pytest.mark.stack
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("state", "fault"), _chosen(), ids=_name)
async def test_flatten(tmp_path: Path, state: State, fault: Fault) -> None:
    await play(tmp_path, state, fault)


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
        if fault.name in {name for _, name in SHORT}:
            fault.begin(short)
    assert short.kinds == kinds
    assert {state for state, _ in SHORT} == {state.__name__ for state in STATES}
    assert {name for _, name in SHORT} <= {fault.name for fault in FAULTS}
