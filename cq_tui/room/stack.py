"""Start, stop and restart the services: by commands to the supervisor, which is a process of its own."""

import asyncio
from typing import TYPE_CHECKING

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.room.controls import Controls, RequestRefused

if TYPE_CHECKING:
    from cq_tui.room.supervisor_keeper import SupervisorKeeper


class Stack:
    """The running services, controlled from the room.

    One worker a service, ``carry_requests``, carries what is asked of it to the supervisor, one after another.
    """

    def __init__(self, data: DataDir, controls: Controls) -> None:
        self._data = data
        self._controls = controls
        #: Set while this room keeps a supervisor alive.
        self.keeper: SupervisorKeeper | None = None
        self._requests: dict[str, asyncio.Queue[tuple[str, asyncio.Future[str]]]] = {
            service: asyncio.Queue() for service in SERVICES
        }

    async def start(self, service: str) -> str:
        """Start a service and return the message to show. Starts a supervisor when there is none."""
        return await self._request(service, "start_service") or f"starting {service}"

    async def stop(self, service: str) -> str:
        """Stop a service and return the message to show."""
        return await self._request(service, "stop_service") or f"{service} stopped"

    async def restart(self, service: str) -> str:
        """Restart a service and return the message to show."""
        return await self._request(service, "restart_service") or f"restarting {service}"

    async def stop_all(self) -> None:
        """Stop every service, then the supervisor. Raises RequestRefused or OSError."""
        await self._controls.stop_stack()

    async def carry_requests(self, service: str) -> None:
        """Carry the requests for one service to the supervisor, until canceled."""
        while True:
            command, answer = await self._requests[service].get()
            try:
                message = await self._carry(command, service)
            except (RequestRefused, OSError) as error:
                if not answer.done():
                    answer.set_exception(error)
            else:
                if not answer.done():
                    answer.set_result(message)

    async def _request(self, service: str, command: str) -> str:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._requests[service].put_nowait((command, answer))
        return await answer

    async def _carry(self, command: str, service: str) -> str:
        from cq_tui.store.lock import find_holder
        from cq_tui.supervisor.start import StartupFailed

        self._controls.check()
        lock = self._data.lock_of("supervisor")
        if self.keeper is not None and find_holder(lock) is None:
            await self.keeper.wait_while_starting()
        if find_holder(lock) is None:
            if self.keeper is None or command != "start_service":
                raise RequestRefused("no supervisor runs in this data directory; start one with `cq-tui up`")
            try:
                await self.keeper.start()
            except StartupFailed as error:
                raise RequestRefused(f"the supervisor did not start: {error}") from None
        return await self._controls.send_command(command, service)
