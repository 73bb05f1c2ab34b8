"""Faults in words: a whole one for whoever accepts it, a short one to be read, and one name for both."""

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.store.checkpoints.anchoring import describe_fork
from cq_tui.store.checkpoints.checkpoint import sign_checkpoint
from cq_tui.store.checkpoints.checkpoint_log import CheckpointLog, read_checkpoint_log
from cq_tui.store.checkpoints.consistency import find_contradictions
from cq_tui.store.history.faults import LOG_FAULT_PREFIX, FaultKind, HistoryFault, fault_id, fault_kind, headline_of
from cq_tui.store.history.position import HistoryMark
from tests.store.checkpoints.signing import KEY, OTHER_KEY, OTHER_PRIVATE, checkpoint, note

HASH = "0123456789abcdef" * 4


def test_the_short_form_leaves_out_what_differs() -> None:
    for expected, found in product((None, HASH), repeat=2):
        fault = HistoryFault("event_chain.ndjson", "was changed (by hand)", 8, expected, found)
        assert headline_of(str(fault)) == fault.headline == "event_chain.ndjson at index 8: was changed (by hand)"


@given(st.text(), st.none() | st.integers(min_value=0))
def test_text_without_expected_or_found_stays_unchanged(reason: str, index: int | None) -> None:
    text = str(HistoryFault("spool", reason.replace("(expected", "").replace("(found", ""), index))
    assert headline_of(text) == text


def test_the_name_is_that_of_the_whole_text() -> None:
    fault = HistoryFault("event_chain.ndjson", "was changed", 8, HASH, HASH[::-1])
    assert fault_id(str(fault)) == "818872a1"
    assert fault_id(str(fault)) != fault_id(fault.headline)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("event_chain.ndjson at index 8: was changed", "history"),
        ("hash_chain.json: was not intact when it was last written", "history"),
        ("hash_chain.json: checkpoints.log: contradicts what was signed: x", "history"),
        ("spool: spool/ares.ndjson: checkpoints.log: another copy of this data directory", "spool"),
        ("checkpoints.log: entry at byte 0: 'another copy of this data directory is in use'", "checkpoints"),
        ("checkpoints.log: is that of another data directory (1, not 2)", "checkpoints"),
        ("checkpoints.log: another copy of this data directory signed 3 checkpoints", "copy"),
        ("checkpoints.log: contradicts what was signed: history has 3 events", "missing"),
    ],
)
def test_only_changed_bytes_are_a_fault_of_the_history(text: str, kind: FaultKind) -> None:
    assert fault_kind(text) == kind
    assert fault_kind(str(HistoryFault("state", text))) == kind


def test_the_kinds_of_the_texts_that_checkpoints_give(tmp_path: Path) -> None:
    log = CheckpointLog(tmp_path / "checkpoints.log", tmp_path)
    log.append(note(12), KEY)
    log.append(sign_checkpoint(checkpoint(13), OTHER_PRIVATE), OTHER_KEY)
    log.close()
    (problem,) = read_checkpoint_log(tmp_path / "checkpoints.log", KEY).problems
    missing, other = find_contradictions([checkpoint(12), checkpoint(5)], 11, {5: HistoryMark(bytes(32), "")})
    texts = {
        problem: "key",
        missing: "missing",
        other: "contradiction",
        describe_fork(checkpoint(12)): "copy",
    }
    assert {text: fault_kind(LOG_FAULT_PREFIX + text) for text in texts} == texts
