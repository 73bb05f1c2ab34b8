"""Settings that cannot be used, in real processes: killed, started again, many at once, on a full disk."""

import signal
from pathlib import Path
from typing import Any

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.settings import SETTING_KEYS
from cq_tui.services.settings_to_act_on import settings_to_act_on
from cq_tui.store.document import read_json, write_document
from cq_tui.store.reserve import Reserve
from cq_tui.store.settings_in_force import read_in_force
from tests.services.memory_process import ready
from tests.services.processes import data_directory, running
from tests.services.waiting import until
from tests.small_disk import small_disk
from tests.store.processes import killed_at_a_call, program, word

TESTNET: dict[str, Any] = {"SIMULATION_MODE": False, "BINANCE_API_KEY": "key", "BINANCE_API_SECRET": "secret"}
PRETEND = "tests.services.pretend:Pretend"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in SETTING_KEYS:
        monkeypatch.delenv(key, raising=False)


def spoil(data: DataDir, kind: str) -> None:
    data.settings.unlink()
    if kind == "comma":
        data.settings.write_text('{"SIMULATION_MODE": true,\n}')
    elif kind == "folder":
        data.settings.mkdir()


@pytest.mark.parametrize("kind", ["comma", "gone", "folder"])
async def test_a_service_that_is_killed_starts_again_where_it_was_and_reduces(tmp_path: Path, kind: str) -> None:
    data = data_directory(tmp_path / "data", **TESTNET, TRADER_ORDER_QUOTE=70.0)
    async with running("trader", data, PRETEND) as service:
        await until(lambda: service.health and data.settings_in_force.exists())
        assert (service.health["mode"], service.health["trading_state"]) == ("testnet", "active")
        spoil(data, kind)
        await until(lambda: service.health["trading_state"] == "reducing")
        assert service.health["status"] == "degraded"
        assert "ssot/env.json" in service.health["reason"]
        service.kill()
    async with running("trader", data, PRETEND) as service:
        await until(lambda: service.health)
        health = service.health
        assert (health["mode"], health["trading_state"], health["quote"]) == ("testnet", "reducing", 70.0)
        assert "the last good settings hold: the services stay in testnet, reducing" in health["reason"]
        if kind == "folder":
            data.settings.rmdir()
        write_document(data.settings, TESTNET | {"TRADER_ORDER_QUOTE": 80.0})
        await until(lambda: service.health["trading_state"] == "active")
        await until(lambda: service.health["status"] == "ok")
        assert (service.health["mode"], service.health["quote"]) == ("testnet", 80.0)


async def test_a_service_follows_the_files_that_stop_trading(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    async with running("trader", data, PRETEND) as service:
        await until(lambda: service.health.get("trading_state") == "active")
        assert data.prepared_stop_of("halted").exists(), "prepared when it starts"
        for path, state in ((data.stop_of("reducing"), "reducing"), (data.stop_of("halted"), "halted")):
            path.touch()
            await until(lambda: service.health["trading_state"] == state)  # noqa: B023 - asked at once
        service.kill()
    async with running("trader", data, PRETEND) as service:
        await until(lambda: service.health.get("trading_state") == "halted")
        data.stop_of("halted").unlink()
        await until(lambda: service.health["trading_state"] == "reducing")
        data.stop_of("reducing").unlink()
        await until(lambda: service.health["trading_state"] == "active")


async def test_a_refused_switch_holds_over_a_restart_and_ends_when_it_can_be(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    key_file = tmp_path / "key"
    async with running("trader", data, PRETEND) as service:
        await until(lambda: service.health and data.settings_in_force.exists())
        asked = TESTNET | {"BINANCE_API_SECRET": f"file:{key_file}"}
        write_document(data.settings, asked)
        await until(lambda: service.health["trading_state"] == "reducing")
        assert "testnet needs a usable BINANCE_API_KEY" in service.health["reason"]
        await until(lambda: read_json(data.settings_in_force)["refused"])
        service.kill()
    async with running("trader", data, PRETEND) as service:
        await until(lambda: service.health)
        assert (service.health["mode"], service.health["trading_state"]) == ("simulation", "reducing")
        key_file.touch(mode=0o600)
        key_file.write_text("secret")
        await until(lambda: service.health["mode"] == "testnet")
        assert service.health["trading_state"] == "active"


async def test_memory_reports_the_mode_that_everybody_is_in(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data", PAPER_MODE=True, SIMULATION_MODE=False)
    async with running("memory", data) as memory:
        await ready(memory)
        assert memory.health["mode"] == "paper"


#: Reads the settings as a service, and is killed just before the n-th call that reaches the disk.
KILLED = killed_at_a_call(
    """
import sys
from pathlib import Path
from cq_tui.contracts.layout import DataDir
from cq_tui.services.settings_to_act_on import settings_to_act_on

settings_to_act_on(DataDir(Path(sys.argv[1]))).load()
""",
    "open",
    "write",
    "replace",
    "fsync",
    "ftruncate",
    "unlink",
    "rename",
)


def test_killed_at_any_moment_it_leaves_the_old_record_or_the_new_one(tmp_path: Path) -> None:
    data, call, found = data_directory(tmp_path / "data", **TESTNET), 0, set[float]()
    settings_to_act_on(data).load()
    while True:
        write_document(data.settings, TESTNET | {"TRADER_ORDER_QUOTE": 50.0 + call})
        with program(KILLED, data.root, call) as process:
            _, said = process.communicate(timeout=60)
        assert process.returncode in (0, -signal.SIGKILL), said.decode()
        data.settings.write_text("{")
        loaded = settings_to_act_on(data).load()
        assert not loaded.settings.SIMULATION_MODE
        assert loaded.settings.has_keys
        found.add(loaded.settings.TRADER_ORDER_QUOTE - 50.0 - call)
        if process.returncode == 0:
            break
        call += 1
    assert call > 5
    assert 0.0 in found
    assert len(found) > 1, "killed before and after"


#: Follows the settings until it is told to end, and says what it saw last.
FOLLOWER = """
import sys
from pathlib import Path
from cq_tui.contracts.layout import DataDir
from cq_tui.services.settings_to_act_on import settings_to_act_on
data = DataDir(Path(sys.argv[1]))
following = settings_to_act_on(data)
print("ready", flush=True)
while not (data.root / "end").exists() or following.is_unsettled:
    settings = following.load().settings
    assert settings.BINANCE_API_KEY is not None, "never the defaults"
    key = settings.BINANCE_API_KEY.get_secret_value()
    assert (key, settings.TRADER_ORDER_QUOTE) in (("key", 1.0), ("other", 2.0)), "never a mixture"
print(following.load().settings.TRADER_ORDER_QUOTE, flush=True)
"""


def test_many_at_once_agree_and_leave_one_record(tmp_path: Path) -> None:
    one = TESTNET | {"TRADER_ORDER_QUOTE": 1.0}
    other = TESTNET | {"TRADER_ORDER_QUOTE": 2.0, "BINANCE_API_KEY": "other"}
    data = data_directory(tmp_path / "data", **one)
    settings_to_act_on(data).load()
    with (
        program(FOLLOWER, data.root) as first,
        program(FOLLOWER, data.root) as second,
        program(FOLLOWER, data.root) as third,
    ):
        followers = (first, second, third)
        assert [word(each) for each in followers] == [b"ready"] * 3
        for number in range(60):
            write_document(data.settings, other if number % 3 else one)
            write_document(data.settings, b"{" if number % 2 else b"")
            if number % 5 == 0:
                data.settings.unlink()
        write_document(data.settings, other)
        (data.root / "end").touch()
        assert [word(each) for each in followers] == [b"2.0"] * 3
    record = read_in_force(data)
    assert record is not None
    assert (record.in_file, record.mode, record.refused) == (other, "testnet", None)


def test_on_a_full_disk_they_are_remembered_with_the_reserve(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 32) as disk:
        data = data_directory(disk.root / "data", **TESTNET, TRADER_ORDER_QUOTE=70.0)
        settings_to_act_on(data).load()
        Reserve(data).refill()
        content = data.settings.read_bytes()
        disk.fill()
        data.settings.write_bytes(content.replace(b"70.0", b"80.0"))
        assert settings_to_act_on(data).load().settings.TRADER_ORDER_QUOTE == 80.0
        record = read_in_force(data)
        assert record is not None
        assert (record.in_file or {})["TRADER_ORDER_QUOTE"] == 80.0
