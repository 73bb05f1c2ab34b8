"""The commands on a disk that is really full: stopping works, and what does not work names file and remedy."""

from collections.abc import Iterator

import pytest

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import read_json
from cq_tui.store.reserve import RESERVE_BYTES
from tests.cli.conftest import CommandResult
from tests.cli.test_processes import SMALL, Cq, Real, left_over, until
from tests.small_disk import SmallDisk, small_disk

pytestmark = pytest.mark.stack


@pytest.fixture
def disk(data: DataDir) -> Iterator[SmallDisk]:
    with small_disk(data.root, 64) as found:
        yield found


def test_what_stops_or_reduces_works_and_is_remembered(real: Real, cq: Cq, disk: SmallDisk, data: DataDir) -> None:
    real("up", "--detach", code=0, **SMALL)
    until(
        lambda: (
            data.reserve.exists()
            and data.health_of("trader").exists()
            and read_json(data.health_of("trader")).get("ready")
        )
    )
    disk.fill()
    assert real("halt", "--why", "no room", code=0).out == "trading is halted\n"
    assert "active -> halted" in real("config", "set", "TRADING_STATE=halted", code=0).out
    assert "no open position" in real("flatten", code=0).out
    told = cq("status").out
    assert f"disk: {data.root}: the disk is full" in told
    assert "Free 16 MiB" in told
    assert "Nothing was changed. Free some space" in refused_setting(real, disk)
    assert "memory" in real("down", code=0).out
    assert left_over(data) == []
    disk.make_room()
    real("up", "--detach", code=0, **SMALL)
    until(lambda: data.reserve.stat().st_size == RESERVE_BYTES)
    until(lambda: "disk" not in cq("status").out)
    until(lambda: "TRADING_STATE: active → halted, by cli" in cq("events", "--type", "config_changed").out)
    until(lambda: ": no room" in cq("events", "--type", "trading_state_changed").out)
    assert cq("events", "--type", "trading_state_changed").out.count("halted") == 1
    assert "flatten done" in cq("events", "--type", "command_executed").out
    real("down", code=0)
    assert cq("verify").code != 2


def refused_setting(real: Real, disk: SmallDisk) -> str:
    """Change a setting until the disk refuses it: running services may give room back at any moment."""
    for quote in range(50, 70):
        disk.fill()
        changed = real("config", "set", f"TRADER_ORDER_QUOTE={quote}")
        if changed.code == 4:
            return changed.err
    raise AssertionError("a full disk refused no setting")


def described(result: CommandResult, data: DataDir) -> bool:
    """Whether the first line names a file of the data directory, and what to do."""
    assert "Traceback" not in result.err + result.out
    return str(data.root) in result.err and "Free " in result.err


def test_no_start_ends_in_a_traceback(real: Real, disk: SmallDisk, data: DataDir) -> None:
    disk.fill()
    assert described(real("service", "memory", code=4), data)
    prepare_data_directory(data)
    for name in SERVICES:
        assert described(real("service", name, code=4), data)
    assert described(real("up", code=4), data)
    assert described(real("up", "--detach", code=1), data)
    assert "the disk is full" in real("status", code=2).out
    assert "nothing was running" in real("down", code=0).out
