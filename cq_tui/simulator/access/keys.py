"""The account's API keys, and verification of their signatures."""

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
_MIN_RSA_BITS, _MAX_RSA_BITS = 2_048, 4_096
_REMEDY = "extract it with openssl pkey -in PRIVATE.pem -pubout -out PUBLIC.pem"

#: Returns whether a signature (as sent, percent-decoded) matches the payload.
Verify = Callable[[str, bytes], bool]


class KeyFileError(ValueError):
    """A file without a usable public key; the message names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One API key: its text, its kind (HMAC, RSA, ED25519) and its signature check."""

    text: str
    kind: str
    verify: Verify = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """The account's API keys: one HMAC key with a shared secret, and any number of public keys."""

    api_key: str
    api_secret: str = field(repr=False)
    public_keys: tuple[ApiKey, ...] = ()
    _keys: dict[str, ApiKey] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        keys = (ApiKey(self.api_key, "HMAC", _hmac_check(self.api_secret)), *self.public_keys)
        object.__setattr__(self, "_keys", {key.text: key for key in keys})

    def find(self, text: str | None) -> ApiKey:
        """Return the API key named in a request. Raises RequestRejected -2014 or -2015."""
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
        # Clients may send the hex digits in upper case.
        return hmac.compare_digest(signature.lower().encode("utf-8", "replace"), state.hexdigest().encode())

    return verify


def public_api_key(pem: bytes, name: str) -> ApiKey:
    """Return the API key for a PEM public key, Ed25519 or RSA; ``name`` is its file's, for error messages.

    The key's text is derived from the public key, so it survives a restart. Raises KeyFileError.
    """
    # Imported here because cryptography costs megabytes of memory.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

    try:
        public = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        found = (
            "a private key; the exchange needs the public key"
            if b"PRIVATE KEY-----" in pem
            else "no PEM public key, which begins with -----BEGIN PUBLIC KEY-----"
        )
        raise KeyFileError(f"{name} contains {found}: {_REMEDY}") from None
    text = hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
    if isinstance(public, Ed25519PublicKey):
        return ApiKey(text, "ED25519", _ed25519_check(public))
    if isinstance(public, RSAPublicKey) and _MIN_RSA_BITS <= public.key_size <= _MAX_RSA_BITS:
        return ApiKey(text, "RSA", _rsa_check(public))
    raise KeyFileError(
        f"{name} holds an unsupported key: use Ed25519 or RSA of 2048 to 4096 bits; "
        "openssl genpkey -algorithm ed25519 generates one"
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
