"""Signed requests: the published vectors, timing and the signed payload."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cq_tui.binance.signing import sign_hmac
from cq_tui.simulator.access.keys import ApiKeys, KeyFileError, public_api_key
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.api.security import check_signature, check_timing, signed_bytes, ws_api_payload
from cq_tui.simulator.errors import RequestRejected

NOW = 1_700_000_000_000
ACCOUNT = ApiKeys("the-key", "the-secret")
KEY = ACCOUNT.find("the-key")


def test_the_published_vectors_pass_and_a_changed_byte_does_not(shared: Path) -> None:
    vectors = json.loads((shared / "binance/fixtures/signing_vectors.json").read_text())
    account = ApiKeys(vectors["apiKey"], vectors["secretKey"])
    assert len(vectors["vectors"]) == 4
    for vector in vectors["vectors"]:
        payload = vector["payload"].encode()
        signature = Parameters({"signature": vector["expected"].upper()})
        key = account.find(vectors["apiKey"])
        check_signature(key, signature, payload)
        with pytest.raises(RequestRejected) as caught:
            check_signature(key, signature, payload + b"0")
        assert caught.value.code == -1022


@pytest.mark.parametrize(
    ("query", "body", "signed"),
    [
        (b"a=1&timestamp=2&signature=ab", b"", b"a=1&timestamp=2"),
        (b"", b"a=1&timestamp=2&signature=ab", b"a=1&timestamp=2"),
        (b"a=1", b"timestamp=2&signature=ab", b"a=1timestamp=2"),
        (b"a=1&signature=ab", b"timestamp=2", b"a=1timestamp=2"),
        (b"signature=ab&a=%2C+x", b"", b"a=%2C+x"),
    ],
)
def test_query_and_body_are_signed_as_sent(query: bytes, body: bytes, signed: bytes) -> None:
    assert signed_bytes(query, body) == signed
    check_signature(KEY, Parameters({"signature": sign_hmac("the-secret", signed)}), signed_bytes(query, body))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"timestamp": str(NOW)}, None),
        ({"timestamp": str(NOW * 1000)}, None),
        ({"timestamp": str(NOW - 5_000)}, None),
        ({"timestamp": str(NOW - 5_001)}, -1021),
        ({"timestamp": str(NOW + 999)}, None),
        ({"timestamp": str(NOW + 1_000)}, -1021),
        ({"timestamp": str(NOW - 9_000), "recvWindow": "9000.5"}, None),
        ({"timestamp": str(NOW - 9_001), "recvWindow": "9000.5"}, -1021),
        ({"timestamp": str(NOW), "recvWindow": "60001"}, -1102),
        ({"timestamp": str(NOW), "recvWindow": "NaN"}, -1102),
        ({"timestamp": "x"}, -1100),
        ({}, -1102),
    ],
)
def test_timing(fields: dict[str, str], code: int | None) -> None:
    if code is None:
        check_timing(Parameters(fields), NOW)
        return
    with pytest.raises(RequestRejected) as caught:
        check_timing(Parameters(fields), NOW)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("key", "code"), [(None, -2014), ("", -2014), ("other", -2015), ("kéy", -2014), ("x" * 129, -2014)]
)
def test_a_wrong_key_is_rejected(key: str | None, code: int) -> None:
    with pytest.raises(RequestRejected) as caught:
        ACCOUNT.find(key)
    assert (caught.value.code, caught.value.status) == (code, 401)
    assert ACCOUNT.find("the-key").kind == "HMAC"


def _pem(public: Any) -> bytes:
    content: bytes = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return content


def test_public_keys_verify_what_their_private_keys_signed() -> None:
    ed25519 = Ed25519PrivateKey.generate()
    rsa = generate_private_key(65_537, 2_048)
    signed = {
        "ED25519": (_pem(ed25519.public_key()), ed25519.sign(b"a=1")),
        "RSA": (_pem(rsa.public_key()), rsa.sign(b"a=1", PKCS1v15(), SHA256())),
    }
    for kind, (pem, signature) in signed.items():
        made = public_api_key(pem, "key.pem")
        account = ApiKeys("the-key", "the-secret", (made,))
        key = account.find(made.text)
        assert (key.kind, key.text) == (kind, public_api_key(pem, "again.pem").text)
        text = base64.b64encode(signature).decode()
        assert key.verify(text, b"a=1")
        assert key.verify(text.replace("+", " "), b"a=1")
        for wrong in ("", "?", text[:-4], text.lower(), "0" * 64, "é"):
            assert not key.verify(wrong, b"a=1")
        assert not key.verify(text, b"a=2")
        assert not ACCOUNT.find("the-key").verify(text, b"a=1")


def test_a_file_without_a_usable_public_key_is_named() -> None:
    weak = generate_private_key(65_537, 1_024).public_key()
    with pytest.raises(KeyFileError, match=r"k\.pem contains no PEM public key"):
        public_api_key(b"nothing", "k.pem")
    with pytest.raises(KeyFileError, match=r"k\.pem holds an unsupported key"):
        public_api_key(_pem(weak), "k.pem")


def test_the_websocket_api_signs_sorted_parameters_as_text() -> None:
    values = {"symbol": "B", "signature": "x", "apiKey": "k", "quantity": "0.2", "returnRateLimits": "false"}
    assert ws_api_payload(values.items()) == b"apiKey=k&quantity=0.2&returnRateLimits=false&symbol=B"
