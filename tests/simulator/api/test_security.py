"""Signed requests: the published vectors, timing and the parts that a signature covers."""

import json
from pathlib import Path

import pytest

from cq_tui.binance.signing import sign_hmac
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.api.security import Account, check_key, check_signature, check_timing, signed_bytes
from cq_tui.simulator.errors import ApiError

NOW = 1_700_000_000_000
ACCOUNT = Account("the-key", "the-secret")


def test_the_published_vectors_pass_and_a_changed_byte_does_not(shared: Path) -> None:
    vectors = json.loads((shared / "binance/fixtures/signing_vectors.json").read_text())
    account = Account(vectors["apiKey"], vectors["secretKey"])
    assert len(vectors["vectors"]) == 4
    for vector in vectors["vectors"]:
        payload = vector["payload"].encode()
        signature = Parameters({"signature": vector["expected"].upper()})
        check_signature(account, signature, payload)
        with pytest.raises(ApiError) as caught:
            check_signature(account, signature, payload + b"0")
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
    check_signature(ACCOUNT, Parameters({"signature": sign_hmac("the-secret", signed)}), signed_bytes(query, body))


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
    with pytest.raises(ApiError) as caught:
        check_timing(Parameters(fields), NOW)
    assert caught.value.code == code


@pytest.mark.parametrize(("key", "code"), [(None, -2014), ("", -2014), ("other", -2015), ("kéy", -2015)])
def test_a_wrong_key_is_refused(key: str | None, code: int) -> None:
    with pytest.raises(ApiError) as caught:
        check_key(ACCOUNT, key)
    assert (caught.value.code, caught.value.status) == (code, 401)
    check_key(ACCOUNT, "the-key")
