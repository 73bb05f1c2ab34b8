"""Proof documents: written by ``cq-tui prove``, verifiable from the file alone.

The tree follows RFC 9162 section 2.1; hashes are hex. A checkpoint is a C2SP tlog-checkpoint in a signed note.
"""

from typing import Literal

from pydantic import Field

from cq_tui.contracts.base import ContractModel, Count

Hash = str


class AcceptanceProof(ContractModel):
    """Proves that a person accepted that the history contradicts what was signed before: that event is included."""

    event: str
    """The line of the ``integrity_acknowledged`` event; its ``note`` is the signed acceptance."""
    leaf_index: Count
    """Index of the event, from 0."""
    path: list[Hash]


class InclusionProof(ContractModel):
    """Proves that one event is part of the history under a checkpoint (RFC 9162 section 2.1.3)."""

    kind: Literal["inclusion"]
    event: str
    """The event's line exactly as stored, without its line feed."""
    leaf_index: Count
    """Index of the event, from 0."""
    tree_size: Count
    path: list[Hash]
    checkpoint: str = Field(min_length=1)
    """The signed checkpoint of ``tree_size`` events."""
    public_key: str
    """Public key of the signer (C2SP verifier key)."""
    acceptances: list[AcceptanceProof] | None = None
    """The accepted contradictions that the checkpoint names."""


class ConsistencyProof(ContractModel):
    """Proves that a later history extends an earlier one unchanged (RFC 9162 section 2.1.4)."""

    kind: Literal["consistency"]
    old_size: Count
    tree_size: Count
    path: list[Hash]
    old_checkpoint: str = Field(min_length=1)
    """The earlier signed checkpoint, as provided."""
    checkpoint: str = Field(min_length=1)
    public_key: str
    acceptances: list[AcceptanceProof] | None = None
    """The accepted contradictions that the later checkpoint names."""
