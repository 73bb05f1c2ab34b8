"""The simulated exchange as a service; its addresses and API key are in ``run/exchange.json``."""

import asyncio
import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cq_tui.binance.errors import BinanceError
from cq_tui.contracts.health import ExchangeHealth
from cq_tui.contracts.runfiles import ExchangeAddress
from cq_tui.contracts.settings import DEFAULT_SYMBOLS, Settings
from cq_tui.contracts.symbol_choice import expand_symbols, top_entry
from cq_tui.services.ares_state import other_symbols
from cq_tui.services.endpoints import ExchangeUnavailable, market_data_access, request_budget
from cq_tui.services.held_symbols import HeldSymbols
from cq_tui.services.runtime import Service, ServiceRuntime
from cq_tui.simulator.engine.ledger import LedgerError
from cq_tui.simulator.market.recordings import ReplayError
from cq_tui.simulator.market.symbols import UnknownSymbolError, split_symbol
from cq_tui.simulator.server import DEFAULT_SEED, ExchangeEndpoint, PortInUseError, SimulatorConfig
from cq_tui.simulator.server import run as run_simulator
from cq_tui.store.document import DocumentError, read_document, write_document
from cq_tui.store.journal import JournalError

if TYPE_CHECKING:
    from cq_tui.services.exchange.public_market import PublicMarket

#: Seconds before retrying a real market that could not be reached.
_RETRY_PAUSE = 2.0
#: Seconds between two looks at what strategies read.
_LOOK_PAUSE = 1.0


class CannotAnnounceError(Exception):
    """The file that says where the exchange listens cannot be written: nobody would find it."""


class ExchangeService(Service):
    """The exchange service."""

    name = "exchange"

    def __init__(self, runtime: ServiceRuntime) -> None:
        super().__init__(runtime)
        self._endpoint: ExchangeEndpoint | None = None
        self._restart = asyncio.Event()
        self._port_is_taken = False
        self._held = HeldSymbols(runtime.data)
        self._config = self._build_config(runtime.settings)
        self._running_market_settings = self._market_settings()
        self._public_market: PublicMarket | None = None
        self._waiting_for: str | None = None
        self._problem: str | None = None

    async def run(self) -> None:
        """Run the simulator; restart it when its seed, symbols, recording, port or real market change."""
        following = asyncio.create_task(self._follow_strategies())
        try:
            await self._run_again_and_again()
        finally:
            following.cancel()
            await asyncio.wait([following])

    async def _run_again_and_again(self) -> None:
        while not self.runtime.stopping.is_set():
            self._restart.clear()
            self._running_market_settings = self._market_settings()
            self._config = self._build_config(self.runtime.settings)
            try:
                if self.runtime.mode.mode == "paper":
                    await self._run_in_paper()
                else:
                    await self._run_once(self._config)
            except (ReplayError, UnknownSymbolError, LedgerError, JournalError) as error:
                # A restart would fail again: report the problem and wait for new settings.
                await self._report_problem(str(error))
            except (BinanceError, ExchangeUnavailable) as error:
                await self._pause_before_retry(f"the real market: {error}")
            except CannotAnnounceError as error:
                await self._pause_before_retry(str(error))
            except PortInUseError as error:
                if self.runtime.settings.SIMULATOR_PORT:
                    await self._report_problem(str(error.strerror))
                else:
                    # Another process took the previous port: any free one will do.
                    self._port_is_taken = True
            self._endpoint = None

    async def _run_in_paper(self) -> None:
        """Run the simulator on the real market, once that is ready. Raises BinanceError and NoListedSymbol."""
        from cq_tui.binance.rest import SpotRest
        from cq_tui.services.exchange.public_market import PublicMarket

        runtime = self.runtime
        if not runtime.settings.SYMBOLS:
            await self._pause_before_retry(f"the feeder's choice of {', '.join(runtime.symbol_entries)}")
            return
        venue = market_data_access("paper", runtime.settings, runtime.data)
        async with SpotRest(venue.endpoints.rest, budget=request_budget(venue, runtime.data)) as rest:
            real = self._public_market = PublicMarket(rest, venue.endpoints.stream, self._symbols())
            following = asyncio.create_task(real.run())
            following.add_done_callback(lambda _: self._restart.set())
            try:
                await self._wait_for_first(runtime.stopping, self._restart, real.ready)
                if real.ready.is_set() and not self._restart.is_set():
                    self._waiting_for = None
                    self._config = self._build_config(runtime.settings, real)
                    await self._run_once(self._config)
            finally:
                self._public_market = None
                following.cancel()
                await asyncio.wait([following])
            if not following.cancelled():
                following.result()

    async def _pause_before_retry(self, what: str) -> None:
        self._waiting_for = what
        self.runtime.publish_health(self.health(time.time()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RETRY_PAUSE):
                await self._wait_for_first(self.runtime.stopping, self._restart)

    async def _report_problem(self, problem: str) -> None:
        self._problem = problem
        self.runtime.log.error("cannot run", problem=problem)
        self.runtime.publish_health(self.health(time.time()))
        await self._wait_for_first(self.runtime.stopping, self._restart)
        self._problem = None

    async def _run_once(self, config: SimulatorConfig) -> None:
        stop = asyncio.Event()
        ending = asyncio.create_task(self._wait_for_first(self.runtime.stopping, self._restart))
        ending.add_done_callback(lambda _: stop.set())
        try:
            await run_simulator(config, on_ready=self._on_ready, stop=stop)
        finally:
            ending.cancel()
            await asyncio.gather(ending, return_exceptions=True)

    @staticmethod
    async def _wait_for_first(*events: asyncio.Event) -> None:
        waits = [asyncio.create_task(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _symbols(self) -> tuple[str, ...]:
        """Return SYMBOLS, and what is held besides: it must stay possible to sell it.

        The account is the same in simulation and paper mode. In simulation what strategies read besides is listed, too;
        in paper mode the real exchange has its klines.
        """
        held = [*self._held.read("simulation"), *self._held.read("paper")]
        chosen = self.runtime.settings.SYMBOLS
        if self.runtime.mode.mode != "paper":
            # What the feeder chooses is chosen among what is listed here. One name that cannot be listed voids no
            # others: the feeder says that it is not listed.
            chosen = list(filter(_can_be_listed, self._listed_entries)) or chosen
        return tuple(dict.fromkeys([*chosen, *filter(_can_be_listed, held), *self._read_by_strategies()]))

    def _read_by_strategies(self) -> list[str]:
        is_simulated = self.runtime.mode.mode == "simulation"
        return [*filter(_can_be_listed, other_symbols(self.runtime.data))] if is_simulated else []

    async def _follow_strategies(self) -> None:
        """Restart when a strategy reads a symbol that is not listed yet."""
        while True:
            await asyncio.sleep(_LOOK_PAUSE)
            if not {*self._config.symbols}.issuperset(self._read_by_strategies()):
                self._restart.set()

    @property
    def _listed_entries(self) -> list[str]:
        """The names in SYMBOLS, and the default symbols for an entry such as top:50:USDT."""
        entries = self.runtime.symbol_entries
        return expand_symbols(entries, {entry: DEFAULT_SYMBOLS for entry in entries if top_entry(entry)})

    def _build_config(self, settings: Settings, real: "PublicMarket | None" = None) -> SimulatorConfig:
        """Return the simulator's configuration; the port stays the same, so that clients reconnect after a crash.

        The previous key becomes that of an account whose ledger, of an earlier version, does not have it yet.
        """
        known: ExchangeAddress | None = None
        with contextlib.suppress(DocumentError):
            known = read_document(self.runtime.data.exchange_address, ExchangeAddress)
        port = settings.SIMULATOR_PORT or (0 if known is None or self._port_is_taken else _port_of(known))
        replay = settings.SIMULATOR_REPLAY
        paper = self.runtime.mode.mode == "paper"
        return SimulatorConfig(
            port=port,
            seed=DEFAULT_SEED if settings.SIMULATOR_SEED is None else settings.SIMULATOR_SEED,
            symbols=self._symbols() if real is None else real.symbols,
            replay=None if replay is None or paper else Path(replay),
            speed=settings.SIMULATOR_SPEED,
            live=real,
            ledger=self.runtime.data.ledger,
            api_key=known.api_key.get_secret_value() if known else None,
            api_secret=known.api_secret.get_secret_value() if known else None,
        )

    def _on_ready(self, endpoint: ExchangeEndpoint) -> None:
        address = {
            "rest_url": endpoint.rest_url,
            "stream_url": endpoint.stream_url,
            "ws_api_url": endpoint.ws_api_url,
            "api_key": endpoint.api_key,
            "api_secret": endpoint.api_secret,
            "pid": os.getpid(),
            "started_ts": time.time(),
        }
        path = self.runtime.data.exchange_address
        try:
            write_document(path, address, mode=0o600)
        except OSError as error:
            remedy = "Move it away" if path.is_dir() else "Check its owner and permissions"
            raise CannotAnnounceError(f"{path}: cannot be written ({error.strerror}). {remedy}") from None
        self._endpoint = endpoint
        self._port_is_taken = False
        self.runtime.log.info("listening", url=endpoint.rest_url)
        self.runtime.publish_health(self.health(time.time()))

    async def on_settings_changed(self) -> None:
        """Restart if the settings describe another market."""
        if self._market_settings() != self._running_market_settings:
            self._restart.set()

    def _market_settings(self) -> tuple[object, ...]:
        """Return the settings whose change requires a restart."""
        settings, mode = self.runtime.settings, self.runtime.mode.mode
        chosen = (
            settings.SIMULATOR_PORT, settings.SIMULATOR_SEED, settings.SIMULATOR_REPLAY, settings.SIMULATOR_SPEED,
            *(settings.SYMBOLS if mode == "paper" else self._listed_entries),
        )  # fmt: skip
        return (*chosen, settings.BINANCE_REST_URL, settings.BINANCE_STREAM_URL) if mode == "paper" else chosen

    def health(self, now: float) -> ExchangeHealth:
        """Return the health report: where the exchange listens, and which real order books are missing."""
        ready = self._endpoint is not None
        missing = self._public_market.problem if self._public_market else None
        waiting_for = None if ready else self._waiting_for or missing
        config = self._config
        return ExchangeHealth(
            service="exchange",
            status="error" if self._problem else "ok" if ready and not missing else "degraded",
            reason=self._problem or (missing if ready else waiting_for or "is starting"),
            waiting_for=waiting_for,
            last_update_ts=now,
            updated_within_sec=0.0,
            ready=ready,
            symbols_count=len(config.symbols),
            rest_url=self._endpoint.rest_url if self._endpoint else None,
            speed=self._endpoint.speed if self._endpoint else None,
            source="the real market" if self.runtime.mode.mode == "paper" else _source(config),
        )


def _can_be_listed(symbol: str) -> bool:
    """Whether a symbol can be simulated: one that cannot be was never held here."""
    try:
        split_symbol(symbol)
    except UnknownSymbolError:
        return False
    return True


def _port_of(address: ExchangeAddress) -> int:
    """Return the previous port; 0, for any, if the file is damaged."""
    try:
        return urlsplit(address.rest_url).port or 0
    except ValueError:
        return 0


def _source(config: SimulatorConfig) -> str:
    return f"replay of {config.replay.name}" if config.replay else f"seed {config.seed}"
