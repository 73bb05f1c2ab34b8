"""Request ids of the WebSocket API: valid and invalid ones."""

from typing import Any

import orjson
import pytest

from cq_tui.simulator.api.market_parameters import parse_utc_offset
from cq_tui.simulator.api.ws_request import MalformedRequest, read_request


@pytest.mark.parametrize("number", [None, 0, -(2**63), 2**63 - 1, "", "9b2c7d1e-0f63-4a2b-8c5d-1e2f3a4b5c6d"])
def test_ids_are_echoed_unchanged(number: Any) -> None:
    assert read_request(orjson.dumps({"id": number, "method": "time"})).request_id == number


@pytest.mark.parametrize("number", [True, False, 1.5, [], {}, "x" * 65])
def test_an_invalid_id_makes_the_request_malformed(number: Any) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read_request(orjson.dumps({"id": number, "method": "time"}))
    assert caught.value.request_id is None


@pytest.mark.parametrize("text", ["٣", "+٠٨:٠٠", "8:٣٠"])
def test_only_ascii_digits_are_digits(text: str) -> None:
    assert parse_utc_offset(text) is None
