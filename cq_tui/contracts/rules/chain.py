"""Whether blocks form a chain: their numbers, their times, and the hash that each repeats of the one before."""

from collections.abc import Iterator, Mapping
from typing import Any

from cq_tui.contracts.rules.finding import Finding, shown

Document = Mapping[str, Any]


class ChainOrder:
    """The chain so far. How a block is hashed is no part of the contract, so hashes are compared, not made."""

    def __init__(self) -> None:
        self._last: Document | None = None
        self._length = 0

    def follow(self, block: Document, number: int) -> Iterator[Finding]:
        """Yield what is wrong with the next block, the ``number``-th from 0."""
        field = f"chain[{number}]"
        if block["index"] != number:
            yield Finding("chain.index", f"is not {number}", f"{field}.index", shown(block["index"]))
        if (last := self._last) is not None:
            if block["previous_hash"] != last["hash"]:
                text = "is not the hash of the block before"
                yield Finding("chain.link", text, f"{field}.previous_hash", shown(block["previous_hash"]))
            if block["timestamp"] < last["timestamp"]:
                text = "is before the block before"
                yield Finding("chain.time_back", text, f"{field}.timestamp", shown(block["timestamp"]))
        self._last, self._length = block, number + 1

    def judge_length(self, document: Document) -> Iterator[Finding]:
        """Yield whether the document counts other blocks than it holds."""
        if document["chain_length"] != self._length:
            text = f"is not the number of blocks, {self._length:,}"
            yield Finding("chain.length", text, "chain_length", shown(document["chain_length"]))
