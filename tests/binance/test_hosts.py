"""Addresses of exchanges."""

import pytest

from cq_tui.binance.hosts import (
    DEMO,
    MAINNET,
    MAINNET_DATA_ONLY_REST,
    TESTNET,
    EndpointError,
    Endpoints,
    account_key,
    is_loopback,
    is_mainnet,
    is_play_money,
    loopback,
    venue_of,
)


def test_loopback() -> None:
    endpoints = loopback(8123)
    assert endpoints == Endpoints("http://127.0.0.1:8123", "ws://127.0.0.1:8123", "ws://127.0.0.1:8123/ws-api/v3")
    assert all(map(is_loopback, (endpoints.rest, endpoints.stream, endpoints.ws_api)))


def test_public_endpoints_are_encrypted() -> None:
    for endpoints in (MAINNET, TESTNET, DEMO):
        assert endpoints.rest.startswith("https://")
        assert endpoints.stream.startswith("wss://")
        assert endpoints.ws_api.startswith("wss://")
        assert not is_loopback(endpoints.rest)


def test_a_trailing_slash_is_dropped() -> None:
    assert Endpoints("http://h/", "ws://h/", "ws://h/ws-api/v3/").ws_api == "ws://h/ws-api/v3"


@pytest.mark.parametrize("address", ["", "h", "ws://h", "https://", "ftp://h"])
def test_an_address_with_the_wrong_scheme(address: str) -> None:
    with pytest.raises(EndpointError, match="rest endpoint"):
        Endpoints(address, "ws://h", "ws://h")


@pytest.mark.parametrize(
    "address",
    [
        MAINNET.rest,
        MAINNET.ws_api,
        "https://api-gcp.binance.com",
        "https://API1.Binance.com",
        "https://api.binance.com./",
        "https://api.binance.com:8443/x",
        "https://key@api.binance.com",
        "https://new-demo-api.binance.com",
    ],
)
def test_the_real_exchange_is_known_however_it_is_written(address: str) -> None:
    assert is_mainnet(address)


def test_other_hosts_are_not_the_real_exchange() -> None:
    for endpoints in (TESTNET, DEMO, loopback(1)):
        assert not any(map(is_mainnet, (endpoints.rest, endpoints.stream, endpoints.ws_api)))
    assert not is_mainnet(MAINNET_DATA_ONLY_REST)
    assert not is_mainnet("https://binance.com.example.org")
    assert not is_mainnet("https://notbinance.com")


def test_hosts_known_to_use_play_money() -> None:
    for endpoints in (TESTNET, DEMO, loopback(1)):
        assert all(map(is_play_money, (endpoints.rest, endpoints.stream, endpoints.ws_api)))
    assert is_play_money("https://api1.testnet.binance.vision")
    assert is_play_money("https://Testnet.binance.vision.")


@pytest.mark.parametrize(
    "address",
    [
        MAINNET.rest,
        MAINNET_DATA_ONLY_REST,
        "https://api.binance.us",
        "https://exchange.example",
        "https://nottestnet.binance.vision",
        "https://testnet.binance.vision.example.org",
        "https://10.0.0.1",
        "https://127.0.0.1.example.org",
        "https://testnet.binance.vision@api.binance.us",
    ],
)
def test_any_other_host_may_use_real_money(address: str) -> None:
    assert not is_play_money(address)


@pytest.mark.parametrize(
    ("address", "venue"),
    [
        (MAINNET.rest, "production"),
        ("https://api3.binance.com", "production"),
        ("https://mirror.example.org", "production"),
        (TESTNET.rest, "testnet"),
        ("https://api1.testnet.binance.vision./", "testnet"),
        (DEMO.rest, "demo"),
        (loopback(8123).rest, "simulated"),
        (loopback(9321).rest, "simulated"),
    ],
)
def test_all_hosts_of_an_exchange_are_one_venue(address: str, venue: str) -> None:
    assert venue_of(address) == venue
    assert venue_of(address, real_money=True) == "production", "a tunnel on this machine leads to it too"


def test_an_account_is_named_after_venue_and_user_id() -> None:
    assert account_key(venue_of(TESTNET.rest), 1234567) == "testnet:1234567"
    assert account_key("production", 1) == "production:1"
    assert account_key("simulated", 1) is None, "cq-tui 0.1 says 1 for every account"
    assert account_key("testnet", None) is None
