"""Addresses of exchanges."""

import pytest

from cq_tui.binance.hosts import MAINNET, TESTNET, EndpointError, Endpoints, is_loopback, loopback


def test_loopback() -> None:
    endpoints = loopback(8123)
    assert endpoints == Endpoints("http://127.0.0.1:8123", "ws://127.0.0.1:8123", "ws://127.0.0.1:8123/ws-api/v3")
    assert all(map(is_loopback, (endpoints.rest, endpoints.stream, endpoints.ws_api)))


def test_public_ones_are_encrypted() -> None:
    for endpoints in (MAINNET, TESTNET):
        assert endpoints.rest.startswith("https://")
        assert endpoints.stream.startswith("wss://")
        assert endpoints.ws_api.startswith("wss://")
        assert not is_loopback(endpoints.rest)


def test_a_trailing_slash_is_dropped() -> None:
    assert Endpoints("http://h/", "ws://h/", "ws://h/ws-api/v3/").ws_api == "ws://h/ws-api/v3"


@pytest.mark.parametrize("address", ["", "h", "ws://h", "https://", "ftp://h"])
def test_an_address_of_another_kind(address: str) -> None:
    with pytest.raises(EndpointError, match="rest endpoint"):
        Endpoints(address, "ws://h", "ws://h")
