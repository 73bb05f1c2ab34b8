"""``memory/hash_chain.json`` and ``memory/snapshots/snapshot_<ts>.json``.

These models describe the files. The store builds and checks the exact bytes itself: what is hashed is what is stored.
"""

from typing import Literal

from pydantic import Field

from cq_tui.contracts.base import ContractModel, Count, Finite, SafeInteger, Timestamp


class BlockData(ContractModel):
    """The event of a block. ``event_hash`` is the hex SHA-256 of 0x00 and the event line."""

    event_id: str
    event_type: str
    event_hash: str | None = None


class BlockDocument(ContractModel):
    """One block. Index 0 is the genesis block, with the text ``Genesis Block`` as its data."""

    index: Count
    timestamp: Timestamp
    data: BlockData | str
    previous_hash: str
    hash: str


class HashChain(ContractModel):
    """The whole hash chain. Large: validate samples, never parse it in a running service."""

    chain: list[BlockDocument]
    merkle_root: str
    chain_length: Count
    """Blocks, genesis included."""
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
    """The running services and their health."""

    active_services: list[str]
    health_status: str
    memory_usage: float
    """MiB over all services."""


class SnapshotHistory(ContractModel):
    """The synced state of the history: enough for memory to resume without reading earlier events."""

    events_count: SafeInteger
    merkle_root: str
    """Hex root over those events."""
    cursors: dict[str, SafeInteger] = {}
    """Highest seq merged, by writer."""
    frontier: list[str] | None = None
    """Hex roots of the perfect subtrees, largest first."""
    events_bytes: SafeInteger | None = None
    """Size of ``event_chain.ndjson`` in bytes."""
    chain_bytes: SafeInteger | None = None
    """Size of ``hash_chain.json`` without its tail."""


class SnapshotData(ContractModel):
    """The payload of a snapshot. An incremental one holds the changes since its base snapshot."""

    account: SnapshotAccount | None = None
    market_data: dict[str, SnapshotMarket] = {}
    system_state: SnapshotSystem | None = None
    history: SnapshotHistory | None = None
    removed_symbols: list[str] | None = None
    """Symbols removed since the base snapshot (incremental only)."""


class Snapshot(ContractModel):
    """``memory/snapshots/snapshot_<ts>.json``."""

    snapshot_id: str = Field(min_length=1)
    timestamp: Timestamp
    schema_version: str
    snapshot_type: Literal["full", "incremental"]
    data: SnapshotData
    base_snapshot_id: str | None = None
    """The base snapshot of an incremental one."""
    content_hash: str | None = None
    """Hex SHA-256 of the file up to the comma before this field, which comes last."""


class TreeIndexDocument(ContractModel):
    """``memory/tree_index.json``: makes proofs fast. Derived from events and chain; no evidence by itself."""

    leaves: Literal[1024] = 1024
    """Leaves per subtree."""
    roots: list[str]
    """Hex roots of the full subtrees, in order."""
    event_offsets: list[SafeInteger]
    """Byte offset in ``event_chain.ndjson`` of each subtree's first event, the growing subtree included."""
    block_offsets: list[SafeInteger]
    """Byte offset in ``hash_chain.json`` of each subtree's first block, the growing subtree included."""
