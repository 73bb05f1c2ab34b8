"""The exchange that a service talks to in the current mode: endpoints and credentials."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cq_tui.binance.hosts import (
    MAINNET,
    MAINNET_DATA_ONLY_REST,
    MAINNET_DATA_ONLY_STREAM,
    TESTNET,
    EndpointError,
    Endpoints,
    is_loopback,
    is_mainnet,
    is_play_money,
)
from cq_tui.binance.proxies import ProxyError, proxy_for
from cq_tui.binance.shared_budget import SharedBudget
from cq_tui.binance.signing import Credentials, CredentialsError, read_secret
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import Mode, effective_mode
from cq_tui.contracts.runfiles import ExchangeAddress
from cq_tui.contracts.settings import Settings
from cq_tui.store.checkpoints.config_folder import config_folder, make_private
from cq_tui.store.document import DocumentError, read_document
from cq_tui.store.lock import read_holder

#: What is waited for in simulation while no exchange runs.
SIMULATED_EXCHANGE = "the simulated exchange"


class ExchangeUnavailable(Exception):
    """No exchange is available yet; the message names what is missing, after "waits for"."""


@dataclass(frozen=True, slots=True)
class ExchangeAccess:
    """Endpoints and credentials in one mode. Equal ones need no reconnect."""

    mode: Mode
    endpoints: Endpoints
    credentials: Credentials | None


def request_budget(venue: ExchangeAccess, data: DataDir) -> SharedBudget:
    """Return the request budget shared by all that use the same REST host: the processes of the data directory and,
    for what the exchange counts by IP address, those of the user's other data directories.
    """
    parts = urlsplit(venue.endpoints.rest)
    is_here = is_loopback(venue.endpoints.rest)
    own = data.run / f"weight-{'loopback' if is_here else parts.hostname}.json"
    if is_here and _is_own_exchange(venue, data):
        return SharedBudget(own)
    # Each port of this machine is an exchange of its own.
    name = f"loopback-{parts.port or ''}" if is_here else (parts.hostname or "").rstrip(".")
    return SharedBudget(own, _weight_by_address(name))


def _weight_by_address(name: str) -> Path | None:
    """Return the user's file for one exchange; None if it cannot be kept: then each data directory counts alone."""
    try:
        folder = config_folder() / "weight"
        make_private(folder)
    except (OSError, RuntimeError):
        return None
    return folder / f"{name}.json"


def _is_own_exchange(venue: ExchangeAccess, data: DataDir) -> bool:
    """Whether an address is that of the data directory's simulated exchange, whose port changes."""
    try:
        return read_document(data.exchange_address, ExchangeAddress).rest_url == venue.endpoints.rest
    except DocumentError:
        return False


def market_data_access(mode: Mode, settings: Settings, data: DataDir) -> ExchangeAccess:
    """Return where market data comes from. Raises ExchangeUnavailable."""
    if mode == "simulation":
        return ExchangeAccess(mode, _simulator_endpoints(data)[0], None)
    public = Endpoints(MAINNET_DATA_ONLY_REST, MAINNET_DATA_ONLY_STREAM, MAINNET.ws_api)
    chosen = {"paper": public, "testnet": TESTNET, "live": MAINNET}[mode]
    return ExchangeAccess(mode, _apply_overrides(chosen, settings), None)


def trading_access(mode: Mode, settings: Settings, data: DataDir) -> ExchangeAccess:
    """Return where orders go. Raises ExchangeUnavailable, also if keys are missing."""
    if mode in ("simulation", "paper"):
        return ExchangeAccess(mode, *_simulator_endpoints(data))
    key, secret = settings.BINANCE_API_KEY, settings.BINANCE_API_SECRET
    if key is None or secret is None:
        raise ExchangeUnavailable(f"BINANCE_API_KEY and BINANCE_API_SECRET, which {mode} needs")
    endpoints = _apply_overrides(TESTNET if mode == "testnet" else MAINNET, settings)
    _require_safe_endpoints(endpoints, mode)
    return ExchangeAccess(mode, endpoints, _credentials(key.get_secret_value(), secret.get_secret_value()))


def account_fault(settings: Settings, data: DataDir) -> str | None:
    """Return why the account that settings choose cannot be used, whatever runs; None if it can."""
    mode = effective_mode(settings).mode
    try:
        if mode != "simulation":
            market_data_access(mode, settings, data)
        if mode in ("testnet", "live"):
            trading_access(mode, settings, data)
    except ExchangeUnavailable as reason:
        return f"{mode} needs {reason}"
    return None


def _require_safe_endpoints(endpoints: Endpoints, mode: Mode) -> None:
    """Refuse real exchanges outside live mode, and unencrypted keys or orders over a network."""
    for address in (endpoints.rest, endpoints.ws_api):
        host, scheme = urlsplit(address).hostname or "", urlsplit(address).scheme
        if mode != "live" and is_mainnet(address):
            raise ExchangeUnavailable(f"another host: {host} is the real exchange, and the mode is {mode}")
        if mode != "live" and not is_play_money(address):
            raise ExchangeUnavailable(f"another host: {host} is not a known test exchange, and the mode is {mode}")
        if scheme in ("http", "ws") and not is_loopback(address):
            raise ExchangeUnavailable(f"an encrypted address: {scheme}://{host} would send keys and orders in clear")


def _credentials(key: str, secret: str) -> Credentials:
    try:
        credentials = Credentials(key, read_secret(secret))
        if credentials.is_ed25519:
            credentials.sign(b"")
    except CredentialsError as error:
        raise ExchangeUnavailable(f"a usable BINANCE_API_KEY and BINANCE_API_SECRET: {error}") from None
    return credentials


def _apply_overrides(chosen: Endpoints, settings: Settings) -> Endpoints:
    try:
        endpoints = Endpoints(
            rest=settings.BINANCE_REST_URL or chosen.rest,
            stream=settings.BINANCE_STREAM_URL or chosen.stream,
            ws_api=settings.BINANCE_WS_API_URL or chosen.ws_api,
        )
    except EndpointError as error:
        # The error names the endpoint; its setting is named after it.
        raise ExchangeUnavailable(
            f"a usable BINANCE_REST_URL, BINANCE_STREAM_URL or BINANCE_WS_API_URL: {error}"
        ) from None
    try:
        for address in (endpoints.rest, endpoints.stream, endpoints.ws_api):
            proxy_for(address)
    except ProxyError as error:
        raise ExchangeUnavailable(f"a usable proxy in the environment: {error}") from None
    return endpoints


def _simulator_endpoints(data: DataDir) -> tuple[Endpoints, Credentials]:
    """Return the endpoints of the running simulated exchange. Raises ExchangeUnavailable."""
    try:
        address = read_document(data.exchange_address, ExchangeAddress)
    except DocumentError:
        raise ExchangeUnavailable(SIMULATED_EXCHANGE) from None
    holder = read_holder(data.lock_of("exchange"))
    if holder is None or holder.pid != address.pid:
        raise ExchangeUnavailable(SIMULATED_EXCHANGE)
    try:
        endpoints = Endpoints(rest=address.rest_url, stream=address.stream_url, ws_api=address.ws_api_url)
    except EndpointError as error:
        raise ExchangeUnavailable(f"the simulated exchange: {data.exchange_address.name} is damaged, {error}") from None
    return endpoints, _credentials(address.api_key.get_secret_value(), address.api_secret.get_secret_value())
