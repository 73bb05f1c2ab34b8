"""``memory/hash_chain.json`` and ``memory/snapshots/snapshot_<ts>.json``.

These models describe the files. The store builds and checks the exact bytes itself: what is hashed is what is stored.
"""

from typing import Annotated, Literal

from pydantic import Field

from cq_tui.contracts.base import (
    BaseAmount,
    Bytes,
    ContractModel,
    Count,
    Index,
    Price,
    QuoteAmount,
    SafeCount,
    SafeInteger,
    Timestamp,
)
from cq_tui.contracts.units import COUNT, MIB, NO_UNIT


class BlockData(ContractModel):
    """The event of a block. ``event_hash`` is the hex SHA-256 of 0x00 and the event line."""

    event_id: str
    event_type: str
    event_hash: str | None = None
    """SHA-256 of 0x00 and the event's line, 64 hex digits."""


class BlockDocument(ContractModel):
    """One block. Index 0 is the genesis block, with the text ``Genesis Block`` as its data."""

    index: Index
    """Number of the block, from 0."""
    timestamp: Timestamp
    """Time of the block: that of its event."""
    data: BlockData | str
    """The event of the block; of the genesis block a text."""
    previous_hash: str
    """Hash of the block before, 64 hex digits; ``0`` of the genesis block."""
    hash: str
    """SHA-256 of the block, 64 hex digits."""


class HashChain(ContractModel):
    """``memory/hash_chain.json``: the whole hash chain. Large: never parse it in a running service."""

    chain: list[BlockDocument]
    """The blocks, the genesis block first."""
    merkle_root: str
    chain_length: Count
    """Blocks, genesis included."""
    integrity_verified: bool
    """False while a fault of the history is open."""


class SnapshotPosition(ContractModel):
    """One open position."""

    size: BaseAmount
    """Quantity."""
    entry_price: Price
    """Average price of the entry."""
    unrealized_pnl: QuoteAmount
    """Profit if it were sold at the best bid."""


class SnapshotAccount(ContractModel):
    """The account as the trader last wrote it."""

    total_balance: QuoteAmount
    """What the account is worth."""
    available_balance: QuoteAmount
    """What can be spent."""
    positions: dict[str, SnapshotPosition] = {}
    """Open positions by symbol."""


class SnapshotMarket(ContractModel):
    """One symbol as the feeder last wrote it."""

    price: Price
    """The last price."""
    volume: BaseAmount
    """Volume over 24 hours."""
    timestamp: Timestamp
    """When the symbol's last message came."""


class SnapshotSystem(ContractModel):
    """The running services and their health."""

    active_services: list[str]
    """Services that are running."""
    health_status: str
    """ok or degraded, as memory saw it."""
    memory_usage: Annotated[float, MIB]
    """Resident memory over all services."""


class SnapshotHistory(ContractModel):
    """The synced state of the history: enough for memory to resume without reading earlier events."""

    events_count: SafeCount
    """Events at that moment."""
    merkle_root: str
    """Merkle root over those events, 64 hex digits."""
    cursors: dict[str, Annotated[SafeInteger, NO_UNIT]] = {}
    """Highest seq merged, by writer."""
    frontier: list[str] | None = None
    """Roots of the perfect subtrees, 64 hex digits each, largest first."""
    events_bytes: Bytes | None = None
    """Size of ``event_chain.ndjson``."""
    chain_bytes: Bytes | None = None
    """Size of ``hash_chain.json`` without its tail."""


class SnapshotData(ContractModel):
    """The payload of a snapshot. An incremental one holds the changes since its base snapshot."""

    account: SnapshotAccount | None = None
    """The account; null if it is not known, or has not changed."""
    market_data: dict[str, SnapshotMarket] = {}
    """Market data by symbol."""
    system_state: SnapshotSystem | None = None
    """The services."""
    history: SnapshotHistory | None = None
    """Where the history stood."""
    removed_symbols: list[str] | None = None
    """Symbols removed since the base snapshot (incremental only)."""


class Snapshot(ContractModel):
    """``memory/snapshots/snapshot_<timestamp>.json``: the stack at one moment."""

    snapshot_id: str = Field(min_length=1)
    """Unique id; the file has the same name."""
    timestamp: Timestamp
    """When it was taken."""
    schema_version: str
    """Version of the data contract that it follows."""
    snapshot_type: Literal["full", "incremental"]
    """full, or incremental: only what changed since ``base_snapshot_id``."""
    data: SnapshotData
    """What the stack was at that moment."""
    base_snapshot_id: str | None = None
    """The base snapshot of an incremental one."""
    content_hash: str | None = None
    """Hex SHA-256 of the file up to the comma before this field, which comes last."""


class TreeIndexDocument(ContractModel):
    """``memory/tree_index.json``: makes proofs fast. Derived from events and chain; no evidence by itself."""

    leaves: Annotated[Literal[1024], COUNT] = 1024
    """Leaves per subtree."""
    roots: list[str]
    """Hex roots of the full subtrees, in order."""
    event_offsets: list[Bytes]
    """Byte offset in ``event_chain.ndjson`` of each subtree's first event, the growing subtree included."""
    block_offsets: list[Bytes]
    """Byte offset in ``hash_chain.json`` of each subtree's first block, the growing subtree included."""
