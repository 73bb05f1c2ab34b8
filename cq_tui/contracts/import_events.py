"""Payloads of events that ``cq-tui migrate`` writes: another installation's history, taken over."""

from typing import Any

from cq_tui.contracts.base import Bytes, ContractModel, Count, Timestamp


class OriginalFile(ContractModel):
    """A file of the other installation, kept unchanged below ``memory/imported/``."""

    name: str
    """Its path relative to the installation."""
    sha256: str
    """SHA-256 of its content, 64 hex digits."""
    size: Bytes
    """Its length."""


class OldHistory(ContractModel):
    """A file of events of the other installation, with what its hash chain is worth."""

    file: str | None = None
    """The file of events, relative to the installation; null for a chain without events."""
    events: Count
    """Events in it, which follow as ``imported_event``."""
    bad_lines: Count = 0
    """Lines that are no events; they stay in the original only."""
    times_back: Count = 0
    """How often the time of an event is before that of the one before it."""
    first_time: Timestamp | None = None
    """Earliest time of its events."""
    last_time: Timestamp | None = None
    """Time of its last event."""
    chain: str
    """holds, broken, unproved (its rule is not known), absent, or unreadable."""
    chain_file: str | None = None
    """The file of the hash chain, relative to the installation."""
    verdict: str
    """What its chain proves, in words, by the rules of the installation."""
    old_root: str | None = None
    """Hash of the last block of its chain."""
    old_merkle_root: str | None = None
    """Merkle root that its chain ends with."""
    old_blocks: Count = 0
    """Blocks of its chain."""


class HistoryImported(ContractModel):
    """Another installation's history was taken over: the hashes of its files, and what its own chain is worth."""

    layout: str
    """R11, or the data version of its files."""
    source: str
    """Where it was: the folder, on the computer that took it over."""
    originals: str
    """SHA-256 of the manifest of the originals, which names their folder below ``memory/imported/``."""
    file_count: Count
    """How many files are kept there."""
    files: list[OriginalFile]
    """The files, histories first; at most 500. The manifest names all of them."""
    events: Count
    """How many events follow as ``imported_event``."""
    bad_lines: Count = 0
    """Lines that are no events; they stay in the originals only."""
    histories: list[OldHistory] = []
    """Each file of events, in the order in which they follow."""
    chain: str
    """The same as of the first history."""
    verdict: str
    """The same as of the first history."""
    old_root: str | None = None
    """The same as of the first history."""
    old_merkle_root: str | None = None
    """The same as of the first history."""


class ImportedEvent(ContractModel):
    """One event of another installation. It counts for nothing here: neither the trader nor limits read it.

    Its time there is ``metadata.original_timestamp``, its number in its file ``metadata.original_index``.
    """

    event_type: str
    """Its type there."""
    source: str
    """Its source there."""
    file: str
    """The original file that holds it, relative to the installation."""
    line: Count
    """Number of the line in that file, from 1."""
    sha256: str
    """SHA-256 of that line without its end, 64 hex digits."""
    original: dict[str, Any] | None = None
    """The event as it was; null where other JSON readers might read it differently, or if it is too long."""
    text: str | None = None
    """The line instead of ``original``, if it is not too long."""
