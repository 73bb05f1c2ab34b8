"""The exact bytes of ``memory/hash_chain.json``: blocks, genesis, head and tail of the document."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from cq_tui.store.history.event_line import EVENT_ID, EVENT_TYPE, TIME, HeaderFields

DOCUMENT_START = b'{"chain":[\n'
SEPARATOR = b",\n"
TAIL_BYTES = 256
HASH_DOMAIN = b"coinquant/r11/block/v1\n"
#: The hash of a block begins with the domain: each continues a copy of this.
_DOMAIN_HASH = sha256(HASH_DOMAIN)
_SEPARATOR_TEXT = SEPARATOR.decode()
#: No history has an index of 16 digits.
_NUMBER, _HASH = "(0|[1-9][0-9]{0,14})", "[0-9a-f]{64}"
_TAIL = re.compile(
    rf'\n\],"merkle_root":"({_HASH})","chain_length":{_NUMBER},"integrity_verified":(true|false)\}} *\n'.encode()
)
_BLOCK = re.compile(
    rf'\{{"index":{_NUMBER},"timestamp":({TIME}),"data":(?:"Genesis Block"|\{{{EVENT_ID},{EVENT_TYPE},'
    rf'"event_hash":"({_HASH})"\}}),"previous_hash":"(0|{_HASH})","hash":"{_HASH}"\}}'.encode()
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
    links = parse_links(stored)
    return ChainBlock(stored, links.hash) if links is not None and links.index == 0 else None


def build_block(index: int, header: HeaderFields, event_hash: str, previous_hash: str) -> ChainBlock:
    """Return the block of event ``index`` (the first event has index 1)."""
    return build_blocks(index, [header], [bytes.fromhex(event_hash)], previous_hash)[1]


def build_blocks(
    index: int, headers: Iterable[HeaderFields], leaves: Sequence[bytes], previous_hash: str
) -> tuple[bytes, ChainBlock]:
    """Return the joined blocks of one or more events from ``index`` on, and the last block.

    ``leaves`` are the events' leaf hashes; ``previous_hash`` is the hash of the block before them.
    """
    # Appending and verifying spend most of their time here.
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


def block_of(line: bytes) -> bytes:
    """Return the block in a line of the document, which all but the last end with the separator's comma."""
    return line.removesuffix(SEPARATOR[:-1])


def verified_block_hash(stored: bytes) -> str | None:
    """Return a stored block's hash if it matches its bytes, else None."""
    content, marker, rest = stored.rpartition(b',"hash":"')
    digest = sha256(HASH_DOMAIN + content).hexdigest()
    return digest if marker and rest == digest.encode() + b'"}' else None


def is_spelled_as_block(stored: bytes) -> bool:
    """Whether a block is written exactly as ours are, whatever its hash."""
    return _BLOCK.fullmatch(stored) is not None


@dataclass(frozen=True, slots=True)
class BlockLinks:
    """What a sound stored block refers to."""

    index: int
    #: Its event; None in the genesis block.
    event_id: str | None
    #: Leaf hash of its event; None in the genesis block.
    event_hash: bytes | None
    previous_hash: str
    hash: str


def parse_links(stored: bytes) -> BlockLinks | None:
    """Parse a stored block; None if it is not spelled exactly as blocks are, or does not match its hash."""
    match, digest = _BLOCK.fullmatch(stored), verified_block_hash(stored)
    if match is None or digest is None:
        return None
    index, event_id, event_hash, previous_hash = int(match[1]), match[3], match[5], match[6].decode()
    if not (index == 0) == (event_id is None) == (previous_hash == "0"):
        return None
    if event_id is None:
        return BlockLinks(index, None, None, previous_hash, digest)
    return BlockLinks(index, event_id.decode(), bytes.fromhex(event_hash.decode()), previous_hash, digest)


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
