"""Writers and a merging process, killed again and again: nothing lost, nothing doubled, and a small folder after it."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.spools.merge import SpoolMerger
from tests.store.history.histories import assert_consistent, data_dir, seqs
from tests.store.processes import until

#: In each round a writer or memory is killed, and in every other one a process that runs once: 250 kills a history.
ROUNDS, SEEDS = (170, [5, 6, 7, 8]) if os.environ.get("CQ_HEAVY_TESTS") == "1" else (20, [5])
#: Seconds that a process lives at most after its first work before it is killed.
LIFE = 0.03

#: Starts writers and mergers as fast as fork does, and ends them: one for each line it is told.
NURSERY = """
import itertools, os, signal, sys, time
from pathlib import Path
from cq_tui.contracts.layout import DataDir
from cq_tui.store.spools.merge import SpoolMerger
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.journal import JournalError
from cq_tui.store.spools.spool import EventSpool, SpoolHeld

data = DataDir(Path(sys.argv[1]))

def note(name, words):
    with open(data.root / name, "a") as file:
        file.write(words + "\\n")

def spool(writer):
    return EventSpool(data.spool, writer, quarantine=data.quarantine, segment_bytes=3000, limit_bytes=200_000)

def write(writer):
    numbers = range(5) if "-" in writer else itertools.count()
    told = spool(writer)
    acknowledged = os.open(data.root / f"{writer}.acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in numbers:
        try:
            seq = told.emit("e", {"fill": "x" * (number * 37 % 300)}, durable=number % 50 == 0)
        except SpoolHeld:
            raise
        except JournalError:
            time.sleep(0.001)
            continue
        os.write(acknowledged, b"%d\\n" % seq)
    told.close()

def merge(_):
    history = HistoryWriter(data, now=time.time())
    for fault in history.faults:
        note("complaints", str(fault))
    merge = SpoolMerger(data.spool, data.quarantine, history.cursors)
    for turn in itertools.count():
        collected = merge.collect()
        for complaint in collected.complaints:
            note("complaints", complaint)
        if collected.events:
            history.append(collected.events, time.time())
        else:
            time.sleep(0.0005)
        if turn % 3 == 0:
            merge.trim(time.time())
        if turn % 20 == 0:
            history.flush_chain()

children = {}
print("ready", flush=True)
for line in sys.stdin:
    act, what = line.split()
    if act == "kill":
        child = children.pop(what)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    elif (child := os.fork()):
        children[what] = child
    else:
        try:
            merge(what) if what == "merge" else write(what)
        except BaseException as error:
            note("complaints", f"{what}: {error!r}")
        os._exit(0)
    print("done", flush=True)
"""


class Nursery:
    """Processes by what they do."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._children: set[str] = set()
        assert self._line() == "ready"

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def _tell(self, act: str, what: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{act} {what}\n")
        self._process.stdin.flush()
        assert self._line() == "done"

    def start(self, what: str) -> None:
        self._tell("start", what)
        self._children.add(what)

    def kill(self, what: str) -> None:
        """Kill a process, or take leave of one that has ended; it is gone when this returns."""
        self._tell("kill", what)
        self._children.remove(what)

    def end(self) -> None:
        for what in list(self._children):
            self.kill(what)
        self._process.kill()
        self._process.communicate()


@contextmanager
def nursery(data: DataDir) -> Iterator[Nursery]:
    command = [sys.executable, "-c", NURSERY, str(data.root)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    born = None
    try:
        born = Nursery(process)
        yield born
    finally:
        if born is not None:
            born.end()
        process.kill()
        process.communicate()


def take_the_rest(data: DataDir) -> None:
    history = HistoryWriter(data, now=time.time())
    merge = SpoolMerger(data.spool, data.quarantine, history.cursors)
    more = True
    while more:
        collected = merge.collect()
        assert collected.complaints == []
        if collected.events:
            history.append(collected.events, time.time())
        more = collected.more
    assert merge.backlog() == (0, 0)
    merge.trim(time.time() + 3600)
    history.close()


def acknowledged(data: DataDir, writer: str) -> int:
    """Number of the last event whose writer knew that it was spooled."""
    path = data.root / f"{writer}.acknowledged"
    numbers = path.read_bytes().rpartition(b"\n")[0].splitlines() if path.exists() else []
    return int(numbers[-1]) if numbers else 0


def work(data: DataDir, what: str) -> int:
    """Bytes that tell how much a process did."""
    path = data.events if what == "merge" else data.root / f"{what}.acknowledged"
    return path.stat().st_size if path.exists() else 0


def has_worked(data: DataDir, what: str, before: int) -> bool:
    return work(data, what) > before


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", SEEDS)
def test_whichever_process_is_killed_nothing_is_lost_or_duplicated(tmp_path: Path, seed: int) -> None:
    data = data_dir(tmp_path / "data")
    chance = random.Random(seed)
    once = [f"cli-{number}" for number in range(ROUNDS)]
    with nursery(data) as processes:
        for what in ("trader", "ares", "merge"):
            processes.start(what)
        for number in range(ROUNDS):
            victim = ("trader", "merge", "ares", "merge")[number % 4]
            before = work(data, victim)
            processes.start(once[number])
            until(partial(has_worked, data, victim, before), step=0.0005)
            time.sleep(chance.random() * LIFE)
            processes.kill(victim)
            if chance.random() < 0.5:
                processes.kill(once[number])
            processes.start(victim)
    take_the_rest(data)
    complaints = data.root / "complaints"
    assert not complaints.exists(), complaints.read_text()
    for writer in ("trader", "ares", *once):
        told = seqs(data, writer)
        assert told == list(range(1, len(told) + 1))
        assert len(told) >= acknowledged(data, writer)
    assert seqs(data)
    assert_consistent(data)
    left = sorted(path.name.partition(".")[0] for path in data.spool.iterdir())
    assert set(left) == {"ares", "trader"}
    assert len(left) <= 4
    assert sum(path.stat().st_size for path in data.spool.iterdir()) < 20_000
