"""The system itself refuses a call of a real process, below everything that Python does: nothing is lost or doubled."""

import random
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from tests.store.history.histories import assert_consistent, data_dir, event, seqs
from tests.store.history.torture import HEAVY
from tests.store.history.torture.keeper import EVENTS, opened

_KEEPER = """
import os, sys
from pathlib import Path
from cq_tui.contracts.layout import DataDir
from tests.store.history.torture.keeper import Keeper, snapshots
def acknowledge(seq):
    print(seq, flush=True)
keeper = Keeper(DataDir(Path(sys.argv[1])), end_process=lambda: os._exit(3), acknowledge=acknowledge)
snapshots(keeper)
print(*keeper.faults, sep="\\n")
"""
_CALLS = {
    "EIO": "openat,write,lseek,fsync,fdatasync,ftruncate,rename,link,unlink,sendfile,copy_file_range,close,flock",
    "ENOSPC": "openat,write,fsync,fdatasync,ftruncate,rename,link,sendfile,copy_file_range",
}
#: No day has more of any call below the folder.
_MOST = 400


def _traced(options: list[str], arguments: list[str]) -> subprocess.CompletedProcess[str]:
    command = ["strace", "-qq", "-y", *options, sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@cache
def _can_trace() -> bool:
    return shutil.which("strace") is not None and _traced(["-e", "trace=none"], ["-c", ""]).returncode == 0


def _refused(folder: Path, log: Path, call: str, error: str, number: int) -> subprocess.CompletedProcess[str]:
    """Run a day in which the system refuses that call, among those for files of the folder, once."""
    files = [
        folder / name
        for name in ("event_chain.ndjson", "hash_chain.json", ".hash_chain.json.hidden", ".hash_chain.json.swap", "")
    ]
    paths = [option for file in files for option in ("-P", str(file))]
    options = ["-o", str(log), *paths, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={number}"]
    return _traced(options, ["-c", _KEEPER, str(folder.parent)])


@pytest.mark.parametrize("error", _CALLS)
def test_a_refused_system_call_loses_and_duplicates_nothing(tmp_path: Path, error: str) -> None:
    if not _can_trace():
        pytest.skip("strace is not here, or may not trace")
    chance = random.Random(error)
    calls = _CALLS[error].split(",")
    for call in calls if HEAVY else chance.sample(calls, 2):
        for number in range(1, _MOST) if HEAVY else [chance.randrange(1, 9)]:
            data = data_dir(tmp_path / f"{call}-{number}")
            log = tmp_path / f"{call}-{number}.strace"
            process = _refused(data.memory, log, call, error, number)
            goes_on(data, process, f"{call} number {number}")
            if "(INJECTED)" not in log.read_text():
                break


def goes_on(data: DataDir, process: subprocess.CompletedProcess[str], refused: str) -> None:
    """What the process acknowledged is there once, and the next one goes on without a fault."""
    where = f"{refused}: {process.stdout} {process.stderr}"
    assert process.returncode in (0, 3), where
    said = process.stdout.split("\n")[:-1]
    acknowledged = [int(line) for line in said if line.isdigit()]
    faults = [line for line in said if line and not line.isdigit()]
    assert faults == [], where
    history = opened(data)
    assert history.faults == [], where
    merged = history.cursors.get("trader", 0)
    assert merged >= max(acknowledged, default=0), where
    history.append([event(seq) for seq in range(merged + 1, EVENTS + 1)], 3000.0)
    history.close()
    assert seqs(data) == list(range(1, EVENTS + 1)), where
    assert_consistent(data)
