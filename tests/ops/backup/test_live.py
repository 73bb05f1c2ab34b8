"""Backups while everything runs: nothing is lost, nothing doubled, and the exchange is of the trader's moment."""

import asyncio
import os
import time
from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.backup.make import make_backup
from cq_tui.ops.backup.restore import restore_backup
from cq_tui.ops.verify import verify_history
from cq_tui.store.history.chain_file import read_chain_tail
from tests.ops.backup.desk import accept_all
from tests.services.memory_process import ready
from tests.services.processes import data_directory, running
from tests.store.processes import program

_IS_LONG = "CQ_HEAVY_TESTS" in os.environ
BACKUPS = 40 if _IS_LONG else 2

#: A trader and an exchange: what is intended is spooled before it is in the ledger, and told after that. A feeder.
WORLD = """
import sys, time
from pathlib import Path
from cq_tui.contracts.layout import DataDir
from cq_tui.store.spools.spool import EventSpool

data = DataDir(Path(sys.argv[1]))
trader = EventSpool(data.spool, "trader", quarantine=data.quarantine, segment_bytes=20_000)
feeder = EventSpool(data.spool, "feeder", quarantine=data.quarantine, segment_bytes=20_000)
ledger = open(data.ledger, "ab", buffering=0)
print("ready", flush=True)
number = 0
while True:
    number += 1
    trader.emit("sent", {"number": number})
    ledger.write(b'{"facts":[],"number":%d}\\n' % number)
    trader.emit("filled", {"number": number})
    feeder.emit("fed", {"number": number, "padding": "x" * 300})
    if number % 20 == 0:
        time.sleep(0.01)
"""


def told(data: DataDir, event_type: str) -> list[int]:
    found = [orjson.loads(line) for line in data.events.read_bytes().splitlines()]
    return [each["data"]["number"] for each in found if each["event_type"] == event_type]


async def test_every_backup_of_a_running_stack_is_of_one_moment_and_verifies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = data_directory(tmp_path / "data", MEMORY_CHECKPOINT_INTERVAL=1.0)
    made: list[tuple[Path, int]] = []
    async with running("memory", data) as memory:
        await ready(memory)
        with program(WORLD, data.root) as world:
            assert world.stdout is not None
            assert world.stdout.readline() == b"ready\n"
            for number in range(BACKUPS):
                least = data.ledger.read_bytes().count(b"\n")
                backup = await asyncio.to_thread(make_backup, data, tmp_path / f"{number}.tar.gz")
                assert backup.is_exact
                assert backup.fault is None
                assert backup.manifest.chained <= backup.manifest.events
                made.append((backup.path, least))
                chained = read_chain_tail(data.hash_chain).chain_length
                end = time.monotonic() + 20
                while read_chain_tail(data.hash_chain).chain_length == chained and time.monotonic() < end:
                    await asyncio.sleep(0.05)
        assert await memory.stop() == 0
    # On another computer, where nothing else is known of this history.
    for path, least in made:
        monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / f"config of {path.name}"))
        new = DataDir(tmp_path / f"new {path.name}")
        done = restore_backup(new, path)
        assert done.history.faults == ()
        faults, left = await accept_all(new)
        assert ["signed with another key" in fault for fault in faults] in ([], [True])
        assert left == []
        ledger = [orjson.loads(line)["number"] for line in new.ledger.read_bytes().splitlines()]
        sent, filled, fed = (told(new, name) for name in ("sent", "filled", "fed"))
        for numbers in (ledger, sent, filled, fed):
            assert numbers == list(range(1, len(numbers) + 1)), "none lost, none doubled, in order"
        assert len(filled) <= len(ledger) <= len(sent) <= len(filled) + 1, "of one moment"
        assert least <= len(ledger)
        assert verify_history(new).exit_code == 0
