"""The account's API keys, and the check of what they signed."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cq_tui.simulator.errors import RequestRejected

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

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
class ApiKeys:
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
            raise RequestRejected(-2014, "API-key format invalid.", 401)
        raise invalid_key()


def invalid_key() -> RequestRejected:
    """A key that the account does not have, or that does not permit the action."""
    return RequestRejected(-2015, "Invalid API-key, IP, or permissions for action.", 401)


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
