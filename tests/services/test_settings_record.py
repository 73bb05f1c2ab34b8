"""Each change of a setting is an event, once: whoever changed it, and wherever its process was killed."""

import asyncio
import signal
import time
from itertools import count, islice
from pathlib import Path
from typing import Any

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.settings import SETTING_KEYS
from cq_tui.ops.settings import set_settings
from cq_tui.services.settings_record import SettingsRecord
from cq_tui.store.document import read_json, write_document
from cq_tui.store.settings_file import locked_settings
from tests.services.memory_process import ready
from tests.services.processes import data_directory, running
from tests.services.waiting import until
from tests.store.processes import killed_at_a_call, program

#: Changes two settings, and is killed just before the n-th call that reaches the disk; ends with 0 if there are fewer.
KILLED = killed_at_a_call(
    """
import sys
from pathlib import Path
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.settings import set_settings

set_settings(DataDir(Path(sys.argv[1])), {"TRADER_ORDER_QUOTE": 50.0, "LOG_LEVEL": "DEBUG"}, "cli")
""",
    "write",
    "replace",
    "fsync",
    "fdatasync",
    "ftruncate",
    "unlink",
    "rename",
)

_SIDE_BY_SIDE = 4


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in SETTING_KEYS:
        monkeypatch.delenv(key, raising=False)


def recorded(data: DataDir) -> list[tuple[Any, ...]]:
    """What the history has of changed settings."""
    events = map(orjson.loads, data.events.read_bytes().splitlines() if data.events.exists() else [])
    changes = [event["data"] for event in events if event["event_type"] == "config_changed"]
    return [tuple(change.get(name) for name in ("key", "old_value", "new_value", "changed_by")) for change in changes]


def everything_is_recorded(data: DataDir) -> bool:
    return read_json(data.settings_record) == {"recorded": read_json(data.settings)}


def kill_at(data: DataDir, call: int) -> bool:
    """Change settings in a process that is killed at this call; whether it was."""
    with program(KILLED, data.root, call) as process:
        _, said = process.communicate(timeout=60)
        assert process.returncode in (0, -signal.SIGKILL), said.decode()
        return process.returncode != 0


async def killed_at(root: Path, call: int) -> tuple[bool, bool]:
    """Change settings, killed at this call, and have memory record it; whether it was killed, and it was written."""
    data = data_directory(root, LOG_LEVEL="ERROR")
    SettingsRecord(data).follow()
    was_killed = await asyncio.to_thread(kill_at, data, call)
    is_written = read_json(data.settings)["LOG_LEVEL"] == "DEBUG"
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: everything_is_recorded(data))
        # Spooled before: whatever memory does with what it knows already, it does before it stops.
        assert await memory.stop() == 0
        assert memory.health["integrity_ok"], memory.health
    expected = [("TRADER_ORDER_QUOTE", 100.0, 50.0, "cli"), ("LOG_LEVEL", "ERROR", "DEBUG", "cli")]
    assert recorded(data) == (expected if is_written else []), call
    return was_killed, is_written


async def test_a_change_that_was_written_is_an_event_once_wherever_it_was_killed(tmp_path: Path) -> None:
    """Some calls side by side: each mostly waits for memory."""
    calls, outcomes = count(), set[tuple[bool, bool]]()
    while (False, True) not in outcomes:
        outcomes |= set(await asyncio.gather(*(killed_at(tmp_path / str(n), n) for n in islice(calls, _SIDE_BY_SIDE))))
    assert outcomes == {(True, False), (True, True), (False, True)}


async def test_what_an_editor_changes_is_recorded_and_no_secret_with_it(tmp_path: Path) -> None:
    data = data_directory(tmp_path, LOG_LEVEL="ERROR", PAPER_MODE=True, BINANCE_API_KEY="CaNaRy-before")
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: data.settings_record.exists())
        write_document(data.settings, {"LOG_LEVEL": "INFO", "BINANCE_API_SECRET": "CaNaRy"})
        changes = [
            ("BINANCE_API_KEY", "set", "unset", "file"),
            ("BINANCE_API_SECRET", "unset", "set", "file"),
            ("PAPER_MODE", True, False, "file"),
            ("LOG_LEVEL", "ERROR", "INFO", "file"),
        ]
        await until(lambda: len(recorded(data)) == 4)
        assert recorded(data) == changes
        # Neither a mistake nor a file that is gone for a moment is a change.
        data.settings.write_bytes(b"{")
        checked = memory.health["last_integrity_check"]
        await until(lambda: memory.health["last_integrity_check"] > checked + 1)
        data.settings.unlink()
        checked = memory.health["last_integrity_check"]
        await until(lambda: memory.health["last_integrity_check"] > checked + 1)
        write_document(data.settings, {"LOG_LEVEL": "INFO", "BINANCE_API_SECRET": "CaNaRy"})
        set_settings(data, {"TRADING_STATE": "halted"}, "room")
        await until(lambda: len(recorded(data)) == 5)
        assert await memory.stop() == 0
    write_document(data.settings, {"LOG_LEVEL": "WARNING"})
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: everything_is_recorded(data))
        assert await memory.stop() == 0
    assert recorded(data)[4:] == [
        ("TRADING_STATE", "active", "halted", "room"),
        ("BINANCE_API_SECRET", "set", "unset", "file"),
        ("LOG_LEVEL", "INFO", "WARNING", "file"),
        ("TRADING_STATE", "halted", "active", "file"),
    ]
    for path in data.root.rglob("*"):
        assert not path.is_file() or b"CaNaRy" not in path.read_bytes()


def test_each_setting_of_a_strategy_is_recorded_by_its_own_key(tmp_path: Path) -> None:
    """Whoever changes it; of a secret, only that it is set."""
    data = data_directory(tmp_path, STRATEGIES={"a": {"x": 1, "y": [2], "token": "CaNaRy"}})
    SettingsRecord(data).follow()
    set_settings(data, {"STRATEGIES.a.x": 3, "STRATEGIES.b.enabled": False}, "cli")
    write_document(data.settings, {"STRATEGIES": {"a": {"x": 3, "y": [2, 4], "token": "CaNaRy-2"}}})
    SettingsRecord(data).follow()
    write_document(data.settings, {"STRATEGIES": "none"})
    SettingsRecord(data).follow()
    events = [orjson.loads(line)["data"] for path in data.spool.iterdir() for line in path.read_bytes().splitlines()]
    told = [(each["key"], each.get("old_value"), each.get("new_value"), each["changed_by"]) for each in events]
    assert sorted(told, key=str) == [
        ("STRATEGIES.a.x", 1, 3, "cli"),
        ("STRATEGIES.a.y", [2], [2, 4], "file"),
        ("STRATEGIES.b.enabled", False, None, "file"),
        ("STRATEGIES.b.enabled", None, False, "cli"),
    ]
    for path in (*data.spool.iterdir(), data.settings_record):
        assert b"CaNaRy" not in path.read_bytes()


def test_a_file_that_is_gone_changed_nothing_until_it_is_written_again(tmp_path: Path) -> None:
    data = data_directory(tmp_path, SIMULATION_MODE=False, LOG_LEVEL="ERROR")
    SettingsRecord(data).follow()
    data.settings.unlink()
    SettingsRecord(data).follow()
    assert read_json(data.settings_record) == {"recorded": {"SIMULATION_MODE": False, "LOG_LEVEL": "ERROR"}}
    assert list(data.spool.iterdir()) == []
    (change,) = set_settings(data, {"TRADING_STATE": "halted"}, "room")
    assert (change.key, change.new_value) == ("TRADING_STATE", "halted")
    assert read_json(data.settings) == {"SIMULATION_MODE": False, "LOG_LEVEL": "ERROR", "TRADING_STATE": "halted"}
    assert everything_is_recorded(data)


@pytest.mark.parametrize("content", [None, b"", b"[]", b'{"recorded": 7}'], ids=["missing", "empty", "list", "wrong"])
def test_without_a_record_it_begins_with_what_is_there(tmp_path: Path, content: bytes | None) -> None:
    data = data_directory(tmp_path, PAPER_MODE=True)
    if content is not None:
        data.settings_record.write_bytes(content)
    SettingsRecord(data).follow()
    assert everything_is_recorded(data)
    assert list(data.spool.iterdir()) == []


def test_it_waits_for_nobody(tmp_path: Path) -> None:
    data = data_directory(tmp_path, PAPER_MODE=True)
    record = SettingsRecord(data)
    record.follow()
    write_document(data.settings, {})
    with locked_settings(data.settings):
        began = time.monotonic()
        record.follow()
        assert time.monotonic() - began < 5
        assert list(data.spool.iterdir()) == []
    record.follow()
    assert len(list(data.spool.iterdir())) == 1


@pytest.mark.parametrize("blocked", ["spool", "state/settings.json", "both"])
def test_trading_is_made_safer_even_if_nothing_can_be_recorded(tmp_path: Path, blocked: str) -> None:
    data = data_directory(tmp_path)
    SettingsRecord(data).follow()
    if blocked != "state/settings.json":
        data.spool.rmdir()
        data.spool.write_text("")
    if blocked != "spool":
        data.settings_record.unlink()
        data.settings_record.mkdir()
        (data.settings_record / "x").touch()
    (change,) = set_settings(data, {"TRADING_STATE": "halted"}, "room")
    assert (change.old_value, change.new_value) == ("active", "halted")
    assert read_json(data.settings)["TRADING_STATE"] == "halted"
