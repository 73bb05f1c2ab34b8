"""The key that signs checkpoints: Ed25519, PKCS #8 PEM, mode 0600, in the user's configuration folder.

It is created once and never overwritten: with another key, a new history would look the same as a forged one.
"""

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from cq_tui.store.checkpoints.config_folder import create_file, make_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_FILE = "checkpoint_key.pem"
_MAX_BYTES = 16 * 1024


class SigningKeyError(Exception):
    """The key cannot be used; the message names the file and the remedy, never the content."""


def key_path(folder: Path) -> Path:
    """Return the path of the key in a configuration folder."""
    return folder / _FILE


def load_key(folder: Path) -> "Ed25519PrivateKey":
    """Return the key. Raises FileNotFoundError if there is none yet, SigningKeyError if it cannot be used."""
    path = key_path(folder)
    content = _read(path)
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SigningKeyError(
            f"{path}: is damaged or encrypted. Restore it from a backup, or move it away to get a new key"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyError(f"{path}: is not an Ed25519 key. Move it away to get a new key")
    return key


def load_or_create_key(folder: Path) -> "Ed25519PrivateKey":
    """Return the key, created now if there is none; concurrent processes all get the same one.

    Raises SigningKeyError.
    """
    try:
        return load_key(folder)
    except FileNotFoundError:
        pass
    try:
        make_private(folder)
        create_file(key_path(folder), _new_key())
    except FileExistsError as error:
        if Path(error.filename or "") == folder:
            raise SigningKeyError(
                f"{folder}: is not a folder. Move it away, or set CQ_CONFIG_DIR to another one"
            ) from None
    except OSError as error:
        raise SigningKeyError(
            f"{key_path(folder)}: cannot be created ({error.strerror}). "
            "Make the folder writable, or set CQ_CONFIG_DIR to another one"
        ) from None
    try:
        return load_key(folder)
    except FileNotFoundError:
        raise SigningKeyError(f"{key_path(folder)}: was deleted while it was created. Try again") from None


def _new_key() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _read(path: Path) -> bytes:
    """Return the content if the file is small, regular, and owned and readable by this user only."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _check(path, os.fstat(descriptor))
            return os.read(descriptor, _MAX_BYTES)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SigningKeyError(f"{path}: cannot be read ({error.strerror}). Check its owner and permissions") from None


def _check(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
        raise SigningKeyError(f"{path}: is not a key file. Move it away to get a new key")
    if status.st_uid != os.geteuid():
        raise SigningKeyError(f"{path}: belongs to another user. Set CQ_CONFIG_DIR to a folder of your own")
    if status.st_mode & 0o077:
        raise SigningKeyError(
            f"{path}: other users can read it (mode {stat.S_IMODE(status.st_mode):04o}). "
            f"If nobody did: chmod 600 {path}; otherwise move it away to get a new key"
        )
