"""The hash chain of another installation, checked by that installation's own rules.

What is known of R11's: ``merkle_root`` of a block is over the SHA-256 of each item, dumped by Python's ``json`` with
sorted keys, pairs joined as hex text, an odd last one doubled; ``block_hash`` is the SHA-256 of the block without that
field, dumped the same way; ``previous_hash`` of the first block is the empty string. Which items a block covers is not
said: they are looked for in the files beside it.
"""

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cq_tui.store.document import DocumentError, read_content

#: A chain document is read whole.
_MOST_BYTES = 512 * 1024 * 1024
#: Hashes computed at most to find the items of blocks.
_MOST_TRIED = 2_000_000

State = Literal["holds", "broken", "unproved", "absent", "unreadable"]


class ChainVerdict(NamedTuple):
    """What an old chain says of its history."""

    state: State
    #: In words, by the rules of the installation.
    words: str
    #: Its last hash, and the Merkle root that it ends with; None if it names none.
    root: str | None = None
    merkle_root: str | None = None
    blocks: int = 0
    #: How many events of the history its blocks cover.
    covered_events: int = 0


NO_CHAIN = ChainVerdict("absent", "there is no hash chain")


class Items(NamedTuple):
    """What blocks may cover: hashes of items that stand one after another, such as the events of a file."""

    what: str
    hashes: Sequence[str]
    are_events: bool = False


def item_hash(item: object) -> str:
    """Return the hash of an item as R11 computes it."""
    return sha256(_dumped(item)).hexdigest()


def _dumped(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False).encode(errors="surrogatepass")


def merkle_root_of(hashes: Sequence[str]) -> str:
    """Return the Merkle root over item hashes, as R11 computes it."""
    level = list(hashes)
    while len(level) > 1:
        pairs = zip(level[::2], [*level[1::2], level[-1]], strict=False)
        level = [sha256((left + right).encode()).hexdigest() for left, right in pairs]
    return level[0] if level else ""


def judge_chain(path: Path | None, items: Iterable[Items]) -> ChainVerdict:
    """Check a chain document; ``items`` are what its blocks may cover. Never raises for what the document holds."""
    if path is None:
        return NO_CHAIN
    try:
        document = json.loads(read_content(path, _MOST_BYTES).decode("utf-8-sig"))
    except (DocumentError, ValueError, RecursionError) as error:
        problem = error.problem if isinstance(error, DocumentError) else "is no JSON"
        return ChainVerdict("unreadable", f"{path.name} {problem}")
    for field, judge in (("blocks", _judge_blocks), ("chain", _judge_contract_chain)):
        if isinstance(document, dict) and isinstance(document.get(field), list):
            return judge(document, document[field], list(items))
    return ChainVerdict("unreadable", f"{path.name} has neither blocks nor a chain")


def _judge_blocks(document: dict[str, Any], blocks: list[Any], items: list[Items]) -> ChainVerdict:
    previous = ""
    for number, block in enumerate(blocks, 1):
        if problem := _block_problem(block, previous):
            return _broken(document, blocks, f"block {number} {problem}")
        previous = block["block_hash"]
    if document.get("last_hash", previous) != previous:
        return _broken(document, blocks, "last_hash is not the hash of the last block")
    covered, words = _find_items(blocks, items)
    count = f"{len(blocks):,} block{'s' * (len(blocks) != 1)}"
    root = blocks[-1].get("merkle_root") if blocks else None
    return ChainVerdict(
        "holds", f"hashes and links of {count} hold; {words}", previous or None, _text(root), len(blocks), covered
    )


def _block_problem(block: object, previous: str) -> str | None:
    if not isinstance(block, dict) or not isinstance(block.get("block_hash"), str):
        return "has no block_hash"
    if block.get("previous_hash") != previous:
        return "does not name the block before it"
    try:
        expected = item_hash({name: value for name, value in block.items() if name != "block_hash"})
    except (ValueError, RecursionError):
        return "cannot be hashed"
    return None if expected == block["block_hash"] else "does not match its hash"


def _broken(document: dict[str, Any], blocks: list[Any], problem: str) -> ChainVerdict:
    last = next((each for each in reversed(blocks) if isinstance(each, dict)), {})
    root = _text(document.get("last_hash")) or _text(last.get("block_hash")) or _text(last.get("hash"))
    merkle = _text(document.get("merkle_root")) or _text(last.get("merkle_root"))
    return ChainVerdict("broken", problem, root, merkle, len(blocks))


def _text(value: object) -> str | None:
    return value[:200] if isinstance(value, str) else None


def _find_items(blocks: list[dict[str, Any]], items: list[Items]) -> tuple[int, str]:
    """Return how many events the blocks cover, and in words what they cover."""
    search = _Search(items)
    found = [search.find(block.get("merkle_root"), block.get("data_count")) for block in blocks]
    told = [
        f"{found.count(each.what):,} cover{'s' * (found.count(each.what) == 1)} {each.what}"
        for each in items
        if each.what in found
    ]
    if missing := found.count(None):
        told.append(f"of {missing:,} the data was not found in these files")
    events = next((len(each.hashes) for each in items if each.are_events), 0)
    if events:
        told.append(f"{len(search.covered):,} of {events:,} events are covered")
    return len(search.covered), ", ".join(told) or "they cover nothing"


def _places(hashes: Sequence[str]) -> dict[str, int]:
    return {each: place for place, each in enumerate(hashes)}


class _Search:
    """Looks for the items of one block after another, first where the one before it ended."""

    def __init__(self, items: list[Items]) -> None:
        self._items = items
        #: Where each next block probably begins.
        self._next: list[int] = [0] * len(items)
        self._places = [_places(each.hashes) for each in items]
        self._tried = 0
        #: Places of the events that are covered, whole or by their payload.
        self.covered: set[int] = set()

    def find(self, root: object, count: object) -> str | None:
        """Return what a block covers; None if it was not found."""
        if not isinstance(root, str) or not isinstance(count, int) or count < 1:
            return None
        for number, each in enumerate(self._items):
            at = self._find_run(number, root, count)
            if at >= 0:
                self._next[number] = at + count
                if each.are_events:
                    self.covered.update(range(at, at + count))
                return each.what
        return None

    def _find_run(self, number: int, root: str, count: int) -> int:
        hashes, following = self._items[number].hashes, self._next[number]
        if count == 1:
            if following < len(hashes) and hashes[following] == root:
                return following
            return self._places[number].get(root, -1)
        for at in chain((following,), range(len(hashes) - count + 1)):
            if self._tried > _MOST_TRIED:
                return -1
            if len(hashes[at : at + count]) == count:
                self._tried += count
                if merkle_root_of(hashes[at : at + count]) == root:
                    return at
        return -1


def _judge_contract_chain(document: dict[str, Any], blocks: list[Any], _: list[Items]) -> ChainVerdict:
    """Check index and links of a chain in the contract's form. The contract does not say how its hashes are made."""
    previous: object = None
    for number, block in enumerate(blocks):
        if not isinstance(block, dict) or not isinstance(block.get("hash"), str):
            return _broken(document, blocks, f"block {number} has no hash")
        if block.get("index") != number:
            return _broken(document, blocks, f"block {number} has another index")
        if previous is not None and block.get("previous_hash") != previous:
            return _broken(document, blocks, f"block {number} does not name the block before it")
        previous = block["hash"]
    length = document.get("chain_length")
    if length is not None and length != len(blocks):
        return _broken(document, blocks, f"chain_length is {length}, and there are {len(blocks)} blocks")
    return ChainVerdict(
        "unproved",
        f"the links of {len(blocks):,} blocks hold; how their hashes are made is not known",
        _text(previous),
        _text(document.get("merkle_root")),
        len(blocks),
    )
