"""Signatures against the published vectors, an Ed25519 round trip, and secrets that stay secret."""

import base64
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.binance.fields import Param
from cq_tui.binance.signing import (
    Credentials,
    CredentialsError,
    encode_query,
    read_secret,
    sign_ed25519,
    sign_hmac,
    signed_params,
    signed_query,
    ws_api_payload,
)

VECTORS = Path(__file__).resolve().parents[2] / "../shared/binance/fixtures/signing_vectors.json"


def pem(private_key: Ed25519PrivateKey | rsa.RSAPrivateKey) -> str:
    return private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_published_vectors() -> None:
    if not VECTORS.exists():
        pytest.skip(f"the recorded data is not beside this checkout: {VECTORS}")
    document = orjson.loads(VECTORS.read_bytes())
    credentials = Credentials(document["apiKey"], document["secretKey"])
    assert len(document["vectors"]) >= 4
    for vector in document["vectors"]:
        assert credentials.sign(vector["payload"].encode()) == vector["expected"], vector["payload"]


def test_our_encoding_gives_the_published_payloads() -> None:
    if not VECTORS.exists():
        pytest.skip(f"the recorded data is not beside this checkout: {VECTORS}")
    for vector in orjson.loads(VECTORS.read_bytes())["vectors"]:
        pairs = [(name, unquote(value)) for name, _, value in (p.partition("=") for p in vector["payload"].split("&"))]
        if vector["api"] == "rest":
            assert encode_query(pairs) == vector["payload"]
        else:
            assert ws_api_payload(dict(reversed(pairs))) == vector["payload"].encode()


def test_hmac_takes_text_and_bytes() -> None:
    assert sign_hmac("secret", b"a=1") == sign_hmac(b"secret", b"a=1")
    assert len(sign_hmac("secret", b"")) == 64


def test_ed25519_round_trip() -> None:
    private_key = Ed25519PrivateKey.generate()
    credentials = Credentials("key", "\n" + pem(private_key))
    assert credentials.is_ed25519
    query = signed_query([("symbol", "１２"), ("timestamp", 1)], credentials)
    payload, _, signature = query.rpartition("&signature=")
    assert payload == "symbol=%EF%BC%91%EF%BC%92&timestamp=1"
    private_key.public_key().verify(base64.b64decode(unquote(signature)), payload.encode())
    assert "+" not in signature
    assert "/" not in signature
    assert "=" not in signature


def test_a_pem_of_another_type_is_refused() -> None:
    credentials = Credentials("key", pem(rsa.generate_private_key(65537, 2048)))
    with pytest.raises(CredentialsError, match="another type"):
        credentials.sign(b"a=1")


def test_a_broken_pem_is_refused_without_showing_it() -> None:
    credentials = Credentials("key", "-----BEGIN PRIVATE KEY-----\nhushhush\n-----END PRIVATE KEY-----")
    with pytest.raises(CredentialsError) as caught:
        credentials.sign(b"a=1")
    assert "hushhush" not in str(caught.value)


def test_a_key_file_is_read_each_time(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.touch(mode=0o600)
    for private_key in (Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()):
        key.write_text(pem(private_key))
        credentials = Credentials("key", read_secret(f"file:{key}"))
        assert credentials.sign(b"a=1") == sign_ed25519(private_key, b"a=1")
    assert read_secret("plain secret") == "plain secret"


def test_the_final_newline_of_a_key_file_is_not_part_of_the_secret(tmp_path: Path) -> None:
    key = tmp_path / "secret"
    key.touch(mode=0o600)
    key.write_text("hush\n")
    assert Credentials("key", read_secret(f"file:{key}")).sign(b"a=1") == sign_hmac("hush", b"a=1")


@pytest.mark.parametrize("key", [" the-key", "the-key "])
def test_a_key_with_a_space_around_it_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(CredentialsError, match="space") as refused:
        Credentials(key, "secret")
    assert "the-key" not in str(refused.value)


def test_unusable_key_files(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    for setting in (f"file:{key}", f"file:{tmp_path}"):
        with pytest.raises(CredentialsError, match="cannot be read"):
            read_secret(setting)
    key.write_bytes(b"hush\xff")
    key.chmod(0o640)
    with pytest.raises(CredentialsError, match="chmod 600"):
        read_secret(f"file:{key}")
    key.chmod(0o600)
    with pytest.raises(CredentialsError, match="PEM") as refused:
        read_secret(f"file:{key}")
    assert "hush" not in str(refused.value)


def test_repr_shows_neither_key_nor_secret() -> None:
    shown = repr(Credentials("visible-key", "visible-secret")) + str(Credentials("visible-key", "visible-secret"))
    assert "visible" not in shown


@pytest.mark.parametrize(("key", "secret"), [("", "s"), ("k", " "), ("k\n", "s"), ("кey", "s")])
def test_unusable_credentials(key: str, secret: str) -> None:
    with pytest.raises(CredentialsError):
        Credentials(key, secret)


def test_ws_api_payload_is_sorted_unencoded_and_without_signature() -> None:
    params: dict[str, Param] = {
        "timestamp": 5,
        "apiKey": "k",
        "symbol": "１２",
        "flag": True,
        "signature": "x",
    }
    assert ws_api_payload(params) == "apiKey=k&flag=true&symbol=１２&timestamp=5".encode()


def test_signed_params_sign_the_key_too() -> None:
    params = signed_params({"timestamp": 5}, Credentials("k", "s"))
    assert params == {"timestamp": 5, "apiKey": "k", "signature": sign_hmac("s", b"apiKey=k&timestamp=5")}


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=6))
def test_the_encoded_query_is_plain_ascii_and_reads_back(pairs: list[tuple[str, str]]) -> None:
    pairs = [(n, v) for n, v in pairs if n.isprintable() and v.isprintable()]
    query = encode_query(pairs)
    assert query.isascii()
    assert parse_qsl(query, keep_blank_values=True) == pairs
