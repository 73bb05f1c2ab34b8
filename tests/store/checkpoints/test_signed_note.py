"""Signed notes: published vectors, every byte changed, hostile input."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.store.checkpoints.signed_note import (
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    SignedNoteError,
    VerifierKey,
    decode_note,
    from_base64,
    open_note,
    sign_note,
    split_note,
)

#: Published examples of the format: the documentation of Go's sumdb/note, and an example of C2SP signed-note.
PUBLISHED = {
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW": (
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    ),
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k": (
        "This is an example message.\n\n"
        "— example.com/foo "
        "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
    ),
}
#: The example in the specification itself: no key is given, but its body holds an empty line.
WITH_EMPTY_LINE = (
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n"
    "— quasimodo.example/salvatore "
    "NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
)
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
KEY = VerifierKey.of("example.org/log", PRIVATE)
NOTE = sign_note("one\n\ntwo\n", KEY.name, PRIVATE)

bodies = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"]).filter(lambda letter: letter >= " "), max_size=60
)


@pytest.mark.parametrize(("key", "note"), PUBLISHED.items())
def test_published_notes_open_with_their_published_keys(key: str, note: str) -> None:
    parsed = VerifierKey.parse(key)
    assert parsed.text == key
    assert open_note(note, parsed) == note.rpartition("\n\n")[0] + "\n"


def test_the_last_empty_line_parts_the_body_from_the_signatures() -> None:
    body, (signature,) = split_note(WITH_EMPTY_LINE)
    assert body.endswith("sole:\n\ned è subito sera.\n")
    assert (signature.name, signature.key_id.hex()) == ("quasimodo.example/salvatore", "367ba04b")
    assert len(signature.signature) == 64


@given(st.lists(bodies, min_size=1, max_size=5))
def test_what_was_signed_opens_as_it_was(lines: list[str]) -> None:
    body = "\n".join(lines) + "\n"
    note = sign_note(body, KEY.name, PRIVATE)
    assert open_note(note, KEY) == body
    assert open_note(decode_note(note.encode()), KEY) == body


@pytest.mark.parametrize("change", [1, 0x20, 0x80])
def test_a_change_of_any_byte_is_noticed(change: int) -> None:
    content = NOTE.encode()
    for index in range(len(content)):
        changed = content[:index] + bytes([content[index] ^ change]) + content[index + 1 :]
        with pytest.raises(SignedNoteError):
            open_note(decode_note(changed), KEY)


def test_no_shortened_or_lengthened_note_opens() -> None:
    content = NOTE.encode()
    for end in range(len(content)):
        with pytest.raises(SignedNoteError):
            open_note(decode_note(content[:end]), KEY)
    for more in ("\n", " ", "x", "\x00"):
        with pytest.raises(SignedNoteError):
            open_note(NOTE + more, KEY)


def test_every_part_and_every_changed_letter_of_a_key_is_refused() -> None:
    for start in range(len(KEY.text)):
        for end in range(start + 1, len(KEY.text) + 1):
            if end - start < len(KEY.text):
                with pytest.raises(SignedNoteError):
                    VerifierKey.parse(KEY.text[start:end])
    for index, letter in enumerate(KEY.text):
        with pytest.raises(SignedNoteError):
            VerifierKey.parse(KEY.text[:index] + chr(ord(letter) ^ 1) + KEY.text[index + 1 :])


def test_a_key_of_another_type_is_refused() -> None:
    content = base64.b64encode(b"\x04" + KEY.raw).decode()
    with pytest.raises(SignedNoteError, match="not an Ed25519 key"):
        VerifierKey.parse(f"{KEY.name}+{KEY.key_id.hex()}+{content}")


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\u2028b", "a\nb", "x" * 257])
def test_a_key_name_has_no_spaces_and_no_plus(name: str) -> None:
    with pytest.raises(SignedNoteError, match="key name"):
        VerifierKey(name, bytes(32))


def line_of(name: str, private: Ed25519PrivateKey, body: str) -> str:
    return sign_note(body, name, private).rpartition("\n\n")[2]


def test_signatures_of_unknown_keys_are_ignored() -> None:
    body = "text\n"
    mine = line_of(KEY.name, PRIVATE, body)
    same_name = line_of(KEY.name, OTHER, body)
    same_key_id = f"— example.org/witness {base64.b64encode(KEY.key_id + bytes(64)).decode()}\n"
    post_quantum = f"— example.org/new {base64.b64encode(bytes(4 + 4000)).decode()}\n"
    assert open_note(f"{body}\n{same_name}{same_key_id}{post_quantum}{mine}", KEY) == body
    assert open_note(f"{body}\n{mine}{same_key_id}", KEY) == body
    with pytest.raises(SignedNoteError, match="not signed by"):
        open_note(f"{body}\n{same_name}{same_key_id}", KEY)


def test_one_wrong_signature_of_the_known_key_spoils_the_note() -> None:
    good, wrong = line_of(KEY.name, PRIVATE, "text\n"), line_of(KEY.name, PRIVATE, "other text\n")
    for signatures in (good + wrong, wrong + good, wrong):
        with pytest.raises(SignedNoteError, match="is wrong"):
            open_note(f"text\n\n{signatures}", KEY)
    cut = f"— {KEY.name} {base64.b64encode(KEY.key_id + bytes(63)).decode()}\n"
    with pytest.raises(SignedNoteError, match="is wrong"):
        open_note(f"text\n\n{cut}", KEY)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "— \n",
        "— name\n",
        "— name \n",
        "—name AAAAAAAA\n",
        "-- name AAAAAAAA\n",
        "– name AAAAAAAA\n",
        "— name AAAAAA==\n",  # a key id and nothing behind it
        "— name AAAAAAB=\n",  # spare bits that are not 0
        "— name AAAAAAA\n",
        "— name AAAA AAAA\n",
        "— na+me AAAAAAAA\n",
        "— name AAAAAAAA",
        "— name AAAA_AAA\n",
        "— name ÄAAAAAAA\n",
    ],
)
def test_a_malformed_signature_line_spoils_the_note(line: str) -> None:
    mine = line_of(KEY.name, PRIVATE, "text\n")
    with pytest.raises(SignedNoteError):
        open_note(f"text\n\n{mine}{line or chr(10)}", KEY)


def test_too_much_of_anything_is_refused() -> None:
    line = f"— example.org/witness {base64.b64encode(bytes(68)).decode()}\n"
    mine = line_of(KEY.name, PRIVATE, "text\n")
    assert open_note("text\n\n" + line * (MAX_SIGNATURES - 1) + mine, KEY) == "text\n"
    with pytest.raises(SignedNoteError, match="more than 100 signatures"):
        open_note("text\n\n" + line * MAX_SIGNATURES + mine, KEY)
    for large in ("x" * MAX_NOTE_BYTES + "\n", "ä" * (MAX_NOTE_BYTES // 2) + "\n"):
        with pytest.raises(SignedNoteError, match="is larger than"):
            open_note(large, KEY)
        with pytest.raises(SignedNoteError, match="is larger than"):
            sign_note(large, KEY.name, PRIVATE)
    with pytest.raises(SignedNoteError, match="is larger than"):
        decode_note(bytes(MAX_NOTE_BYTES + 1))


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("no line feed", "line feed"),
        ("", "line feed"),
        ("a\tb\n", "control"),
        ("a\r\n", "control"),
        ("\ud800\n", "UTF-8"),
    ],
)
def test_what_is_no_note_text_is_not_signed(body: str, complaint: str) -> None:
    with pytest.raises(SignedNoteError, match=complaint):
        sign_note(body, KEY.name, PRIVATE)


def test_base64_has_one_spelling() -> None:
    assert from_base64("AAA=") == b"\0\0"
    for text in ("AAB=", "AAA", "AAA==", "A AA=", "AAA=\n", "-_-_", "AAA=AAA="):
        assert from_base64(text) is None
