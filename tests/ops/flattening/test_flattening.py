"""``cq-tui flatten`` in every state of death under every fault of the exchange, judged by the exchange.

``make torture`` plays every pair, with the trader asked first and without it. Otherwise each state and each kind of
fault has its turn once.
"""

import asyncio
import os
import re
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest

from cq_tui.ops.drills.private_exchange import PrivateExchange
from cq_tui.simulator.faults import admin
from cq_tui.simulator.faults.fault_spec import Action
from tests.ops.flattening.faults import FAULTS, Fault, together
from tests.ops.flattening.play import play
from tests.ops.flattening.states import STATES, State

IS_HEAVY = "CQ_HEAVY_TESTS" in os.environ
PLAIN, DIRECT = "plain", "direct"
#: Tests of the short form, each with several flattens side by side.
GROUPS = 4
#: A state, faults that come together, and whether the trader is asked first.
SHORT = (
    ("alive", ("answered twice", "answers lost", "coins of others"), PLAIN),
    ("halted", ("account silent", "in parts"), PLAIN),
    ("reducing", ("carried out late",), PLAIN),
    ("mode_refused", ("rejected",), PLAIN),
    ("settings_unreadable", ("banned",), DIRECT),
    ("memory_dead", ("delisted",), PLAIN),
    ("feeder_dead", ("account in disorder",), PLAIN),
    ("full_disk", ("account stream cut",), DIRECT),
    ("control_unwritable", ("commission in BNB",), PLAIN),
    ("second_instance", ("wiped",), PLAIN),
    ("hung", ("the server ends all connections", "outcome unknown"), PLAIN),
    ("dead", ("halted",), PLAIN),
    ("given_up", ("clock stands",), DIRECT),
    ("snapshot_damaged", ("no replacement", "prices silent"), PLAIN),
    ("snapshot_missing", ("clock ahead",), DIRECT),
    ("snapshot_and_history_torn", ("none",), PLAIN),
)  # fmt: skip


class Case(NamedTuple):
    """One flatten."""

    state: State
    fault: Fault
    way: str

    @property
    def name(self) -> str:
        return f"{self.state.__name__}-{self.fault.name}-{self.way}"


def _cases() -> list[Case]:
    """Return every state, fault and way; or the short form."""
    if IS_HEAVY:
        return [Case(*one) for one in product(STATES, FAULTS, (PLAIN, DIRECT))]
    states = {state.__name__: state for state in STATES}
    faults = {fault.name: fault for fault in FAULTS}
    return [Case(states[state], together(*(faults[name] for name in names)), way) for state, names, way in SHORT]


def _side_by_side() -> list[list[Case]]:
    """They mostly wait."""
    cases = _cases()
    return [[case] for case in cases] if IS_HEAVY else [cases[first::GROUPS] for first in range(GROUPS)]


def _name(cases: list[Case]) -> str:
    return cases[0].name if IS_HEAVY else ", ".join(case.state.__name__ for case in cases)


@pytest.mark.stack
@pytest.mark.timeout(400)
@pytest.mark.parametrize("cases", _side_by_side(), ids=_name)
async def test_flatten(tmp_path: Path, cases: list[Case]) -> None:
    async def play_one(case: Case) -> None:
        words = ["--direct"] if case.way == DIRECT else []
        try:
            await play(tmp_path / case.state.__name__, case.state, case.fault, *words)
        except Exception as error:
            error.add_note(case.name)
            raise

    async with asyncio.TaskGroup() as group:
        for case in cases:
            group.create_task(play_one(case))


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
    names = {name for _, names, _ in SHORT for name in names}
    for fault in FAULTS:
        if fault.name in names:
            fault.begin(short)
    assert short.kinds == kinds
    assert [state for state, _, _ in SHORT] == [state.__name__ for state in STATES]
    assert names <= {fault.name for fault in FAULTS}
