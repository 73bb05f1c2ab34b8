"""The simulated exchange as a service: where it listens and with which key stands in ``run/exchange.json``."""

import asyncio
import contextlib
import os
import time
from pathlib import Path
from urllib.parse import urlsplit

from cq_tui.contracts.health import ExchangeHealth, FeederHealth
from cq_tui.contracts.mode import Mode
from cq_tui.contracts.runfiles import ExchangeAddress
from cq_tui.contracts.settings import Settings
from cq_tui.contracts.tickers import TickersError, tickers_from_bytes
from cq_tui.services.frame import Frame, Service
from cq_tui.simulator.engine.ledger import LedgerError
from cq_tui.simulator.market.live import LiveQuote, QuotesMissing
from cq_tui.simulator.market.recordings import ReplayError
from cq_tui.simulator.market.symbols import UnknownSymbolError
from cq_tui.simulator.server import DEFAULT_SEED, Endpoint, PortInUseError, SimulatorConfig
from cq_tui.simulator.server import run as run_simulator
from cq_tui.store.document import DocumentError, read_content, read_document, write_document
from cq_tui.store.journal import JournalError

#: Seconds between two looks for real quotes in paper mode.
_QUOTES_PAUSE = 0.5


class ExchangeService(Service):
    """The service."""

    name = "exchange"

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame)
        self._endpoint: Endpoint | None = None
        self._again = asyncio.Event()
        self._port_is_taken = False
        self._config = self._wanted(frame.settings)
        self._market = _market_of(frame.settings, frame.mode.mode)
        self._waiting_for: str | None = None
        self._problem: str | None = None

    async def run(self) -> None:
        """Run the simulator; start it anew when its seed, symbols, recording or port change."""
        while not self.frame.stopping.is_set():
            self._again.clear()
            self._market = _market_of(self.frame.settings, self.frame.mode.mode)
            self._config = self._wanted(self.frame.settings)
            try:
                await self._run_once(self._config)
            except (ReplayError, UnknownSymbolError, LedgerError, JournalError) as error:
                # Starting again would fail again: say why, and wait for other settings.
                await self._give_up(str(error))
            except QuotesMissing as reason:
                self._waiting_for = str(reason)
                await asyncio.sleep(_QUOTES_PAUSE)
            except PortInUseError as error:
                if self.frame.settings.SIMULATOR_PORT:
                    await self._give_up(str(error.strerror))
                else:
                    # The port of the last time is taken by somebody else: any other does as well.
                    self._port_is_taken = True
            self._endpoint = None

    async def _give_up(self, problem: str) -> None:
        self._problem = problem
        self.frame.log.error("cannot run", problem=problem)
        self.frame.beat(self.health(time.time()))
        await self._first_of(self.frame.stopping, self._again)
        self._problem = None

    async def _run_once(self, config: SimulatorConfig) -> None:
        stop = asyncio.Event()
        ending = asyncio.create_task(self._first_of(self.frame.stopping, self._again))
        ending.add_done_callback(lambda _: stop.set())
        try:
            await run_simulator(config, on_ready=self._ready, stop=stop)
        finally:
            ending.cancel()
            await asyncio.gather(ending, return_exceptions=True)

    @staticmethod
    async def _first_of(*events: asyncio.Event) -> None:
        waits = [asyncio.create_task(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _wanted(self, settings: Settings) -> SimulatorConfig:
        """Key and port stay what they were, so that clients find us again after a crash."""
        known: ExchangeAddress | None = None
        with contextlib.suppress(DocumentError):
            known = read_document(self.frame.data.exchange_address, ExchangeAddress)
        port = settings.SIMULATOR_PORT or (0 if known is None or self._port_is_taken else _port_of(known))
        replay = settings.SIMULATOR_REPLAY
        paper = self.frame.mode.mode == "paper"
        return SimulatorConfig(
            port=port,
            seed=DEFAULT_SEED if settings.SIMULATOR_SEED is None else settings.SIMULATOR_SEED,
            symbols=tuple(settings.SYMBOLS),
            replay=None if replay is None or paper else Path(replay),
            live=self._real_quotes if paper else None,
            ledger=self.frame.data.ledger,
            api_key=known.api_key.get_secret_value() if known else None,
            api_secret=known.api_secret.get_secret_value() if known else None,
        )

    def _real_quotes(self) -> dict[str, LiveQuote]:
        """Return what the feeder brought from the real exchange; nothing when it is old, or from another mode."""
        try:
            feeder = read_document(self.frame.data.health_of("feeder"), FeederHealth)
            _, tickers = tickers_from_bytes(read_content(self.frame.data.tickers))
        except (DocumentError, TickersError):
            return {}
        limit = time.time() - self.frame.settings.ARES_FRESHNESS_THRESHOLD
        if feeder.mode != "paper" or feeder.last_update_ts < limit:
            return {}
        return {
            symbol: LiveQuote(ticker.bid, ticker.ask, ticker.price)
            for symbol, ticker in tickers.items()
            if ticker.timestamp >= limit
        }

    def _ready(self, endpoint: Endpoint) -> None:
        address = {
            "rest_url": endpoint.rest_url,
            "stream_url": endpoint.stream_url,
            "ws_api_url": endpoint.ws_api_url,
            "api_key": endpoint.api_key,
            "api_secret": endpoint.api_secret,
            "pid": os.getpid(),
            "started_ts": time.time(),
        }
        write_document(self.frame.data.exchange_address, address, mode=0o600)
        self._endpoint = endpoint
        self._port_is_taken = False
        self.frame.log.info("listening", url=endpoint.rest_url)
        self.frame.beat(self.health(time.time()))

    async def settings_changed(self) -> None:
        """Start anew for a market that is another one."""
        if _market_of(self.frame.settings, self.frame.mode.mode) != self._market:
            self._again.set()

    def health(self, now: float) -> ExchangeHealth:
        """Say where it listens."""
        ready = self._endpoint is not None
        config = self._config
        return ExchangeHealth(
            service="exchange",
            status="error" if self._problem else "ok" if ready else "degraded",
            reason=self._problem or (None if ready else self._waiting_for or "is starting"),
            waiting_for=None if ready else self._waiting_for,
            last_update_ts=now,
            updated_within_sec=0.0,
            ready=ready,
            symbols_count=len(config.symbols),
            rest_url=self._endpoint.rest_url if self._endpoint else None,
            source=_source(config),
        )


def _market_of(settings: Settings, mode: Mode) -> tuple[object, ...]:
    """Return what makes it another exchange when it changes."""
    chosen = (settings.SIMULATOR_PORT, settings.SIMULATOR_SEED, settings.SIMULATOR_REPLAY, *settings.SYMBOLS)
    return mode == "paper", *chosen


def _port_of(address: ExchangeAddress) -> int:
    """Return the port of the last time; 0, for any, when the file is damaged."""
    try:
        return urlsplit(address.rest_url).port or 0
    except ValueError:
        return 0


def _source(config: SimulatorConfig) -> str:
    if config.live is not None:
        return "real quotes"
    return f"replay of {config.replay.name}" if config.replay else f"seed {config.seed}"
