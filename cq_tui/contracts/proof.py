"""A proof document: what ``cq-tui prove`` writes and anybody can check with nothing but the file.

The tree is that of RFC 9162 section 2.1; hashes are hex. A checkpoint is a C2SP tlog-checkpoint in a signed note.
"""

from typing import Literal

from pydantic import Field

from cq_tui.contracts.base import ContractModel, Count

Hash = str


class InclusionProof(ContractModel):
    """That one event is part of the history that a checkpoint names (RFC 9162 section 2.1.3)."""

    kind: Literal["inclusion"]
    #: The event's line, exactly as it is stored, without its line feed.
    event: str
    #: Place of the event, from 0.
    leaf_index: Count
    tree_size: Count
    path: list[Hash]
    #: The signed checkpoint of ``tree_size`` events.
    checkpoint: str = Field(min_length=1)
    #: Who signed it (C2SP verifier key).
    public_key: str


class ConsistencyProof(ContractModel):
    """That a later history extends an earlier one and changed nothing in it (RFC 9162 section 2.1.4)."""

    kind: Literal["consistency"]
    old_size: Count
    tree_size: Count
    path: list[Hash]
    #: The earlier signed checkpoint, as it was given.
    old_checkpoint: str = Field(min_length=1)
    checkpoint: str = Field(min_length=1)
    public_key: str
