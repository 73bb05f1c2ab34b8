"""A large directory: what a backup and a restore cost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.history.writer import HistoryWriter

EVENTS = 1_000_000
SECONDS, MEGABYTES = 60.0, 100.0

COST = """
import resource, sys
from pathlib import Path
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.backup.make import make_backup
from cq_tui.ops.backup.restore import restore_backup

desk = Path(sys.argv[1])
if sys.argv[2] == "backup":
    make_backup(DataDir(desk / "data"), desk / "b.tar.gz")
else:
    restore_backup(DataDir(desk / "new"), desk / "b.tar.gz")
used = resource.getrusage(resource.RUSAGE_SELF)
# Unlike ru_maxrss, which begins with that of the process that started this one.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(used.ru_utime + used.ru_stime, int(peak.split()[1]) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells the peak of the memory")
@pytest.mark.skipif("CQ_HEAVY_TESTS" not in os.environ, reason="takes a minute: CQ_HEAVY_TESTS=1")
@pytest.mark.timeout(600)
def test_a_million_events_take_a_minute_of_processor_and_little_memory(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    history = HistoryWriter(data, now=50.0)
    for start in range(0, EVENTS, 10_000):
        events = [
            NewEvent(
                "order_executed", "trader", {"n": n, "order": os.urandom(20).hex()}, "trader", n + 1, 100.0 + n, {}
            )
            for n in range(start, start + 10_000)
        ]
        history.append(events, 100.0 + start)
        history.flush_chain()
    history.close()
    for what in ("backup", "restore"):
        done = subprocess.run(
            [sys.executable, "-c", COST, tmp_path, what], capture_output=True, text=True, check=True, timeout=300
        )
        seconds, megabytes = map(float, done.stdout.split())
        assert seconds <= SECONDS
        assert megabytes <= MEGABYTES
