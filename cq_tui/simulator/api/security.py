"""Who may do what: API keys, timing and signatures of signed requests."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.errors import ApiError, mandatory

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_FIRST_TIMESTAMP = 1_483_228_800_000
_DEFAULT_WINDOW = 5_000
_LONGEST_WINDOW = 60_000
_AHEAD_MS = 1_000
_AMPERSAND = ord("&")
_is_window = re.compile(r"[0-9]{1,10}(\.[0-9]{1,3})?").fullmatch
_is_key = re.compile(r"[A-Za-z0-9_-]{1,128}").fullmatch
_SMALLEST_RSA, _LARGEST_RSA = 2_048, 4_096
_HOW_TO = "write it with openssl pkey -in PRIVATE.pem -pubout -out PUBLIC.pem"

#: Whether a signature (as sent, already percent-decoded) fits the payload.
Verify = Callable[[str, bytes], bool]


class KeyFileError(ValueError):
    """A file that holds no usable public key; the message names file and remedy."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of the account: its text, how it signs (HMAC, RSA, ED25519), and the check of its signatures."""

    text: str
    kind: str
    verify: Verify = field(repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """The one account's API keys: one with a secret that both sides know, and any number of public keys."""

    api_key: str
    api_secret: str = field(repr=False)
    public_keys: tuple[ApiKey, ...] = ()
    _keys: dict[str, ApiKey] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        keys = (ApiKey(self.api_key, "HMAC", _hmac_check(self.api_secret)), *self.public_keys)
        object.__setattr__(self, "_keys", {key.text: key for key in keys})

    def find(self, text: str | None) -> ApiKey:
        """Return the key that a request names. Raises ApiError -2014 or -2015."""
        key = self._keys.get(text or "")
        if key is not None:
            return key
        if not text or _is_key(text) is None:
            raise ApiError(-2014, "API-key format invalid.", 401)
        raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)


def _hmac_check(secret: str) -> Verify:
    keyed = hmac.new(secret.encode(), digestmod=hashlib.sha256)

    def verify(signature: str, payload: bytes) -> bool:
        state = keyed.copy()
        state.update(payload)
        # Hex digits of a signature may be upper case.
        return hmac.compare_digest(signature.lower().encode("utf-8", "replace"), state.hexdigest().encode())

    return verify


def public_api_key(pem: bytes, name: str) -> ApiKey:
    """Return the key for a public key in PEM, Ed25519 or RSA; ``name`` (of its file) goes into messages.

    The key's text is made of the public key, so that it is the same after a restart. Raises KeyFileError.
    """
    # cryptography costs megabytes of memory: only those who use such keys pay for it.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

    try:
        public = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        held = (
            "a private key, of which the exchange is to have the public half"
            if b"PRIVATE KEY-----" in pem
            else "no public key in PEM, which begins with -----BEGIN PUBLIC KEY-----"
        )
        raise KeyFileError(f"{name} holds {held}: {_HOW_TO}") from None
    text = hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
    if isinstance(public, Ed25519PublicKey):
        return ApiKey(text, "ED25519", _ed25519_check(public))
    if isinstance(public, RSAPublicKey) and _SMALLEST_RSA <= public.key_size <= _LARGEST_RSA:
        return ApiKey(text, "RSA", _rsa_check(public))
    raise KeyFileError(
        f"{name} holds a key of another kind: Ed25519, or RSA of 2048 to 4096 bits, is needed, "
        "as openssl genpkey -algorithm ed25519 makes one"
    )


def _ed25519_check(public: "Ed25519PublicKey") -> Verify:
    return _base64_check(public.verify)


def _rsa_check(public: "RSAPublicKey") -> Verify:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    return _base64_check(lambda signature, payload: public.verify(signature, payload, PKCS1v15(), SHA256()))


def _base64_check(check: Callable[[bytes, bytes], None]) -> Verify:
    from cryptography.exceptions import InvalidSignature

    def verify(signature: str, payload: bytes) -> bool:
        try:
            # A "+" that was not percent-encoded arrives as a space.
            check(base64.b64decode(signature.replace(" ", "+"), validate=True), payload)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True

    return verify


def check_timing(parameters: Parameters, now: int) -> None:
    """Refuse a request that is too old, ahead of our clock or without a timestamp (``now``: Unix ms)."""
    timestamp, window = parameters.time("timestamp"), _window(parameters)
    if timestamp is None:
        raise mandatory("timestamp")
    if timestamp < _FIRST_TIMESTAMP or now - timestamp > window:
        raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")
    if timestamp >= now + _AHEAD_MS:
        raise ApiError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")


def _window(parameters: Parameters) -> Decimal | int:
    text = parameters.optional("recvWindow")
    if text is None:
        return _DEFAULT_WINDOW
    if _is_window(text) is None:
        raise mandatory("recvWindow")
    window = Decimal(text)
    if window > _LONGEST_WINDOW:
        raise ApiError(-1102, f"'recvWindow' contains unexpected value. Cannot be greater than {_LONGEST_WINDOW}.")
    return window


def check_signature(key: ApiKey, parameters: Parameters, payload: bytes) -> None:
    """Refuse a request whose signature does not fit ``payload``, the bytes that were signed."""
    if not key.verify(parameters.text("signature"), payload):
        raise ApiError(-1022, "Signature for this request is not valid.")


def signed_bytes(query: bytes, body: bytes) -> bytes:
    """Return what a REST request signed: query and body as sent, joined without a separator, less the signature."""
    return _without_signature(query) + _without_signature(body)


def _without_signature(part: bytes) -> bytes:
    at = part.find(b"signature=")
    if at < 0:
        return part
    if at and part[at - 1] == _AMPERSAND and part.find(b"&", at) < 0:
        return part[: at - 1]  # the last parameter, as most clients send it
    return b"&".join(piece for piece in part.split(b"&") if not piece.startswith(b"signature="))


def ws_api_payload(values: Iterable[tuple[str, str]]) -> bytes:
    """Return what a WebSocket API request signed: its parameters sorted by name, as text, not percent-encoded."""
    pairs = sorted(pair for pair in values if pair[0] != "signature")
    return "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "replace")
