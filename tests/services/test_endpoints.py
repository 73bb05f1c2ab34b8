"""Venues: where each mode goes, with which key, and what is said when it can go nowhere."""

import os
from pathlib import Path

import pytest

from cq_tui.binance.hosts import DEMO, MAINNET, MAINNET_DATA_ONLY_REST, TESTNET, loopback
from cq_tui.binance.request_budget import MINUTE_MS
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.settings import Settings
from cq_tui.services.endpoints import ExchangeUnavailable, market_data_access, request_budget, trading_access
from cq_tui.store.document import write_document
from tests.services.processes import KEY, SECRET, AnnouncedExchange, data_directory

AT = loopback(4711)
NOW = 1_700_000_000_000 // MINUTE_MS * MINUTE_MS
KEYS = {"BINANCE_API_KEY": "a-key", "BINANCE_API_SECRET": "a-secret"}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDir:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))
    return data_directory(tmp_path)


def test_simulation_goes_to_the_running_simulator_with_its_own_key(data: DataDir) -> None:
    exchange = AnnouncedExchange(data)
    exchange.at(AT)
    settings = Settings(**KEYS, BINANCE_REST_URL="https://elsewhere.example")
    assert market_data_access("simulation", settings, data).endpoints == AT
    venue = trading_access("simulation", settings, data)
    assert venue.credentials is not None
    assert (venue.endpoints, venue.credentials.key, venue.credentials.secret) == (AT, KEY, SECRET)
    assert trading_access("paper", settings, data).endpoints == AT
    exchange.gone()
    with pytest.raises(ExchangeUnavailable, match=r"^the simulated exchange$"):
        market_data_access("simulation", settings, data)


def test_an_address_that_a_dead_process_left_behind_is_none(data: DataDir) -> None:
    exchange = AnnouncedExchange(data)
    exchange.at(AT)
    address = data.exchange_address.read_text().replace(str(os.getpid()), "1")
    data.exchange_address.write_text(address)
    with pytest.raises(ExchangeUnavailable):
        trading_access("simulation", Settings(), data)
    exchange.gone()


def test_a_damaged_address_is_none(data: DataDir) -> None:
    exchange = AnnouncedExchange(data)
    exchange.at(AT)
    for content in (b"", b"\x00\xff", b"[]", b"{}"):
        data.exchange_address.write_bytes(content)
        with pytest.raises(ExchangeUnavailable):
            market_data_access("simulation", Settings(), data)
    exchange.at(AT)
    changed = data.exchange_address.read_bytes().replace(b"http://", b"gopher:")
    write_document(data.exchange_address, changed)
    with pytest.raises(ExchangeUnavailable, match=r"exchange\.json"):
        market_data_access("simulation", Settings(), data)
    exchange.gone()


def test_real_modes_go_to_their_hosts(data: DataDir) -> None:
    settings = Settings(**KEYS)
    assert market_data_access("paper", Settings(), data).endpoints.rest == MAINNET_DATA_ONLY_REST
    assert market_data_access("testnet", Settings(), data).endpoints == TESTNET
    assert trading_access("testnet", settings, data).endpoints == TESTNET
    assert trading_access("live", settings, data).endpoints == MAINNET
    assert trading_access("live", settings, data) == trading_access("live", settings, data)
    other = Settings(**KEYS, BINANCE_WS_API_URL="wss://elsewhere.example/ws-api/v3")
    assert trading_access("live", other, data).endpoints.ws_api == "wss://elsewhere.example/ws-api/v3"
    assert trading_access("live", other, data).endpoints.rest == MAINNET.rest


def test_who_talks_to_the_same_host_shares_its_budget_and_bans(data: DataDir) -> None:
    market, trading = market_data_access("live", Settings(), data), trading_access("live", Settings(**KEYS), data)
    request_budget(market, data).block(600, NOW)
    assert request_budget(trading, data).reserve(1, NOW, essential=True) == 600_000
    elsewhere = market_data_access("testnet", Settings(), data)
    assert request_budget(elsewhere, data).reserve(1, NOW) == 0


def test_all_data_directories_share_the_budget_of_an_exchange(data: DataDir, tmp_path: Path) -> None:
    other = DataDir(tmp_path / "other")
    other.run.mkdir(parents=True)
    for settings in (Settings(), Settings(BINANCE_REST_URL="http://localhost:8000")):
        venue = market_data_access("live", settings, data)
        assert request_budget(venue, data).reserve(4000, NOW) == 0
        assert request_budget(venue, other).reserve(4000, NOW) == MINUTE_MS
    # Another port of this machine is another exchange.
    elsewhere = market_data_access("live", Settings(BINANCE_REST_URL="http://127.0.0.1:8001"), data)
    assert request_budget(elsewhere, other).reserve(4000, NOW) == 0


def test_without_a_usable_folder_each_data_directory_counts_alone(
    data: DataDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "file"))
    venue = market_data_access("live", Settings(), data)
    assert request_budget(venue, data).reserve(4000, NOW) == 0
    assert request_budget(venue, data).reserve(4000, NOW) == MINUTE_MS


def test_without_keys_no_order_can_go_anywhere(data: DataDir) -> None:
    with pytest.raises(ExchangeUnavailable, match="BINANCE_API_KEY and BINANCE_API_SECRET"):
        trading_access("testnet", Settings(BINANCE_API_KEY="a-key"), data)


def test_a_setting_that_cannot_be_used_is_named_and_a_secret_never_shown(data: DataDir) -> None:
    with pytest.raises(ExchangeUnavailable, match=r"(?s)BINANCE_STREAM_URL.*'http://no-stream'.*ws"):
        market_data_access("testnet", Settings(BINANCE_STREAM_URL="http://no-stream"), data)
    broken = Settings(BINANCE_API_KEY="naïve key", BINANCE_API_SECRET="hidden-words")
    with pytest.raises(ExchangeUnavailable, match="BINANCE_API_KEY") as refused:
        trading_access("testnet", broken, data)
    assert "hidden-words" not in str(refused.value)
    pem = Settings(BINANCE_API_KEY="a-key", BINANCE_API_SECRET="-----BEGIN PRIVATE KEY-----\nhidden-words")
    with pytest.raises(ExchangeUnavailable, match="BINANCE_API_SECRET") as refused:
        trading_access("testnet", pem, data)
    assert "hidden-words" not in str(refused.value)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"BINANCE_REST_URL": "https://api.binance.com"}, "is the real exchange"),
        ({"BINANCE_WS_API_URL": "wss://ws-api.binance.com:443/ws-api/v3"}, "is the real exchange"),
        ({"BINANCE_REST_URL": "https://api.binance.com."}, "is the real exchange"),
        ({"BINANCE_REST_URL": "https://api.binance.us"}, "not a known test exchange"),
        ({"BINANCE_WS_API_URL": "wss://exchange.example/ws-api/v3"}, "not a known test exchange"),
        ({"BINANCE_REST_URL": "http://testnet.binance.vision"}, "in clear"),
        ({"BINANCE_REST_URL": "http://[bad"}, "not a URL"),
    ],
)
def test_orders_of_the_testnet_never_reach_the_real_exchange(
    data: DataDir, setting: dict[str, str], words: str
) -> None:
    with pytest.raises(ExchangeUnavailable, match=words):
        trading_access("testnet", Settings(**KEYS, **setting), data)


def test_the_demo_exchange_is_a_testnet_too(data: DataDir) -> None:
    demo = {"BINANCE_REST_URL": DEMO.rest, "BINANCE_STREAM_URL": DEMO.stream, "BINANCE_WS_API_URL": DEMO.ws_api}
    assert trading_access("testnet", Settings(**KEYS, **demo), data).endpoints == DEMO


def test_a_key_may_lie_in_a_file(data: DataDir, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    settings = Settings(BINANCE_API_KEY="a-key", BINANCE_API_SECRET=f"file:{key}")
    with pytest.raises(ExchangeUnavailable, match="cannot be read"):
        trading_access("testnet", settings, data)
    key.touch(mode=0o600)
    key.write_text("a-secret")
    venue = trading_access("testnet", settings, data)
    assert venue.credentials is not None
    assert venue.credentials.secret == "a-secret"


def test_a_password_in_an_address_is_never_quoted(data: DataDir) -> None:
    with pytest.raises(ExchangeUnavailable) as refused:
        trading_access("testnet", Settings(**KEYS, BINANCE_REST_URL="https://user:hidden@host.example"), data)
    assert "hidden" not in str(refused.value)


def test_a_proxy_that_cannot_be_used_is_named(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks4://user:hidden@proxy.example:1080")
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(
        ExchangeUnavailable, match="a usable proxy in the environment: ALL_PROXY begins with socks4://"
    ) as told:
        market_data_access("paper", Settings(), data)
    assert "hidden" not in str(told.value)
