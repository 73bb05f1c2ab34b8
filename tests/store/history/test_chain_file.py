"""The growing document: whoever opens its name finds a whole one."""

import threading
from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.history import HashChain
from cq_tui.store.history.chain_file import ChainFile, read_chain_tail, stored_blocks
from cq_tui.store.history.event_line import EventHead
from cq_tui.store.history.hash_chain import Block, ChainError, ChainTail, build_block, genesis
from tests.store.processes import program, word

ROOT = "00" * 32


def blocks_of(count: int) -> list[Block]:
    blocks = [genesis("1.000000")]
    for index in range(1, count + 1):
        blocks.append(build_block(index, EventHead(f"evt_1_{index:03d}", "1.000000", "e"), ROOT, blocks[-1].hash))
    return blocks


def expected(blocks: list[Block], *, verified: bool = True) -> bytes:
    word = "true" if verified else "false"
    tail = f'\n],"merkle_root":"{ROOT}","chain_length":{len(blocks)},"integrity_verified":{word}}}'
    return b'{"chain":[\n' + b",\n".join(block.content for block in blocks) + tail.encode().ljust(255) + b"\n"


def test_after_every_flush_the_document_has_its_exact_bytes(tmp_path: Path) -> None:
    blocks, path = blocks_of(60), tmp_path / "hash_chain.json"
    chain = ChainFile(path)
    chain.create([blocks[0].content], ChainTail(ROOT, 1, True))
    assert path.read_bytes() == expected(blocks[:1])
    length = 1
    for step in (1, 0, 5, 1, 0, 0, 20, 3, 1):
        delta = [block.content for block in blocks[length : length + step]]
        length += step
        chain.flush(delta, ChainTail(ROOT, length, step != 5), durable=step == 3)
        assert path.read_bytes() == expected(blocks[:length], verified=step != 5)
        if step == 20:
            chain = ChainFile(path)
            chain.open()
    document = HashChain.model_validate(orjson.loads(path.read_bytes()))
    assert len(document.chain) == document.chain_length == length
    assert list(stored_blocks(path)) == [block.content for block in blocks[:length]]
    assert read_chain_tail(path) == ChainTail(ROOT, length, True)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("victim", ["hash_chain.json", ".hash_chain.json.hidden"])
@pytest.mark.parametrize("flushes", [0, 1, 2])
def test_a_deleted_twin_is_made_from_the_other(tmp_path: Path, victim: str, flushes: int) -> None:
    blocks, path = blocks_of(10), tmp_path / "hash_chain.json"
    chain = ChainFile(path)
    chain.create([blocks[0].content], ChainTail(ROOT, 1, True))
    for turn in range(flushes):
        chain.flush([blocks[turn + 1].content], ChainTail(ROOT, turn + 2, True))
    (tmp_path / victim).unlink()
    for turn in range(flushes, flushes + 4):
        chain.flush([blocks[turn + 1].content], ChainTail(ROOT, turn + 2, True))
        assert path.read_bytes() == expected(blocks[: turn + 2])


def test_a_reader_that_never_rests_finds_whole_documents_only(tmp_path: Path) -> None:
    """Readers of the whole document try once more, as those of its tail do: at most two swaps a second happen."""
    blocks, path = blocks_of(400), tmp_path / "hash_chain.json"
    chain = ChainFile(path)
    chain.create([blocks[0].content], ChainTail(ROOT, 1, True))
    done = threading.Event()
    reads, torn, missing = [0], [0], [0]

    def read() -> None:
        while not done.is_set():
            for attempt in (1, 2):
                try:
                    content = path.read_bytes()
                    assert len(orjson.loads(content)["chain"]) == orjson.loads(content)["chain_length"]
                    break
                except FileNotFoundError:
                    missing[0] += 1
                except (orjson.JSONDecodeError, AssertionError):
                    torn[0] += attempt == 2
            reads[0] += 1

    reader = threading.Thread(target=read)
    reader.start()
    for index in range(1, 80):
        chain.flush(
            [block.content for block in blocks[index * 5 - 4 : index * 5 + 1]], ChainTail(ROOT, index * 5 + 1, True)
        )
        read_chain_tail(path)
        # A pause as it is in the service, only shorter: long enough for a reader to end before its file is hidden.
        done.wait(0.01)
    done.set()
    reader.join()
    assert reads[0] > 50
    assert (missing[0], torn[0]) == (0, 0)


FLUSHER = """
import sys
from pathlib import Path
from cq_tui.store.history.chain_file import ChainFile, read_chain_tail
from cq_tui.store.history.event_line import EventHead
from cq_tui.store.history.hash_chain import Block, ChainTail, build_block, genesis
path = Path(sys.argv[1])
chain = ChainFile(path)
if path.exists():
    chain.open()
    lines = path.read_bytes().split(b"\\n")
    length = read_chain_tail(path).chain_length
    tip = lines[length].rstrip(b",")[-66:-2].decode()
else:
    block = genesis("1.000000")
    tip, length = block.hash, 1
    chain.create([block.content], ChainTail("00" * 32, 1, True))
print("go", flush=True)
while True:
    block = build_block(length, EventHead(f"evt_1_{length:03d}", "1.000000", "e"), "00" * 32, tip)
    tip, length = block.hash, length + 1
    chain.flush([block.content], ChainTail("00" * 32, length, True))
"""


def test_a_writer_killed_at_random_moments_leaves_a_whole_document(tmp_path: Path) -> None:
    path = tmp_path / "hash_chain.json"
    length = 0
    for turn in range(5):
        with program(FLUSHER, path) as process:
            word(process)
            start = read_chain_tail(path).chain_length
            while read_chain_tail(path).chain_length <= start + 7 * turn + 3:
                pass
            process.kill()
            process.wait()
        document = orjson.loads(path.read_bytes())
        assert len(document["chain"]) == document["chain_length"] > length
        length = document["chain_length"]
    blocks = blocks_of(length - 1)
    assert path.read_bytes() == expected(blocks)


def test_what_is_no_chain_cannot_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "hash_chain.json"
    for content in (b"", b"{}", b"x" * 1000):
        path.write_bytes(content)
        with pytest.raises(ChainError):
            ChainFile(path).open()
        with pytest.raises(ChainError):
            read_chain_tail(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        read_chain_tail(path)
