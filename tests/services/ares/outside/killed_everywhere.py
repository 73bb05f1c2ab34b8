"""Kills a process that takes signals before each change that it makes to a file, and again while the next recovers.

``python -m tests.services.ares.outside.killed_everywhere FOLDER`` prints how many changes there were, then the faults.
It is a program of its own, since a process with threads, such as that of the tests, should not fork.
"""

import os
import signal
import sys
import time
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

from cq_tui.contracts.layout import DataDir
from tests.services.ares.outside.stage import BUY, directory, drop, opened, signals

#: System calls that change a file or a folder, by their names in ``os``.
_CHANGES = frozenset({"rename", "replace", "write", "open", "fsync", "fdatasync", "unlink", "ftruncate", "link"})


def main(folder: Path) -> None:
    """Kill before the first change, the second, and so on, until the work is done before that."""
    place, faults, random = 0, list[str](), Random(7)
    while True:
        place += 1
        data = _prepared(folder / str(place))
        if not _is_killed(data, place):
            break
        # And once more while the next process makes good.
        _is_killed(data, random.randint(1, 25))
        with opened(data) as stage:
            stage.look()
        faults += [f"killed before change {place}: {fault}" for fault in _faults(data)]
    print(place)
    print("\n".join(faults))


def _prepared(root: Path) -> DataDir:
    """Three files: a signal, another one, and the first again."""
    root.mkdir(parents=True)
    data = directory(root, ARES_FRESHNESS_THRESHOLD=600.0)
    drop(data, BUY, "first", age=3)
    drop(data, BUY | {"id": "other"}, "second", age=2)
    drop(data, BUY, "third", age=1.5)
    return data


def _is_killed(data: DataDir, place: int) -> bool:
    """Take the signals in a process that is killed before that change; return whether it was."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status)
    try:
        with opened(data) as stage:
            left = place

            def count(frame: FrameType, event: str, function: Any) -> None:
                nonlocal left
                if event == "c_call" and function.__module__ == "posix" and function.__name__ in _CHANGES:
                    left -= 1
                    if left == 0:
                        os.kill(os.getpid(), signal.SIGKILL)

            sys.setprofile(count)
            stage.look()
            sys.setprofile(None)
        os._exit(0)
    finally:
        os._exit(1)


def _faults(data: DataDir) -> list[str]:
    ids = sorted(made["signal_id"] for made in signals(data))
    answers = {path.stem: path.read_text() for path in data.signals_done.glob("*.json")}
    outcomes = {name: text.partition('"outcome": "')[2].partition('"')[0] for name, text in answers.items()}
    faults = [] if ids == ["a1", "other"] else [f"signals {ids}"]
    if outcomes != {"first": "accepted", "second": "accepted", "third": "duplicate"}:
        faults.append(f"outcomes {outcomes}")
    left = [path.name for folder in (data.signals, data.signals_taken) for path in folder.glob("*.json")]
    return faults + ([f"left {left}"] if left else [])


if __name__ == "__main__":
    began = time.monotonic()
    main(Path(sys.argv[1]))
    print(f"{time.monotonic() - began:.1f} s", file=sys.stderr)
