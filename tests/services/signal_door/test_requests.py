"""What gets through the door: who has the token, with a signal that can be read, and no web page."""

from typing import Any

import orjson
import pytest

from cq_tui.services.signal_door.rate import Rate
from cq_tui.services.signal_door.requests import Refused, Request, check_address, signal_of

TOKEN = "a-token-for-the-tests"
TEXT = b"BUY BTCUSDT stop=94000 target=99000 id=7 strategy=my_alerts"
BUY: dict[str, Any] = {
    "id": "7", "side": "BUY", "symbol": "BTCUSDT", "strategy": "my_alerts", "stop": 94000, "target": 99000,
}  # fmt: skip


def request(method: str = "POST", path: str = "/signal", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method, path, {"host": "127.0.0.1:8787", "content-length": "10"} | named)


def signal(body: bytes | dict[str, Any], token: str | None = TOKEN) -> dict[str, Any]:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return signal_of(Request("POST", "/signal", headers, content), TOKEN)


@pytest.mark.parametrize("host", ["127.0.0.1:8787", "localhost:8787"])
def test_a_request_to_this_address_passes(host: str) -> None:
    check_address(request(host=host), 8787)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (request(host="evil.example:8787"), 421),
        (request(host="127.0.0.1"), 421),
        (request(host="127.0.0.1:8788"), 421),
        (request(host="localhost:8787.evil.example"), 421),
        (request(host=""), 421),
        (Request("POST", "/signal", {}), 421),
        (request(origin="https://evil.example"), 403),
        (request(origin="null"), 403),
        (request(origin="http://127.0.0.1:8787"), 403),
        (request(path="/"), 404),
        (request(path="/signal/"), 404),
        (request("GET"), 405),
        (request("OPTIONS"), 405),
        (request(content_length="16385"), 413),
        (request(content_length="9" * 400), 413),
        (request(content_length="-1"), 413),
        (request(content_length="²"), 413),
    ],
)
def test_others_are_refused_before_their_body_is_read(asked: Request, status: int) -> None:
    with pytest.raises(Refused) as caught:
        check_address(asked, 8787)
    assert caught.value.status == status


@pytest.mark.parametrize("body", [BUY, TEXT])
def test_the_token_may_be_in_the_header_or_in_the_body_and_goes_no_further(body: Any) -> None:
    expected = {"id", "side", "symbol", "strategy", "stop", "target", "source"}
    with_token = body + f" token={TOKEN}".encode() if isinstance(body, bytes) else body | {"token": TOKEN}
    for fields in (signal(body), signal(with_token, token=None), signal(with_token, token="wrong")):
        assert fields.keys() == expected
        assert TOKEN not in str(fields)
        assert fields["source"] == "post"


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "a-tökén", "\udcff"])
def test_a_forged_token_lets_nothing_in_and_learns_nothing(token: str | None) -> None:
    for body in (
        BUY,
        TEXT,
        b"{",
        b"nonsense",
        b"",
        orjson.dumps([1]),
        b"\xff",
        BUY | {"token": 7},
        BUY | {"token": ""},
    ):
        with pytest.raises(Refused) as caught:
            signal(body, token)
        assert (caught.value.status, "token is missing or wrong" in str(caught.value)) == (401, True)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"", "write side and symbol first"),
        (b"BUY BTCUSDT stop=94000", "id is missing"),
        (BUY | {"siez": 1}, "did you mean size"),
        (b'{"size": 0.001, "size": 100}', "the body gives 'size' twice"),
        ({name: value for name, value in BUY.items() if name != "id"}, "id is missing: give each signal an id"),
        (BUY | {"source": "strategy", "stop": "x"}, "stop is 'x'"),
    ],
)
def test_who_has_the_token_is_told_field_and_remedy(body: Any, words: str) -> None:
    with pytest.raises(Refused) as caught:
        signal(body)
    assert (caught.value.status, words in str(caught.value)) == (422, True)


def test_a_sender_cannot_claim_another_way_or_a_person() -> None:
    read = signal(BUY | {"source": "command", "person": "kim"})
    assert (read["source"], "person" in read) == ("post", False)


def test_a_rate_allows_a_burst_and_then_so_many_a_second() -> None:
    rate = Rate(burst=3, per_second=2)
    assert [rate.wait(10.0) for _ in range(3)] == [0, 0, 0]
    assert rate.wait(10.0) == pytest.approx(0.5)
    assert rate.wait(10.5) == 0
    assert rate.wait(10.6) > 0
    assert [rate.wait(100.0) for _ in range(3)] == [0, 0, 0]
    assert rate.wait(100.0) > 0
