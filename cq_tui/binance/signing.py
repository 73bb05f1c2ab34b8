"""Credentials and request signatures: percent-encode first, then HMAC-SHA256 or Ed25519."""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from cq_tui.binance.fields import Param
from cq_tui.store.regular_file import open_regular

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_FILE_PREFIX = "file:"
_MAX_KEY_FILE_SIZE = 65_536


class CredentialsError(ValueError):
    """An unusable key or secret. The message never shows the secret."""


def sign_hmac(secret: bytes | str, payload: bytes) -> str:
    """Return the HMAC-SHA256 of the payload as lower-case hex, as an HMAC API key signs."""
    key = secret.encode() if isinstance(secret, str) else secret
    return hmac.new(key, payload, hashlib.sha256).hexdigest()


def sign_ed25519(private_key: "Ed25519PrivateKey", payload: bytes) -> str:
    """Return the Ed25519 signature as base64; in a URL it still has to be percent-encoded."""
    return base64.b64encode(private_key.sign(payload)).decode()


@dataclass(frozen=True)
class Credentials:
    """An API key and its secret: HMAC text, or an Ed25519 private key in PEM. Neither shows in ``repr``."""

    key: str = field(repr=False)
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        for name, value in (("key", self.key), ("secret", self.secret)):
            if not value.strip():
                raise CredentialsError(f"the API {name} is empty")
        if not self.key.isascii() or not self.key.isprintable():
            raise CredentialsError("the API key contains characters that an HTTP header cannot carry")
        if self.key != self.key.strip():
            # The HTTP library's error would quote it.
            raise CredentialsError("the API key begins or ends with a space")

    @property
    def is_ed25519(self) -> bool:
        """Whether the secret is PEM text and so signs with Ed25519."""
        return self.secret.lstrip().startswith("-----BEGIN")

    @cached_property
    def _private_key(self) -> "Ed25519PrivateKey":
        # cryptography takes megabytes of memory: it is imported only for such a key.
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            private_key = load_pem_private_key(self.secret.strip().encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm, binascii.Error):
            # The cause may quote the key: it is suppressed.
            raise CredentialsError("the API secret is not an unencrypted private key in PEM") from None
        if not isinstance(private_key, Ed25519PrivateKey):
            raise CredentialsError("the API secret is a PEM key of another type; use Ed25519 or HMAC")
        return private_key

    def sign(self, payload: bytes) -> str:
        """Sign the exact bytes that are sent. Raises CredentialsError for an unusable PEM."""
        if self.is_ed25519:
            return sign_ed25519(self._private_key, payload)
        return sign_hmac(self.secret, payload)


def read_secret(setting: str) -> str:
    """Return the secret of a setting: the text itself, or the content of the file that ``file:PATH`` names.

    Raises CredentialsError when the file cannot be read, or is open to other users.
    """
    if not setting.startswith(_FILE_PREFIX):
        return setting
    path = Path(setting[len(_FILE_PREFIX) :]).expanduser()
    try:
        with open(path, "rb", opener=open_regular) as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise CredentialsError(f"the key file {path} is open to other users; run chmod 600 {path}")
            # Editors end the last line with a newline; no secret does.
            return file.read(_MAX_KEY_FILE_SIZE).decode("ascii").strip()
    except OSError as error:
        raise CredentialsError(f"the key file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CredentialsError(f"the key file {path} is not a key in PEM") from None


def format_param(value: Param) -> str:
    """Return a parameter as the exchange expects it: true/false for booleans, digits for integers."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def encode_query(params: Iterable[tuple[str, Param]]) -> str:
    """Join ``name=value`` pairs in the order given, percent-encoded: this text is both signed and sent."""
    return "&".join(f"{quote(name, safe='')}={quote(format_param(value), safe='')}" for name, value in params)


def signed_query(params: Iterable[tuple[str, Param]], credentials: Credentials) -> str:
    """Return the encoded query with its ``signature`` as the last parameter (REST).

    ``timestamp`` has to be among the parameters.
    """
    payload = encode_query(params)
    return f"{payload}&signature={quote(credentials.sign(payload.encode()), safe='')}"


def ws_api_payload(params: Mapping[str, Param]) -> bytes:
    """Return the bytes that a WebSocket API request signs: its parameters sorted by name, not percent-encoded."""
    pairs = sorted((name, value) for name, value in params.items() if name != "signature")
    return "&".join(f"{name}={format_param(value)}" for name, value in pairs).encode()


def signed_params(params: Mapping[str, Param], credentials: Credentials) -> dict[str, Param]:
    """Return the parameters with ``apiKey`` and ``signature`` added (WebSocket API)."""
    with_key: dict[str, Param] = {**params, "apiKey": credentials.key}
    return {**with_key, "signature": credentials.sign(ws_api_payload(with_key))}
