"""Proving from a history's files that it includes an event, or that it extends an earlier checkpoint.

Every proof ends at the newest signed checkpoint and is verified before it is returned. Chain and tree index make it
fast; if their data does not verify, only the events are used.
"""

import contextlib
from collections.abc import Callable

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.proof import AcceptanceProof, ConsistencyProof, InclusionProof
from cq_tui.ops.formatting import format_datetime, pluralize, sanitize
from cq_tui.ops.gathered_evidence import newest_own_checkpoint
from cq_tui.store.checkpoints.checkpoint import Checkpoint, open_checkpoint, parse_unverified
from cq_tui.store.checkpoints.checkpoint_log import Statement
from cq_tui.store.checkpoints.signed_note import SignedNoteError, VerifierKey
from cq_tui.store.control import issue_command, wait_for_answer
from cq_tui.store.history.hash_chain import parse_links
from cq_tui.store.history.merkle import leaf_hash
from cq_tui.store.lock import read_holder
from cq_tui.store.proofs.lookup import HistoryFiles, LeavesUnreadable
from cq_tui.store.proofs.merkle_proofs import (
    Subtree,
    consistency_path,
    inclusion_path,
    tree_hash,
    verify_consistency,
    verify_inclusion,
)

_VERIFY_HINT = "`cq-tui verify` lists all damage"


class CannotProve(Exception):
    """The proof cannot be made; the message says why and what to do."""


class NotAnchored(CannotProve):
    """No signed checkpoint covers this yet. Memory signs one from time to time, and on request."""


def prove_event(data: DataDir, event_id: str) -> InclusionProof:
    """Prove that the history includes an event. Raises CannotProve, NotAnchored, JournalError, OSError."""
    anchor, files = _newest_anchor(data), HistoryFiles(data)
    head = anchor.checkpoint
    index = files.index_of(event_id)
    if index is None:
        raise CannotProve(f"there is no event {sanitize(event_id, 80)!r} in {data.events}. `cq-tui events` lists them")
    if index > head.size:
        raise NotAnchored(
            f"not anchored yet: {event_id} is event {index:,}, and the newest checkpoint, "
            f"of {format_datetime(head.time)}, covers events up to {head.size:,}"
        )
    line = _text(files.event_by_id(event_id))
    if line is None:
        raise CannotProve(f"{data.events}: event {index:,}, {event_id}, is missing or damaged. {_VERIFY_HINT}")
    path = _inclusion(data, files, head, index, event_id, line)
    return InclusionProof(
        kind="inclusion",
        event=line,
        leaf_index=index - 1,
        tree_size=head.size,
        path=path,
        checkpoint=anchor.text,
        public_key=anchor.key.text,
        acceptances=_acceptances(data, files, head),
    )


def prove_since(data: DataDir, checkpoint_text: str) -> ConsistencyProof:
    """Prove that the history extends the one of an earlier signed checkpoint.

    Raises CannotProve, NotAnchored, JournalError, OSError.
    """
    anchor, files = _newest_anchor(data), HistoryFiles(data)
    head, old = anchor.checkpoint, _earlier(data, checkpoint_text, anchor.key)
    if old.size > head.size:
        raise NotAnchored(
            f"the checkpoint of {format_datetime(old.time)} names {pluralize(old.size, 'event')}, the newest in "
            f"{data.checkpoints}, of {format_datetime(head.time)}, only {head.size:,}: "
            "this is an older state of the history (a restored backup), or another copy of it was continued"
        )
    if (old.size, old.root) == (head.size, head.root):
        raise _nothing_since(files, head)
    path = _verified_path(
        data,
        files,
        head.size,
        lambda subtree: consistency_path(old.size, head.size, subtree),
        lambda path: verify_consistency(old.size, old.root, head.size, head.root, path),
        lambda leaves: _difference(data, leaves, head) or _difference(data, leaves, old),
    )
    return ConsistencyProof(
        kind="consistency",
        old_size=old.size,
        tree_size=head.size,
        path=path,
        old_checkpoint=checkpoint_text,
        checkpoint=anchor.text,
        public_key=anchor.key.text,
        acceptances=_acceptances(data, files, head),
    )


async def request_checkpoint(data: DataDir) -> str | None:
    """Ask a running memory service to sign a checkpoint; return why it did not, or None. Raises OSError."""
    if read_holder(data.lock_of("memory")) is None:
        return "memory is not running: `cq-tui up` starts it, and it signs checkpoints as events arrive"
    answer = await wait_for_answer(data, issue_command(data, "sign_checkpoint", "memory", issued_by="cli"))
    return None if answer.outcome == "done" else f"memory signed no checkpoint: {answer.message or answer.outcome}"


def _newest_anchor(data: DataDir) -> Statement:
    newest = newest_own_checkpoint(data)
    if newest is None:
        raise NotAnchored(f"not anchored yet: {data.checkpoints} has no signed checkpoint")
    return newest


def _inclusion(data: DataDir, files: HistoryFiles, head: Checkpoint, index: int, event_id: str, line: str) -> list[str]:
    """Return the path of an event. Raises CannotProve."""
    leaf = leaf_hash(line.encode())

    def wrong(leaves: list[bytes]) -> str | None:
        problem = _difference(data, leaves, head)
        return problem and (_changed(data, files, index, event_id, leaf) or problem)

    return _verified_path(
        data,
        files,
        head.size,
        lambda subtree: inclusion_path(index - 1, head.size, subtree),
        lambda path: verify_inclusion(leaf, index - 1, head.size, path, head.root),
        wrong,
    )


def _acceptances(data: DataDir, files: HistoryFiles, head: Checkpoint) -> list[AcceptanceProof] | None:
    """Prove the acceptances that a checkpoint names; one that cannot be proved is left out, and missed by the check."""
    found: list[AcceptanceProof] = []
    for index in head.accepted:
        with contextlib.suppress(CannotProve):
            if (line := _text(files.event_at(index))) is not None:
                path = _inclusion(data, files, head, index, "an acceptance", line)
                found.append(AcceptanceProof(event=line, leaf_index=index - 1, path=path))
    return found or None


def _earlier(data: DataDir, text: str, key: VerifierKey) -> Checkpoint:
    """Open the earlier checkpoint, which must be of this history and signed with the same key."""
    try:
        claimed = parse_unverified(text)
        if claimed.origin != key.name:
            raise CannotProve(
                f"the checkpoint is of another data directory: it names {claimed.origin}, {data.checkpoints} {key.name}"
            )
        return open_checkpoint(text, key)
    except SignedNoteError as error:
        raise CannotProve(f"the earlier checkpoint cannot be trusted: {error}") from None


def _nothing_since(files: HistoryFiles, head: Checkpoint) -> CannotProve:
    """Return why nothing can be proved since the newest checkpoint."""
    named = f"the checkpoint of {pluralize(head.size, 'event')}, signed {format_datetime(head.time)}"
    if files.event_at(head.size + 1) is not None:
        return NotAnchored(f"not anchored yet: {named}, is the newest, but there are later events")
    return CannotProve(f"nothing to prove: no events were added since {named}, which is the newest")


def _text(line: bytes | None) -> str | None:
    try:
        return None if line is None else line.decode()
    except UnicodeDecodeError:
        return None


def _verified_path(
    data: DataDir,
    files: HistoryFiles,
    size: int,
    make: Callable[[Subtree], list[bytes]],
    holds: Callable[[list[bytes]], bool],
    wrong: Callable[[list[bytes]], str | None],
) -> list[str]:
    """Return a valid path in hex, made from chain and index, or else from the events alone.

    ``wrong`` returns what is wrong with the leaves of ``size`` events, for CannotProve.
    """
    try:
        path = make(files.subtree)
        if holds(path):
            return [node.hex() for node in path]
    except LeavesUnreadable:
        pass
    leaves = files.event_leaves(size)
    if problem := wrong(leaves):
        raise CannotProve(problem)
    path = make(lambda start, stop: tree_hash(leaves[start:stop]))
    if not holds(path):
        raise CannotProve(f"{data.hash_chain}: has the events in another order than {data.events.name}. {_VERIFY_HINT}")
    return [node.hex() for node in path]


def _difference(data: DataDir, leaves: list[bytes], head: Checkpoint) -> str | None:
    """Return how the events differ from those that were signed; None if they match."""
    signed = f"the checkpoint of {format_datetime(head.time)}"
    if len(leaves) < head.size:
        missing = f"{head.size - len(leaves):,} are missing"
        return f"{data.events}: has {pluralize(len(leaves), 'event')}, {signed} names {head.size:,}: {missing}"
    root = tree_hash(leaves[: head.size])
    if root == head.root:
        return None
    return (
        f"{data.events}: its first {pluralize(head.size, 'event')} are not those that were signed: "
        f"their root is {root.hex()}, {signed} names {head.root.hex()}. {_VERIFY_HINT}"
    )


def _changed(data: DataDir, files: HistoryFiles, index: int, event_id: str, leaf: bytes) -> str | None:
    """Return that an event differs from the one in its block; None if it does not, or has no block."""
    block = files.block_at(index)
    links = None if block is None else parse_links(block)
    chained = None if links is None else links.event_hash
    if chained in (None, leaf):
        return None
    return (
        f"{data.events}: event {index:,}, {event_id}, was changed after it was chained: "
        f"its hash is {leaf.hex()}, its block names {chained.hex() if chained else ''}. {_VERIFY_HINT}"
    )
