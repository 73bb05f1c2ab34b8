"""What memory says where people read: short, and by the same names as everywhere."""

import re
import time
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import read_json
from cq_tui.store.history.faults import HistoryFault, fault_id
from tests.services.memory_in_process import command, damaged, memory_of
from tests.services.processes import data_directory

_HASH = re.compile("[0-9a-f]{64}")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDir:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))
    return data_directory(tmp_path / "data")


async def test_a_reason_names_no_hashes_and_what_is_accepted_names_both(data: DataDir) -> None:
    await damaged(data)
    async with memory_of(data) as memory:
        health = memory.health(time.time())
        _, refusal = await memory.execute_command(command("acknowledge_faults", "nothing"))
    standing = read_json(data.state_of("memory"))["faults"]
    fault = next(each for each in standing if "at index 8" in each)
    assert len(_HASH.findall(fault)) == 2
    assert health.faults is not None
    assert fault in health.faults
    assert health.reason is not None
    assert "event_chain.ndjson at index 8: " in health.reason
    assert f"{fault_id(fault)} event_chain.ndjson at index 8: " in refusal
    assert _HASH.findall(health.reason + refusal) == []


async def test_why_nothing_is_signed_names_no_hashes(data: DataDir) -> None:
    await damaged(data)
    async with memory_of(data) as memory:
        await memory.execute_command(command("acknowledge_faults", "all"))
        fault = HistoryFault(data.events.name, "was changed", 9, "ab" * 32, "cd" * 32)
        memory.integrity.add_fault(fault)
        health = memory.health(time.time())
    assert health.anchor_problem == fault.headline
    assert health.fault_count == 1
    assert health.fault_kinds == {"history": 1}
