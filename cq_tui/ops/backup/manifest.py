"""What a backup says of itself: ``backup.json``, its first member, and ``manifest.json``, its last one.

The first tells a reader at once whether it can read the rest. The last has the hash of every file, so an archive that
was cut is known by its absence.
"""

from pydantic import BaseModel, ConfigDict, Field

FORMAT = 1
HEAD_NAME, MANIFEST_NAME = "backup.json", "manifest.json"
#: Folders of the archive: the data directory, and what only ``--with-keys`` adds.
DATA_PREFIX, KEYS_PREFIX = "data/", "keys/"
SIGNING_KEY_NAME = f"{KEYS_PREFIX}checkpoint_key.pem"


class BackupHead(BaseModel):
    """``backup.json``."""

    model_config = ConfigDict(frozen=True)

    format: int
    data_version: str
    #: Version of the cq-tui that wrote it.
    written_by: str
    #: Unix seconds.
    created: float
    #: Bytes of all files together.
    total_bytes: int = Field(ge=0)
    with_keys: bool


class BackedUpFile(BaseModel):
    """One file in the archive."""

    model_config = ConfigDict(frozen=True)

    size: int = Field(ge=0)
    #: Hex.
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class BackupManifest(BaseModel):
    """``manifest.json``."""

    model_config = ConfigDict(frozen=True)

    head: BackupHead
    #: By name in the archive.
    files: dict[str, BackedUpFile]
    #: Events of the history in it, and those that its chain has.
    events: int = Field(ge=0)
    chained: int = Field(ge=0)
    #: The last signed checkpoint in it (a note), if there is one.
    checkpoint: str | None = None
    #: What was left out and why, by name in the data directory.
    left_out: dict[str, str] = {}
