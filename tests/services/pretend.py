"""A service that lives as long as it is let, and does what a file tells it to."""

import asyncio
import resource

from cq_tui.contracts.base import Status
from cq_tui.contracts.commands import Command, Outcome
from cq_tui.contracts.health import Health
from cq_tui.services import runtime as services_frame
from cq_tui.services.runtime import Service, ServiceRuntime


class Pretend(Service):
    """Takes the place of the trader."""

    name = "trader"
    heartbeat_interval = 0.05

    def __init__(self, frame: ServiceRuntime) -> None:
        super().__init__(frame)
        self.seen = 0
        self.asked: Status = "ok"
        self.limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    async def run(self) -> None:
        order = self.runtime.data.root / "order"
        while not self.runtime.stopping.is_set():
            if order.exists():
                word = order.read_text()
                order.unlink()
                await getattr(self, word)()
            await asyncio.sleep(0.01)
        self.runtime.log.info("ended in good order")

    async def crash(self) -> None:
        raise RuntimeError("as ordered")

    async def stubborn(self) -> None:
        services_frame.SHUTDOWN_GRACE = 0.5
        await asyncio.Event().wait()

    async def full(self) -> None:
        spool = self.runtime.data.spool / "trader.ndjson"
        # The limit holds for all files: the spool has to be the largest for the others to be written.
        self.runtime.emit("filler", {"fill": "x" * 20_000})
        resource.setrlimit(resource.RLIMIT_FSIZE, (spool.stat().st_size + 10, self.limits[1]))
        self.runtime.emit("e", {"number": 1})
        self.runtime.emit("e", {"number": 2})

    async def room(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self.limits)

    async def unspoolable(self) -> None:
        self.runtime.emit("e", {"number": 2**70})
        self.runtime.emit("e", {"number": 3})

    async def on_settings_changed(self) -> None:
        self.seen += 1

    def health(self, now: float) -> Health:
        settings = self.runtime.settings
        fields = {"seen": self.seen, "quote": settings.TRADER_ORDER_QUOTE, "trading_state": settings.TRADING_STATE}
        return Health(service="trader", status=self.asked, last_update_ts=now, updated_within_sec=0.0, **fields)

    async def execute_command(self, command: Command) -> tuple[Outcome, str]:
        return ("done", "as asked") if command.command == "known" else self.refuse(command)
