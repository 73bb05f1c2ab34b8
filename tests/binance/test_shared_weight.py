"""One budget for several processes: what one takes the others do not get."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cq_tui.binance.shared_weight import OwnWeight, SharedWeight, WeightBudget
from cq_tui.binance.weight import MINUTE_MS, WeightState

NOW = 1_700_000_000_000 // MINUTE_MS * MINUTE_MS
TAKE_ALL = """
import sys
from pathlib import Path
from cq_tui.binance.shared_weight import SharedWeight
budget = SharedWeight(Path(sys.argv[1]))
print(sum(budget.reserve(1, int(sys.argv[2]), essential=True) == 0 for _ in range(400)))
"""


@pytest.fixture(params=["own", "shared"])
def budget(request: pytest.FixtureRequest, tmp_path: Path) -> WeightBudget:
    return OwnWeight() if request.param == "own" else SharedWeight(tmp_path / "weight.json")


def test_reserve_observe_block(budget: WeightBudget) -> None:
    budget.set_limit(100, NOW)
    assert budget.reserve(50, NOW) == 0
    assert budget.reserve(50, NOW) == MINUTE_MS
    budget.observe(100, NOW)
    assert budget.reserve(1, NOW, essential=True) == MINUTE_MS
    budget.block(120, NOW)
    assert budget.reserve(1, NOW + MINUTE_MS, essential=True) == MINUTE_MS
    assert budget.reserve(1, NOW + 2 * MINUTE_MS) == 0


def test_two_instances_share_one_file(tmp_path: Path) -> None:
    first, second = SharedWeight(tmp_path / "weight.json"), SharedWeight(tmp_path / "weight.json")
    assert first.reserve(4000, NOW) == 0
    assert second.reserve(4000, NOW) > 0
    assert second.state() == WeightState(NOW // MINUTE_MS, 4000)
    assert stat.S_IMODE((tmp_path / "weight.json").stat().st_mode) == 0o600


def test_processes_together_never_take_more_than_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "weight.json"
    SharedWeight(path).set_limit(1000, NOW)
    command = [sys.executable, "-c", TAKE_ALL, str(path), str(NOW)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    taken = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert sum(taken) == 1000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\x00",
        b"[]",
        b"5",
        b'{"minute":1}',
        b'{"minute":-1,"used":0,"limit":1,"blocked_until_ms":0}',
        b'{"minute":1,"used":true,"limit":1,"blocked_until_ms":0}',
        b"x" * 100_000,
    ],
)
def test_an_unreadable_file_counts_as_a_fresh_minute(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weight.json"
    path.write_bytes(content)
    budget = SharedWeight(path)
    assert budget.state() == WeightState()
    assert budget.reserve(7, NOW) == 0
    assert budget.state().used == 7


def test_a_shorter_state_leaves_no_rest_of_a_longer_one(tmp_path: Path) -> None:
    budget = SharedWeight(tmp_path / "weight.json")
    budget.reserve(4321, NOW)
    budget.reserve(1, NOW + MINUTE_MS)
    assert budget.state().used == 1
