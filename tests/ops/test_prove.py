"""Proofs from the files of a history: right ones of every event, and plain words when there is none."""

import asyncio
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from cq_tui.contracts.commands import Command, Outcome
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.proof import ConsistencyProof, InclusionProof
from cq_tui.ops.prove import CannotProve, NotAnchored, prove_event, prove_since, request_checkpoint
from cq_tui.store.checkpoints.checkpoint import origin_of
from cq_tui.store.control import CommandInbox
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.history.event_line import parse_header
from cq_tui.store.history.hash_chain import build_block, verified_block_hash
from cq_tui.store.history.merkle import SUBTREE_LEAVES, leaf_hash
from cq_tui.store.history.tree_index import SubtreeIndex
from cq_tui.store.lock import ProcessLock
from cq_tui.store.proofs.lookup import HistoryFiles
from cq_tui.store.proofs.merkle_proofs import tree_hash, verify_consistency, verify_inclusion
from tests.ops.signed_histories import anchored, grow, log, sign
from tests.store.checkpoints.signing import KEY, OTHER_PRIVATE, note
from tests.store.history.histories import data_dir, event_lines, made, raw_blocks

COUNT, SIZE = 30, 23


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    return anchored(tmp_path, COUNT, SIZE)


def ids(data: DataDir) -> list[str]:
    return [parse_header(line).event_id for line in event_lines(data)]


def root(lines: list[bytes], size: int) -> bytes:
    return tree_hash([leaf_hash(line) for line in lines[:size]])


def assert_proves(proof: InclusionProof, lines: list[bytes], index: int, size: int) -> None:
    """``index`` counts from 1."""
    assert (proof.leaf_index, proof.tree_size) == (index - 1, size)
    assert proof.event.encode() == lines[index - 1]
    path = [bytes.fromhex(node) for node in proof.path]
    assert verify_inclusion(leaf_hash(lines[index - 1]), index - 1, size, path, root(lines, size))


def assert_extends(proof: ConsistencyProof, lines: list[bytes], old: int, size: int) -> None:
    assert (proof.old_size, proof.tree_size) == (old, size)
    path = [bytes.fromhex(node) for node in proof.path]
    assert verify_consistency(old, root(lines, old), size, root(lines, size), path)


def refusal(prove: Callable[[], object], kind: type[CannotProve] = CannotProve) -> str:
    with pytest.raises(CannotProve) as told:
        prove()
    assert type(told.value) is kind
    return str(told.value)


def test_every_signed_event_is_proved(data: DataDir) -> None:
    lines = event_lines(data)
    for index, event_id in enumerate(ids(data)[:SIZE], 1):
        proof = prove_event(data, event_id)
        assert_proves(proof, lines, index, SIZE)
        assert proof.checkpoint == sign(data, SIZE)
        assert proof.public_key == KEY.text


def test_every_earlier_checkpoint_is_extended(data: DataDir) -> None:
    for old in range(SIZE):
        proof = prove_since(data, sign(data, old))
        assert_extends(proof, event_lines(data), old, SIZE)
        assert proof.old_checkpoint == sign(data, old)


def test_an_event_after_the_checkpoint_is_not_anchored_yet(data: DataDir) -> None:
    event_id = ids(data)[SIZE]
    told = refusal(lambda: prove_event(data, event_id), NotAnchored)
    assert re.fullmatch(
        rf"not anchored yet: {event_id} is event 24, and the newest checkpoint, of 2023-.* UTC, covers events up to 23",
        told,
    )
    log(data, sign(data, SIZE + 1))
    assert_proves(prove_event(data, event_id), event_lines(data), SIZE + 1, SIZE + 1)


def test_without_any_checkpoint(tmp_path: Path) -> None:
    data = made(tmp_path, 5)
    for prove in (lambda: prove_event(data, "evt_1001_001"), lambda: prove_since(data, sign(data, 3))):
        assert refusal(prove, NotAnchored) == f"not anchored yet: {data.checkpoints} has no signed checkpoint"


@pytest.mark.parametrize("event_id", ["evt_7_001", "evt_1001_009", "hello", "", "\x1b[31m"])
def test_an_event_that_is_not_there(data: DataDir, event_id: str) -> None:
    told = refusal(lambda: prove_event(data, event_id))
    assert told.startswith("there is no event ")
    assert told.isprintable()


def test_a_checkpoint_that_is_not_of_this_history(data: DataDir, tmp_path: Path) -> None:
    other = origin_of("f" * 32)
    assert "the checkpoint is of another data directory: it names " + other in refusal(
        lambda: prove_since(data, sign(data, 5, other))
    )
    forged = note(5, private_key=OTHER_PRIVATE)
    assert "cannot be trusted: note: not signed by" in refusal(lambda: prove_since(data, forged))
    assert "cannot be trusted" in refusal(lambda: prove_since(data, "hello"))
    # Signed with the right key, but for other events.
    assert "its first 5 events are not those that were signed" in refusal(lambda: prove_since(data, note(5)))


def test_a_restored_backup(tmp_path: Path) -> None:
    data = anchored(tmp_path, 10, 10)
    kept = (data.events.read_bytes(), data.hash_chain.read_bytes(), data.checkpoints.read_bytes())
    grow(data, 11, 20)
    later = sign(data, 19)
    log(data, later)
    for path, content in zip((data.events, data.hash_chain, data.checkpoints), kept, strict=True):
        path.write_bytes(content)
    told = refusal(lambda: prove_since(data, later), NotAnchored)
    assert "names 19 events, the newest in" in told
    assert "only 10: this is an older state of the history (a restored backup)" in told


def test_a_cut_tail(data: DataDir) -> None:
    lines = event_lines(data)
    data.events.write_bytes(b"".join(line + b"\n" for line in lines[:20]))
    assert "is missing or damaged" in refusal(lambda: prove_event(data, parse_header(lines[21]).event_id))
    data.hash_chain.unlink()
    assert "has 20 events, the checkpoint of 2023-11-14 22:13:43 UTC names 23: 3 are missing" in refusal(
        lambda: prove_event(data, parse_header(lines[0]).event_id)
    )


def test_an_event_changed_by_hand(data: DataDir) -> None:
    lines = event_lines(data)
    changed = lines[6].replace(b'{"n":7}', b'{"n":8}')
    data.events.write_bytes(b"".join(line + b"\n" for line in [*lines[:6], changed, *lines[7:]]))
    told = refusal(lambda: prove_event(data, ids(data)[6]))
    assert f"event 7, {ids(data)[6]}, was changed after it was chained" in told
    assert leaf_hash(changed).hex() in told
    assert leaf_hash(lines[6]).hex() in told
    assert "`cq-tui verify`" in told
    # What is intact is still proved: the chain holds its neighbors' hashes.
    assert_proves(prove_event(data, ids(data)[7]), lines, 8, SIZE)


def test_a_rewritten_history(tmp_path: Path) -> None:
    """Events and chain agree with each other, but not with what was signed."""
    data = anchored(tmp_path / "first", 10, 10)
    other = made(tmp_path / "second", 10, batch=5)
    for name in ("events", "hash_chain"):
        getattr(data, name).write_bytes(getattr(other, name).read_bytes())
    told = refusal(lambda: prove_event(data, ids(data)[0]))
    assert "its first 10 events are not those that were signed: their root is" in told
    assert root(event_lines(data), 10).hex() in told


def test_an_intact_event_whose_block_was_forged(data: DataDir) -> None:
    """The block's hash is right, but it names another event: what was signed decides."""
    blocks, lines = list(raw_blocks(data)), event_lines(data)
    head = parse_header(lines[6])
    forged = build_block(7, head, leaf_hash(b"another").hex(), (verified_block_hash(blocks[6]) or "")).content
    data.hash_chain.write_bytes(data.hash_chain.read_bytes().replace(blocks[7], forged))
    assert HistoryFiles(data).block_at(7) == forged
    assert_proves(prove_event(data, head.event_id), lines, 7, SIZE)


def test_an_invalid_line_is_named(data: DataDir) -> None:
    lines = event_lines(data)
    for damaged in (b"\xff" + lines[4][1:], lines[4].replace(b'"n"', b'"\xff"')):
        data.events.write_bytes(b"".join(line + b"\n" for line in [*lines[:4], damaged, *lines[5:]]))
        assert "event 5, evt_1004_002, is missing or damaged" in refusal(lambda: prove_event(data, "evt_1004_002"))


@pytest.mark.parametrize("damage", ["flipped", "missing", "leaf", "lying index"])
def test_events_alone_prove_when_chain_or_index_are_damaged(tmp_path: Path, damage: str) -> None:
    size = SUBTREE_LEAVES + 5
    data, chosen = made(tmp_path, size + 3, batch=1000), (1, 77, SUBTREE_LEAVES, SUBTREE_LEAVES + 2)
    log(data, sign(data, size))
    content, block = data.hash_chain.read_bytes(), raw_blocks(data)
    if damage == "flipped":
        data.hash_chain.write_bytes(content.replace(b'"index":99,', b'"index":9\x00,'))
    elif damage == "missing":
        data.hash_chain.unlink()
    elif damage == "leaf":
        leaf = leaf_hash(event_lines(data)[2]).hex().encode()
        data.hash_chain.write_bytes(content.replace(leaf, leaf[::-1]))
    else:
        index = SubtreeIndex(content.index(list(block)[1]))
        index.add_subtree(leaf_hash(b"a lie"), 10**6, 10**6)
        index.save(data.tree_index)
        lied = HistoryFiles(data).subtree(0, SUBTREE_LEAVES)
        assert lied == leaf_hash(b"a lie")
    lines = event_lines(data)
    for number in chosen:
        assert_proves(prove_event(data, parse_header(lines[number - 1]).event_id), lines, number, size)
    assert_extends(prove_since(data, sign(data, 100)), lines, 100, size)


def test_proofs_while_the_history_grows(tmp_path: Path) -> None:
    data = anchored(tmp_path, 8, 8)
    notes = [sign(data, 8)]
    for start in range(9, 60, 7):
        grow(data, start, start + 7)
        log(data, sign(data, start + 3))
        notes.append(sign(data, start + 3))
        assert_proves(prove_event(data, ids(data)[start - 1]), event_lines(data), start, start + 3)
        refusal(lambda: prove_event(data, ids(data)[-1]), NotAnchored)
    for old, new in pairwise(notes):
        log(data, new)
        prove_since(data, old)


async def test_memory_is_asked_for_a_checkpoint(tmp_path: Path) -> None:
    data = data_dir(tmp_path)
    prepare_data_directory(data)
    assert "memory is not running" in (await request_checkpoint(data) or "")
    inbox = CommandInbox(data, "memory")
    answers: list[tuple[Outcome, str, str | None]] = [
        ("done", "", None),
        ("refused", "no key", "memory signed no checkpoint: no key"),
    ]
    lock = ProcessLock(data.lock_of("memory"), "memory")
    lock.acquire()
    for outcome, message, expected in answers:
        asking = asyncio.create_task(request_checkpoint(data))
        claimed: list[Command] = []
        while not claimed:
            await asyncio.sleep(0)
            claimed = list(inbox.claim())
        assert claimed[0].command == "sign_checkpoint"
        inbox.answer(claimed[0], outcome, message)
        assert await asking == expected
    lock.release()
