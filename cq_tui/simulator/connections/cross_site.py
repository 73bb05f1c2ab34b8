"""Rejects cross-site requests: web pages in a local browser must neither use up limits nor reach /admin.

Browsers set Origin (RFC 6454, section 7) and Sec-Fetch-Site (W3C Fetch Metadata), and pages cannot change them.
Programs send neither, or their own address.
"""

import re
from collections.abc import Iterable

from cq_tui.simulator.errors import RequestRejected

Headers = Iterable[tuple[bytes, bytes]]

_LOOPBACK = rb"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?"
_is_here = re.compile(_LOOPBACK, re.IGNORECASE).fullmatch
_BROWSER_HEADERS = frozenset({b"origin", b"sec-fetch-site"})


def cross_site_error() -> RequestRejected:
    """The error for a cross-site request."""
    return RequestRejected(
        -1002, "You are not authorized to execute this request: web pages of other sites may not.", 403
    )


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


def is_local_program(headers: Headers) -> bool:
    """Whether a program sent the request, to a loopback Host: not a page, not even by DNS rebinding."""
    hosts = [value for name, value in headers if name == b"host"]
    return all(map(_is_here, hosts)) and not any(name in _BROWSER_HEADERS for name, _ in headers)
