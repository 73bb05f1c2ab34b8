"""Timing and signature of a signed request."""

import re
from collections.abc import Iterable
from decimal import Decimal

from cq_tui.simulator.access.keys import ApiKey
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.errors import RequestRejected, missing_parameter

_FIRST_TIMESTAMP = 1_483_228_800_000
_DEFAULT_WINDOW = 5_000
_LONGEST_WINDOW = 60_000
_AHEAD_MS = 1_000
_AMPERSAND = ord("&")
_is_window = re.compile(r"[0-9]{1,10}(\.[0-9]{1,3})?").fullmatch


def check_timing(parameters: Parameters, now: int) -> None:
    """Reject a request that is too old, ahead of our clock or has no timestamp (``now``: Unix ms)."""
    timestamp, window = parameters.time("timestamp"), _window(parameters)
    if timestamp is None:
        raise missing_parameter("timestamp")
    if timestamp < _FIRST_TIMESTAMP or now - timestamp > window:
        raise RequestRejected(-1021, "Timestamp for this request is outside of the recvWindow.")
    if timestamp >= now + _AHEAD_MS:
        raise RequestRejected(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")


def _window(parameters: Parameters) -> Decimal | int:
    text = parameters.optional("recvWindow")
    if text is None:
        return _DEFAULT_WINDOW
    if _is_window(text) is None:
        raise missing_parameter("recvWindow")
    window = Decimal(text)
    if window > _LONGEST_WINDOW:
        raise RequestRejected(
            -1102, f"'recvWindow' contains unexpected value. Cannot be greater than {_LONGEST_WINDOW}."
        )
    return window


def check_signature(key: ApiKey, parameters: Parameters, payload: bytes) -> None:
    """Reject a request whose signature does not match ``payload``, the signed bytes."""
    if not key.verify(parameters.text("signature"), payload):
        raise RequestRejected(-1022, "Signature for this request is not valid.")


def signed_bytes(query: bytes, body: bytes) -> bytes:
    """Return a REST request's signed payload: query and body as sent, without separator and without the signature."""
    return _without_signature(query) + _without_signature(body)


def _without_signature(part: bytes) -> bytes:
    at = part.find(b"signature=")
    if at < 0:
        return part
    if at and part[at - 1] == _AMPERSAND and part.find(b"&", at) < 0:
        return part[: at - 1]  # the last parameter, as most clients send it
    return b"&".join(piece for piece in part.split(b"&") if not piece.startswith(b"signature="))


def ws_api_payload(values: Iterable[tuple[str, str]]) -> bytes:
    """Return a WebSocket API request's signed payload: parameters sorted by name, as text, not percent-encoded."""
    pairs = sorted(pair for pair in values if pair[0] != "signature")
    return "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "replace")
