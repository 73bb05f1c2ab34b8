"""``memory/hash_chain.json`` and ``memory/snapshots/snapshot_<ts>.json``.

These models say what the files look like. The store builds and checks the exact bytes itself: what is hashed
is what is stored.
"""

from typing import Any, Literal

from pydantic import Field

from cq_tui.contracts.base import ContractModel, Count, Finite, Timestamp


class BlockData(ContractModel):
    """What a block says of its event. ``event_hash`` (hex SHA-256 of 0x00 and the event line) is ours."""

    event_id: str
    event_type: str
    event_hash: str | None = None


class Block(ContractModel):
    """One block: index 0 is the genesis block, whose data is the text ``Genesis Block``."""

    index: Count
    timestamp: Timestamp
    data: BlockData | str
    previous_hash: str
    hash: str


class HashChain(ContractModel):
    """The whole document. Large: validate samples, never parse it in a running service."""

    chain: list[Block]
    merkle_root: str
    #: Blocks, genesis included.
    chain_length: Count
    integrity_verified: bool


class SnapshotPosition(ContractModel):
    """One open position."""

    size: Finite
    entry_price: Finite
    unrealized_pnl: Finite


class SnapshotAccount(ContractModel):
    """The account as the trader last wrote it."""

    total_balance: Finite
    available_balance: Finite
    positions: dict[str, SnapshotPosition] = {}


class SnapshotMarket(ContractModel):
    """One symbol as the feeder last wrote it."""

    price: Finite
    volume: Finite
    timestamp: Timestamp


class SnapshotSystem(ContractModel):
    """Who was at work."""

    active_services: list[str]
    health_status: str
    #: MiB over all services.
    memory_usage: float


class SnapshotData(ContractModel):
    """The payload of a snapshot."""

    account: SnapshotAccount | None = None
    market_data: dict[str, SnapshotMarket] = {}
    system_state: SnapshotSystem | None = None
    #: Where the history stood: event count, Merkle root, spool cursors.
    history: dict[str, Any] | None = None


class Snapshot(ContractModel):
    """``memory/snapshots/snapshot_<ts>.json``."""

    snapshot_id: str = Field(min_length=1)
    timestamp: Timestamp
    schema_version: str
    snapshot_type: Literal["full", "incremental"]
    data: SnapshotData
