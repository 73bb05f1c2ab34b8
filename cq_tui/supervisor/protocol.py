"""The interface of a supervisor, as the room and the supervisor's own command handler use it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol


class SupervisorProtocol(Protocol):
    """Starts and stops the services of one data directory while it holds the lock."""

    @property
    def services(self) -> tuple[str, ...]:
        """Services in start order."""

    @property
    def ended(self) -> asyncio.Event:
        """Set once a ``shut_down`` command has been carried out."""

    def acquire(self) -> bool:
        """Take the lock; False when another supervisor holds it."""

    async def supervise(self, service: str) -> None:
        """Keep one service in its desired state until canceled."""

    async def serve(self) -> None:
        """Run commands and report health until canceled."""

    async def start(self, service: str) -> None:
        """Set a service's desired state to running."""

    async def stop(self, service: str) -> None:
        """Stop a service and wait for its exit."""

    async def restart(self, service: str) -> None:
        """Stop a service and start it again."""

    async def stop_all(self) -> None:
        """Stop every service in reverse start order."""

    def release(self) -> None:
        """Release the lock; the services keep running."""

    def hand_over(self) -> None:
        """Release the lock and start a headless supervisor in our place."""


def service_actions(supervisor: SupervisorProtocol) -> dict[str, Callable[[str], Awaitable[None]]]:
    """Map each command on one service, by its name in ``control/``, to the method that runs it."""
    return {
        "start_service": supervisor.start,
        "stop_service": supervisor.stop,
        "restart_service": supervisor.restart,
    }
