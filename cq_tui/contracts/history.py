"""``memory/hash_chain.json`` and ``memory/snapshots/snapshot_<ts>.json``.

These models say what the files look like. The store builds and checks the exact bytes itself: what is hashed
is what is stored.
"""

from typing import Literal

from pydantic import Field

from cq_tui.contracts.base import ContractModel, Count, Finite, SafeInteger, Timestamp


class BlockData(ContractModel):
    """What a block says of its event. ``event_hash`` (hex SHA-256 of 0x00 and the event line) is ours."""

    event_id: str
    event_type: str
    event_hash: str | None = None


class BlockDocument(ContractModel):
    """One block: index 0 is the genesis block, whose data is the text ``Genesis Block``."""

    index: Count
    timestamp: Timestamp
    data: BlockData | str
    previous_hash: str
    hash: str


class HashChain(ContractModel):
    """The whole document. Large: validate samples, never parse it in a running service."""

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
    """Who was at work."""

    active_services: list[str]
    health_status: str
    #: MiB over all services.
    memory_usage: float


class SnapshotHistory(ContractModel):
    """Where the history stood, synced: all that memory needs to go on from here without reading what came before."""

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
    """The payload of a snapshot. An incremental one holds what changed since the snapshot it is based on."""

    account: SnapshotAccount | None = None
    market_data: dict[str, SnapshotMarket] = {}
    system_state: SnapshotSystem | None = None
    history: SnapshotHistory | None = None
    #: Symbols that are no longer there (incremental only).
    removed_symbols: list[str] | None = None


class Snapshot(ContractModel):
    """``memory/snapshots/snapshot_<ts>.json``."""

    snapshot_id: str = Field(min_length=1)
    timestamp: Timestamp
    schema_version: str
    snapshot_type: Literal["full", "incremental"]
    data: SnapshotData
    #: The snapshot that an incremental one changes.
    base_snapshot_id: str | None = None
    #: Hex SHA-256 of the file up to the comma before this field, which stands last: what is stored is what is hashed.
    content_hash: str | None = None


class TreeIndexDocument(ContractModel):
    """``memory/tree_index.json``: what makes proofs quick. Derived from events and chain, and no evidence itself."""

    #: Leaves of one subtree.
    leaves: Literal[1024] = 1024
    #: Hex roots of the full subtrees, in order.
    roots: list[str]
    #: Byte in ``event_chain.ndjson`` at which the events of each subtree begin, and of the one that still grows.
    event_offsets: list[SafeInteger]
    #: Byte in ``hash_chain.json`` at which the blocks of each subtree begin, and of the one that still grows.
    block_offsets: list[SafeInteger]
