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
    """The running services and their health."""

    active_services: list[str]
    health_status: str
    #: MiB over all services.
    memory_usage: float


class SnapshotHistory(ContractModel):
    """The synced state of the history: enough for memory to resume without reading earlier events."""

    events_count: SafeInteger
    #: Hex root over those events.
    merkle_root: str
    #: Highest seq merged, by writer.
    cursors: dict[str, SafeInteger] = {}
    #: Hex roots of the perfect subtrees, largest first.
    frontier: list[str] | None = None
    #: Size of ``event_chain.ndjson`` in bytes.
    events_bytes: SafeInteger | None = None
    #: Size of ``hash_chain.json`` without its tail.
    chain_bytes: SafeInteger | None = None


class SnapshotData(ContractModel):
    """The payload of a snapshot. An incremental one holds the changes since its base snapshot."""

    account: SnapshotAccount | None = None
    market_data: dict[str, SnapshotMarket] = {}
    system_state: SnapshotSystem | None = None
    history: SnapshotHistory | None = None
    #: Symbols removed since the base snapshot (incremental only).
    removed_symbols: list[str] | None = None


class Snapshot(ContractModel):
    """``memory/snapshots/snapshot_<ts>.json``."""

    snapshot_id: str = Field(min_length=1)
    timestamp: Timestamp
    schema_version: str
    snapshot_type: Literal["full", "incremental"]
    data: SnapshotData
    #: The base snapshot of an incremental one.
    base_snapshot_id: str | None = None
    #: Hex SHA-256 of the file up to the comma before this field, which comes last.
    content_hash: str | None = None


class TreeIndexDocument(ContractModel):
    """``memory/tree_index.json``: makes proofs fast. Derived from events and chain; no evidence by itself."""

    #: Leaves per subtree.
    leaves: Literal[1024] = 1024
    #: Hex roots of the full subtrees, in order.
    roots: list[str]
    #: Byte offset in ``event_chain.ndjson`` of each subtree's first event, the growing subtree included.
    event_offsets: list[SafeInteger]
    #: Byte offset in ``hash_chain.json`` of each subtree's first block, the growing subtree included.
    block_offsets: list[SafeInteger]
