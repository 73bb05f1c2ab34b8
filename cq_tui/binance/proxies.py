"""The proxy for an address: one rule for requests and streams, read from the environment as curl does.

``HTTPS_PROXY`` or ``HTTP_PROXY`` by the address's scheme, then ``ALL_PROXY``; ``NO_PROXY`` names hosts that need none.
By default httpx and websockets disagree about ALL_PROXY, and streams would take another route than orders.
"""

from urllib.parse import urlsplit

from cq_tui.binance.hosts import is_loopback

_SCHEMES = ("http", "https", "socks5", "socks5h")
_ENCRYPTED = ("https", "wss")


class ProxyError(ValueError):
    """The environment names an unusable proxy; the message names the variable."""


def proxy_for(address: str) -> str | None:
    """Return the URL of the proxy for an address; None for a direct connection. Raises ProxyError."""
    if is_loopback(address):
        return None
    # Imported only for another machine: it takes longer than all else here.
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(address)
    if proxy_bypass(parts.netloc):
        return None
    proxies = getproxies()
    for kind in ("https" if parts.scheme in _ENCRYPTED else "http", "all"):
        if proxy := proxies.get(kind):
            return _check_proxy(f"{kind.upper()}_PROXY", proxy if "://" in proxy else f"http://{proxy}")
    return None


def _check_proxy(variable: str, proxy: str) -> str:
    # The proxy itself is not quoted: it may contain a password.
    try:
        parts = urlsplit(proxy)
        has_port = parts.port is not None or not parts.scheme.startswith("socks")
        is_sound = bool(parts.hostname) and has_port and parts.path in ("", "/")
    except ValueError:
        raise ProxyError(f"{variable} is not a URL") from None
    if parts.scheme not in _SCHEMES:
        raise ProxyError(f"{variable} begins with {parts.scheme[:12]}://; use {', '.join(_SCHEMES)}")
    if not is_sound or parts.query or parts.fragment:
        raise ProxyError(f"{variable} is not a proxy; expected {parts.scheme}://host:port")
    if (parts.username is None) != (parts.password is None):
        raise ProxyError(
            f"{variable} names a user without a password; expected {parts.scheme}://user:password@host:port"
        )
    return proxy
