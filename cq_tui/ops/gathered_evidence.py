"""Gathering the evidence about a history for a user: with the user's own key, or one that the user names."""

from pathlib import Path

from cq_tui.contracts.layout import DataDir
from cq_tui.services.memory.memory_state import MemoryState
from cq_tui.store.checkpoints.checkpoint import directory_id_of
from cq_tui.store.checkpoints.checkpoint_log import Statement, newest_checkpoint
from cq_tui.store.checkpoints.config_folder import config_folder
from cq_tui.store.checkpoints.evidence import Evidence, read_evidence
from cq_tui.store.checkpoints.signed_note import SignedNoteError, VerifierKey
from cq_tui.store.checkpoints.signing_key import SigningKeyError, load_key
from cq_tui.store.settings_file import SettingsError
from cq_tui.store.settings_in_force import SettingsInForce


class UnusableKey(Exception):
    """The named key is no verifier key of a data directory; the message says what to use."""


def parse_named_key(text: str) -> VerifierKey:
    """Return the key in the option ``--key``. Raises UnusableKey."""
    try:
        key = VerifierKey.parse(text.strip())
        directory_id_of(key.name)
    except SignedNoteError as error:
        raise UnusableKey(
            f"--key: {error}. Use the text of a .vkey file, or `public_key` in health/memory.json or a debug bundle"
        ) from None
    return key


def own_public_key(folder: Path | None = None) -> bytes | None:
    """Return the user's public key (32 bytes); None if there is no key that can be used."""
    try:
        return load_key(folder or config_folder()).public_key().public_bytes_raw()
    except (SigningKeyError, OSError, RuntimeError):
        return None


def newest_own_checkpoint(data: DataDir) -> Statement | None:
    """Return the newest logged checkpoint that the user's own key signed, else the newest. Raises JournalError."""
    own = own_public_key()
    found = newest_checkpoint(data.checkpoints, own) if own else None
    return found or newest_checkpoint(data.checkpoints)


def gather_evidence(data: DataDir, named: VerifierKey | None = None) -> Evidence:
    """Read the evidence with the user's configuration folder and settings, changing nothing. Bad files never raise."""
    try:
        folder = config_folder()
    except RuntimeError:
        return read_evidence(data, None, None, named=named)
    try:
        copy = SettingsInForce(data).load().settings.MEMORY_CHECKPOINT_COPY
    except SettingsError:
        copy = None
    known_id = directory_id_of(named.name) if named else MemoryState.load(data).directory_id
    return read_evidence(data, folder, own_public_key(folder), copy=copy, known_id=known_id, named=named)
