"""A full disk: no service is given up, all but the trader wait for room, and all run again once there is some."""

from pathlib import Path

import pytest

from cq_tui.contracts.layout import SERVICES
from tests.small_disk import small_disk
from tests.supervisor.stage import in_state, staged, until


async def test_services_that_end_wait_for_room_but_the_trader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cq_tui.supervisor.supervisor._FULL_DISK_PAUSE", 0.1)
    with small_disk(tmp_path / "data", 24) as disk, staged(disk.root) as stage:
        async with stage.supervised() as supervisor:
            await until(in_state(supervisor, "running"))
            # These services end when their report cannot be written.
            disk.fill()
            others = [name for name in SERVICES if name != "trader"]
            await until(in_state(supervisor, "waiting", *others))
            assert all("the disk is full" in (supervisor.state_of(name).reason or "") for name in others)
            assert {stage.launches(name) for name in others} == {1}
            disk.make_room()
            await until(in_state(supervisor, "running"))
            assert {stage.launches(name) for name in others} == {2}
