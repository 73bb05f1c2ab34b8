"""A drill: its name, what it shows, and what is done to the services."""

import dataclasses
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from cq_tui.contracts.drills import DrillStep
from cq_tui.ops.drills.field import Field
from cq_tui.ops.drills.naked_time import NEVER, Span
from cq_tui.ops.drills.services import DrilledService, RunService, find_service
from cq_tui.ops.drills.small_disk import SmallDisk
from cq_tui.supervisor.desired_state import write_desired_state
from cq_tui.supervisor.process import ServiceProcess
from cq_tui.supervisor.start import spawn_supervisor

#: Seconds without a stop that a drill forgives: the exchange protects with the entry, the rest is a busy machine.
_MOST_NAKED = 5.0
#: Seconds that a sabotaged product has for what it cannot do any more.
_SABOTAGED_PATIENCE = 3.0
#: What trades beside ARES, which the drill plays, and an exchange, which it has.
DRILLED_SERVICES = ("memory", "feeder", "trader")


@dataclass(slots=True)
class Scene:
    """One run of a drill."""

    field: Field
    #: The folder of everything private.
    folder: Path
    run: RunService
    environment: dict[str, str]
    tell: Callable[[str], object]
    #: Breaks the product's answer once the failure is there; None in a real drill.
    sabotage: "Sabotage | None" = None
    #: The data directory's own file system; None where none may be mounted.
    disk: SmallDisk | None = None
    began: float = dataclasses.field(default_factory=time.monotonic)
    steps: list[DrillStep] = dataclasses.field(default_factory=list)
    #: When a position could not be protected, by the exchange's clock.
    excused: Span = NEVER
    #: Faults that the drill made in the history.
    expected_faults: int = 0
    #: The supervisors, where the drill has them; the last one may run.
    supervisors: list[ServiceProcess] = dataclasses.field(default_factory=list)

    def step(self, text: str) -> None:
        """Tell what happens now."""
        self.steps.append(DrillStep(at=round(time.monotonic() - self.began, 2), text=text))
        self.tell(text)

    async def failure_is_there(self, text: str) -> None:
        """Tell that the failure is there: from now on the product has to answer it."""
        self.step(text)
        if self.sabotage is not None:
            await self.sabotage(self)
            self.field.patience = _SABOTAGED_PATIENCE

    def excuse_since(self, moment: int) -> None:
        """Do not count the time without protection from this time of the exchange until now."""
        self.excused = Span(moment, self.field.exchange.time())

    async def supervise(self) -> None:
        """Start a supervisor, and wait until it has started the services."""
        around = self.field
        for name in ("exchange", "ares"):
            write_desired_state(around.data, name, "stopped", "drill")
        self.supervisors.append(spawn_supervisor(around.data, environment=self.environment))
        for name in DRILLED_SERVICES:
            await around.until(lambda name=name: self._find(name), f"{name} started by the supervisor")  # type: ignore[misc]

    def _find(self, name: str) -> DrilledService | None:
        found = find_service(name, self.field.data)
        if found is not None:
            self.field.services[name] = found
        return found

    async def kill_everything(self) -> None:
        """Kill supervisor and services."""
        for supervisor in self.supervisors[-1:]:
            DrilledService("supervisor", self.field.data, supervisor).kill()
        for service in self.field.services.values():
            service.kill()

    def forget_processes(self) -> None:
        """Take the exit codes of supervisors, which have ended."""
        for supervisor in self.supervisors:
            supervisor.is_running()

    async def end_services(self) -> None:
        """Ask every service to end, memory last: it takes what the others still tell."""
        if self.supervisors:
            await self.supervisors[-1].terminate(timeout=self.field.patience)
            return
        for _, service in sorted(self.field.services.items(), key=lambda each: each[0] == "memory"):
            await service.stop()


Sabotage = Callable[[Scene], Awaitable[None]]


async def leave_the_trader_dead(scene: Scene) -> None:
    """The simplest sabotage: the trader is killed, and nobody starts it again."""
    scene.field.services["trader"].kill()


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill. ``play`` does what its description says, and raises DrillFailed where the product does not answer."""

    name: str
    #: What happens, and what has to come of it; a sentence each.
    description: str
    play: Callable[[Scene], Awaitable[None]]
    symbols: tuple[str, ...] = ("BTCUSDT", "ETHUSDT")
    settings: dict[str, object] = dataclasses.field(default_factory=dict)
    most_naked: float = _MOST_NAKED
    needs_small_disk: bool = False
    is_supervised: bool = False
    #: How the product's answer is broken to see that the drill can fail.
    sabotage: Sabotage = leave_the_trader_dead
