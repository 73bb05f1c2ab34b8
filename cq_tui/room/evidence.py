"""The evidence for one event: its line, its block, and its proof against the latest signed checkpoint.

Works on a running, damaged or missing history: what cannot be read becomes a message, and every claim has been
checked. Does not import Textual.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import orjson

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.proof import InclusionProof
from cq_tui.ops.formatting import Alert, format_datetime, group_digest, pluralize, sanitize
from cq_tui.ops.gathered_evidence import newest_own_checkpoint
from cq_tui.ops.prove import CannotProve, NotAnchored, prove_event
from cq_tui.store.checkpoints.checkpoint import parse_unverified
from cq_tui.store.checkpoints.checkpoint_log import Statement
from cq_tui.store.history.hash_chain import BlockLinks, ChainError, parse_links
from cq_tui.store.history.merkle import leaf_hash, node_hash
from cq_tui.store.journal import JournalError
from cq_tui.store.proofs.lookup import HistoryFiles
from cq_tui.store.proofs.merkle_proofs import inclusion_path
from cq_tui.store.reading.event import HistoryEvent, parse_event

T = TypeVar("T")
_HASH = re.compile(r"\b[0-9a-f]{64}\b")


class ProofStep(NamedTuple):
    """One step of a proof path: the sibling's hash, and the parent's hash made from both."""

    #: Height of the sibling's subtree; 0 for a single event.
    level: int
    is_left: bool
    #: Indexes of the first and last event under the sibling, counted from 1.
    first_event: int
    last_event: int
    sibling_hash: bytes
    parent_hash: bytes


@dataclass(frozen=True, slots=True)
class EventEvidence:
    """Everything found about one block and its event."""

    #: The block's index; None for an event that is not in the chain.
    index: int | None
    #: Index of the last block; None if the chain cannot be read.
    last_index: int | None
    #: Whether the event is proved.
    verdict: Alert
    event_id: str | None = None
    line: bytes | None = None
    event: HistoryEvent | None = None
    #: The block, only if its bytes match its hash.
    block: BlockLinks | None = None
    previous_block: BlockLinks | None = None
    proof: InclusionProof | None = None
    steps: tuple[ProofStep, ...] = ()
    #: The latest signed checkpoint, whether or not it covers the event.
    checkpoint: Statement | None = None
    #: What could not be read.
    problems: tuple[str, ...] = ()

    @property
    def leaf(self) -> bytes | None:
        """Hash of the line as stored."""
        return None if self.line is None else leaf_hash(self.line)

    @property
    def matches_block(self) -> bool | None:
        """Whether the block names this line; None if there is nothing to compare."""
        if self.block is None or self.block.event_hash is None or self.line is None:
            return None
        return self.block.event_hash == self.leaf

    @property
    def links_to_previous(self) -> bool | None:
        """Whether the block names the previous block's hash; None if there is nothing to compare."""
        if self.block is None or self.previous_block is None:
            return None
        return self.block.previous_hash == self.previous_block.hash

    @property
    def is_final(self) -> bool:
        """Whether a reload cannot find more, unless somebody alters the files."""
        return self.proof is not None or self.index == 0 or self.verdict.level == "bad"


def gather_evidence(data: DataDir, target: str | int) -> EventEvidence:
    """Look up an event by id, or a block by index, clamped to the chain. Never raises."""
    files, problems = HistoryFiles(data), _ReadErrors(data)
    last = problems.attempt(files.events_count)
    index = _clamp_index(target, last) if isinstance(target, int) else problems.attempt(lambda: files.index_of(target))
    blocks = {} if index is None else problems.attempt(lambda: files.blocks(max(0, index - 1), index + 1)) or {}
    if isinstance(target, str):
        line = problems.attempt(lambda: files.event_by_id(target))
    else:
        line = problems.attempt(lambda: files.event_at(index)) if index else None
    event = parse_event(line) if line is not None else None
    event_id = (
        target if isinstance(target, str) else event.event_id if event else _event_id_in_block(blocks.get(index or 0))
    )
    checkpoint = problems.attempt(lambda: newest_own_checkpoint(data))
    proof, verdict = _prove(data, index, event_id, problems)
    return EventEvidence(
        index=index,
        last_index=last,
        verdict=verdict,
        event_id=event_id,
        line=line,
        event=event,
        block=_block_links(blocks, index),
        previous_block=_block_links(blocks, None if index is None else index - 1),
        proof=proof,
        steps=proof_steps(proof) if proof else (),
        checkpoint=checkpoint,
        problems=tuple(dict.fromkeys(problems.messages)),
    )


def proof_steps(proof: InclusionProof) -> tuple[ProofStep, ...]:
    """Return the steps of a verified proof, from the event up to the root."""
    ranges: list[tuple[int, int]] = []

    def record_range(start: int, stop: int) -> bytes:
        ranges.append((start, stop))
        return b""

    inclusion_path(proof.leaf_index, proof.tree_size, record_range)
    steps, node = [], leaf_hash(proof.event.encode())
    for (start, stop), text in zip(reversed(ranges), proof.path, strict=True):
        sibling, is_left = bytes.fromhex(text), start < proof.leaf_index
        node = node_hash(sibling, node) if is_left else node_hash(node, sibling)
        steps.append(ProofStep((stop - start - 1).bit_length(), is_left, start + 1, stop, sibling, node))
    return tuple(steps)


class _ReadErrors:
    """Runs reads and collects their errors as messages."""

    def __init__(self, data: DataDir) -> None:
        self._data = data
        self.messages: list[str] = []

    def attempt(self, read: Callable[[], T]) -> T | None:
        """Return the result of ``read``; None if the files cannot be read."""
        try:
            return read()
        except FileNotFoundError as error:
            self.messages.append(f"{_shorten(self._data, str(error.filename))}: not found")
        except OSError as error:
            self.messages.append(f"{_shorten(self._data, str(error.filename))}: cannot be read ({error.strerror})")
        except ChainError as error:
            self.messages.append(f"{_shorten(self._data, str(self._data.hash_chain))}: {error}")
        except JournalError as error:
            self.messages.append(_shorten(self._data, str(error)))
        return None


def _prove(
    data: DataDir, index: int | None, event_id: str | None, problems: _ReadErrors
) -> tuple[InclusionProof | None, Alert]:
    if index == 0:
        return None, Alert("idle", "The genesis block, the start of the chain. It has no event.")
    if event_id is None:
        return None, Alert("bad", "There is no complete event here. Run `cq-tui verify` to see the damage.")
    try:
        proof = problems.attempt(lambda: prove_event(data, event_id))
    except NotAnchored as error:
        return None, Alert("idle", _as_sentence(_shorten(data, str(error))))
    except CannotProve as error:
        return None, Alert("bad", _as_sentence(_shorten(data, str(error))))
    if proof is None:
        return None, Alert("bad", "Not proved: the files needed cannot be read.")
    # prove_event has verified the signature.
    head = parse_unverified(proof.checkpoint)
    return proof, Alert(
        "good", f"Proved by the checkpoint of {pluralize(head.size, 'event')}, signed {format_datetime(head.time)}."
    )


def _event_id_in_block(stored: bytes | None) -> str | None:
    """Return the event id in a valid block."""
    data = orjson.loads(stored)["data"] if stored is not None else None
    event_id = data.get("event_id") if isinstance(data, dict) else None
    return event_id if isinstance(event_id, str) else None


def _block_links(blocks: dict[int, bytes], index: int | None) -> BlockLinks | None:
    stored = None if index is None else blocks.get(index)
    return None if stored is None else parse_links(stored)


def _clamp_index(index: int, last: int | None) -> int:
    return max(0, index if last is None else min(index, last))


def _shorten(data: DataDir, text: str) -> str:
    """Remove the data directory's path and shorten hashes."""
    return sanitize(_HASH.sub(_abbreviate_hash, text.replace(f"{data.root}/", "")), 600)


def _abbreviate_hash(digest: re.Match[str]) -> str:
    """Return the first groups, joined by no-break spaces."""
    return group_digest(digest[0]).removesuffix(" …").replace(" ", "\u00a0")


def _as_sentence(text: str) -> str:
    """Capitalize the first letter, except of a file name, and end with a period."""
    begin = text[:1] if "/" in text.partition(" ")[0] else text[:1].upper()
    return f"{begin}{text[1:]}".rstrip(".") + "."
