"""Whatever stands in a file's place: services, room and commands give a verdict, never a traceback, and never hang."""

import asyncio
import os
import random
import tarfile
from contextlib import AsyncExitStack
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from cq_tui.cli import app
from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.room.alerts import all_alerts, room_alerts
from cq_tui.room.state import RoomState
from cq_tui.store.data_directory import prepare_data_directory
from tests.services.bad_files import FILES, KINDS, spoil
from tests.services.processes import RunningService, running
from tests.services.waiting import until

RELEASE = Path(__file__).parents[1] / "releases" / "0.1.0" / "data.tar.gz"
IS_LONG = "CQ_HEAVY_TESTS" in os.environ
#: Others begin at these files, which no service can do without: they end it with a word, as other tests show.
NEEDED = {"version.json", "run/trader.lock", "exchange/ledger.ndjson", "memory/event_chain.ndjson"}
SHORT = ["a folder", "a pipe", "huge integers"]
ALL = [(name, kind) for name in FILES for kind in KINDS]
#: Each kind once.
SOME = [(name, kind) for kind in KINDS for name in random.Random(kind).sample(FILES, 1)]
COMMANDS = (["status"], ["status", "--json"], ["config", "show"], ["events"], ["acknowledge"], ["validate"], ["mode"])


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDir:
    """A directory with something in every file."""
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    with tarfile.open(RELEASE) as tar:
        tar.extractall(data.root, filter="data")
    return data


@pytest.mark.parametrize(("name", "kind"), ALL if IS_LONG else SOME)
def test_commands_and_room_have_a_word_for_it(data: DataDir, name: str, kind: str) -> None:
    spoil(data.root, name, kind)
    for words in COMMANDS:
        result = CliRunner().invoke(app, ["--data-dir", str(data.root), *words], catch_exceptions=False)
        assert result.exit_code in {code.value for code in ExitCode} - {ExitCode.DEFECT}
        assert "Traceback" not in result.output
        assert result.output
    state = RoomState(data, {}, lambda _: None)
    state.poll_files()
    state.read_changed_files([data.root / each for each in FILES])
    assert all_alerts(state, 1_796_073_600.0) is not None
    assert room_alerts(state, 1_796_073_600.0) is not None


def log_lines(service: RunningService) -> list[dict[str, str]]:
    path = service.data.log_of(service.name)
    return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def has_ended_with_a_word(service: RunningService) -> bool:
    """Whether it could not start, and said which file is in the way and what to do."""
    told = [line for line in log_lines(service) if line["event"] == "cannot start"]
    return not service.is_alive and bool(told) and "Move it away" in told[-1]["problem"]


def reports(service: RunningService) -> bool:
    """Whether it says how it is, or that nobody can be told."""
    return bool(service.health.get("status")) or any(
        line["event"] == "health file not written" for line in log_lines(service)
    )


@pytest.mark.parametrize("kind", KINDS if IS_LONG else SHORT)
async def test_services_run_or_end_with_a_word(data: DataDir, kind: str) -> None:
    for name in FILES:
        if name not in NEEDED:
            spoil(data.root, name, kind)
    async with AsyncExitStack() as stack:
        services = [await stack.enter_async_context(running(name, data)) for name in SERVICES]
        for service in services:
            await until(lambda service=service: reports(service) or has_ended_with_a_word(service), 90)  # type: ignore[misc]
        for service in services:
            assert service.is_alive or has_ended_with_a_word(service), service.name
            assert [line for line in log_lines(service) if line["event"] == "crashed"] == []
        for service in reversed(services):
            assert await service.stop() in (0, None) or has_ended_with_a_word(service)
    # What was in the way is still somewhere: nothing is deleted unseen.
    if kind == "a folder":
        assert any(path.name.startswith("hash_chain.json") and path.is_dir() for path in data.memory.rglob("*"))


def test_an_exchange_that_nobody_could_find_says_so_and_goes_on_when_the_place_is_free(data: DataDir) -> None:
    folder = spoil(data.root, "run/exchange.json", "a folder")

    async def play() -> None:
        async with running("exchange", data) as exchange:
            await until(lambda: "exchange.json: cannot be written" in str(exchange.health.get("reason")))
            assert "Move it away" in exchange.health["reason"]
            os.rename(folder, folder.with_name("aside"))
            await until(lambda: exchange.health.get("status") == "ok")
            assert await exchange.stop() == 0

    asyncio.run(play())
