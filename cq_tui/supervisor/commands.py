"""Commands sent to the supervisor through ``control/``: run one at a time, answered, recorded as events."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from pydantic import BaseModel

from cq_tui.contracts.commands import Command, Outcome, command_executed_event
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.store.control import CommandInbox

if TYPE_CHECKING:
    from cq_tui.supervisor.supervisor import Supervisor


class CommandHandler:
    """The supervisor's inbox. ``emit`` records an event."""

    def __init__(self, data: DataDir, supervisor: "Supervisor", emit: Callable[[str, BaseModel], object]) -> None:
        self._inbox = CommandInbox(data, "supervisor", self._record)
        self._supervisor = supervisor
        self._emit = emit
        self._actions: dict[str, Callable[[str], Awaitable[None]]] = {
            "start_service": supervisor.start,
            "stop_service": supervisor.stop,
            "restart_service": supervisor.restart,
        }

    def answer_interrupted(self) -> None:
        """Answer commands that an earlier supervisor claimed but never finished. Raises OSError."""
        for command in self._inbox.answer_interrupted():
            self._record(command, "interrupted", "the supervisor ended while running it")

    async def run_pending(self) -> int:
        """Run all pending commands and return their number. Raises OSError."""
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
            # Before the answer is written: a full disk must not keep this supervisor running.
            self._supervisor.ended.set()
            return "done", "all services stopped"
        action = self._actions.get(command.command)
        if action is None:
            return "refused", f"the supervisor has no command {command.command!r}"
        if command.target not in SERVICES:
            return "refused", f"unknown service {command.target!r}"
        await action(command.target)
        return "done", ""

    def _record(self, command: Command, outcome: Outcome, message: str) -> None:
        self._emit("command_executed", command_executed_event(command, outcome, message))
