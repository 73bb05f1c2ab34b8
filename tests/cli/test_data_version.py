"""Files of another version: what acts refuses them by name and writes nothing; what only reads says so and reads."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.trading_state import standing_stops
from tests.cli.conftest import CommandResult, command

Cq = Callable[..., CommandResult]

ACTING = [
    ["up"],
    ["up", "--detach"],
    ["service", "memory"],
    ["config", "set", "LOG_LEVEL=DEBUG"],
    ["config", "set", "TRADING_STATE=halted"],
    ["config", "restore"],
    ["mode", "paper"],
    ["resume"],
    ["resume", "BTCUSDT"],
    ["flatten"],
    ["flatten", "--direct"],
    ["close", "BTCUSDT"],
    ["release", "BTCUSDT"],
    ["acknowledge", "all"],
    ["bundle"],
    ["backup"],
    ["drill", "ban"],
]
READING = [["status"], ["events"], ["verify"], ["acknowledge"]]


@pytest.fixture
def newer(data: DataDir) -> DataDir:
    prepare_data_directory(data)
    data.version.write_text(json.dumps({"data_version": "2.0", "written_by": "0.9.0"}))
    return data


def tree(root: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in root.rglob("*")}


@pytest.mark.parametrize("words", ACTING, ids=" ".join)
def test_what_acts_refuses_a_newer_version_and_writes_nothing(cq: Cq, newer: DataDir, words: list[str]) -> None:
    before = tree(newer.root)
    told = cq(*words, code=4)
    assert "data version 2.0" in told.err
    assert str(newer.version) in told.err
    assert "Install a newer cq-tui" in told.err
    assert tree(newer.root) == before


@pytest.mark.parametrize("words", [*ACTING, []], ids=" ".join)
def test_what_acts_offers_to_migrate_an_older_version(data: DataDir, words: list[str]) -> None:
    data.memory.mkdir(parents=True)
    data.events.write_text('{"event_id":"a","timestamp":1.0,"event_type":"x","source":"y","data":{}}\n')
    before = tree(data.root)
    done = subprocess.run(
        command("--data-dir", str(data.root), *words), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 4, done
    assert "data version 1.0 (the events in memory/event_chain.ndjson have no metadata)" in done.stderr
    assert f"`cq-tui migrate --data-dir {data.root}`" in done.stderr
    assert tree(data.root) == before


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_what_reads_a_newer_version_says_so(cq: Cq, newer: DataDir, words: list[str]) -> None:
    before = tree(newer.root)
    assert "data version 2.0, written by cq-tui 0.9.0" in cq(*words).err
    assert tree(newer.root) == before


def test_status_names_the_version_for_programs(cq: Cq, newer: DataDir, data: DataDir) -> None:
    assert json.loads(cq("status", "--json").out)["data_version"] == "2.0"


def test_halting_needs_no_version(cq: Cq, newer: DataDir) -> None:
    cq("halt", code=0)
    assert standing_stops(newer)
