"""Mutations of what memory keeps for itself: state, snapshots, index and spools. None of it can hide or make damage."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace

import orjson

from cq_tui.contracts.history import SnapshotHistory
from cq_tui.store.document import read_json, write_document
from cq_tui.store.snapshots.snapshot_file import read_snapshot_history, snapshot_path
from tests.services.memory_battery.edits import append, flip
from tests.services.memory_battery.forgery import newest_snapshot, reseal_newest_snapshot
from tests.services.memory_battery.mutation import Mutation, both
from tests.services.memory_battery.site import Site

_SPOOL = frozenset({"spool"})


def _state(**fields: object) -> Callable[[Site], None]:
    def changed(site: Site) -> None:
        path = site.data.state_of("memory")
        write_document(path, read_json(path) | fields)

    return changed


def _snapshot(change: Callable[[SnapshotHistory], dict[str, object]]) -> Callable[[Site], None]:
    def changed(site: Site) -> None:
        state = read_snapshot_history(newest_snapshot(site.data))
        reseal_newest_snapshot(site.data, state.model_copy(update=change(state)))

    return changed


def _future_snapshot(site: Site) -> None:
    path = newest_snapshot(site.data)
    shutil.copy(path, snapshot_path(site.data.snapshots, 999_999_999_999_999))


def spooled(seq: int, **fields: object) -> bytes:
    """Return a line as an older version spooled it."""
    return (
        orjson.dumps(
            {"seq": seq, "occurred_at": 1.5, "event_type": "order_executed", "source": "trader", "data": {"number": 1}}
            | {"metadata": {}}
            | fields
        )
        + b"\n"
    )


def _spool(name: str, *lines: bytes) -> Callable[[Site], None]:
    return lambda site: append(site.data.spool / f"{name}.ndjson", b"".join(lines))


def _harmless(name: str, change: Callable[[Site], object]) -> Mutation:
    return Mutation(name, change, exit_code=0)


MUTATIONS = (
    # state/memory.json
    *(
        replace(_harmless(f"the state's watermark is {value!r}", _state(watermark=value)), is_heavy=value != 2**62)
        for value in (0, -1, 2**62, 1, "much", None, True, 1e300)
    ),
    _harmless("the state names another directory", _state(directory_id="0" * 32)),
    _harmless("the state names no directory", _state(directory_id="../../evil")),
    _harmless("the state has faults that are no texts", _state(faults=[1, None, {}, "", []])),
    Mutation("the state has a fault that nobody found", _state(faults=["x: y"]), kinds=frozenset({"history"})),
    _harmless("the state says that all is accepted", _state(accepted=["event_chain.ndjson: x"], faults=[])),
    _harmless("the state is garbage", lambda site: site.data.state_of("memory").write_bytes(b"garbage")),
    _harmless("the state is a nesting", lambda site: site.data.state_of("memory").write_bytes(b"[" * 100_000)),
    _harmless("the state is gone", lambda site: site.data.state_of("memory").unlink()),
    _harmless(
        "the state is that of an earlier moment",
        lambda site: shutil.copy(site.at(1).data.state_of("memory"), site.data.state_of("memory")),
    ),
    # Snapshots
    _harmless("the newest snapshot has a flipped bit", lambda site: flip(newest_snapshot(site.data), b'"cursors"', 0)),
    _harmless("the newest snapshot is empty", lambda site: os.truncate(newest_snapshot(site.data), 0)),
    _harmless("the snapshots are gone", lambda site: shutil.rmtree(site.data.snapshots)),
    _harmless("the newest snapshot is in the future", _future_snapshot),
    _harmless("the newest snapshot is forged: cursors", _snapshot(lambda _: {"cursors": {"trader": 2**53 - 1}})),
    _harmless("the newest snapshot is forged: no cursors", _snapshot(lambda _: {"cursors": {}})),
    _harmless("the newest snapshot is forged: root", _snapshot(lambda _: {"merkle_root": "0" * 64})),
    _harmless("the newest snapshot is forged: count", _snapshot(lambda seen: {"events_count": seen.events_count - 1})),
    _harmless("the newest snapshot is forged: a larger count", _snapshot(lambda _: {"events_count": 2**53 - 1})),
    _harmless(
        "the newest snapshot is forged: frontier",
        _snapshot(lambda found: {"frontier": ["0" * 64] * len(found.frontier or ())}),
    ),
    _harmless("the newest snapshot is forged: bytes", _snapshot(lambda _: {"events_bytes": 5})),
    _harmless("the newest snapshot is forged: chain bytes", _snapshot(lambda _: {"chain_bytes": 2**52})),
    _harmless(
        "the snapshots are those of an earlier moment",
        both(
            lambda site: shutil.rmtree(site.data.snapshots),
            lambda site: shutil.copytree(site.at(1).data.snapshots, site.data.snapshots),
        ),
    ),
    # The index
    _harmless("the index is garbage", lambda site: site.data.tree_index.write_bytes(b"garbage")),
    _harmless("the index is gone", lambda site: site.data.tree_index.unlink()),
    _harmless(
        "the index has other roots",
        lambda site: site.data.tree_index.write_text(
            json.dumps({"roots": ["0" * 64] * 2, "event_offsets": [0, 9, 18], "block_offsets": [99, 199, 299]})
        ),
    ),
    # Spools
    _harmless("a spool is gone", lambda site: (site.data.spool / "trader.ndjson").unlink()),
    _harmless("the spools are gone", lambda site: shutil.rmtree(site.data.spool)),
    _harmless("a new spool has new events", _spool("cli-9f", spooled(1), spooled(2))),
    Mutation("a spool has a stray line", _spool("trader", b"garbage\n"), exit_code=0),
    Mutation("a spool has a stray nesting", _spool("trader", b"[" * 100_000 + b"\n"), exit_code=0),
    Mutation("a spool has zeros", _spool("trader", bytes(4096) + b"\n"), exit_code=0),
    Mutation("a spool has a number again", _spool("trader", spooled(3)), exit_code=0),
    Mutation("a spool lacks a number", _spool("cli-9f", spooled(1), spooled(3)), exit_code=0),
    Mutation("a spool's number leaves none", _spool("trader", spooled(2**53 - 1)), exit_code=0),
    Mutation("a spool's number is beyond", _spool("trader", spooled(2**53)), exit_code=0),
    Mutation("a spool's number is a word", _spool("trader", spooled(2).replace(b"2", b'"2"', 1)), exit_code=0),
    Mutation("a spool has an event of no type", _spool("cli-9f", spooled(1, event_type="a b")), exit_code=0),
    Mutation("a spool has a time far ahead", _spool("cli-9f", spooled(1, occurred_at=9e11)), exit_code=0),
    Mutation("a spool has half a line", _spool("trader", b'{"seq":'), exit_code=0),
    Mutation("a folder is in the spools", lambda site: (site.data.spool / "old").mkdir(), exit_code=0),
    Mutation("a folder is a spool", lambda site: (site.data.spool / "ghost.ndjson").mkdir(), exit_code=0),
    Mutation("a pipe is a spool", lambda site: os.mkfifo(site.data.spool / "ghost.ndjson"), exit_code=0),
    Mutation(
        "a link is a spool",
        lambda site: (site.data.spool / "ghost.ndjson").symlink_to("trader.ndjson"),
        exit_code=0,
    ),
    Mutation("a spool has no name of ours", lambda site: (site.data.spool / "A B.ndjson").touch(), exit_code=0),
    Mutation(
        "a spool is another directory's",
        lambda site: shutil.copy(site.other.spool / "trader.ndjson", site.data.spool / "trader.ndjson"),
        exit_code=0,
    ),
)
