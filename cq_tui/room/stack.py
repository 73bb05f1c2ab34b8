"""Starting, stopping and leaving the stack: by our own supervisor, or by asking the one that holds the lock."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from cq_tui.contracts.layout import DataDir

#: Starts a worker for one long-running part of the supervision: (coroutine, name).
RunWorker = Callable[[Coroutine[Any, Any, None], str], object]
#: Cancels those workers and waits until they have ended.
CancelWorkers = Callable[[], Awaitable[None]]


class SupervisorProtocol(Protocol):
    """What the room needs of a supervisor."""

    @property
    def services(self) -> tuple[str, ...]:
        """Services in start order."""

    @property
    def ended(self) -> asyncio.Event:
        """Set when the stack was shut down from elsewhere."""

    def acquire(self) -> bool:
        """Take the lock; False when somebody else supervises."""

    async def supervise(self, service: str) -> None:
        """Keep one service as it is wanted, until cancelled."""

    async def serve(self) -> None:
        """Carry out commands and report health, until cancelled."""

    async def start(self, service: str) -> None:
        """Want a service to run."""

    async def stop(self, service: str) -> None:
        """Want a service stopped, and wait until it is."""

    async def restart(self, service: str) -> None:
        """Stop and start a service."""

    async def stop_all(self) -> None:
        """Stop everything, last started first."""

    def release(self) -> None:
        """Give the lock back; the services go on."""

    def hand_over(self) -> None:
        """Release the lock and leave the stack to a headless supervisor."""


class RequestRefused(Exception):
    """A request was not carried out; the message says why."""


class Stack:
    """The running services, steered from the room."""

    def __init__(
        self, data: DataDir, supervisor: SupervisorProtocol | None, run_worker: RunWorker, end_workers: CancelWorkers
    ) -> None:
        self._data = data
        self.supervisor = supervisor
        self._run_worker = run_worker
        self._cancel_workers = end_workers
        #: Whether this room holds the supervisor's lock.
        self.supervises = False

    def start_supervising(self) -> bool:
        """Supervise, if nobody else does; return whether we do. Raises OSError when the lock cannot be taken."""
        if self.supervisor is None or self.supervises or not self.supervisor.acquire():
            return self.supervises
        self.supervises = True
        self._run_worker(self.supervisor.serve(), "serve")
        for service in self.supervisor.services:
            self._run_worker(self.supervisor.supervise(service), service)
        return True

    async def wait_for_shut_down(self) -> None:
        """Wait until somebody shut the stack down (``cq-tui down``); from then on this room only watches."""
        if self.supervisor is not None:
            await self.supervisor.ended.wait()
            await self._stop_supervising()

    async def _stop_supervising(self) -> None:
        if self.supervises and self.supervisor is not None:
            self.supervises = False
            await self._cancel_workers()
            self.supervisor.release()

    def is_supervised(self) -> bool:
        """Whether anybody keeps the services as they are wanted."""
        from cq_tui.store.lock import read_holder

        return self.supervises or read_holder(self._data.lock_of("supervisor")) is not None

    async def start(self, service: str) -> str:
        """Start a service; return what to tell. A room that watches takes over when nobody supervises any more."""
        if not self.supervises and not self.is_supervised():
            self.start_supervising()
        return await self._control_service(
            "start_service", service, "starts", self.supervisor.start if self.supervisor else None
        )

    async def stop(self, service: str) -> str:
        """Stop a service; return what to tell."""
        return await self._control_service(
            "stop_service", service, "has stopped", self.supervisor.stop if self.supervisor else None
        )

    async def restart(self, service: str) -> str:
        """Restart a service; return what to tell."""
        return await self._control_service(
            "restart_service", service, "restarts", self.supervisor.restart if self.supervisor else None
        )

    async def stop_all(self) -> None:
        """Stop every service. Raises Refused when the supervisor elsewhere does not do it."""
        if self.supervises and self.supervisor is not None:
            await self.supervisor.stop_all()
            await self._stop_supervising()
        else:
            await self._send_command("shut_down", None)

    async def detach(self) -> None:
        """Leave the services to a headless supervisor; a room that only watches has nothing to hand over."""
        if self.supervises and self.supervisor is not None:
            self.supervises = False
            await self._cancel_workers()
            self.supervisor.hand_over()

    async def _control_service(
        self, command: str, service: str, said: str, own: Callable[[str], Awaitable[None]] | None
    ) -> str:
        if self.supervises and own is not None:
            await own(service)
            return f"{service} {said}"
        return await self._send_command(command, service) or f"{service} {said}"

    async def _send_command(self, command: str, target: str | None) -> str:
        from cq_tui.store.control import issue_command, wait_for_answer

        if not self.is_supervised():
            raise RequestRefused(
                "nobody supervises this data directory; open the room without another one, or `cq-tui up`"
            )
        try:
            request = issue_command(self._data, command, "supervisor", target=target, issued_by="room")
        except OSError as error:
            raise RequestRefused(f"the command cannot be written: {error.strerror}") from None
        answer = await wait_for_answer(self._data, request)
        if answer.outcome != "done":
            raise RequestRefused(f"{answer.outcome}: {answer.message}")
        return answer.message
