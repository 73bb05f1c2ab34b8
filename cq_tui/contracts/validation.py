"""What ``cq-tui validate --json`` prints: every finding with its place, its rule and its remedy."""

from typing import Annotated, Literal

from cq_tui.contracts.base import ContractModel, Count, Timestamp
from cq_tui.contracts.units import NO_UNIT


class ReportedFinding(ContractModel):
    """One thing that is wrong in a file."""

    severity: Literal["error", "warning"]
    """Errors make a file invalid; warnings alone do not."""
    rule: str
    """Stable code of the rule that is broken, such as ``health.symbols_count``."""
    file: str
    """Path relative to the data directory; of a single file, the path that was given."""
    kind: str | None = None
    """Kind of the file, by which its schema is named; null if it cannot be told."""
    line: Annotated[int, NO_UNIT] | None = None
    """Line, or item of a list, from 1; null in a file of one document."""
    field: str
    """Path of the field, such as ``data.positions[0].size``; empty for the whole."""
    value: str | None = None
    """The value in a few words; null if there is none, or it is or may be a secret."""
    text: str
    """What is wrong, in words that may change."""
    remedy: str
    """What to do about it."""


class BrokenRule(ContractModel):
    """How often a rule is broken, in all files."""

    count: Count
    """Number of findings, those included that are not listed."""
    severity: Literal["error", "warning"]
    """Of each of them."""
    demand: str
    """What the rule demands."""


class ValidationDocument(ContractModel):
    """The report of a validation."""

    checked_at: Timestamp
    """When the validation began."""
    version: str
    """Version of the cq-tui that validated."""
    exit_code: Annotated[int, NO_UNIT]
    """0 valid, 1 warnings only, 2 invalid."""
    valid: bool
    """Whether there is no error."""
    data_directory: str | None = None
    """The data directory that was validated; null if it was single files."""
    data_version: str | None = None
    """Version of its files, such as 1.3; null if they do not say."""
    version_from: str | None = None
    """What the version follows from."""
    files: Count
    """Files that were checked."""
    records: Count
    """Lines, blocks and items of lists that were checked in them."""
    errors: Count
    """Findings that make a file invalid."""
    warnings: Count
    """Other findings."""
    findings: list[ReportedFinding]
    """The first findings of each rule and file, errors first."""
    rules: dict[str, BrokenRule]
    """The rules that are broken, by their code."""
    not_checked_count: Count
    """Files and folders of no kind that is checked."""
    not_checked: list[str]
    """The first of them."""
