"""exchangeInfo: the recorded live response, and a symbol that cannot be parsed."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from cq_tui.binance.errors import MalformedMessage
from cq_tui.binance.exchange_info import RateLimit, parse_exchange_info

LIVE = Path(__file__).resolve().parents[2] / "../shared/binance/fixtures/live_exchangeinfo_2026.json"
SYMBOL: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "baseAssetPrecision": 8,
    "quoteAssetPrecision": 8,
    "orderTypes": ["LIMIT", "MARKET"],
    "filters": [{"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"}],
}
INFO: dict[str, Any] = {
    "timezone": "UTC",
    "serverTime": 1790401500000,
    "rateLimits": [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50},
    ],
    "exchangeFilters": [],
    "symbols": [SYMBOL],
}


def test_live_answer() -> None:
    if not LIVE.exists():
        pytest.skip(f"the recorded data is not beside this checkout: {LIVE}")
    info = parse_exchange_info(orjson.loads(LIVE.read_bytes())["binance_com_spot"])
    assert list(info.symbols) == ["TSLABUSDT"]
    assert info.symbol_errors == {}
    assert info.symbols["TSLABUSDT"].quote_asset == "USDT"
    assert info.weight_per_minute is None


def test_rate_limits() -> None:
    info = parse_exchange_info(INFO)
    assert info.weight_per_minute == 1200
    assert info.rate_limits[1] == RateLimit("ORDERS", 10, 50)
    assert info.server_time == 1790401500000


def test_one_unreadable_symbol_does_not_stop_the_others() -> None:
    broken = SYMBOL | {"symbol": "BADUSDT", "filters": [{"filterType": "LOT_SIZE"}]}
    info = parse_exchange_info(INFO | {"symbols": [broken, SYMBOL]})
    assert list(info.symbols) == ["BTCUSDT"]
    assert "BADUSDT" in info.symbol_errors["BADUSDT"]


@pytest.mark.parametrize("field", ["serverTime", "rateLimits", "symbols"])
def test_missing_fields(field: str) -> None:
    with pytest.raises(MalformedMessage, match=field):
        parse_exchange_info({name: value for name, value in INFO.items() if name != field})


def test_an_unknown_interval() -> None:
    limit = INFO["rateLimits"][0] | {"interval": "FORTNIGHT"}
    with pytest.raises(MalformedMessage, match="interval"):
        parse_exchange_info(INFO | {"rateLimits": [limit]})
