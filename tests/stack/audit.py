"""Verifying a history from its bytes alone, by a second reading of the rules: no code of ours takes part."""

import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from cq_tui.contracts.layout import DataDir


def spooled(data: DataDir) -> dict[tuple[str, int], dict[str, Any]]:
    """What the spools hold: all that waits, and what was merged lately. Each writer counts without gaps."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    last: dict[str, int] = {}
    for path in sorted(data.spool.glob("*.ndjson")):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            # Merged, and deleted.
            continue
        writer = path.name.partition(".")[0]
        for line in map(orjson.loads, content.rpartition(b"\n")[0].splitlines()):
            assert line["seq"] == last.get(writer, line["seq"] - 1) + 1, path.name
            last[writer] = line["seq"]
            found[writer, line["seq"]] = line
    return found


def merged(data: DataDir) -> dict[tuple[str, int], dict[str, Any]]:
    """Everything in the history, by writer and seq: nothing twice, nothing left out, time and ids in order."""
    events = [orjson.loads(line) for line in _lines(data.events)]
    keys = [(event["metadata"]["writer"], event["metadata"]["seq"]) for event in events]
    assert len(set(keys)) == len(keys), "an event was merged twice"
    for writer in {writer for writer, _ in keys}:
        seqs = [seq for name, seq in keys if name == writer]
        assert seqs == list(range(1, len(seqs) + 1)), f"{writer}: an event is lost or out of order"
    assert len({event["event_id"] for event in events}) == len(events)
    times = [event["timestamp"] for event in events]
    assert times == sorted(times)
    return dict(zip(keys, events, strict=True))


def check_history(data: DataDir) -> int:
    """Assert that what was merged is what was spooled, as far as that is still there; return the number of events."""
    events, origin = merged(data), spooled(data)
    for key in events.keys() & origin.keys():
        event = events[key]
        assert (event["event_type"], event["data"]) == (origin[key]["event_type"], origin[key]["data"]), key
    return len(events)


def check_chain(data: DataDir) -> int:
    """Assert that chain and Merkle root follow from the events; return the number of blocks, genesis included."""
    content = data.hash_chain.read_bytes()
    document = orjson.loads(content)
    blocks = [line.removesuffix(b",") for line in content.split(b"\n") if line.startswith(b'{"index":')]
    assert document["chain_length"] == len(blocks) == len(document["chain"])
    assert document["integrity_verified"] is True
    events = _lines(data.events)[: len(blocks) - 1]
    previous = "0"
    for index, block in enumerate(blocks):
        start, digest = re.fullmatch(rb'(.*),"hash":"([0-9a-f]{64})"}', block).groups()  # type: ignore[union-attr]
        assert sha256(b"coinquant/r11/block/v1\n" + start).hexdigest() == digest.decode()
        fields = orjson.loads(block)
        assert (fields["index"], fields["previous_hash"]) == (index, previous)
        if index:
            event = orjson.loads(events[index - 1])
            assert fields["data"] == {
                "event_id": event["event_id"],
                "event_type": event["event_type"],
                "event_hash": sha256(b"\0" + events[index - 1]).hexdigest(),
            }
        previous = digest.decode()
    assert document["merkle_root"] == tree_hash(events).hex()
    return len(blocks)


def tree_hash(entries: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, as it is written there."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\0" + entries[0]).digest()
    split = 1 << (len(entries) - 1).bit_length() - 1
    return sha256(b"\1" + tree_hash(entries[:split]) + tree_hash(entries[split:])).digest()


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().rpartition(b"\n")[0].splitlines()
