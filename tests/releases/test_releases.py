"""The data directory of every release is opened, validated, migrated, verified, backed up and taken over."""

import asyncio
import os
import re
import tarfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from cq_tui.cli import app
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import base_interval, effective_mode
from cq_tui.ops.backup.make import make_backup
from cq_tui.ops.backup.restore import restore_backup
from cq_tui.ops.verify import verify_history
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.data_version import find_version
from cq_tui.store.document import read_json, write_document
from cq_tui.store.settings_in_force import SettingsInForce
from tests.services.memory_process import ready
from tests.services.processes import running
from tests.services.waiting import until

HERE = Path(__file__).parent
RELEASES = sorted(path.parent.name for path in HERE.glob("*/data.tar.gz"))
SECONDS = 60.0 if "CQ_HEAVY_TESTS" in os.environ else 3.0
MOST_BYTES = 150_000


@pytest.fixture(params=RELEASES)
def data(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDir:
    """The directory as its release left it."""
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))
    root = tmp_path / "data"
    root.mkdir(mode=0o700)
    with tarfile.open(HERE / request.param / "data.tar.gz") as tar:
        tar.extractall(root, filter="data")
    for folder, _, _ in os.walk(root):
        Path(folder).chmod(0o700)
    return DataDir(root)


def told(data: DataDir, *words: str) -> tuple[int, str]:
    """Run a command; a traceback fails the test."""
    result = CliRunner().invoke(app, ["--data-dir", str(data.root), *words], catch_exceptions=False)
    return result.exit_code, result.output


def test_the_directories_are_small_and_without_keys(data: DataDir) -> None:
    for version in RELEASES:
        assert (HERE / version / "data.tar.gz").stat().st_size <= MOST_BYTES
    for path in data.root.rglob("*"):
        if path.is_file():
            assert not re.search(rb"PRIVATE KEY|api_secret|API_SECRET", path.read_bytes()), path


def test_it_is_opened_validated_and_needs_no_migration(data: DataDir) -> None:
    before = data.events.read_bytes()
    assert find_version(data).version == "1.3"
    # Its processes were killed: the chain lacks the last events, until memory continues it.
    code, said = told(data, "validate")
    assert code in (0, 1), said
    assert "error" not in said
    code, said = told(data, "migrate")
    assert (code, "nothing to do" in said) == (0, True), said
    report = verify_history(data)
    assert report.fault_count == 0
    assert report.missing == 0
    for words in ("status", "events", "bundle"):
        assert told(data, words)[0] in (0, 1, 2)
    assert data.events.read_bytes() == before


async def test_it_runs_its_positions_and_orders_are_taken_over_and_its_history_verifies(data: DataDir) -> None:
    before: dict[str, Any] = read_json(data.account)
    recorded = data.events.read_bytes()
    assert before["positions"]
    async with AsyncExitStack() as stack:
        names = ("exchange", "memory", "feeder", "ares", "trader")
        services = {name: await stack.enter_async_context(running(name, data)) for name in names}
        await until(lambda: services["trader"].health.get("ready"), 60)
        await until(_is_known(data, before["positions"]), 60)
        started = time.monotonic()
        # Another key signed it: the one of the release stayed where it was made.
        await until(lambda: "signed with another key" in str(services["memory"].health.get("faults")), 60)
        assert await asyncio.to_thread(told, data, "acknowledge", "all") == (0, "1 fault accepted, 0 left\n")
        await until(lambda: time.monotonic() > started + SECONDS, SECONDS + 10)
        # Memory signs nothing, not even at its end, before it has verified what its start skipped.
        await until(lambda: services["memory"].health.get("full_check_progress") is None, 60)
        for service in services.values():
            assert service.is_alive
        for name in reversed(names):
            assert await services[name].stop() == 0
    assert data.events.read_bytes().startswith(recorded), "no line was rewritten"
    assert verify_history(data).exit_code == 0
    assert find_version(data).is_recorded
    backup = make_backup(data, data.root.parent)
    assert backup.fault is None
    assert restore_backup(DataDir(data.root.parent / "new"), backup.path).history.faults == ()


def changed(data: DataDir) -> list[tuple[Any, ...]]:
    """Settings that the history tells as changed."""
    events = map(orjson.loads, data.events.read_bytes().splitlines())
    told = [event["data"] for event in events if event["event_type"] == "config_changed"]
    return [(each["key"], each.get("old_value"), each.get("new_value"), each["changed_by"]) for each in told]


async def test_outside_simulation_it_keeps_bars_of_a_minute_which_is_written_down_once(data: DataDir) -> None:
    """In simulation nothing changes; a new directory has bars of five minutes."""
    settings, before = read_json(data.settings), changed(data)
    async with running("memory", data) as memory:
        await ready(memory)
        assert in_force(data) == ("simulation", "1s")
        assert await memory.stop() == 0
    assert read_json(data.settings) == settings
    # What is open keeps the mode.
    write_document(data.account, read_json(data.account) | {"positions": {}, "orders": []})
    write_document(data.settings, settings | {"SIMULATION_MODE": False, "PAPER_MODE": True})
    assert in_force(data) == ("paper", "1m"), "from the first moment on"
    kept = ("ARES_BASE_INTERVAL", None, "1m", "start")
    for _ in range(2):
        async with running("memory", data) as memory:
            await ready(memory)
            await until(lambda: "base_interval" in read_json(data.version), 60)
            await until(lambda: kept in changed(data), 60)
            assert await memory.stop() == 0
    assert [each for each in changed(data) if each not in before and each[0] == kept[0]] == [kept]
    assert read_json(data.settings)["ARES_BASE_INTERVAL"] == "1m"
    new = DataDir(data.root.parent / "new")
    prepare_data_directory(new)
    write_document(new.settings, {"SIMULATION_MODE": False, "PAPER_MODE": True})
    assert in_force(new) == ("paper", "5m")


def in_force(data: DataDir) -> tuple[str, str]:
    """The mode and the base interval that every part of cq-tui goes by."""
    settings = SettingsInForce(data, {}).load().settings
    mode = effective_mode(settings).mode
    return mode, base_interval(settings, mode)


def closed(data: DataDir) -> dict[str, str]:
    """Symbols whose positions the trader told to be closed."""
    found: dict[str, str] = {}
    for path in (data.events, *data.spool.glob("trader*.ndjson")):
        for line in path.read_bytes().splitlines():
            event = orjson.loads(line)
            if event["event_type"] == "position_changed" and event["data"].get("after") == "closed":
                found[event["data"]["symbol"]] = str(event["data"].get("reason"))
    return found


def _is_known(data: DataDir, positions: dict[str, Any]) -> Callable[[], bool]:
    """Whether each position is still there, of the same size and protected, or was told to be closed."""

    def is_known() -> bool:
        now: dict[str, Any] = read_json(data.account)["positions"]
        over = closed(data)
        return all(
            symbol in over
            or (symbol in now and now[symbol]["size"] == there["size"] and now[symbol]["protection"] == "working")
            for symbol, there in positions.items()
        )

    return is_known
