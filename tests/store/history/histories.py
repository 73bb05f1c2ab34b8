"""Small histories for tests, and an independent look at the files of one."""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.event_line import EventClock, EventHeader, NewEvent
from cq_tui.store.history.writer import HistoryWriter
from tests.store.history.test_merkle import tree_hash


def data_dir(folder: Path) -> DataDir:
    """Make the folders that a history needs, and no others: hundreds of such directories are made."""
    data = DataDir(folder)
    for part in (data.memory, data.spool, data.snapshots, data.quarantine, data.state_of("memory").parent):
        part.mkdir(mode=0o700, parents=True, exist_ok=True)
    return data


def event(seq: int, writer: str = "trader", **data: Any) -> NewEvent:
    return NewEvent("order_executed", writer, {"n": seq} | data, writer, seq, 100.0 + seq, {})


def stamp(clock: EventClock, now: float, event_type: str = "e") -> EventHeader:
    """Return the header of one event."""
    return EventHeader(*clock.stamp_all(now, [event_type])[0])


def made(folder: Path, count: int, batch: int = 3) -> DataDir:
    """Make a history of events 1 to ``count``, closed in good order."""
    data = data_dir(folder)
    history = HistoryWriter(data, now=50.0)
    for start in range(1, count + 1, batch):
        history.append([event(seq) for seq in range(start, min(count, start + batch - 1) + 1)], 1000.0 + start)
        history.flush_chain()
    history.close()
    return data


def event_lines(data: DataDir) -> list[bytes]:
    return data.events.read_bytes().split(b"\n")[:-1]


def seqs(data: DataDir, writer: str = "trader") -> list[int]:
    """The numbers of the events, as they stand in the file."""
    found = [orjson.loads(line)["metadata"] for line in event_lines(data)]
    return [int(metadata["seq"]) for metadata in found if metadata["writer"] == writer]


def assert_consistent(data: DataDir, *, verified: bool = True) -> None:
    """Check chain, payloads, ids, times and root by the letter of the definition, without the code under test."""
    lines = event_lines(data)
    document = orjson.loads(data.hash_chain.read_bytes())
    chain = document["chain"]
    assert document["chain_length"] == len(chain) == len(lines) + 1
    assert document["integrity_verified"] is verified
    assert document["merkle_root"] == tree_hash(lines).hex()
    previous = "0"
    for index, (block, raw) in enumerate(zip(chain, raw_blocks(data), strict=True)):
        assert (block["index"], block["previous_hash"]) == (index, previous)
        content = raw[: raw.rindex(b',"hash":"')]
        previous = sha256(b"coinquant/r11/block/v1\n" + content).hexdigest()
        assert block["hash"] == previous
        if index:
            line = orjson.loads(lines[index - 1])
            assert block["data"]["event_hash"] == sha256(b"\x00" + lines[index - 1]).hexdigest()
            assert block["data"]["event_id"] == line["event_id"]
            assert block["timestamp"] == line["timestamp"]
    ids = [orjson.loads(line)["event_id"] for line in lines]
    times = [orjson.loads(line)["timestamp"] for line in lines]
    assert len(set(ids)) == len(ids)
    assert times == sorted(times)


def raw_blocks(data: DataDir) -> Iterable[bytes]:
    lines = data.hash_chain.read_bytes().split(b"\n")
    return [line.removesuffix(b",") for line in lines[1:-2]]
