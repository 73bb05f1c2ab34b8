"""An exchange that obeys its operator, forked for a test like the services: a start of its own takes it a second."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from cq_tui.contracts.settings import Settings
from cq_tui.ops.drills.private_exchange import SEED, PrivateExchange
from cq_tui.services.exchange.public_market import PublicMarket
from cq_tui.services.exchange.service import ExchangeService
from cq_tui.simulator.access.rate_limits import RateLimitSettings
from cq_tui.simulator.server import SimulatorConfig
from cq_tui.store.document import read_json
from tests.ops.flattening.faults import SYMBOLS
from tests.services.processes import data_directory, running
from tests.services.waiting import until


class ObedientExchange(ExchangeService):
    """The exchange service, with /admin."""

    #: Nobody reads its health.
    heartbeat_interval = 60.0

    def _build_config(self, settings: Settings, real: PublicMarket | None = None) -> SimulatorConfig:
        return replace(super()._build_config(settings, real), admin=True, limits=RateLimitSettings(enforced=False))


@asynccontextmanager
async def obedient_exchange(folder: Path) -> AsyncIterator[PrivateExchange]:
    """Start one, and end it."""
    data = data_directory(folder, SYMBOLS=[*SYMBOLS], SIMULATOR_SEED=SEED)
    async with running("exchange", data, f"{__name__}:{ObedientExchange.__name__}"):
        await until(data.exchange_address.exists)
        exchange = PrivateExchange(read_json(data.exchange_address))
        try:
            yield exchange
        finally:
            exchange.close()
