"""Memory killed at random moments while it merges what real writers spool: nothing is lost, doubled or out of order."""

import asyncio
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from tests.services.processes import RunningService, data_directory, running
from tests.services.waiting import until
from tests.store.history.histories import assert_consistent, seqs
from tests.store.history.torture import HEAVY

_WRITER = """
import sys
from pathlib import Path
from cq_tui.contracts.layout import DataDir
from cq_tui.store.spools.spool import EventSpool
data = DataDir(Path(sys.argv[1]))
spool = EventSpool(data.spool, sys.argv[2], quarantine=data.quarantine)
for count in sys.stdin:
    for _ in range(int(count)):
        spool.emit("e", {"fill": "x" * (spool.seq * 37 % 500)}, durable=spool.seq % 10 == 0)
    print(spool.seq, flush=True)
"""


class _Writer:
    """A process that spools events when it is told to."""

    def __init__(self, data: DataDir, name: str) -> None:
        self.name = name
        self.emitted = 0
        self._asked = 0
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(data.root), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, count: int) -> None:
        """Have so many more events spooled, without waiting for it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{count}\n".encode())
        self._process.stdin.flush()
        self._asked += 1

    def wait(self) -> None:
        """Wait until everything asked for is spooled."""
        assert self._process.stdout is not None
        while self._asked:
            self.emitted = int(self._process.stdout.readline())
            self._asked -= 1

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def _writers(data: DataDir, *names: str) -> Iterator[list[_Writer]]:
    writers = [_Writer(data, name) for name in names]
    try:
        yield writers
    finally:
        for writer in writers:
            writer.end()


async def _ready(memory: RunningService) -> None:
    await until(lambda: memory.health.get("ready"))


@pytest.mark.stack
async def test_kills_at_random_moments_lose_and_duplicate_nothing(tmp_path: Path) -> None:
    chance = random.Random(5)
    data = data_directory(tmp_path / "data", MEMORY_SNAPSHOT_INTERVAL=1, MEMORY_SNAPSHOTS_KEPT=4)
    with _writers(data, "trader", "ares", "room-1") as writers:
        for turn in range(1000 if HEAVY else 12):
            async with running("memory", data) as memory:
                if turn % 3 == 0:
                    # In the midst of its work; otherwise it is killed while it starts, as often as not.
                    await _ready(memory)
                    assert memory.health["integrity_ok"], memory.health["faults"]
                for writer in writers:
                    writer.ask(chance.randrange(40))
                # No condition is waited for here: the moment is what is random.
                await asyncio.sleep(chance.uniform(0.0, 0.25))
                memory.kill()
        for writer in writers:
            writer.wait()
        async with running("memory", data) as memory:
            await _ready(memory)
            assert memory.health["integrity_ok"], memory.health["faults"]
            assert await memory.stop() == 0
    for writer in writers:
        assert seqs(data, writer.name) == list(range(1, writer.emitted + 1))
    assert_consistent(data)
