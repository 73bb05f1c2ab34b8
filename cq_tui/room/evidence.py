"""What the history's files say of one event: its line, its block, and the way from it to the last signed checkpoint.

Alive, damaged or gone: what cannot be read becomes a word, and every claim is one that was checked. No Textual here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import orjson

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.proof import InclusionProof
from cq_tui.ops.formatting import Alert, format_datetime, group_digest, pluralize, sanitize
from cq_tui.ops.prove import CannotProve, NotAnchored, prove_event
from cq_tui.store.checkpoints.checkpoint import parse_unverified
from cq_tui.store.checkpoints.checkpoint_log import LoggedCheckpoint, newest_checkpoint
from cq_tui.store.history.hash_chain import BlockLinks, ChainError, parse_links
from cq_tui.store.history.merkle import leaf_hash, node_hash
from cq_tui.store.journal import JournalError
from cq_tui.store.proofs.lookup import HistoryFiles
from cq_tui.store.proofs.merkle_proofs import inclusion_path
from cq_tui.store.reading.event import HistoryEvent, parse_event

T = TypeVar("T")
_HASH = re.compile(r"\b[0-9a-f]{64}\b")


class ProofStep(NamedTuple):
    """One hash of a proof path: what stands beside the event's branch, and what both make."""

    #: Height of the subtree that the hash stands for; 0 for a single event.
    level: int
    is_left: bool
    #: Indexes of the first and the last event under the hash; the first event of a history has 1.
    first_event: int
    last_event: int
    sibling_hash: bytes
    parent_hash: bytes


@dataclass(frozen=True, slots=True)
class EventEvidence:
    """Everything that was found of one block and its event."""

    #: Of the block; None for an event that has no place in the chain's order.
    index: int | None
    #: Index of the last block; None when the chain does not say.
    last_index: int | None
    #: How far the event is proved.
    verdict: Alert
    event_id: str | None = None
    line: bytes | None = None
    event: HistoryEvent | None = None
    #: The block, if its bytes match its hash.
    block: BlockLinks | None = None
    previous_block: BlockLinks | None = None
    proof: InclusionProof | None = None
    steps: tuple[ProofStep, ...] = ()
    #: The newest signed checkpoint, whether or not it reaches to the event.
    checkpoint: LoggedCheckpoint | None = None
    #: What could not be read.
    problems: tuple[str, ...] = ()

    @property
    def leaf(self) -> bytes | None:
        """Hash of the line as it stands."""
        return None if self.line is None else leaf_hash(self.line)

    @property
    def matches_block(self) -> bool | None:
        """Whether the line is the one that the block names; None when there is nothing to compare."""
        if self.block is None or self.block.event_hash is None or self.line is None:
            return None
        return self.block.event_hash == self.leaf

    @property
    def links_to_previous(self) -> bool | None:
        """Whether the block names the hash of the one before it; None when there is nothing to compare."""
        if self.block is None or self.previous_block is None:
            return None
        return self.block.previous_hash == self.previous_block.hash

    @property
    def is_final(self) -> bool:
        """Whether another look can find nothing new, unless somebody changes what was written."""
        return self.proof is not None or self.index == 0 or self.verdict.level == "bad"


def gather_evidence(data: DataDir, wanted: str | int) -> EventEvidence:
    """Look an event up by its id, or a block by its index, which is kept within the chain. Raises nothing."""
    files, problems = HistoryFiles(data), _ReadErrors(data)
    last = problems.attempt(files.events_count)
    index = _clamp_index(wanted, last) if isinstance(wanted, int) else problems.attempt(lambda: files.index_of(wanted))
    blocks = {} if index is None else problems.attempt(lambda: files.blocks(max(0, index - 1), index + 1)) or {}
    if isinstance(wanted, str):
        line = problems.attempt(lambda: files.event_by_id(wanted))
    else:
        line = problems.attempt(lambda: files.event_at(index)) if index else None
    event = parse_event(line) if line is not None else None
    event_id = (
        wanted if isinstance(wanted, str) else event.event_id if event else _event_id_in_block(blocks.get(index or 0))
    )
    checkpoint = problems.attempt(lambda: newest_checkpoint(data.checkpoints))
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
    """Return what each hash of a verified proof stands for, from the event up to the root."""
    ranges: list[tuple[int, int]] = []

    def note(start: int, stop: int) -> bytes:
        ranges.append((start, stop))
        return b""

    inclusion_path(proof.leaf_index, proof.tree_size, note)
    steps, node = [], leaf_hash(proof.event.encode())
    for (start, stop), text in zip(reversed(ranges), proof.path, strict=True):
        sibling, is_left = bytes.fromhex(text), start < proof.leaf_index
        node = node_hash(sibling, node) if is_left else node_hash(node, sibling)
        steps.append(ProofStep((stop - start - 1).bit_length(), is_left, start + 1, stop, sibling, node))
    return tuple(steps)


class _ReadErrors:
    """Reads what can be read, and remembers in words what cannot."""

    def __init__(self, data: DataDir) -> None:
        self._data = data
        self.messages: list[str] = []

    def attempt(self, read: Callable[[], T]) -> T | None:
        """Return what ``read`` returns; None when the files do not let it."""
        try:
            return read()
        except FileNotFoundError as error:
            self.messages.append(f"{_shorten(self._data, str(error.filename))}: is not there")
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
        return None, Alert("idle", "The genesis block, on which all others stand. It has no event.")
    if event_id is None:
        return None, Alert("bad", "There is no whole event at this place. `cq-tui verify` says what is damaged.")
    try:
        proof = problems.attempt(lambda: prove_event(data, event_id))
    except NotAnchored as error:
        return None, Alert("idle", _as_sentence(_shorten(data, str(error))))
    except CannotProve as error:
        return None, Alert("bad", _as_sentence(_shorten(data, str(error))))
    if proof is None:
        return None, Alert("bad", "Not proved: the files that it takes cannot be read.")
    # prove_event has verified the signature.
    head = parse_unverified(proof.checkpoint)
    return proof, Alert(
        "good", f"Proved by the checkpoint of {pluralize(head.size, 'event')}, signed {format_datetime(head.time)}."
    )


def _event_id_in_block(stored: bytes | None) -> str | None:
    """Return the id of the event that a sound block names."""
    data = orjson.loads(stored)["data"] if stored is not None else None
    event_id = data.get("event_id") if isinstance(data, dict) else None
    return event_id if isinstance(event_id, str) else None


def _block_links(blocks: dict[int, bytes], index: int | None) -> BlockLinks | None:
    stored = None if index is None else blocks.get(index)
    return None if stored is None else parse_links(stored)


def _clamp_index(index: int, last: int | None) -> int:
    return max(0, index if last is None else min(index, last))


def _shorten(data: DataDir, words: str) -> str:
    """Leave the data directory's own path out, and most of each hash."""
    return sanitize(_HASH.sub(_abbreviate_hash, words.replace(f"{data.root}/", "")), 600)


def _abbreviate_hash(digest: re.Match[str]) -> str:
    """Return the first groups, held together by no-break spaces."""
    return group_digest(digest[0]).removesuffix(" …").replace(" ", "\u00a0")


def _as_sentence(words: str) -> str:
    """Begin with a capital, but for a file, and end with a full stop."""
    begin = words[:1] if "/" in words.partition(" ")[0] else words[:1].upper()
    return f"{begin}{words[1:]}".rstrip(".") + "."
