"""Checkpoints: one spelling, signed whole."""

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.store.checkpoints.checkpoint import (
    Checkpoint,
    directory_id_of,
    open_checkpoint,
    origin_of,
    parse_checkpoint,
    parse_unverified,
    sign_checkpoint,
)
from cq_tui.store.checkpoints.signed_note import SignedNoteError, VerifierKey, decode_note, sign_note

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ID = "0123456789abcdef0123456789abcdef"
ORIGIN = origin_of(ID)
KEY = VerifierKey.of(ORIGIN, PRIVATE)
ROOT = sha256(b"").digest()
BODY = f"{ORIGIN}\n12800\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\ntime 1700000000.500000\n"

checkpoints = st.builds(
    Checkpoint,
    origin=st.just(ORIGIN),
    size=st.integers(0, 2**63 - 1),
    root=st.binary(min_size=32, max_size=32),
    time=st.integers(0, 2**33 * 10**6 - 1).map(lambda micros: float(f"{micros // 10**6}.{micros % 10**6:06d}")),
    chain=st.none() | st.binary(min_size=32, max_size=32).map(bytes.hex),
)


def test_the_bytes_are_these() -> None:
    checkpoint = Checkpoint(ORIGIN, 12800, ROOT, 1_700_000_000.5)
    assert checkpoint.body() == BODY
    text = sign_checkpoint(checkpoint, PRIVATE)
    key_id = sha256(ORIGIN.encode() + b"\n\x01" + PRIVATE.public_key().public_bytes_raw()).digest()[:4]
    assert text == f"{BODY}\n— {ORIGIN} {base64.b64encode(key_id + PRIVATE.sign(BODY.encode())).decode()}\n"
    assert directory_id_of(ORIGIN) == ID


@given(checkpoints)
def test_what_was_signed_opens_as_it_was(checkpoint: Checkpoint) -> None:
    text = sign_checkpoint(checkpoint, PRIVATE)
    assert open_checkpoint(text, KEY) == parse_unverified(text) == checkpoint


def test_block_hash_and_accepted_events_are_signed_too() -> None:
    checkpoint = Checkpoint(ORIGIN, 12800, ROOT, 1_700_000_000.5, "ab" * 32, (7, 12800))
    assert checkpoint.body() == f"{BODY}chain {'ab' * 32}\naccepted 7 12800\n"
    assert open_checkpoint(sign_checkpoint(checkpoint, PRIVATE), KEY) == checkpoint
    assert parse_checkpoint(f"{BODY}accepted 7\n").accepted == (7,)


def test_a_change_of_any_byte_is_noticed() -> None:
    content = sign_checkpoint(Checkpoint(ORIGIN, 12800, ROOT, 1_700_000_000.5, "ab" * 32, (7,)), PRIVATE).encode()
    for index in range(len(content)):
        for change in (1, 0x20, 0x80):
            changed = content[:index] + bytes([content[index] ^ change]) + content[index + 1 :]
            with pytest.raises(SignedNoteError):
                open_checkpoint(decode_note(changed), KEY)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("12800", "012800", "size"),
        ("12800", "-1", "size"),
        ("12800", "٣", "size"),
        ("12800", str(2**63), "size"),
        ("12800", "9" * 5000, "size"),
        ("12800", "", "size"),
        ("uFU=", "uFV=", "root"),
        ("47DE", "", "root"),
        ("time 17", "time  17", "line"),
        (".500000", ".5", "line"),
        (".500000", "", "line"),
        ("1700000000", "01700000000", "line"),
        ("1700000000", "9999999999", "line"),
        ("1700000000.500000", "inf", "line"),
        ("coinquant.r11/", "coinquant.r12/", "origin"),
        ("/0123", "/0123A", "origin"),
        ("abcdef\n", "abcdeF\n", "origin"),
        ("time ", "more\ntime ", "line 'more'"),
        ("500000\n", "500000\nmore\n", "no extension line"),
        ("500000\n", "500000\n\n", "no extension line"),
        ("500000\n", f"500000\nchain {'A' * 64}\n", "no extension line"),
        ("500000\n", f"500000\naccepted 7\nchain {'a' * 64}\n", "no extension line"),
        ("500000\n", f"500000\nchain {'a' * 64}\nchain {'a' * 64}\n", "no extension line"),
        ("500000\n", "500000\naccepted\n", "no extension line"),
        ("500000\n", "500000\naccepted 0\n", "no extension line"),
        ("500000\n", "500000\naccepted 7  8\n", "no extension line"),
        ("500000\n", "500000\naccepted 8 7\n", "no extension line"),
        ("500000\n", "500000\naccepted 7 7\n", "no extension line"),
        ("500000\n", "500000\naccepted 12801\n", "no extension line"),
        ("500000\n", "500000", "is not the lines"),
    ],
)
def test_another_spelling_is_no_checkpoint(old: str, new: str, complaint: str) -> None:
    assert parse_checkpoint(BODY).size == 12800
    with pytest.raises(SignedNoteError, match=complaint):
        parse_checkpoint(BODY.replace(old, new))


@pytest.mark.parametrize(
    "wrong",
    [
        Checkpoint("somewhere", 1, ROOT, 1.0),
        Checkpoint(ORIGIN, -1, ROOT, 1.0),
        Checkpoint(ORIGIN, 2**63, ROOT, 1.0),
        Checkpoint(ORIGIN, 1, ROOT[:31], 1.0),
        Checkpoint(ORIGIN, 1, ROOT, -1.0),
        Checkpoint(ORIGIN, 1, ROOT, float("nan")),
        Checkpoint(ORIGIN, 1, ROOT, float("inf")),
        Checkpoint(ORIGIN, 1, ROOT, 1.0, chain=""),
        Checkpoint(ORIGIN, 1, ROOT, 1.0, chain="f" * 63),
        Checkpoint(ORIGIN, 1, ROOT, 1.0, accepted=(0,)),
        Checkpoint(ORIGIN, 1, ROOT, 1.0, accepted=(2,)),
        Checkpoint(ORIGIN, 9, ROOT, 1.0, accepted=(2, 1)),
    ],
)
def test_what_cannot_be_is_not_signed(wrong: Checkpoint) -> None:
    with pytest.raises(SignedNoteError):
        sign_checkpoint(wrong, PRIVATE)


def test_a_checkpoint_is_signed_in_its_own_name() -> None:
    key = VerifierKey.of(origin_of("f" * 32), PRIVATE)
    with pytest.raises(SignedNoteError, match="not the signer's name"):
        open_checkpoint(sign_note(BODY, key.name, PRIVATE), key)


@pytest.mark.parametrize("text", ["", "\n", BODY, f"{BODY}\n", "x\n\n— a AAAAAAAA\n"])
def test_what_is_no_checkpoint_is_not_shown_as_one(text: str) -> None:
    with pytest.raises(SignedNoteError):
        parse_unverified(text)
