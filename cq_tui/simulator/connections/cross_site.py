"""Rejects requests of web pages in a local browser, which must neither use up limits nor reach /admin.

Browsers set Origin (RFC 6454, section 7) and Sec-Fetch-Site (W3C Fetch Metadata), and pages cannot change them.
Programs send neither, or their own address. A page whose name was made to resolve to this machine (DNS rebinding)
is of the same site for its browser; only Host (RFC 9110, section 7.2) shows that name.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from cq_tui.simulator.errors import RequestRejected

Headers = Iterable[tuple[bytes, bytes]]

_LOOPBACK = rb"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?"
#: Clients repeat their Host with each request.
_is_here = lru_cache(maxsize=64)(re.compile(_LOOPBACK, re.IGNORECASE).fullmatch)
_BROWSER_HEADERS = frozenset({b"origin", b"sec-fetch-site"})


def check_site(headers: Headers) -> None:
    """Raise RequestRejected for a request of a page that this machine did not serve, or to another Host."""
    if is_cross_site(headers):
        why = "web pages of other sites may not."
    elif not is_loopback_host(headers):
        why = "its Host is not loopback. Use 127.0.0.1 or localhost."
    else:
        return
    raise RequestRejected(-1002, f"You are not authorized to execute this request: {why}", 403)


def is_cross_site(headers: Headers) -> bool:
    """Whether the request comes from a page that this machine did not serve."""
    for name, value in headers:
        if name == b"sec-fetch-site":
            if value == b"cross-site":
                return True
        elif name == b"origin":
            _, separator, host = value.partition(b"://")
            if value == b"null" or (separator and _is_here(host) is None):
                return True
    return False


def is_loopback_host(headers: Headers) -> bool:
    """Whether the request is to a loopback Host, or says none, as no browser does."""
    return all(_is_here(value) for name, value in headers if name == b"host")


def is_from_browser(headers: Headers) -> bool:
    """Whether the request has a header that only browsers send."""
    return any(name in _BROWSER_HEADERS for name, _ in headers)
