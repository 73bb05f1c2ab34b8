"""Proof documents: written by ``cq-tui prove``, verifiable from the file alone.

The tree follows RFC 9162 section 2.1; hashes are hex. A checkpoint is a C2SP tlog-checkpoint in a signed note.
"""

from typing import Literal

from pydantic import Field

from cq_tui.contracts.base import ContractModel, Count, Index

Hash = str


class AcceptanceProof(ContractModel):
    """Proves that a person accepted that the history contradicts what was signed before: that event is included."""

    event: str
    """The line of the ``integrity_acknowledged`` event; its ``note`` is the signed acceptance."""
    leaf_index: Index
    """Index of the event, from 0."""
    path: list[Hash]
    """Hashes of the proof, 64 hex digits each, lowest first."""


class InclusionProof(ContractModel):
    """Proves that one event is part of the history under a checkpoint (RFC 9162 section 2.1.3)."""

    kind: Literal["inclusion"]
    """Which proof this is."""
    event: str
    """The event's line exactly as stored, without its line feed."""
    leaf_index: Index
    """Index of the event, from 0."""
    tree_size: Count
    """Events of the history that the checkpoint is about."""
    path: list[Hash]
    """Hashes of the proof, 64 hex digits each, lowest first."""
    checkpoint: str = Field(min_length=1)
    """The signed checkpoint of ``tree_size`` events."""
    public_key: str
    """Public key of the signer (C2SP verifier key)."""
    acceptances: list[AcceptanceProof] | None = None
    """The accepted contradictions that the checkpoint names."""


class ConsistencyProof(ContractModel):
    """Proves that a later history extends an earlier one unchanged (RFC 9162 section 2.1.4)."""

    kind: Literal["consistency"]
    """Which proof this is."""
    old_size: Count
    """Events of the earlier history."""
    tree_size: Count
    """Events of the later history."""
    path: list[Hash]
    """Hashes of the proof, 64 hex digits each, lowest first."""
    old_checkpoint: str = Field(min_length=1)
    """The earlier signed checkpoint, as provided."""
    checkpoint: str = Field(min_length=1)
    """The signed checkpoint of the later history."""
    public_key: str
    """Public key of the signer (C2SP verifier key)."""
    acceptances: list[AcceptanceProof] | None = None
    """The accepted contradictions that the later checkpoint names."""
