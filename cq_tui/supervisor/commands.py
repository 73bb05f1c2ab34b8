"""What others ask of the supervisor through ``control/``: carried out one after the other, answered, remembered."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from pydantic import BaseModel

from cq_tui.contracts.commands import Command, Outcome, command_executed_event
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.store.control import CommandInbox


class ServiceControl(Protocol):
    """What a command can ask for."""

    async def start(self, service: str) -> None:
        """Want a service to run."""

    async def stop(self, service: str) -> None:
        """Want a service stopped, and wait until it is."""

    async def restart(self, service: str) -> None:
        """Stop and start a service."""

    async def stop_all(self) -> None:
        """Stop everything, last started first."""


class CommandHandler:
    """The supervisor's inbox. ``remember`` makes an event of what was done."""

    def __init__(
        self,
        data: DataDir,
        supervisor: ServiceControl,
        remember: Callable[[str, BaseModel], object],
        end: Callable[[], object],
    ) -> None:
        """``end`` is called after everything was shut down."""
        self._inbox = CommandInbox(data, "supervisor")
        self._supervisor = supervisor
        self._emit = remember
        self._on_shut_down = end
        self._actions: dict[str, Callable[[str], Awaitable[None]]] = {
            "start_service": supervisor.start,
            "stop_service": supervisor.stop,
            "restart_service": supervisor.restart,
        }

    def answer_interrupted(self) -> None:
        """Answer what an earlier supervisor began and never ended. Raises OSError."""
        for command in self._inbox.answer_interrupted():
            self._record(command, "interrupted", "the supervisor ended while carrying it out")

    async def run_pending(self) -> int:
        """Carry out what waits and return how many commands that were. Raises OSError."""
        count = 0
        for command in self._inbox.claim():
            outcome, message = await self._execute(command)
            self._inbox.answer(command, outcome, message)
            self._record(command, outcome, message)
            count += 1
        return count

    async def _execute(self, command: Command) -> tuple[Outcome, str]:
        if command.command == "shut_down":
            await self._supervisor.stop_all()
            # Told before it is answered: a disk that refuses the answer must not keep us at work.
            self._on_shut_down()
            return "done", "all services stopped"
        action = self._actions.get(command.command)
        if action is None:
            return "refused", f"the supervisor knows no command {command.command!r}"
        if command.target not in SERVICES:
            return "refused", f"there is no service {command.target!r}"
        await action(command.target)
        return "done", ""

    def _record(self, command: Command, outcome: Outcome, message: str) -> None:
        self._emit("command_executed", command_executed_event(command, outcome, message))
