"""Exchange endpoints: the base URLs of its REST, stream and WebSocket APIs."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

_SCHEMES = {"rest": ("http", "https"), "stream": ("ws", "wss"), "ws_api": ("ws", "wss")}


#: What has accounts of its own. All hosts of the real exchange (api, api1 …) are one venue.
Venue = Literal["production", "testnet", "demo", "simulated"]


class EndpointError(ValueError):
    """An address that is not an absolute URL with the right scheme."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Base URLs without a trailing slash. ``ws_api`` includes its path (``/ws-api/v3``)."""

    rest: str
    stream: str
    ws_api: str

    def __post_init__(self) -> None:
        for name, schemes in _SCHEMES.items():
            address: str = getattr(self, name)
            try:
                parts = urlsplit(address)
                host = parts.hostname
            except ValueError:
                raise EndpointError(f"the {name} endpoint is not a URL") from None
            if parts.scheme not in schemes or not host or parts.username is not None:
                expected = " or ".join(f"{scheme}://host" for scheme in schemes)
                # The address itself is not quoted: it may contain a password.
                shown = f"{parts.scheme[:12]}://{(host or '')[:60]}"
                raise EndpointError(f"the {name} endpoint is {shown!r}; expected {expected} without a user name")
            object.__setattr__(self, name, address.rstrip("/"))


MAINNET = Endpoints(
    rest="https://api.binance.com",
    stream="wss://stream.binance.com:9443",
    ws_api="wss://ws-api.binance.com:443/ws-api/v3",
)

#: Market data without a key; no orders, no user data.
MAINNET_DATA_ONLY_REST = "https://data-api.binance.vision"
MAINNET_DATA_ONLY_STREAM = "wss://data-stream.binance.vision"

TESTNET = Endpoints(
    rest="https://testnet.binance.vision",
    stream="wss://stream.testnet.binance.vision",
    ws_api="wss://ws-api.testnet.binance.vision/ws-api/v3",
)

_TESTNET_DOMAIN = "testnet.binance.vision"

#: The exchange's demo mode: real prices, virtual balances.
DEMO = Endpoints(
    rest="https://demo-api.binance.com",
    stream="wss://demo-stream.binance.com",
    ws_api="wss://demo-ws-api.binance.com/ws-api/v3",
)
_DEMO_HOSTS = frozenset(urlsplit(address).hostname for address in (DEMO.rest, DEMO.stream, DEMO.ws_api))


def loopback(port: int) -> Endpoints:
    """Return the endpoints of a simulated exchange on this machine: all three APIs on one port."""
    authority = f"127.0.0.1:{port}"
    return Endpoints(f"http://{authority}", f"ws://{authority}", f"ws://{authority}/ws-api/v3")


def is_loopback(address: str) -> bool:
    """Whether a URL names this machine; such a connection must not go through a proxy."""
    return urlsplit(address).hostname in {"127.0.0.1", "::1", "localhost"}


def is_play_money(address: str) -> bool:
    """Whether a URL names an exchange known to trade play money: this machine, the testnet, the demo mode.

    Any other may be real: the exchange has regional sites and mirrors under other names.
    """
    return venue_of(address) != "production"


def venue_of(address: str, *, real_money: bool = False) -> Venue:
    """Return the venue of a REST address. Where real money is traded it is production, through any address."""
    host = (urlsplit(address).hostname or "").rstrip(".")
    if real_money:
        return "production"
    if is_loopback(address):
        return "simulated"
    if host == _TESTNET_DOMAIN or host.endswith(f".{_TESTNET_DOMAIN}"):
        return "testnet"
    return "demo" if host in _DEMO_HOSTS else "production"


def account_key(venue: Venue, uid: int | None) -> str | None:
    """Return the name of an account: its venue and the exchange's user id, such as ``testnet:1234567``.

    None if the exchange does not name the account. The simulated exchange of cq-tui 0.1 says 1 for every one.
    """
    return None if uid is None or (venue == "simulated" and uid == 1) else f"{venue}:{uid}"


def is_mainnet(address: str) -> bool:
    """Whether a URL names the real exchange, where orders trade real money."""
    # With a trailing dot it is the same name.
    host = (urlsplit(address).hostname or "").rstrip(".")
    return (host == "binance.com" or host.endswith(".binance.com")) and host not in _DEMO_HOSTS
