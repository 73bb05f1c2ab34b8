"""Starts service processes quickly: a process that has imported everything once forks for each of them.

Run as a program it reads one JSON request a line and answers with the pid of the new process. What it forks is a
process like any other: a session of its own, killed by its pid, and gone without a trace; on Linux it ends with the
tests, however they end. Only its heart beats faster,
"not found" is believed sooner, the status of symbols is read more often, and an exchange has a short history: tests
wait for what a service says, not for the time at which it says it.
"""

import atexit
import ctypes
import importlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path
from unittest.mock import patch

#: Seconds between two health files.
HEARTBEAT = 0.1
#: Seconds after which the exchange is believed that an order never arrived.
NOT_FOUND_SECONDS = 1.0
#: Seconds between two readings of the status of symbols.
STATUS_INTERVAL = 1.0
#: How far the prices of a simulated exchange reach back (ms).
HISTORY_MS = 1_200_000
#: A signal for when the parent has ended; prctl(2).
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Request:
    """What to run; the exit code is written to ``code_file``. ``kind`` (module:class) takes the service's place."""

    name: str
    root: str
    variables: dict[str, str]
    code_file: str
    kind: str | None = None


class Zygote:
    """The process that forks, started when it is first needed."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.services.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment | {"OPENBLAS_NUM_THREADS": "1"},
            cwd=Path(__file__).resolve().parents[2],
            text=True,
        )
        atexit.register(self.close)

    def start(self, request: Request) -> int:
        """Return the pid of a new process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(astuple(request)) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it, and on Linux what it forked."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait(60)


def main() -> None:
    """Fork for each request until the input ends."""
    import cq_tui.services.ares.service
    import cq_tui.services.exchange
    import cq_tui.services.feeder
    import cq_tui.services.memory
    import cq_tui.services.trader  # noqa: F401 - forked with all of it in memory
    from cq_tui.binance import http, rules_refresh
    from cq_tui.services.exchange import public_market
    from cq_tui.services.exchange import service as exchange
    from cq_tui.services.feeder import session as feeder_session
    from cq_tui.services.memory.service import MemoryService
    from cq_tui.services.runtime import Service
    from cq_tui.simulator.server import SimulatorConfig
    from cq_tui.trading.core import inquiring

    for service in (Service, MemoryService):
        patch.object(service, "heartbeat_interval", HEARTBEAT).start()
    patch.object(inquiring, "MIN_SECONDS", NOT_FOUND_SECONDS).start()
    for module in (feeder_session, public_market):
        patch.object(module, "_STATUS_INTERVAL", STATUS_INTERVAL).start()
    patch.object(rules_refresh, "_FIRST_WAIT", STATUS_INTERVAL).start()
    patch.object(exchange, "SimulatorConfig", partial(SimulatorConfig, history_ms=HISTORY_MS)).start()
    http._ssl_context(with_environment=False)  # read once, before it forks
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children: they leave no zombie
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    for line in sys.stdin:
        request = Request(*json.loads(line))
        pid = os.fork()
        if pid == 0:
            if libc is not None:
                libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            _become(request)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _become(request: Request) -> None:
    from cq_tui.contracts.layout import DataDir
    from cq_tui.services import runner

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.environ.update(request.variables)
    sys.path[:0] = [folder for folder in request.variables.get("PYTHONPATH", "").split(os.pathsep) if folder]
    if request.kind is not None:
        module, _, name = request.kind.partition(":")
        kind = getattr(importlib.import_module(module), name)
        patch.object(runner, "load_service", lambda _: kind).start()
    code = 70
    try:
        code = runner.run_service(request.name, DataDir(Path(request.root)))
    finally:
        Path(request.code_file).write_text(str(code))
        os._exit(code)


if __name__ == "__main__":
    main()
