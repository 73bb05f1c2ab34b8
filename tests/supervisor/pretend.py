"""A fake service process: takes its lock, reports that it is ready, ends on SIGTERM.

As ``supervisor`` it also answers every command, tells it, and ends when it is asked to shut down.

Words after name and data directory make it behave worse. It imports next to nothing, so that it starts in no time: on
Linux not even what is installed.
"""

import fcntl
import json
import os
import signal
import sys
import time
from pathlib import Path

#: All that the health models of all services ask for; what one does not know it ignores.
HEALTH: dict[str, object] = {
    "status": "ok", "updated_within_sec": 0.0, "symbols": [], "ws_connected": True, "rest_api_ok": True,
    "symbols_count": 0, "last_symbol_update": 0.0, "signal_count": 0, "last_signal_time": 0.0, "feeder_health_ok": True,
    "default_signals_blocked": True, "active_strategies": [], "latency_ms_p50": 0.0,
    "orders_count": 0, "fills_count": 0, "last_order_time": 0.0, "account_balance_ok": True, "ares_health_ok": True,
    "quarantined_symbols": [],
    "active_positions": 0, "integrity_ok": True, "events_count": 0, "snapshots_count": 0, "last_integrity_check": 0.0,
    "merkle_root": "", "chain_length": 1,
}  # fmt: skip


def main(name: str, root: Path, *behavior: str) -> int:
    """Run until SIGTERM; return the exit code of a service."""
    if "crashes" in behavior:
        sys.stderr.write("no luck today\n")
        return 1
    asked: list[int] = []
    # Before anybody can find us: a signal that came sooner would end us ungracefully.
    signal.signal(
        signal.SIGTERM, signal.SIG_IGN if "ignores_sigterm" in behavior else lambda number, _: asked.append(number)
    )
    lock = os.open(root / "run" / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 3
    os.ftruncate(lock, 0)
    kind = {"kind": "direct"} if "stands_in" in behavior else {}
    os.write(lock, json.dumps({"pid": os.getpid(), "name": name} | kind | born()).encode())
    if name == "supervisor":
        want(root, "running")
    reported = 0.0
    while not asked:
        if time.monotonic() - reported > 0.2 and "never_reports" not in behavior:
            reported = time.monotonic()
            report(name, root, ready="never_ready" not in behavior)
        if "loops_forever" in behavior and (root / "loop").exists():
            while True:
                pass
        if name == "supervisor" and answer_commands(root):
            want(root, "stopped")
            return 0
        time.sleep(0.02)
    tell(root, f"{name} asked")
    if name == "supervisor":
        want(root, "stopped")
    while "takes_its_time" in behavior and not (root / "enough").exists():
        time.sleep(0.01)
    time.sleep(0.05)
    tell(root, f"{name} ended")
    return 0


def born() -> dict[str, float]:
    """Return when this process started, as the holder of a lock records it."""
    try:
        fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    except FileNotFoundError:
        import psutil

        return {"process_started": psutil.Process().create_time()}
    return {"process_started": time.time(), "start_ticks": int(fields[19])}


def report(name: str, root: Path, *, ready: bool) -> None:
    health = HEALTH | {"service": name, "last_update_ts": time.time(), "pid": os.getpid(), "ready": ready}
    replace(root / "health" / f"{name}.json", health | {"waiting_for": "better days"})


def answer_commands(root: Path) -> bool:
    """Carry out every command by telling it; return whether one was to shut down."""
    for path in (root / "control").glob("*.json"):
        command = json.loads(path.read_bytes())
        tell(root, " ".join(filter(None, (command["command"], command.get("target"), command["issued_by"]))))
        refused = {"outcome": "refused", "message": "not today"} if command.get("target") == "exchange" else {}
        replace(root / "control" / "done" / path.name, command | {"outcome": "done", "finished_ts": 1.0} | refused)
        path.unlink()
        if command["command"] == "shut_down":
            return True
    return False


def want(root: Path, state: str) -> None:
    replace(root / "run" / "supervisor.wanted.json", {"wanted": state, "changed_by": "supervisor", "changed_ts": 1.0})


def replace(path: Path, value: dict[str, object]) -> None:
    temporary = path.with_name(f".{path.name}.pretend")
    temporary.write_text(json.dumps(value))
    temporary.replace(path)


def tell(root: Path, line: str) -> None:
    with (root / "told").open("a") as file:
        file.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]))
