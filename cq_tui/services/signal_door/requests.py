"""What a request to the door may do, and the signal in it. Pure: no clock, no files.

Whoever has the token may propose trades, so it has to come with each request: in the header ``Authorization: Bearer``,
or as the field ``token`` of the signal, for programs that cannot set headers. A web page in a browser on this computer
must not get in: its requests have an ``Origin``, and one that gives our address another name a strange ``Host``.
"""

import hmac
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from cq_tui.contracts.outside_signals import MAX_SIGNAL_BYTES, SignalFault, read_object, read_signal, read_text

PATH: Final = "/signal"
_TOKEN: Final = "token"


class Refused(Exception):
    """A request that is not carried out: HTTP status, and why with the remedy."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Request(NamedTuple):
    """An HTTP request; header names in small letters."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


def check_address(request: Request, port: int) -> None:
    """Check all that is known before the body is read. Raises Refused."""
    host = request.headers.get("host", "")
    if host not in {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}:
        raise Refused(421, f"the Host {host[:60]!r} is not 127.0.0.1:{port}. A proxy has to set it")
    if "origin" in request.headers:
        raise Refused(403, "web pages may not send signals")
    if request.path != PATH:
        raise Refused(404, f"there is only POST {PATH}")
    if request.method != "POST":
        raise Refused(405, f"{request.method[:20]} is not possible. Use POST")
    length = request.headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()) or int(length[:20]) > MAX_SIGNAL_BYTES:
        raise too_large()


def too_large() -> Refused:
    """Return the refusal of a body that is larger than any signal."""
    return Refused(413, f"a signal has at most {MAX_SIGNAL_BYTES:,} bytes")


def signal_of(request: Request, token: str) -> dict[str, Any]:
    """Return the fields of the signal in a request with this token. Raises Refused."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        fields = _fields(request.body)
    except SignalFault as fault:
        # Nobody without the token learns what a body should be.
        if scheme.lower() != "bearer" or not _is_same(given, token):
            raise _unknown() from None
        raise Refused(422, str(fault)) from None
    told = fields.pop(_TOKEN, None)
    if not (scheme.lower() == "bearer" and _is_same(given, token)) and not _is_same(told, token):
        raise _unknown()
    # Who it was, nobody here can know.
    fields.pop("person", None)
    fields["source"] = "post"
    try:
        read_signal(fields)
    except SignalFault as fault:
        raise Refused(422, str(fault)) from None
    return fields


def _fields(body: bytes) -> dict[str, Any]:
    if not body.lstrip().startswith(b"{"):
        try:
            return read_text(body.decode())
        except UnicodeDecodeError:
            raise SignalFault("the text is not UTF-8") from None
    try:
        return read_object(body)
    except SignalFault as fault:
        raise SignalFault(f"the body {fault}") from None


def _unknown() -> Refused:
    return Refused(401, "the token is missing or wrong. It is in run/signals.json of the data directory")


def _is_same(given: object, token: str) -> bool:
    """Compare in a time that does not tell how much of it is right."""
    text = given.strip() if isinstance(given, str) else ""
    return hmac.compare_digest(text.encode(errors="replace"), token.encode())
