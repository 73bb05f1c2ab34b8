"""What memory believes: a person's signed word, and not what anybody wrote into a file of the data directory."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cq_tui.contracts.commands import Command
from cq_tui.contracts.layout import DataDir
from cq_tui.services.frame import Frame
from cq_tui.services.memory.service import MemoryService
from cq_tui.services.memory.standing import Standing
from cq_tui.store.document import read_json, write_document
from cq_tui.store.spools.spool import EventSpool
from tests.services.processes import data_directory
from tests.services.waiting import until


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDir:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))
    return data_directory(tmp_path / "data")


@asynccontextmanager
async def memory_of(data: DataDir) -> AsyncIterator[MemoryService]:
    """Run memory inside the test until everything is verified, and to the end of the block."""
    frame = Frame("memory", data)
    try:
        memory = MemoryService(frame)
        running = asyncio.create_task(memory.run())
        try:
            await until(lambda: memory.health(time.time()).ready and memory.checking.is_complete)
            yield memory
        finally:
            frame.stopping.set()
            await running
    finally:
        frame.close()


def command(name: str, target: str | None = None) -> Command:
    now = time.time()
    return Command(
        command_id="1",
        command=name,
        service="memory",
        target=target,
        issued_by="cli",
        issued_ts=now,
        expires_ts=now + 60,
    )


async def damaged(data: DataDir) -> None:
    """Make a history that was signed, and change one of its events."""
    spool = EventSpool(data.spool, "trader", quarantine=data.quarantine)
    for number in range(20):
        spool.emit("e", {"number": number})
    spool.close()
    async with memory_of(data) as memory:
        await until(lambda: memory.health(time.time()).events_count >= 20)
    content = data.events.read_bytes()
    changed = content.replace(b'"number":7}', b'"number":8}')
    assert changed != content
    data.events.write_bytes(changed)


async def test_faults_that_a_file_calls_accepted_are_told(data: DataDir) -> None:
    await damaged(data)
    before = data.state_of("memory").read_bytes()
    async with memory_of(data) as memory:
        faults = list(memory.trust.standing.faults.values())
    assert faults
    # As if nobody had looked yet, but for the word of whoever changed the event.
    data.state_of("memory").write_bytes(before)
    state = read_json(data.state_of("memory"))
    write_document(data.state_of("memory"), state | {"accepted": faults, "directory_id": "../../evil"})
    async with memory_of(data) as memory:
        health = memory.health(time.time())
        assert health.integrity_ok is False
        assert set(faults) <= set(memory.trust.standing.faults.values())
        outcome, _ = await memory.carry_out(command("sign_checkpoint"))
        assert outcome == "refused"


async def test_what_was_accepted_is_known_from_the_signed_log(data: DataDir) -> None:
    await damaged(data)
    async with memory_of(data) as memory:
        assert memory.trust.standing.faults
        assert (await memory.carry_out(command("acknowledge_faults", "all")))[0] == "done"
    data.state_of("memory").unlink()
    async with memory_of(data) as memory:
        assert memory.health(time.time()).integrity_ok


async def test_a_fault_stands_when_its_acceptance_cannot_be_logged(data: DataDir) -> None:
    await damaged(data)
    async with memory_of(data) as memory:
        standing = dict(memory.trust.standing.faults)
        memory.trust.anchoring.close()
        outcome, message = await memory.carry_out(command("acknowledge_faults", "all"))
        assert outcome == "refused"
        assert "cannot be signed and logged" in message
        assert memory.trust.standing.faults == standing
        assert memory.health(time.time()).integrity_ok is False


def test_a_contradiction_stands_as_long_as_it_is_found() -> None:
    standing = Standing()
    for fault, again in (("checkpoints.log: contradicts what was signed: x", True), ("event_chain.ndjson: x", False)):
        assert standing.add(fault)
        assert not standing.add(fault)
        standing.accept(next(iter(standing.faults)))
        assert standing.add(fault) is again
        standing.faults.clear()
