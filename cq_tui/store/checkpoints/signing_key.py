"""The key that signs checkpoints: Ed25519, PKCS #8 PEM, 0600, in the user's configuration folder.

It is made once and never overwritten: with another key, nobody could tell a new history from a forged one.
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
    """The key cannot be used; the message names the file and the remedy, never what is in it."""


def key_path(folder: Path) -> Path:
    """Return where the key of a configuration folder lies."""
    return folder / _FILE


def load_key(folder: Path) -> "Ed25519PrivateKey":
    """Return the key. Raises FileNotFoundError when there is none yet, SigningKeyError when it cannot be used."""
    path = key_path(folder)
    content = _read(path)
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SigningKeyError(
            f"{path}: is damaged or encrypted. Bring it back from a backup, or move it away and a new key is made"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyError(f"{path}: is not an Ed25519 key. Move it away and a new key is made")
    return key


def load_or_create_key(folder: Path) -> "Ed25519PrivateKey":
    """Return the key, made now if there is none; of several processes at once all get the same one.

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
                f"{folder}: is not a folder. Move it away, or name another in CQ_CONFIG_DIR"
            ) from None
    except OSError as error:
        raise SigningKeyError(
            f"{key_path(folder)}: cannot be made ({error.strerror}). "
            "Make the folder writable, or name another in CQ_CONFIG_DIR"
        ) from None
    try:
        return load_key(folder)
    except FileNotFoundError:
        raise SigningKeyError(f"{key_path(folder)}: was deleted while it was made. Try again") from None


def _new_key() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _read(path: Path) -> bytes:
    """Return the file's bytes if it is a small regular file that only its owner, this user, can read."""
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
        raise SigningKeyError(f"{path}: is not a key file. Move it away and a new key is made")
    if status.st_uid != os.geteuid():
        raise SigningKeyError(f"{path}: belongs to another user. Name your own folder in CQ_CONFIG_DIR")
    if status.st_mode & 0o077:
        raise SigningKeyError(
            f"{path}: others can read it (mode {stat.S_IMODE(status.st_mode):04o}). "
            f"If nobody did: chmod 600 {path}; else move it away and a new key is made"
        )
