"""Acknowledgements: one spelling, signed whole, never taken for a checkpoint."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.store.checkpoints.acknowledgement import (
    Acknowledgement,
    is_acknowledgement,
    make_acknowledgement,
    open_acknowledgement,
    sign_acknowledgement,
    to_plain_word,
)
from cq_tui.store.checkpoints.checkpoint import open_checkpoint
from cq_tui.store.checkpoints.signed_note import SignedNoteError, decode_note, sign_note
from cq_tui.store.history.faults import fault_id, one_line
from tests.store.checkpoints.signing import ID, KEY, NOW, ORIGIN, PRIVATE, accepted, note, root_of

FAULT = "event_chain.ndjson at index 7: is not the event that was chained"


def test_the_bytes_are_these() -> None:
    ours = make_acknowledgement(ORIGIN, 12, bytes(32), NOW, fault=FAULT, who="Jo Doe", comment=" disk\n replaced ")
    digest = sha256(FAULT.encode()).hexdigest()[:8]
    assert ours.fault_id == fault_id(FAULT) == digest
    assert ours.body() == (
        f"coinquant.r11/{ID}/acknowledgement\n12\n{'A' * 43}=\ntime 1700000000.000000\n"
        f"fault {digest} {FAULT}\nwho Jo-Doe\ncomment disk replaced\n"
    )
    assert replace(ours, comment=None).body() == ours.body().replace("comment disk replaced\n", "")


@given(st.text(max_size=1200), st.text(max_size=80), st.none() | st.text(max_size=80))
def test_what_was_signed_opens_as_it_was(fault: str, who: str, comment: str | None) -> None:
    ours = make_acknowledgement(ORIGIN, 12, root_of(12), NOW, fault=f"x{fault}", who=who, comment=comment)
    text = sign_acknowledgement(ours, PRIVATE)
    assert open_acknowledgement(text, KEY) == ours
    assert ours.fault_id == fault_id(f"x{fault}")
    assert is_acknowledgement(text)


def test_a_change_of_any_byte_is_noticed() -> None:
    content = sign_acknowledgement(accepted(FAULT, comment="seen"), PRIVATE).encode()
    for index in range(len(content)):
        changed = content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :]
        with pytest.raises(SignedNoteError):
            open_acknowledgement(decode_note(changed), KEY)


def test_checkpoints_and_acknowledgements_are_never_mistaken() -> None:
    with pytest.raises(SignedNoteError):
        open_checkpoint(sign_acknowledgement(accepted(FAULT), PRIVATE), KEY)
    with pytest.raises(SignedNoteError):
        open_acknowledgement(note(5), KEY)
    assert not is_acknowledgement(note(5))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("fault ", "faults "),
        ("fault ", "fault 00000000"),
        ("who operator", "who two words"),
        ("who operator", "who "),
        ("who operator", "operator"),
        ("comment seen", "comment "),
        ("comment seen", "remark seen"),
        ("comment seen", "comment  seen"),
        ("comment seen\n", "comment seen\nmore\n"),
        ("/acknowledgement", "/acknowledgment"),
        (ORIGIN, "coinquant.r11/0"),
        (ORIGIN, ORIGIN[:-1] + "0"),
        ("time 17", "time 017"),
    ],
)
def test_another_spelling_is_none(old: str, new: str) -> None:
    body = accepted(FAULT, comment="seen").body()
    assert old in body
    with pytest.raises(SignedNoteError):
        open_acknowledgement(sign_note(body.replace(old, new), KEY.name, PRIVATE), KEY)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(accepted(FAULT), fault="two\nlines"),
        replace(accepted(FAULT), fault=""),
        replace(accepted(FAULT), comment=""),
        replace(accepted(FAULT), comment="tab\t"),
        replace(accepted(FAULT), who="a b"),
        replace(accepted(FAULT), who=""),
        replace(accepted(FAULT), root=b""),
    ],
)
def test_what_was_not_made_plain_is_not_signed(wrong: Acknowledgement) -> None:
    with pytest.raises(SignedNoteError):
        sign_acknowledgement(wrong, PRIVATE)


def test_only_what_contradicts_the_checkpoints_releases_them() -> None:
    contradiction = "contradicts what was signed: history has 5 events"
    assert accepted(f"checkpoints.log: {contradiction}").releases_checkpoints
    for fault in (
        FAULT,
        "checkpoints.log: entry at byte 12: note: is malformed",
        "checkpoints.log: holds entries signed with another key",
        f"event_chain.ndjson: {contradiction}",
        f"checkpoints.log: entry at byte 12: {contradiction}",
    ):
        assert not accepted(fault).releases_checkpoints


def test_texts_become_lines_and_names_words() -> None:
    assert one_line(" a\r\n\tb\u2028c\u200b  d\x1e— ") == "a b c d —"
    assert len(one_line("x" * 5000)) == 1000
    assert to_plain_word("João Ñ. <jo@example.org>") == "Jo-o-.-jo@example.org"
    assert to_plain_word("") == to_plain_word("—") == "unknown"
