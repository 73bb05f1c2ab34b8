"""What a backup says of itself: ``backup.json``, its first member, and ``manifest.json``, its last one."""

from typing import Annotated

from pydantic import Field

from cq_tui.contracts.base import ContractModel
from cq_tui.contracts.units import BYTES, COUNT, NO_UNIT, UNIX_SECONDS

_Size = Annotated[int, Field(ge=0), BYTES]
_Events = Annotated[int, Field(ge=0), COUNT]


class BackupHead(ContractModel, extra="ignore"):
    """``backup.json`` in a backup: whether a reader can read the rest."""

    format: Annotated[int, NO_UNIT]
    """Version of the archive's form."""
    data_version: str
    """Version of the files, such as 1.3."""
    written_by: str
    """Version of the cq-tui that wrote it."""
    created: Annotated[float, Field(ge=0), UNIX_SECONDS]
    """When it was made."""
    total_bytes: _Size
    """Size of all files together."""
    with_keys: bool
    """Whether the key that signs checkpoints is in it."""


class BackedUpFile(ContractModel, extra="ignore"):
    """One file in the archive."""

    size: _Size
    """Its length."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of its content, 64 hex digits."""


class BackupManifest(ContractModel, extra="ignore"):
    """``manifest.json`` in a backup: every file with its hash. An archive that was cut lacks it."""

    head: BackupHead
    """The same as in ``backup.json``."""
    files: dict[str, BackedUpFile]
    """Every file by its name in the archive."""
    events: _Events
    """Events of the history in it."""
    chained: _Events
    """Those that its chain has."""
    checkpoint: str | None = None
    """The last signed checkpoint in it, if there is one."""
    left_out: dict[str, str] = {}
    """What was left out and why, by name in the data directory."""
