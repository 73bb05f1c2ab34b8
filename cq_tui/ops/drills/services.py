"""Services of a drill: processes as the supervisor starts them, in the drill's own environment."""

import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.drills.waiting import until
from cq_tui.store.document import DocumentError, read_json
from cq_tui.supervisor.process import ServiceProcess, find_process, spawn_service


class RunningService(Protocol):
    """One service process."""

    @property
    def health(self) -> dict[str, Any]:
        """What this very process said last; empty before it has said anything."""

    async def next_health(self) -> dict[str, Any]:
        """Wait for another report than the last one, and return it."""

    def kill(self) -> None:
        """End it as a power failure would."""

    async def stop(self) -> object:
        """Ask it to end, and wait until it has."""


#: Seconds within which a killed process is gone.
_KILL_PATIENCE = 5.0

#: Runs a service (name, data directory, variables of its environment) until the block ends.
RunService = Callable[..., AbstractAsyncContextManager[RunningService]]


class DrilledService:
    """A service process that a drill, or its supervisor, started."""

    def __init__(self, name: str, data: DataDir, process: ServiceProcess) -> None:
        self.name = name
        self._data = data
        self._process = process

    @property
    def health(self) -> dict[str, Any]:
        """What this very process said last; empty before it has said anything."""
        try:
            health = read_json(self._data.health_of(self.name))
        except DocumentError:
            return {}
        return health if health.get("pid") == self._process.pid else {}

    async def next_health(self) -> dict[str, Any]:
        """Wait for another report than the last one, and return it."""
        seen = self.health.get("last_update_ts")
        await until(lambda: self.health.get("last_update_ts") != seen, f"another report of {self.name}")
        return self.health

    @property
    def is_running(self) -> bool:
        """Whether the process is still there."""
        return self._process.is_running()

    def kill(self) -> None:
        """End it as a power failure would; return when it is gone."""
        self._process.send_signal(signal.SIGKILL)
        end = time.monotonic() + _KILL_PATIENCE
        while self._process.is_running() and time.monotonic() < end:
            time.sleep(0.002)

    async def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        await self._process.terminate()

    def suspend(self) -> None:
        """Hold it, as a machine that sleeps does."""
        self._process.send_signal(signal.SIGSTOP)


def services_in(environment: Mapping[str, str]) -> RunService:
    """Return what runs services in this environment."""

    @asynccontextmanager
    async def run(name: str, data: DataDir, **variables: str) -> AsyncIterator[RunningService]:
        service = DrilledService(name, data, spawn_service(data, name, {**environment, **variables}))
        try:
            yield service
        finally:
            service.kill()

    return run


def find_service(name: str, data: DataDir) -> DrilledService | None:
    """Return the service that holds its lock, whoever started it."""
    process = find_process(data, name)
    return None if process is None else DrilledService(name, data, process)
