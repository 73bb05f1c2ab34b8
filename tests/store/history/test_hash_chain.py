"""Blocks and tails: exact bytes."""

from hashlib import sha256

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.history import BlockDocument as BlockModel
from cq_tui.store.history.event_line import EventHeader
from cq_tui.store.history.hash_chain import (
    SEPARATOR,
    TAIL_BYTES,
    ChainError,
    ChainTail,
    build_block,
    build_blocks,
    genesis_block,
    parse_links,
    parse_tail,
    verified_block_hash,
)

HEAD = EventHeader("evt_1640995200_001", "1640995201.000000", "order_executed")
EVENT_HASH = "ab" * 32


def test_genesis_has_the_bytes_of_its_definition() -> None:
    content = b'{"index":0,"timestamp":1640995200.000000,"data":"Genesis Block","previous_hash":"0"'
    digest = sha256(b"coinquant/r11/block/v1\n" + content).hexdigest()
    block = genesis_block("1640995200.000000")
    assert block.hash == digest
    assert block.content == content + b',"hash":"' + digest.encode() + b'"}'


def test_a_block_has_the_bytes_of_its_definition() -> None:
    previous = "cd" * 32
    content = (
        b'{"index":1,"timestamp":1640995201.000000,"data":{"event_id":"evt_1640995200_001",'
        b'"event_type":"order_executed","event_hash":"'
        + EVENT_HASH.encode()
        + b'"},"previous_hash":"'
        + previous.encode()
        + b'"'
    )
    digest = sha256(b"coinquant/r11/block/v1\n" + content).hexdigest()
    block = build_block(1, HEAD, EVENT_HASH, previous)
    assert block.content == content + b',"hash":"' + digest.encode() + b'"}'
    assert (block.hash, verified_block_hash(block.content)) == (digest, digest)
    model = BlockModel.model_validate(orjson.loads(block.content))
    assert (model.index, model.previous_hash, model.hash) == (1, previous, digest)
    links = parse_links(block.content)
    assert links is not None
    assert (links.index, links.event_hash, links.previous_hash, links.hash) == (
        1,
        bytes.fromhex(EVENT_HASH),
        previous,
        digest,
    )


def test_blocks_built_together_are_those_that_are_built_one_by_one() -> None:
    heads = [EventHeader(f"evt_5_{number:03d}", "5.000000", "e") for number in range(1, 4)]
    leaves = [sha256(head.event_id.encode()).digest() for head in heads]
    blocks, tip = build_blocks(7, heads, leaves, "cd" * 32)
    alone = []
    previous = "cd" * 32
    for index, (head, leaf) in enumerate(zip(heads, leaves, strict=True), 7):
        alone.append(build_block(index, head, leaf.hex(), previous))
        previous = alone[-1].hash
    assert blocks == SEPARATOR.join(block.content for block in alone)
    assert tip == alone[-1]


@given(st.data())
def test_no_single_flipped_bit_of_a_block_goes_unnoticed(data: st.DataObject) -> None:
    block = data.draw(st.sampled_from([genesis_block("5.000000"), build_block(1, HEAD, EVENT_HASH, "cd" * 32)]))
    place = data.draw(st.integers(0, len(block.content) * 8 - 1))
    content = bytearray(block.content)
    content[place // 8] ^= 1 << place % 8
    assert verified_block_hash(bytes(content)) is None
    assert parse_links(bytes(content)) is None


@pytest.mark.parametrize("stored", [b"", b"{}", b',"hash":"', b"\x00" * 200])
def test_what_is_no_block_has_no_hash(stored: bytes) -> None:
    assert verified_block_hash(stored) is None
    assert parse_links(stored) is None


@given(st.text("0123456789abcdef", min_size=64, max_size=64), st.integers(1, 10**15 - 1), st.booleans())
def test_a_tail_is_read_from_the_last_256_bytes(root: str, length: int, verified: bool) -> None:
    tail = ChainTail(root, length, verified)
    content = tail.to_bytes()
    assert len(content) == TAIL_BYTES == 256
    assert content.endswith(b" \n")
    assert parse_tail(b"x" * 999 + content) == tail
    whole = orjson.loads(b'{"chain":[1' + content)
    assert whole == {"chain": [1], "merkle_root": root, "chain_length": length, "integrity_verified": verified}


@pytest.mark.parametrize("content", [b"", b"{}\n", b"x" * 256, ChainTail("0" * 64, 1, True).to_bytes()[:-1]])
def test_what_is_no_tail_is_an_error(content: bytes) -> None:
    with pytest.raises(ChainError):
        parse_tail(content)
