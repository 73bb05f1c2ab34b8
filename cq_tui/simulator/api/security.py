"""Who may do what: API key, timing and HMAC signature of signed requests."""

import hmac
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from cq_tui.binance.signing import sign_hmac
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.errors import ApiError, mandatory

_FIRST_TIMESTAMP = 1_483_228_800_000
_DEFAULT_WINDOW = Decimal(5_000)
_LONGEST_WINDOW = 60_000
_AHEAD_MS = 1_000


@dataclass(frozen=True, slots=True)
class Account:
    """The one account's API key and secret."""

    api_key: str
    api_secret: str = field(repr=False)


def check_key(account: Account, api_key: str | None) -> None:
    """Refuse a request without the account's key."""
    if not api_key:
        raise ApiError(-2014, "API-key format invalid.", 401)
    if not hmac.compare_digest(api_key.encode(), account.api_key.encode()):
        raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)


def check_timing(parameters: Parameters, now: int) -> None:
    """Refuse a request that is too old, ahead of our clock or without a timestamp (``now``: Unix ms)."""
    timestamp = parameters.time("timestamp")
    if timestamp is None:
        raise mandatory("timestamp")
    window = _window(parameters)
    if timestamp < _FIRST_TIMESTAMP or now - timestamp > window:
        raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")
    if timestamp >= now + _AHEAD_MS:
        raise ApiError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")


def _window(parameters: Parameters) -> Decimal:
    text = parameters.optional("recvWindow")
    if text is None:
        return _DEFAULT_WINDOW
    try:
        window = Decimal(text)
    except InvalidOperation:
        raise mandatory("recvWindow") from None
    if not window.is_finite() or window < 0:
        raise mandatory("recvWindow")
    if window > _LONGEST_WINDOW:
        raise ApiError(-1102, f"'recvWindow' contains unexpected value. Cannot be greater than {_LONGEST_WINDOW}.")
    return window


def check_signature(account: Account, parameters: Parameters, payload: bytes) -> None:
    """Refuse a request whose signature does not fit ``payload``, the bytes that were signed."""
    signature = parameters.text("signature")
    expected = sign_hmac(account.api_secret, payload)
    if not hmac.compare_digest(signature.lower().encode(), expected.encode()):
        raise ApiError(-1022, "Signature for this request is not valid.")


def signed_bytes(query: bytes, body: bytes) -> bytes:
    """Return what a REST request signed: query and body as sent, joined without a separator, less the signature."""
    return _without_signature(query) + _without_signature(body)


def _without_signature(part: bytes) -> bytes:
    return b"&".join(piece for piece in part.split(b"&") if not piece.startswith(b"signature="))
