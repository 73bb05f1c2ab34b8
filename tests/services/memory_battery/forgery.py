"""A rewrite of the whole history by somebody who has everything but the key: nothing in the directory disagrees."""

import re
from collections.abc import Callable
from pathlib import Path

import orjson

from cq_tui.contracts.history import Snapshot, SnapshotHistory
from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import read_json, write_document
from cq_tui.store.history.event_line import parse_header
from cq_tui.store.history.hash_chain import (
    DOCUMENT_START,
    SEPARATOR,
    ChainTail,
    build_blocks,
    genesis_block,
)
from cq_tui.store.history.merkle import SUBTREE_LEAVES, MerkleFrontier, leaf_hash
from cq_tui.store.history.tree_index import SubtreeIndex
from cq_tui.store.snapshots.snapshot_file import snapshot_bytes, snapshot_numbers, snapshot_path
from tests.store.history.histories import event_lines, raw_blocks

Lines = list[bytes]
_ORIGIN = re.compile(rb'"writer":"([a-z0-9-]+)","seq":(\d+)')


def forge(data: DataDir, change: Callable[[Lines], Lines] = lambda lines: lines, *, genesis: str | None = None) -> None:
    """Change the event lines, or the time of the genesis block, and rebuild all that follows from it."""
    lines = change(event_lines(data))
    began = genesis or str(orjson.loads(next(iter(raw_blocks(data))))["timestamp"])
    first = genesis_block(f"{float(began):.6f}")
    content = DOCUMENT_START + first.content
    frontier, index = MerkleFrontier(), SubtreeIndex(len(content) + len(SEPARATOR))
    end = 0
    tip = first
    for start in range(0, len(lines), SUBTREE_LEAVES):
        part = lines[start : start + SUBTREE_LEAVES]
        leaves = [leaf_hash(line) for line in part]
        blocks, tip = build_blocks(start + 1, map(parse_header, part), leaves, tip.hash)
        content += SEPARATOR + blocks
        frontier.extend(leaves)
        end += sum(len(line) + 1 for line in part)
        if len(part) == SUBTREE_LEAVES:
            index.add_subtree(frontier.subtrees[-1], end, len(content) + len(SEPARATOR))
    data.events.write_bytes(b"".join(line + b"\n" for line in lines))
    document = content + ChainTail(frontier.root().hex(), len(lines) + 1, integrity_verified=True).to_bytes()
    for path in (data.hash_chain, data.hash_chain.with_name(f".{data.hash_chain.name}.hidden")):
        path.write_bytes(document)
    index.save(data.tree_index)
    state = SnapshotHistory(
        events_count=len(lines),
        merkle_root=frontier.root().hex(),
        cursors={origin[1].decode(): int(origin[2]) for line in lines if (origin := _ORIGIN.search(line))},
        frontier=[root.hex() for root in frontier.roots],
        events_bytes=end,
        chain_bytes=len(content),
    )
    reseal_newest_snapshot(data, state)
    path = data.state_of("memory")
    write_document(path, read_json(path) | {"watermark": end})


def reseal_newest_snapshot(data: DataDir, state: SnapshotHistory) -> None:
    """Put this state into the newest snapshot, and give it the hash of its new content."""
    path = newest_snapshot(data)
    snapshot = Snapshot.model_validate(orjson.loads(path.read_bytes()))
    snapshot = snapshot.model_copy(
        update={"data": snapshot.data.model_copy(update={"history": state}), "content_hash": None}
    )
    path.write_bytes(snapshot_bytes(snapshot))


def newest_snapshot(data: DataDir) -> Path:
    return snapshot_path(data.snapshots, snapshot_numbers(data.snapshots)[-1])
