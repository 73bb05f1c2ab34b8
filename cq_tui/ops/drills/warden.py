"""Ends what a drill started, and removes its folder, as soon as the drill is over: its standard input ends then.

A process of its own, since a killed drill clears up nothing. It knows its processes by the folder in their command
lines, whose name is unique, and ends each by its pid.
"""

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

#: Seconds between two looks; a process that was just being started appears in the second.
_PAUSE = 0.1


def main(folder: str) -> None:
    """Wait until the standard input ends, then clear up."""
    with contextlib.suppress(OSError):
        while sys.stdin.buffer.read(1):
            pass
    clear_up(Path(folder))


def clear_up(folder: Path) -> None:
    """End every process of the folder, unmount what is mounted in it, and remove it."""
    end_processes(folder)
    for mount in _mounts(folder):
        subprocess.run(["umount", "-l", mount], check=False)
    shutil.rmtree(folder, ignore_errors=True)


def end_processes(folder: Path) -> None:
    """End every process whose command line names the folder, and those that they were just starting."""
    quiet = 0
    while quiet < 2:
        found = list(_processes(folder))
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        quiet = 0 if found else quiet + 1
        time.sleep(_PAUSE)


def _processes(folder: Path) -> Iterator[psutil.Process]:
    own = psutil.Process().pid
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        is_ours = any(word == str(folder) or word.startswith(f"{folder}/") for word in words)
        if is_ours and process.pid != own and process.info["status"] != psutil.STATUS_ZOMBIE:
            yield process


def _mounts(folder: Path) -> list[str]:
    """Return what is mounted below the folder, the innermost first."""
    mounts = [each.mountpoint for each in psutil.disk_partitions(all=True)]
    return sorted((each for each in mounts if each.startswith(f"{folder}/")), reverse=True)


if __name__ == "__main__":
    main(sys.argv[1])
