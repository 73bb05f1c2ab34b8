"""What memory believes: a person's signed word, and not what anybody wrote into a file of the data directory."""

import shutil
import time
from contextlib import closing
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.verify import verify_history
from cq_tui.services.memory.memory_state import MemoryState
from cq_tui.store.document import read_json, write_document
from cq_tui.store.history.faults import HistoryFault, headline_of
from cq_tui.store.spools.spool import EventSpool
from tests.services.memory_in_process import command, damaged, memory_of, remember
from tests.services.processes import data_directory
from tests.services.waiting import until


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDir:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))
    return data_directory(tmp_path / "data")


async def test_faults_that_only_a_file_marks_as_accepted_are_reported(data: DataDir) -> None:
    await damaged(data)
    before = data.state_of("memory").read_bytes()
    async with memory_of(data) as memory:
        faults = list(memory.integrity.state.faults.values())
    assert faults
    # As if nobody had looked yet, but for the word of whoever changed the event.
    data.state_of("memory").write_bytes(before)
    state = read_json(data.state_of("memory"))
    write_document(data.state_of("memory"), state | {"accepted": faults, "directory_id": "../../evil"})
    async with memory_of(data) as memory:
        health = memory.health(time.time())
        assert health.integrity_ok is False
        assert set(faults) <= set(memory.integrity.state.faults.values())
        outcome, _ = await memory.execute_command(command("sign_checkpoint"))
        assert outcome == "refused"


async def test_a_fault_that_0_1_0_named_without_values_is_open_once(data: DataDir) -> None:
    await damaged(data)
    async with memory_of(data) as memory:
        faults = dict(memory.integrity.faults)
    assert any("(expected" in each for each in faults.values())
    write_document(data.state_of("memory"), {"watermark": 0, "faults": [*map(headline_of, faults.values())]})
    async with memory_of(data) as memory:
        assert memory.integrity.faults == faults


async def test_nothing_is_signed_on_request_while_a_fault_is_open(data: DataDir) -> None:
    await remember(data)
    async with memory_of(data) as memory:
        assert (await memory.execute_command(command("sign_checkpoint")))[0] == "done"
        last = memory.integrity.anchoring.last_checkpoint
        assert last is not None
        assert memory.integrity.add_fault(
            HistoryFault("event_chain.ndjson", "what stands from byte 0 on is not what was written")
        )
        outcome, message = await memory.execute_command(command("sign_checkpoint"))
        assert memory.integrity.anchoring.last_checkpoint == last
    assert outcome == "refused"
    assert "event_chain.ndjson" in message


async def test_what_was_accepted_is_known_from_the_signed_log(data: DataDir) -> None:
    await damaged(data)
    async with memory_of(data) as memory:
        assert memory.integrity.state.faults
        assert (await memory.execute_command(command("acknowledge_faults", "all")))[0] == "done"
    data.state_of("memory").unlink()
    async with memory_of(data) as memory:
        assert memory.health(time.time()).integrity_ok


async def test_a_fault_stays_open_if_its_acceptance_cannot_be_logged(data: DataDir) -> None:
    await damaged(data)
    async with memory_of(data) as memory:
        standing = dict(memory.integrity.state.faults)
        memory.integrity.anchoring.close()
        outcome, message = await memory.execute_command(command("acknowledge_faults", "all"))
        assert outcome == "refused"
        assert "cannot be signed and logged" in message
        assert memory.integrity.state.faults == standing
        assert memory.health(time.time()).integrity_ok is False


def test_a_contradiction_is_reported_as_long_as_it_is_found() -> None:
    standing = MemoryState()
    for fault, again in (("checkpoints.log: contradicts what was signed: x", True), ("event_chain.ndjson: x", False)):
        assert standing.add_fault(fault)
        assert not standing.add_fault(fault)
        standing.accept_fault(next(iter(standing.faults)))
        assert standing.add_fault(fault) is again
        standing.faults.clear()


async def test_new_events_in_the_place_of_missing_ones_are_another_history_at_once(data: DataDir) -> None:
    """As ``verify`` says, not only after the next start; and as many are missing as before."""
    await remember(data, 20)
    backup = data.root.with_name("backup")
    shutil.copytree(data.root, backup)
    await remember(data, 10)
    shutil.rmtree(data.root)
    shutil.move(backup, data.root)
    async with memory_of(data) as memory:
        missing = memory.health(time.time()).missing_count
        assert missing
        with closing(EventSpool(data.spool, "trader", quarantine=data.quarantine)) as spool:
            for number in range(missing + 5):
                spool.emit("e", {"number": number})
        await until(lambda: memory.health(time.time()).fault_kinds == {"missing": 1, "contradiction": 1})
        assert memory.health(time.time()).missing_count == missing
        report = verify_history(data)
        assert {str(fault) for fault in report.faults} <= set(memory.integrity.faults.values())
        assert report.missing == missing
