"""One budget for several processes: what one reserves the others cannot."""

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from cq_tui.binance.request_budget import MINUTE_MS, BudgetState, RateWindow, ReportedUsage
from cq_tui.binance.shared_budget import LocalBudget, RequestBudget, SharedBudget

NOW = 1_700_000_000_000 // MINUTE_MS * MINUTE_MS
TAKE_ALL = """
import sys
from pathlib import Path
from cq_tui.binance.shared_budget import SharedBudget
budget = SharedBudget(Path(sys.argv[3]), Path(sys.argv[2]))
print(sum(budget.reserve(1, int(sys.argv[1]), essential=True) == 0 for _ in range(400)))
"""


WHOLE = (
    b'{"weight":{"seconds":60,"limit":7,"number":3,"used":2,"in_flight":1},"orders":[],'
    b'"blocked_until_ms":5,"orders_blocked_until_ms":6}'
)


@pytest.fixture(params=["own", "shared"])
def budget(request: pytest.FixtureRequest, tmp_path: Path) -> RequestBudget:
    return LocalBudget() if request.param == "own" else SharedBudget(tmp_path / "weight.json")


def test_reserve_settle_block(budget: RequestBudget) -> None:
    budget.set_limits(100, [(10, 2)])
    assert budget.reserve(50, NOW) == 0
    assert budget.reserve(50, NOW) == MINUTE_MS
    assert budget.reserve(1, NOW, orders=2, essential=True) == 0
    assert budget.reserve(1, NOW, orders=1, essential=True) == 10_000
    budget.record_response(50, 0, ReportedUsage(100, {}), NOW, NOW)
    assert budget.reserve(1, NOW, essential=True) == MINUTE_MS
    budget.block(90, NOW, orders_only=True)
    assert budget.reserve(1, NOW + MINUTE_MS, orders=1, essential=True) == 30_000
    budget.block(120, NOW)
    assert budget.reserve(1, NOW + MINUTE_MS, essential=True) == MINUTE_MS
    assert budget.reserve(1, NOW + 2 * MINUTE_MS) == 0


def test_two_instances_share_one_file(tmp_path: Path) -> None:
    first, second = SharedBudget(tmp_path / "weight.json"), SharedBudget(tmp_path / "weight.json")
    first.set_limits(6000, [(10, 50)])
    assert first.reserve(4000, NOW, orders=50) == 0
    assert second.reserve(4000, NOW) > 0
    assert second.reserve(1, NOW, orders=1) > 0
    first.block(30, NOW)
    orders = RateWindow(10, 50, NOW // 10_000, in_flight=50)
    assert second.state() == BudgetState(
        RateWindow(number=NOW // MINUTE_MS, in_flight=4000), (orders,), NOW + 30_000, blocked_at_ms=NOW
    )
    assert stat.S_IMODE((tmp_path / "weight.json").stat().st_mode) == 0o600


def test_two_directories_share_the_weight_and_bans_of_an_address_but_no_orders(tmp_path: Path) -> None:
    address = tmp_path / "address.json"
    first, second = (SharedBudget(tmp_path / name, address) for name in ("first.json", "second.json"))
    first.set_limits(6000, [(10, 50)])
    second.set_limits(6000, [(10, 50)])
    assert first.reserve(4000, NOW, orders=50) == 0
    assert second.reserve(4000, NOW) == MINUTE_MS
    assert second.reserve(1, NOW, orders=50) == 0
    first.block(5, NOW, orders_only=True)
    assert second.reserve(1, NOW + MINUTE_MS, orders=1) == 0
    second.block(90, NOW + MINUTE_MS)
    assert first.reserve(1, NOW + MINUTE_MS, essential=True) == 90_000
    # The first file knows all of it: it counts while the other cannot be used.
    assert SharedBudget(tmp_path / "first.json").reserve(1, NOW + MINUTE_MS, essential=True) == 90_000


def test_without_the_file_of_the_address_the_directory_counts_alone(tmp_path: Path) -> None:
    address = tmp_path / "address.json"
    budget = SharedBudget(tmp_path / "own.json", address)
    assert budget.reserve(3000, NOW) == 0
    address.unlink()
    address.mkdir()
    assert budget.reserve(3000, NOW) == MINUTE_MS
    assert SharedBudget(tmp_path / "own.json").reserve(3000, NOW) == MINUTE_MS


def test_without_any_file_a_process_counts_alone(tmp_path: Path) -> None:
    budget = SharedBudget(tmp_path / "missing" / "own.json", tmp_path / "missing" / "address.json")
    assert budget.reserve(3000, NOW) == 0
    assert budget.reserve(3000, NOW) == MINUTE_MS


def test_a_full_disk_loses_no_count(tmp_path: Path) -> None:
    budget = SharedBudget(tmp_path / "own.json")
    with mock.patch.object(os, "pwrite", side_effect=OSError(errno.ENOSPC, "No space left on device")):
        assert budget.reserve(3000, NOW) == 0
        assert budget.reserve(3000, NOW) == MINUTE_MS


@pytest.mark.parametrize("directories", [1, 3])
def test_processes_together_never_take_more_than_the_limit(directories: int, tmp_path: Path) -> None:
    owns, address = [tmp_path / f"own-{number % directories}.json" for number in range(3)], tmp_path / "address.json"
    SharedBudget(owns[0], address).set_limits(1000, [])
    command = [sys.executable, "-c", TAKE_ALL, str(NOW), str(address)]
    processes = [subprocess.Popen([*command, str(own)], stdout=subprocess.PIPE, text=True) for own in owns]
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
        WHOLE.replace(b'"number":3', b'"number":-3'),
        WHOLE.replace(b'"number":3', b'"number":true'),
        WHOLE.replace(b'"limit":7', b'"limit":0'),
        WHOLE.replace(b'"orders":[]', b'"orders":[{}]'),
        WHOLE.replace(b'"orders":[]', b'"orders":5'),
        b"x" * 100_000,
    ],
)
def test_an_unreadable_file_counts_as_a_fresh_minute(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weight.json"
    path.write_bytes(content)
    budget = SharedBudget(path)
    assert budget.state() == BudgetState()
    assert budget.reserve(7, NOW) == 0
    assert budget.state().weight.in_flight == 7


def test_a_readable_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "weight.json"
    path.write_bytes(WHOLE)
    assert SharedBudget(path).state() == BudgetState(RateWindow(60, 7, 3, 2, 1), (), 5, 6)


def test_a_ban_survives_a_writer_killed_before_truncating_the_file(tmp_path: Path) -> None:
    path = tmp_path / "weight.json"
    path.write_bytes(WHOLE + b"\n" + b'":60,"limit":6000,"number":28333333}\n')
    assert SharedBudget(path).state() == BudgetState(RateWindow(60, 7, 3, 2, 1), (), 5, 6)


HOLD_AND_DIE = """
import os, signal, sys
from pathlib import Path
from cq_tui.binance import shared_budget
budget = shared_budget.SharedBudget(Path(sys.argv[1]))
budget.block(600, int(sys.argv[2]))
budget.reserve(40, int(sys.argv[2]) + 600_000)
shared_budget.os.ftruncate = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
budget.reserve(60, int(sys.argv[2]) + 600_000)
"""


def test_a_process_killed_with_the_lock_blocks_nobody_and_its_weight_counts(tmp_path: Path) -> None:
    path = tmp_path / "weight.json"
    died = subprocess.run([sys.executable, "-c", HOLD_AND_DIE, str(path), str(NOW)], check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL
    state = SharedBudget(path).state()
    assert (state.weight.in_flight, state.blocked_until_ms) == (100, NOW + 600_000)


def test_a_shorter_state_overwrites_a_longer_one(tmp_path: Path) -> None:
    budget = SharedBudget(tmp_path / "weight.json")
    budget.reserve(4321, NOW)
    budget.reserve(1, NOW + MINUTE_MS)
    assert budget.state().weight.in_flight == 1
