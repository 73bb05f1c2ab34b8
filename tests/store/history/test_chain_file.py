"""The growing document: whoever opens its name finds a whole one."""

import errno
import os
import threading
from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.history import HashChain
from cq_tui.store.history.chain_file import ChainFile, read_chain_tail
from cq_tui.store.history.event_line import EventHeader
from cq_tui.store.history.hash_chain import (
    SEPARATOR,
    TAIL_BYTES,
    ChainBlock,
    ChainError,
    ChainTail,
    build_block,
    genesis_block,
)
from tests.store.processes import program, until_more, word

ROOT = "00" * 32


def behind_separators(blocks: list[bytes]) -> list[bytes]:
    return [SEPARATOR + block for block in blocks]


def blocks_of(count: int) -> list[ChainBlock]:
    blocks = [genesis_block("1.000000")]
    for index in range(1, count + 1):
        blocks.append(build_block(index, EventHeader(f"evt_1_{index:03d}", "1.000000", "e"), ROOT, blocks[-1].hash))
    return blocks


def expected(blocks: list[ChainBlock], *, verified: bool = True) -> bytes:
    word = "true" if verified else "false"
    tail = f'\n],"merkle_root":"{ROOT}","chain_length":{len(blocks)},"integrity_verified":{word}}}'
    return b'{"chain":[\n' + b",\n".join(block.content for block in blocks) + tail.encode().ljust(255) + b"\n"


def create(chain: ChainFile, first: ChainBlock) -> None:
    with chain.create() as write:
        write(b'{"chain":[\n' + first.content)
    chain.replace(ChainTail(ROOT, 1, True))


def test_after_every_flush_the_document_has_its_exact_bytes(tmp_path: Path) -> None:
    blocks, path = blocks_of(60), tmp_path / "hash_chain.json"
    chain = ChainFile(path)
    create(chain, blocks[0])
    assert path.read_bytes() == expected(blocks[:1])
    length = 1
    for step in (1, 0, 5, 1, 0, 0, 20, 3, 1):
        delta = [block.content for block in blocks[length : length + step]]
        length += step
        chain.flush(behind_separators(delta), ChainTail(ROOT, length, step != 5))
        assert path.read_bytes() == expected(blocks[:length], verified=step != 5)
        if step == 20:
            chain = ChainFile(path)
            chain.open()
    document = HashChain.model_validate(orjson.loads(path.read_bytes()))
    assert len(document.chain) == document.chain_length == length
    assert read_chain_tail(path) == ChainTail(ROOT, length, True)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("victim", ["hash_chain.json", ".hash_chain.json.hidden"])
@pytest.mark.parametrize("flushes", [0, 1, 2])
def test_a_deleted_twin_is_made_from_the_other(tmp_path: Path, victim: str, flushes: int) -> None:
    blocks, path = blocks_of(10), tmp_path / "hash_chain.json"
    chain = ChainFile(path)
    create(chain, blocks[0])
    for turn in range(flushes):
        chain.flush([SEPARATOR, blocks[turn + 1].content], ChainTail(ROOT, turn + 2, True))
    (tmp_path / victim).unlink()
    for turn in range(flushes, flushes + 4):
        chain.flush([SEPARATOR, blocks[turn + 1].content], ChainTail(ROOT, turn + 2, True))
        assert path.read_bytes() == expected(blocks[: turn + 2])


def test_a_reader_that_never_rests_finds_whole_documents_only(tmp_path: Path) -> None:
    """Readers of the whole document try once more, as those of its tail do: at most two swaps a second happen."""
    blocks, path = blocks_of(400), tmp_path / "hash_chain.json"
    chain = ChainFile(path)
    create(chain, blocks[0])
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
        delta = [block.content for block in blocks[index * 5 - 4 : index * 5 + 1]]
        chain.flush(behind_separators(delta), ChainTail(ROOT, index * 5 + 1, True))
        read_chain_tail(path)
        # As in the service, whoever reads has ended before its file, hidden by now, is written again.
        until_more(reads)
    done.set()
    reader.join()
    assert reads[0] > 50
    assert (missing[0], torn[0]) == (0, 0)


FLUSHER = """
import sys
from pathlib import Path
from cq_tui.store.history.chain_file import ChainFile, read_chain_tail
from cq_tui.store.history.event_line import EventHeader
from cq_tui.store.history.hash_chain import DOCUMENT_START, SEPARATOR, TAIL_BYTES, ChainTail, build_block, genesis_block
path = Path(sys.argv[1])
chain = ChainFile(path)
mark = path.with_name("settled")


def settled(path):
    return int(mark.read_text()) if mark.exists() else None


if path.exists():
    chain.open(settled(path))
    lines = path.read_bytes().split(b"\\n")
    length = read_chain_tail(path).chain_length
    tip = lines[length].rstrip(b",")[-66:-2].decode()
else:
    block = genesis_block("1.000000")
    tip, length = block.hash, 1
    with chain.create() as write:
        write(DOCUMENT_START + block.content)
    chain.replace(ChainTail("00" * 32, 1, True))
print("go", flush=True)
while True:
    block = build_block(length, EventHeader(f"evt_1_{length:03d}", "1.000000", "e"), "00" * 32, tip)
    tip, length = block.hash, length + 1
    if length % 50 == 0:
        for delta in ([SEPARATOR, block.content], []):
            chain.flush(delta, ChainTail("00" * 32, length, True))
        mark.with_name("new").write_text(str(path.stat().st_size - TAIL_BYTES))
        mark.with_name("new").replace(mark)
    else:
        chain.flush([SEPARATOR, block.content], ChainTail("00" * 32, length, True))
"""


def test_a_writer_killed_at_random_moments_leaves_a_whole_document(tmp_path: Path) -> None:
    path = tmp_path / "hash_chain.json"
    length = 0
    for turn in range(6):
        with program(FLUSHER, path) as process:
            word(process)
            start = read_chain_tail(path).chain_length
            while read_chain_tail(path).chain_length <= start + 37 * turn + 3:
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


def test_an_equal_twin_is_continued_and_a_different_one_rewritten(tmp_path: Path) -> None:
    blocks, path = blocks_of(12), tmp_path / "hash_chain.json"
    twin = tmp_path / ".hash_chain.json.hidden"
    chain = ChainFile(path)
    create(chain, blocks[0])
    for delta in ([blocks[1].content], []):
        chain.flush(behind_separators(delta), ChainTail(ROOT, 2, True))
    settled = path.stat().st_size - TAIL_BYTES
    assert chain.twin == (twin, settled)
    for number in (2, 3):
        chain.flush([SEPARATOR, blocks[number].content], ChainTail(ROOT, number + 1, True))
    for number in (4, 5):
        inode = twin.stat().st_ino
        chain = ChainFile(path)
        chain.open(settled)
        assert twin.stat().st_ino == inode, "nothing was copied"
        chain.flush([SEPARATOR, blocks[number].content], ChainTail(ROOT, number + 1, True))
        assert path.read_bytes() == expected(blocks[: number + 1])
    with twin.open("r+b") as file:
        file.seek(settled - 10)
        file.write(b"damaged")
    chain = ChainFile(path)
    chain.open(settled)
    assert twin.read_bytes() == path.read_bytes()
    for number in (6, 7):
        chain.flush([SEPARATOR, blocks[number].content], ChainTail(ROOT, number + 1, True))
        assert path.read_bytes() == expected(blocks[: number + 1])


@pytest.mark.parametrize("step", [1, 2])
def test_a_swap_that_was_cut_short_is_finished(tmp_path: Path, step: int) -> None:
    blocks, path = blocks_of(4), tmp_path / "hash_chain.json"
    hidden, swap = tmp_path / ".hash_chain.json.hidden", tmp_path / ".hash_chain.json.swap"
    chain = ChainFile(path)
    create(chain, blocks[0])
    for delta in ([blocks[1].content], []):
        chain.flush(behind_separators(delta), ChainTail(ROOT, 2, True))
    os.link(path, swap)
    if step == 2:
        os.rename(hidden, path)
    chain = ChainFile(path)
    chain.open(path.stat().st_size - 256)
    assert not swap.exists()
    assert hidden.exists()
    for number in (2, 3):
        chain.flush([SEPARATOR, blocks[number].content], ChainTail(ROOT, number + 1, True))
        assert path.read_bytes() == expected(blocks[: number + 1])


def test_a_deleted_document_loses_no_block_when_the_disk_is_full_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks, path = blocks_of(6), tmp_path / "hash_chain.json"
    chain = ChainFile(path)
    create(chain, blocks[0])
    for number in (1, 2):
        chain.flush([SEPARATOR, blocks[number].content], ChainTail(ROOT, number + 1, True))
    path.unlink()

    def full(descriptor: int, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("cq_tui.store.durable.write_all", full)
        with pytest.raises(OSError, match="No space"):
            chain.flush([SEPARATOR, blocks[3].content], ChainTail(ROOT, 4, True))
    chain.flush([SEPARATOR, blocks[3].content], ChainTail(ROOT, 4, True))
    assert path.read_bytes() == expected(blocks[:4])
    assert chain.was_deleted


@pytest.mark.parametrize("name", [".hash_chain.json.hidden", ".hash_chain.json.swap"])
@pytest.mark.parametrize("is_anew", [True, False])
def test_a_link_in_the_place_of_the_twin_gives_way(tmp_path: Path, name: str, is_anew: bool) -> None:
    blocks, path, secret = blocks_of(4), tmp_path / "hash_chain.json", tmp_path / "elsewhere"
    chain = ChainFile(path)
    create(chain, blocks[0])
    for delta in ([blocks[1].content], []):
        chain.flush(behind_separators(delta), ChainTail(ROOT, 2, True))
    settled = path.stat().st_size - TAIL_BYTES
    secret.write_bytes(path.read_bytes())
    before = secret.read_bytes()
    (tmp_path / ".hash_chain.json.hidden").unlink()
    (tmp_path / name).symlink_to(secret)
    chain = ChainFile(path)
    if is_anew:
        create(chain, blocks[0])
        chain.flush([SEPARATOR, blocks[1].content], ChainTail(ROOT, 2, True))
    else:
        chain.open(settled)
    for number in (2, 3):
        chain.flush([SEPARATOR, blocks[number].content], ChainTail(ROOT, number + 1, True))
        assert path.read_bytes() == expected(blocks[: number + 1])
    assert secret.read_bytes() == before
    assert not any(file.is_symlink() for file in tmp_path.iterdir())


@pytest.mark.parametrize("is_running", [True, False])
def test_a_file_that_has_another_name_is_not_written(tmp_path: Path, *, is_running: bool) -> None:
    """A backup made of hard links, or anything of the user's, linked there by somebody else."""
    blocks, path, other = blocks_of(4), tmp_path / "hash_chain.json", tmp_path / "elsewhere"
    hidden = tmp_path / ".hash_chain.json.hidden"
    chain = ChainFile(path)
    create(chain, blocks[0])
    for delta in ([blocks[1].content], []):
        chain.flush(behind_separators(delta), ChainTail(ROOT, 2, True))
    other.hardlink_to(hidden)
    before = other.read_bytes()
    if not is_running:
        chain = ChainFile(path)
        chain.open(path.stat().st_size - TAIL_BYTES)
    for number in (2, 3):
        chain.flush([SEPARATOR, blocks[number].content], ChainTail(ROOT, number + 1, True))
        assert path.read_bytes() == expected(blocks[: number + 1])
    assert other.read_bytes() == before


def test_a_link_that_replaces_the_twin_of_a_running_writer_is_named(tmp_path: Path) -> None:
    blocks, path, secret = blocks_of(1), tmp_path / "hash_chain.json", tmp_path / "elsewhere"
    hidden = tmp_path / ".hash_chain.json.hidden"
    chain = ChainFile(path)
    create(chain, blocks[0])
    secret.write_bytes(bytes(10_000))
    hidden.unlink()
    hidden.symlink_to(secret)
    with pytest.raises(OSError, match=r"is a symbolic link\. Move it away") as raised:
        chain.flush([SEPARATOR, blocks[1].content], ChainTail(ROOT, 2, True))
    assert raised.value.filename == str(hidden)
    assert secret.read_bytes() == bytes(10_000)
    hidden.unlink()
    chain.flush([SEPARATOR, blocks[1].content], ChainTail(ROOT, 2, True))
    assert path.read_bytes() == expected(blocks)


def test_at_no_moment_can_others_read_the_twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks, path = blocks_of(1), tmp_path / "hash_chain.json"
    modes: list[int] = []
    real = os.open

    def opening(name: Path | str, flags: int, mode: int = 0o777) -> int:
        descriptor = real(name, flags, mode)
        if not flags & os.O_DIRECTORY:
            modes.append(os.fstat(descriptor).st_mode & 0o777)
        return descriptor

    monkeypatch.setattr(os, "open", opening)
    before = os.umask(0)
    try:
        chain = ChainFile(path)
        create(chain, blocks[0])
        chain.open()
    finally:
        os.umask(before)
    assert len(modes) > 4
    assert set(modes) == {0o600}
