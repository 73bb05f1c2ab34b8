"""The observer of a soak, a process of its own that uses no code of ours: who holds which lock, from files and /proc.

``python observer.py DATA_DIR OUTPUT`` appends a line of JSON for every change until it is killed: the name, the pid
that holds its lock (null if none does) and whether it is wanted, by ``run/<name>.wanted.json``. Times are
CLOCK_MONOTONIC.
"""

import json
import os
import sys
import time
from pathlib import Path

NAMES = ("supervisor", "exchange", "memory", "feeder", "ares", "trader")
#: Seconds between two looks.
_INTERVAL = 0.04


def holders_by_inode() -> dict[int, int]:
    """Return who holds which file's lock: pid by inode (proc(5), locks)."""
    found = {}
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        if words[1] == "FLOCK" and words[3] == "WRITE":
            found[int(words[5].rpartition(":")[2])] = int(words[4])
    return found


def is_running(pid: int) -> bool:
    """Whether a process lives and is not stopped. One that is being killed holds its locks a little longer."""
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except OSError:
        return False
    return state not in (b"Z", b"X")


def look(run: Path, name: str, holders: dict[int, int]) -> tuple[int | None, bool]:
    """Return the living process that holds a lock, and whether it is wanted."""
    try:
        pid = holders.get((run / f"{name}.lock").stat().st_ino)
    except OSError:
        pid = None
    try:
        wanted = json.loads((run / f"{name}.wanted.json").read_bytes())["wanted"] != "stopped"
    except (OSError, ValueError, KeyError):
        wanted = True
    return (pid if pid is not None and is_running(pid) else None), wanted


def main(data: Path, output: Path) -> None:
    """Observe until killed. A line without a name, each second, says that the observer itself is awake."""
    last: dict[str, tuple[int | None, bool]] = {}
    awake = 0.0
    with output.open("a", buffering=1) as lines:
        while True:
            now = time.monotonic()
            holders = holders_by_inode()
            for name in NAMES:
                found = look(data / "run", name, holders)
                if found != last.get(name):
                    last[name] = found
                    lines.write(json.dumps({"at": now, "name": name, "pid": found[0], "wanted": found[1]}) + "\n")
            if now - awake >= 1.0:
                awake = now
                lines.write(json.dumps({"at": now, "load": os.getloadavg()[0]}) + "\n")
            time.sleep(_INTERVAL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
