"""``version.json`` in a data directory's root: the version of its files."""

from cq_tui.contracts.base import ContractModel, Timestamp


class VersionDocument(ContractModel):
    """Which version the files of a data directory have. An optional document: without it, the files are asked."""

    data_version: str
    """Version of the files, such as 1.3."""
    written_by: str | None = None
    """Version of the cq-tui that wrote this document."""
    since: Timestamp | None = None
    """When the files were found, or became, of this version (Unix seconds)."""
    base_interval: str | None = None
    """Base interval outside simulation while ARES_BASE_INTERVAL is unset; without it, as in directories of earlier
    versions, 1m."""
