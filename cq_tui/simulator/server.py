"""The simulated exchange as a server on loopback: one port for REST, market streams and the WebSocket API."""

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import uvicorn

from cq_tui.simulator.access.keys import ApiKey, ApiKeys, KeyFileError, public_api_key
from cq_tui.simulator.access.rate_limits import RateLimits, RateLimitSettings
from cq_tui.simulator.api.ws_connection import WsApi
from cq_tui.simulator.application import WS_API_PATH, Application
from cq_tui.simulator.clock import Clock
from cq_tui.simulator.connections.http_connection import HttpConnection
from cq_tui.simulator.connections.open_connections import Connections
from cq_tui.simulator.connections.websocket_connection import WebSocketConnection
from cq_tui.simulator.engine.identity import Identity, random_key, random_uid
from cq_tui.simulator.engine.ledger import Ledger
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.simulator.exchange import Exchange, account_fills, goes_back, last_trade_id
from cq_tui.simulator.faults.admin import Admin
from cq_tui.simulator.market.live_prices import LiveMarket, LivePrices
from cq_tui.simulator.market.market import Market
from cq_tui.simulator.market.market_start import (
    HISTORY_MS,
    random_walk_state,
    start_external_prices,
    start_random_walk,
)
from cq_tui.simulator.market.random_walk import FULL_SPEED, RandomWalk
from cq_tui.simulator.market.replay import Replay, open_replay
from cq_tui.simulator.market.symbols import DEFAULT_SYMBOLS, market_symbol
from cq_tui.simulator.market.ticks import TICK_MS
from cq_tui.simulator.streams.stream_hub import StreamHub
from cq_tui.simulator.tick_loop import TickLoop
from cq_tui.store.journal import JournalError

log = logging.getLogger(__name__)

#: Seed of the default market: whenever a new directory is started, signals and entries come within a minute or two.
DEFAULT_SEED = 113
DEFAULT_BALANCES = {"USDT": Decimal(10_000)}
#: Largest WebSocket message accepted from a client.
_MAX_MESSAGE_BYTES = 256 * 1024
#: Connections accepted at once, which briefly adds as many open files.
_ACCEPT_BATCH = 16
#: Connections that may wait in the listen backlog.
_BACKLOG = 128
#: How long a REST connection may be idle.
_KEEP_ALIVE_SECONDS = 60


class PortInUseError(OSError):
    """The port is in use; the message names port and remedy."""


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """How to run the exchange. ``port`` 0 takes a free port; without a ledger, nothing survives the process.

    Key, secret and uid of a new account are random if not given; a ledger keeps its own. ``replay`` is a file or
    folder of recorded prices; ``symbols`` then selects from the recorded ones. ``speed`` is how many seconds of a real
    market pass in one; None means 60, and for a recording a bar a second (klines) or 1 (trades). ``balances`` are
    deposited into a new account. ``public_keys`` are PEM files of further keys for the account, Ed25519 or RSA.
    ``admin`` enables /admin for injecting faults, on loopback only; ``frozen_at`` (Unix ms) freezes the clock, which
    then moves only through /admin.
    ``history_ms`` is the history of generated prices in ticks; the default takes about half a second to generate.
    """

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = DEFAULT_SEED
    symbols: tuple[str, ...] = DEFAULT_SYMBOLS
    replay: Path | None = None
    speed: float | None = None
    ledger: Path | None = None
    api_key: str | None = None
    api_secret: str | None = field(default=None, repr=False)
    uid: int | None = None
    balances: dict[str, Decimal] = field(default_factory=lambda: dict(DEFAULT_BALANCES))
    #: Another exchange whose market this one shows, for paper trading; it overrides seed and replay.
    live: LiveMarket | None = field(default=None, compare=False)
    public_keys: tuple[Path, ...] = ()
    limits: RateLimitSettings = field(default_factory=RateLimitSettings)
    admin: bool = False
    frozen_at: int | None = None
    history_ms: int = HISTORY_MS


@dataclass(frozen=True, slots=True)
class ExchangeEndpoint:
    """The URLs and API keys of a running exchange."""

    rest_url: str
    stream_url: str
    ws_api_url: str
    api_key: str
    api_secret: str = field(repr=False)
    #: The API key of each public key, by its file.
    public_keys: dict[str, str] = field(default_factory=dict)
    #: How many seconds of a real market pass in one.
    speed: float = 1.0


async def run(config: SimulatorConfig, *, on_ready: Callable[[ExchangeEndpoint], None], stop: asyncio.Event) -> None:
    """Run the exchange until ``stop`` is set; ``on_ready`` is called once when it accepts requests.

    Raises PortInUseError, KeyFileError, LedgerError, JournalError, ReplayError and UnknownSymbolError
    before it is ready.
    """
    api_keys = ApiKeys(
        config.api_key or random_key(),
        config.api_secret or random_key(),
        tuple(_read_key(path) for path in config.public_keys),
    )
    listen_socket = _listen(config.host, config.port)
    with contextlib.closing(listen_socket):
        clock = Clock(config.frozen_at)
        # Hours of history for hundreds of symbols take a while: whoever runs us must be able to go on reporting.
        exchange = await asyncio.to_thread(open_exchange, config, api_keys, clock)
        try:
            await _serve(config, exchange, clock, listen_socket, on_ready, stop)
        finally:
            if exchange.ledger is not None:
                exchange.ledger.close()


def _read_key(path: Path) -> ApiKey:
    try:
        return public_api_key(path.read_bytes(), str(path))
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}. Pass a public key file in PEM format") from None


def open_exchange(config: SimulatorConfig, api_keys: ApiKeys, clock: Callable[[], int]) -> Exchange:
    """Open the exchange: the ledger first, then the prices it recorded, then the account.

    Key and secret of ``api_keys`` are those of a new account, and of one whose ledger has none yet.
    """
    now = clock()
    external = _external_prices(config, now)
    symbols = list(external.symbols) if external is not None else [market_symbol(name) for name in config.symbols]
    state = ExchangeState({entry.symbol: (entry.base_asset, entry.quote_asset) for entry in symbols})
    ledger = Ledger(config.ledger, state) if config.ledger is not None else None
    identity = _identity(config, api_keys, ledger)
    recorded = ledger.market_states if ledger is not None else []
    last_id = max(last_trade_id(state), identity.trades)

    def open_market(*, continues: bool) -> tuple[Market, dict[str, Any]]:
        source: RandomWalk | Replay | LivePrices
        if external is not None:
            source = external
            start_external_prices(source, recorded, now, last_id, continues=continues)
        else:
            source = start_random_walk(
                symbols, config.seed, recorded, now, last_id, config.history_ms, continues=continues,
                speed=config.speed or FULL_SPEED,
            )  # fmt: skip
        market_state = _market_state_of(source, config.seed)  # before the first block
        return Market(source, now // TICK_MS, account_fills(state), state.fill_counts), market_state

    market, market_state = open_market(continues=True)
    if goes_back(market, state):
        log.warning("the clock was set back to before the account's last trade: starting new prices")
        market, market_state = open_market(continues=False)
    own_keys = replace(api_keys, api_key=identity.api_key, api_secret=identity.api_secret)
    exchange = Exchange(market, state, ledger, own_keys, clock, config.seed, identity)
    exchange.limits = RateLimits(config.limits)
    _record_start(exchange, market_state)
    if not state.balances:
        exchange.deposit(config.balances)
    return exchange


def _external_prices(config: SimulatorConfig, now: int) -> Replay | LivePrices | None:
    """Return prices that are not generated, if the configuration has them. Raises ReplayError."""
    if config.live is not None:
        return LivePrices(config.symbols, config.live, now)
    return open_recording(config)


def _identity(config: SimulatorConfig, api_keys: ApiKeys, ledger: Ledger | None) -> Identity:
    """Return the ledger's identity for this start, or a new one."""
    if ledger is None:
        return Identity(config.uid or random_uid(), api_keys.api_key, api_keys.api_secret)
    known = ledger.identity or Identity(config.uid or random_uid(), api_keys.api_key, api_keys.api_secret)
    return known.started()


def _record_start(exchange: Exchange, market_state: dict[str, Any]) -> None:
    """Record the start in the ledger. Raises JournalError, but not for the identity of an account that it knows."""
    ledger = exchange.ledger
    if ledger is None:
        return
    try:
        exchange.record_identity()
    except JournalError as error:
        if ledger.identity is None:
            raise
        # On a full disk, positions must still be closed here; only a second such start would repeat update ids.
        log.error("could not record the start in the ledger: %s", error)
    if market_state not in ledger.market_states:
        ledger.record_market_state(market_state)


def open_recording(config: SimulatorConfig) -> Replay | None:
    """Return the replay of ``config``, if it has one. Raises ReplayError."""
    if config.replay is None:
        return None
    chosen = None if config.symbols == DEFAULT_SYMBOLS else config.symbols
    return open_replay(config.replay, chosen, config.speed)


def _market_state_of(source: RandomWalk | Replay | LivePrices, seed: int) -> dict[str, Any]:
    return random_walk_state(source, seed) if isinstance(source, RandomWalk) else source.state()


def _listen(host: str, port: int) -> socket.socket:
    # With an explicit IPPROTO_TCP, asyncio sets TCP_NODELAY on the connections.
    listen_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listen_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listen_socket.bind((host, port))
        listen_socket.listen(_BACKLOG)
    except OSError as error:
        listen_socket.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(
                error.errno,
                f"port {port} on {host} is in use; stop the process that uses it, or choose another port "
                "(0 takes a free one)",
            ) from None
        raise
    listen_socket.setblocking(False)
    return listen_socket


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers (the process has its own), with a callback on startup."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do not capture signals."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then call back."""
        await super().startup(sockets)
        for listen_socket in sockets or ():
            listen_socket.listen(_BACKLOG)  # asyncio has set it to the number it accepts at once
        self._on_started()


async def _serve(
    config: SimulatorConfig,
    exchange: Exchange,
    clock: Clock,
    listen_socket: socket.socket,
    on_ready: Callable[[ExchangeEndpoint], None],
    stop: asyncio.Event,
) -> None:
    connections = Connections()
    hub = StreamHub(exchange, connections)
    ws_api = WsApi(exchange, connections)
    tick_loop = TickLoop(exchange, hub, clock, connections)
    admin = Admin(exchange, hub, ws_api, connections, clock, tick_loop) if config.admin else None
    application = Application(exchange, hub, ws_api, admin)
    settings = uvicorn.Config(
        application,
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        lifespan="off",
        http=HttpConnection,
        loop="none",
        ws=WebSocketConnection,
        ws_ping_interval=20.0,
        ws_ping_timeout=60.0,
        ws_max_size=_MAX_MESSAGE_BYTES,
        backlog=_ACCEPT_BATCH,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=2,
        server_header=False,
        proxy_headers=False,
    )
    host, port = listen_socket.getsockname()[:2]
    endpoint = ExchangeEndpoint(
        rest_url=f"http://{host}:{port}",
        stream_url=f"ws://{host}:{port}",
        ws_api_url=f"ws://{host}:{port}{WS_API_PATH}",
        api_key=exchange.api_keys.api_key,
        api_secret=exchange.api_keys.api_secret,
        speed=exchange.market.source.speed,
        public_keys={
            str(path): key.text for path, key in zip(config.public_keys, exchange.api_keys.public_keys, strict=True)
        },
    )
    server = _Server(settings, lambda: on_ready(endpoint))
    server_task = asyncio.create_task(server.serve([listen_socket]))
    tick_task = asyncio.create_task(tick_loop.run())
    stop_task = asyncio.create_task(stop.wait())
    await asyncio.wait((server_task, tick_task, stop_task), return_when=asyncio.FIRST_COMPLETED)
    stop_task.cancel()
    tick_task.cancel()
    connections.announce_shutdown(clock())
    server.should_exit = True
    await asyncio.gather(stop_task, return_exceptions=True)
    await server_task
    with contextlib.suppress(asyncio.CancelledError):
        await tick_task
