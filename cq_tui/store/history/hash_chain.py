"""The exact bytes of ``memory/hash_chain.json``: blocks, genesis, head and tail of the document."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from cq_tui.store.history.event_line import HeaderFields

DOCUMENT_START = b'{"chain":[\n'
SEPARATOR = b",\n"
TAIL_BYTES = 256
HASH_DOMAIN = b"coinquant/r11/block/v1\n"
#: The hash of a block begins with the domain: each continues a copy of this.
_DOMAIN_HASH = sha256(HASH_DOMAIN)
_SEPARATOR_TEXT = SEPARATOR.decode()
#: No history has an index of 16 digits.
_TAIL = re.compile(
    rb'\n\],"merkle_root":"([0-9a-f]{64})","chain_length":(\d{1,15}),"integrity_verified":(true|false)\} *\n'
)
_GENESIS_TIME = re.compile(rb'\{"index":0,"timestamp":(\d{1,12}\.\d{6}),')
_LINKS = re.compile(
    rb'\{"index":(\d{1,15}),.*?(?:"event_hash":"([0-9a-f]{64})"\})?,"previous_hash":"(0|[0-9a-f]{64})","hash":"[0-9a-f]{64}"\}',
    re.DOTALL,
)


class ChainError(ValueError):
    """The bytes are not a chain document."""


class ChainBlock(NamedTuple):
    """A stored block and its hash, which the next one repeats."""

    content: bytes
    hash: str


def genesis_block(timestamp: str) -> ChainBlock:
    """Block 0. ``timestamp`` is Unix seconds with six decimals."""
    content = f'{{"index":0,"timestamp":{timestamp},"data":"Genesis Block","previous_hash":"0"'
    digest = sha256(HASH_DOMAIN + content.encode()).hexdigest()
    return ChainBlock(f'{content},"hash":"{digest}"}}'.encode(), digest)


def parse_genesis(stored: bytes) -> ChainBlock | None:
    """Parse block 0; None if it is none."""
    match = _GENESIS_TIME.match(stored)
    block = genesis_block(match[1].decode()) if match else None
    return block if block is not None and block.content == stored else None


def build_block(index: int, header: HeaderFields, event_hash: str, previous_hash: str) -> ChainBlock:
    """Return the block of event ``index`` (the first event has index 1)."""
    return build_blocks(index, [header], [bytes.fromhex(event_hash)], previous_hash)[1]


def build_blocks(
    index: int, headers: Iterable[HeaderFields], leaves: Sequence[bytes], previous_hash: str
) -> tuple[bytes, ChainBlock]:
    """Return the joined blocks of one or more events from ``index`` on, and the last block.

    ``leaves`` are the events' leaf hashes; ``previous_hash`` is the hash of the block before them.
    """
    # One pass over whole texts: appending and verifying spend most of their time here.
    event_hashes = b"".join(leaves).hex()
    blocks: list[str] = []
    at, digest = 0, previous_hash
    for number, (event_id, timestamp, event_type) in enumerate(headers, index):
        unsealed = (
            f'{{"index":{number},"timestamp":{timestamp},"data":{{"event_id":"{event_id}",'
            f'"event_type":"{event_type}","event_hash":"{event_hashes[at : at + 64]}"}},"previous_hash":"{digest}"'
        )
        block_hash = _DOMAIN_HASH.copy()
        block_hash.update(unsealed.encode())
        digest = block_hash.hexdigest()
        blocks.append(f'{unsealed},"hash":"{digest}"}}')
        at += 64
    return _SEPARATOR_TEXT.join(blocks).encode(), ChainBlock(blocks[-1].encode(), digest)


def verified_block_hash(stored: bytes) -> str | None:
    """Return a stored block's hash if it matches its bytes, else None."""
    content, marker, rest = stored.rpartition(b',"hash":"')
    digest = sha256(HASH_DOMAIN + content).hexdigest()
    return digest if marker and rest == digest.encode() + b'"}' else None


@dataclass(frozen=True, slots=True)
class BlockLinks:
    """What a sound stored block refers to."""

    index: int
    #: Leaf hash of its event; None in the genesis block and in foreign blocks.
    event_hash: bytes | None
    previous_hash: str
    hash: str


def parse_links(stored: bytes) -> BlockLinks | None:
    """Parse a stored block; None if its bytes do not match its hash."""
    digest, match = verified_block_hash(stored), _LINKS.fullmatch(stored)
    if digest is None or match is None:
        return None
    return BlockLinks(int(match[1]), bytes.fromhex(match[2].decode()) if match[2] else None, match[3].decode(), digest)


@dataclass(frozen=True, slots=True)
class ChainTail:
    """The last 256 bytes of the document."""

    merkle_root: str
    chain_length: int
    integrity_verified: bool

    def to_bytes(self) -> bytes:
        """Return the tail, padded to its fixed size, line feed last."""
        verified = "true" if self.integrity_verified else "false"
        text = (
            f'\n],"merkle_root":"{self.merkle_root}","chain_length":{self.chain_length},'
            f'"integrity_verified":{verified}}}'
        )
        return text.encode().ljust(TAIL_BYTES - 1) + b"\n"


def parse_tail(content: bytes) -> ChainTail:
    """Parse the last bytes of a document. Raises ChainError."""
    match = _TAIL.fullmatch(content[-TAIL_BYTES:])
    if match is None:
        raise ChainError("the last 256 bytes are no chain tail")
    return ChainTail(match[1].decode(), int(match[2]), match[3] == b"true")
