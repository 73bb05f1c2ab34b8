"""The peer of verification: every line and block parsed with orjson, hashed again and compared, field by field."""

import sys
import time
from hashlib import sha256
from pathlib import Path

import orjson

from cq_tui.contracts.layout import DataDir


def verify(data: DataDir) -> int:
    """Check payloads, chain, order, ids and root; return the number of events. Raises ValueError for what is wrong."""
    ids: set[str] = set()
    frontier: list[bytes] = []
    last_time, size = 0.0, 0
    with data.events.open("rb") as events, data.hash_chain.open("rb") as chain:
        chain.readline()
        previous = _block_hash(chain.readline())
        for line in events:
            size += 1
            entry, stored = line[:-1], chain.readline()
            event = orjson.loads(entry)
            block = orjson.loads(stored.removesuffix(b"\n").removesuffix(b","))
            leaf = sha256(b"\x00" + entry).digest()
            named = block["data"]
            if not (
                block["index"] == size
                and block["previous_hash"] == previous
                and block["timestamp"] == event["timestamp"]
                and named["event_id"] == event["event_id"]
                and named["event_type"] == event["event_type"]
                and named["event_hash"] == leaf.hex()
                and event["timestamp"] >= last_time
                and event["event_id"] not in ids
                and block["hash"] == (previous := _block_hash(stored))
            ):
                raise ValueError(f"event {size} is not sound")
            ids.add(event["event_id"])
            last_time = event["timestamp"]
            full = size - 1
            while full & 1:
                leaf = sha256(b"\x01" + frontier.pop() + leaf).digest()
                full >>= 1
            frontier.append(leaf)
        tail = orjson.loads(b'{"chain":[' + chain.read())
    root = frontier.pop()
    while frontier:
        root = sha256(b"\x01" + frontier.pop() + root).digest()
    if (tail["merkle_root"], tail["chain_length"]) != (root.hex(), size + 1):
        raise ValueError("the document's end is not sound")
    return size


def _block_hash(stored: bytes) -> str:
    return sha256(b"coinquant/r11/block/v1\n" + stored[: stored.rindex(b',"hash":"')]).hexdigest()


def main() -> None:
    """``plain_verification DATA_DIR``: print seconds."""
    started = time.perf_counter()
    verify(DataDir(Path(sys.argv[1])))
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main()
