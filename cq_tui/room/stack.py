"""Start, stop and leave the stack: through our own supervisor, or by commands to the one that holds the lock."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from cq_tui.contracts.layout import DataDir

if TYPE_CHECKING:
    from cq_tui.supervisor.protocol import SupervisorProtocol

#: Starts a worker for one long-running part of the supervision: (coroutine, name).
RunWorker = Callable[[Coroutine[Any, Any, None], str], object]
#: Cancels those workers and waits until they have ended.
CancelWorkers = Callable[[], Awaitable[None]]


class RequestRefused(Exception):
    """A request was refused; the message says why."""


class Stack:
    """The running services, controlled from the room."""

    def __init__(
        self,
        data: DataDir,
        supervisor: "SupervisorProtocol | None",
        run_worker: RunWorker,
        cancel_workers: CancelWorkers,
    ) -> None:
        self._data = data
        self.supervisor = supervisor
        self._run_worker = run_worker
        self._cancel_workers = cancel_workers
        #: Whether this room holds the supervisor's lock.
        self.supervises = False

    def start_supervising(self) -> bool:
        """Become the supervisor unless there is one; return whether we are. Raises OSError for an unusable lock."""
        if self.supervisor is None or self.supervises or not self.supervisor.acquire():
            return self.supervises
        self.supervises = True
        self._run_worker(self.supervisor.serve(), "serve")
        for service in self.supervisor.services:
            self._run_worker(self.supervisor.supervise(service), service)
        return True

    async def wait_for_shut_down(self) -> None:
        """Wait until ``cq-tui down`` shuts the stack down; from then on this room only watches."""
        if self.supervisor is not None:
            await self.supervisor.ended.wait()
            await self._stop_supervising()

    async def _stop_supervising(self) -> None:
        if self.supervises and self.supervisor is not None:
            self.supervises = False
            await self._cancel_workers()
            self.supervisor.release()

    def is_supervised(self) -> bool:
        """Whether this room or another process is the supervisor."""
        from cq_tui.store.lock import read_holder

        return self.supervises or read_holder(self._data.lock_of("supervisor")) is not None

    async def start(self, service: str) -> str:
        """Start a service and return the message to show. Becomes the supervisor when there is none."""
        if not self.is_supervised():
            self.start_supervising()
        return await self._control_service("start_service", service, f"starting {service}")

    async def stop(self, service: str) -> str:
        """Stop a service and return the message to show."""
        return await self._control_service("stop_service", service, f"{service} stopped")

    async def restart(self, service: str) -> str:
        """Restart a service and return the message to show."""
        return await self._control_service("restart_service", service, f"restarting {service}")

    async def stop_all(self) -> None:
        """Stop every service. Raises RequestRefused when another supervisor does not do it."""
        if self.supervises and self.supervisor is not None:
            await self.supervisor.stop_all()
            await self._stop_supervising()
        else:
            await self._send_command("shut_down", None)

    async def detach(self) -> None:
        """Hand the services over to a headless supervisor; a room that only watches has nothing to hand over."""
        if self.supervises and self.supervisor is not None:
            self.supervises = False
            await self._cancel_workers()
            self.supervisor.hand_over()

    async def _control_service(self, command: str, service: str, done: str) -> str:
        if self.supervises and self.supervisor is not None:
            from cq_tui.supervisor.protocol import service_actions

            await service_actions(self.supervisor)[command](service)
            return done
        return await self._send_command(command, service) or done

    async def _send_command(self, command: str, target: str | None) -> str:
        from cq_tui.store.control import issue_command, wait_for_answer
        from cq_tui.store.reserve import describe_error

        if not self.is_supervised():
            raise RequestRefused(
                "no supervisor runs in this data directory; start one with `cq-tui up`, or open the room without --view"
            )
        try:
            request = issue_command(self._data, command, "supervisor", target=target, issued_by="room")
        except OSError as error:
            raise RequestRefused(f"cannot write the command: {describe_error(error)}") from None
        answer = await wait_for_answer(self._data, request)
        if answer.outcome != "done":
            raise RequestRefused(f"{answer.outcome}: {answer.message}")
        return answer.message
