"""Make the data directory of a release: check its commit out, run it, and pack what it wrote, without keys.

``python -m tests.releases.make 75aad85 0.1.0`` writes ``tests/releases/0.1.0/data.tar.gz``. The commit of 0.1.0 is the
last one before the changes that CHANGELOG.md lists as unreleased: that list was begun by b5965eb ("Tell users what
changed since 0.1.0"), as the first page of a series of commits whose first one is 51ef0ee; 75aad85 is its parent.
The release runs with the libraries of this environment.
"""

import contextlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

HERE = Path(__file__).parent
PATIENCE = 240.0
SETTINGS: dict[str, object] = {
    "SIMULATION_MODE": True, "TEST_ALLOW_DEFAULT_SIGNAL": True, "SYMBOLS": ["BTCUSDT", "ETHUSDT", "SOLUSDT"],
    "SIMULATOR_SEED": 7, "TRADER_ORDER_COOLDOWN": 0.0, "MEMORY_SNAPSHOT_INTERVAL": 10.0,
    "MEMORY_CHECKPOINT_INTERVAL": 2.0, "ARES_FRESHNESS_THRESHOLD": 60.0,
}  # fmt: skip
#: What belongs to processes, is long, or holds keys.
LEFT_OUT = ("run", "logs", "health", "market/klines", "memory/.hash_chain.json.hidden")


def main() -> None:
    commit, version = sys.argv[1:]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source = subprocess.run(["git", "archive", commit], check=True, capture_output=True, cwd=HERE.parents[1]).stdout
        with tarfile.open(fileobj=io.BytesIO(source)) as tar:
            tar.extractall(folder / "source", filter="data")
        data = folder / "data"
        (data / "ssot").mkdir(mode=0o700, parents=True)
        (data / "ssot" / "env.json").write_bytes(orjson.dumps(SETTINGS))
        run_release(folder / "source", data, folder / "config")
        target = HERE / version / "data.tar.gz"
        target.parent.mkdir(exist_ok=True)
        pack(data, target)
        print(target, target.stat().st_size)


def run_release(source: Path, data: Path, config: Path) -> None:
    """Trade until there is a position with its stop, and something was sold; then end it as a power failure would."""
    environment = {**os.environ, "PYTHONPATH": str(source), "CQ_CONFIG_DIR": str(config)}
    words = [sys.executable, "-m", "cq_tui", "--data-dir", str(data)]
    supervisor = subprocess.Popen([*words, "up"], env=environment, cwd=source, start_new_session=True)
    try:
        wait(lambda: len(account(data).get("positions", {})) >= 2 and events(data).count(b'"order_executed"') >= 2)
        wait(lambda: (data / "memory" / "checkpoints.log").exists() and any((data / "memory" / "snapshots").iterdir()))
        for path in (data / "run").glob("*.lock"):
            with contextlib.suppress(ValueError, KeyError, OSError):
                # The supervisor first: it would start the others again.
                os.kill(supervisor.pid, signal.SIGKILL)
                os.kill(orjson.loads(path.read_bytes())["pid"], signal.SIGKILL)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(supervisor.pid, signal.SIGKILL)
        supervisor.wait()


def account(data: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = orjson.loads((data / "state" / "account.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return found


def events(data: Path) -> bytes:
    try:
        return (data / "memory" / "event_chain.ndjson").read_bytes()
    except OSError:
        return b""


def wait(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("the release did not come so far")
        time.sleep(0.1)


def pack(data: Path, target: Path) -> None:
    """Write everything but what is left out; times and owners are of no meaning."""
    with tarfile.open(target, "w:gz") as tar:
        for path in sorted(data.rglob("*")):
            name = str(path.relative_to(data))
            if path.is_file() and not name.startswith(LEFT_OUT) and not path.name.endswith(".lock"):
                member = tarfile.TarInfo(name)
                member.size, member.mode = path.stat().st_size, 0o600
                tar.addfile(member, io.BytesIO(path.read_bytes()))


if __name__ == "__main__":
    main()
