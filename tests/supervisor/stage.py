"""A data directory with fake services in real processes, and their supervisor."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psutil

from cq_tui.contracts.health import ServiceState, SupervisorHealth
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import read_document
from cq_tui.store.lock import read_holder
from cq_tui.supervisor.process import ServiceProcess
from cq_tui.supervisor.restart import RestartPolicy
from cq_tui.supervisor.silence import DEFAULT_LIMITS, SilenceLimits
from cq_tui.supervisor.supervisor import Supervisor

PRETEND = Path(__file__).with_name("pretend.py")
#: Without what is installed Python starts twice as fast.
QUICKLY = ("-I", "-S") if sys.platform == "linux" else ()
#: Seconds for what takes a fraction of one, on a machine with better things to do.
PATIENCE = 30.0


class Stage:
    """Starts fake services and keeps track of every process, so that none is left."""

    def __init__(self, root: Path) -> None:
        self.data = DataDir(root)
        prepare_data_directory(self.data)
        self.launched: list[tuple[str, ServiceProcess]] = []
        #: Words for the next process of a service; see ``pretend``.
        self.behavior: dict[str, list[str]] = defaultdict(list)
        #: Called in place of the first launches of a service.
        self.before_launch: dict[str, Callable[[], object]] = {}

    def launch(self, data: DataDir, service: str) -> ServiceProcess:
        """Start a fake service, as the supervisor starts a real one."""
        if before := self.before_launch.pop(service, None):
            before()
        with (data.logs / f"{service}.out").open("ab") as output:
            child = subprocess.Popen(
                [sys.executable, *QUICKLY, str(PRETEND), service, str(data.root), *self.behavior[service]],
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        process = ServiceProcess(child.pid, psutil.Process(child.pid).create_time(), child)
        self.launched.append((service, process))
        return process

    def supervisor(self, limits: SilenceLimits = DEFAULT_LIMITS) -> Supervisor:
        """A supervisor of the fake services that restarts them without much delay."""
        return Supervisor(
            self.data,
            launch=self.launch,
            make_policy=lambda: RestartPolicy(initial_delay=0.05),
            silence_limits=limits,
        )

    @contextlib.asynccontextmanager
    async def supervised(self, supervisor: Supervisor | None = None) -> AsyncIterator[Supervisor]:
        """Run a supervisor; afterwards the services keep running."""
        supervisor = supervisor or self.supervisor()
        assert supervisor.acquire()
        tasks = [asyncio.create_task(supervisor.supervise(service)) for service in SERVICES]
        tasks.append(asyncio.create_task(supervisor.serve()))
        try:
            yield supervisor
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            supervisor.release()
        for result in results:
            assert isinstance(result, asyncio.CancelledError), result

    def pids(self) -> dict[str, int]:
        """The holders of the services' locks."""
        holders = {name: read_holder(self.data.lock_of(name)) for name in SERVICES}
        return {name: holder.pid for name, holder in holders.items() if holder is not None}

    def report(self) -> SupervisorHealth:
        """The supervisor's last report."""
        return read_document(self.data.health_of("supervisor"), SupervisorHealth)

    def told(self) -> list[str]:
        """What the services wrote when they ended."""
        path = self.data.root / "told"
        return path.read_text().splitlines() if path.exists() else []

    def launches(self, service: str) -> int:
        """How often a service was started."""
        return sum(name == service for name, _ in self.launched)

    def close(self) -> None:
        """End every process that was started here."""
        for _, process in self.launched:
            assert process.child is not None
            if process.child.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
            process.child.wait()


@contextlib.contextmanager
def staged(root: Path) -> Iterator[Stage]:
    stage = Stage(root)
    try:
        yield stage
    finally:
        stage.close()


async def until(condition: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait for a condition; fail with what it looked like when it never held."""
    try:
        async with asyncio.timeout(patience):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"never came true within {patience} s") from None


def in_state(supervisor: Supervisor, state: str, *services: str) -> Callable[[], bool]:
    """Whether services (all, when none is named) are in a state."""
    return lambda: all(supervisor.state_of(name).state == state for name in services or SERVICES)


def states(supervisor: Supervisor) -> dict[str, ServiceState]:
    """The state of every service."""
    return {name: supervisor.state_of(name) for name in SERVICES}
