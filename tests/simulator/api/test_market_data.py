"""Public endpoints: fields, parameters and error texts."""

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from cq_tui.simulator.api import klines, market_data, public_trades, tickers
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.market.market_start import HISTORY_MS
from tests.simulator.streams.stage import Stage

ALL = None


@pytest.fixture(scope="module")
def stage() -> Stage:
    stage = Stage("BTCUSDT", "ETHUSDT", "DOGEUSDT")
    stage.tick(9)
    return stage


ILLEGAL = r"Illegal characters found in parameter 'symbol'; legal range is '^[\w\-._&&[^a-z]]{1,50}$'."
ILLEGAL_LIST = (
    "Illegal characters found in parameter 'symbols'; "
    r"""legal range is '^\[("[\w\-._&&[^a-z]]{1,50}"(,"[\w\-._&&[^a-z]]{1,50}"){0,}){0,1}\]$'."""
)
NOT_SENT = "Mandatory parameter '{}' was not sent, was empty/null, or malformed."
COMBINATION = "Combination of optional parameters invalid."
NO_MATCH = "The symbol's status does not match the requested symbolStatus."
NO_REFERENCE = "This symbol doesn't have a reference price."
NEITHER = "Param 'symbol' or 'symbols' must be sent, but both were empty/null!"
MANY = '["' + '","'.join(f"A{number}" for number in range(101)) + '"]'
TOO_MANY = "Too many values sent for parameter 'symbols', maximum allowed up to 100."


def not_valid(name: str) -> str:
    return f"Data sent for parameter '{name}' is not valid."


@pytest.mark.parametrize(
    ("handler", "parameters", "code", "message"),
    [
        (market_data.depth, {"symbol": ALL}, -1102, NOT_SENT.format("symbol")),
        (market_data.depth, {"symbol": "btcusdt"}, -1100, ILLEGAL),
        (market_data.depth, {"symbol": "NOPE"}, -1121, "Invalid symbol."),
        (market_data.depth, {"symbol": "ÄUSDT"}, -1121, "Invalid symbol."),
        (market_data.depth, {"symbol": "BTC/USDT"}, -1100, ILLEGAL),
        (market_data.depth, {"limit": 0}, -1130, not_valid("limit")),
        (market_data.depth, {"symbolStatus": "HALT"}, -1220, NO_MATCH),
        (market_data.depth, {"symbolStatus": "OPEN"}, -1122, "Invalid symbolStatus."),
        (public_trades.trades, {"limit": "x"}, -1100, "Illegal characters found in parameter 'limit'"),
        (public_trades.block_trades, {}, -1102, NOT_SENT.format("fromId")),
        (public_trades.aggregate_trades, {"fromId": 1, "startTime": 1}, -1128, COMBINATION),
        (public_trades.aggregate_trades, {"fromId": 1, "endTime": 1}, -1128, COMBINATION),
        (klines.klines, {}, -1102, NOT_SENT.format("interval")),
        (klines.klines, {"interval": "1H"}, -1120, "Invalid interval."),
        (klines.klines, {"interval": "1h", "timeZone": "15"}, -1130, not_valid("timeZone")),
        (klines.klines, {"interval": "1h", "timeZone": "-12:01"}, -1130, not_valid("timeZone")),
        (klines.klines, {"interval": "1h", "timeZone": "5:75"}, -1130, not_valid("timeZone")),
        (tickers.ticker_24hr, {"type": "HUGE"}, -1139, "Invalid ticker type."),
        (tickers.ticker_24hr, {"symbols": '["BTCUSDT"]'}, -1128, COMBINATION),
        (tickers.ticker_24hr, {"symbol": ALL, "symbols": '["BTCUSDT","BTCUSDT"]'}, -1151,
         "Symbol is present multiple times in the list."),
        (tickers.ticker_24hr, {"symbol": ALL, "symbols": "BTCUSDT"}, -1100, ILLEGAL_LIST),
        (tickers.ticker_24hr, {"symbol": ALL, "symbols": '["BTCUSDT", "ETHUSDT"]'}, -1100, ILLEGAL_LIST),
        (tickers.ticker_24hr, {"symbol": ALL, "symbols": '["btcusdt"]'}, -1100, ILLEGAL_LIST),
        (tickers.ticker_24hr, {"symbol": ALL, "symbols": MANY}, -1101, TOO_MANY),
        (tickers.ticker_24hr, {"symbol": ALL, "symbols": '["BTCUSDT","NOPE"]'}, -1121, "Invalid symbol."),
        (tickers.ticker_price, {"symbolStatus": "BREAK"}, -1220, NO_MATCH),
        (tickers.ticker_book, {"symbol": "ethusdt"}, -1100, ILLEGAL),
        (tickers.rolling, {"symbol": ALL}, -1102, NEITHER),
        (tickers.rolling, {"windowSize": "60m"}, -1130, not_valid("windowSize")),
        (tickers.rolling, {"windowSize": "8d"}, -1130, not_valid("windowSize")),
        (tickers.rolling, {"windowSize": "0h"}, -1130, not_valid("windowSize")),
        (tickers.trading_day, {"symbol": ALL}, -1102, NEITHER),
        (tickers.trading_day, {"timeZone": "noon"}, -1130, not_valid("timeZone")),
        (market_data.exchange_info, {"symbol": "NOPE"}, -1121, "Invalid symbol."),
        (market_data.exchange_info, {"permissions": "SPOT"}, -1128, COMBINATION),
        (market_data.exchange_info, {"symbolStatus": "TRADING"}, -1128, COMBINATION),
        (market_data.exchange_info, {"symbol": ALL, "permissions": "[1]"}, -1130, not_valid("permissions")),
        (market_data.exchange_info, {"symbol": ALL, "permissions": "[x"}, -1130, not_valid("permissions")),
        (market_data.reference_price, {}, -2043, NO_REFERENCE),
        (market_data.reference_price, {"symbol": "NOPE"}, -1121, "Invalid symbol."),
        (market_data.execution_rules, {"symbolStatus": "TRADING"}, -1128, COMBINATION),
    ],
)  # fmt: skip
def test_errors(stage: Stage, handler: Callable[..., Any], parameters: dict[str, Any], code: int, message: str) -> None:
    with pytest.raises(RequestRejected) as caught:
        stage.get(handler, **parameters)
    assert (caught.value.code, caught.value.status) == (code, 400)
    assert caught.value.message.startswith(message)


def test_exchange_info_is_filtered_by_symbols_permissions_and_status(stage: Stage) -> None:
    def names(**parameters: Any) -> list[str]:
        info = stage.get(market_data.exchange_info, **({"symbol": ALL} | parameters))
        return [entry["symbol"] for entry in info["symbols"]]

    everything = ["BTCUSDT", "ETHUSDT", "DOGEUSDT"]
    assert names() == everything
    assert names(symbol="ETHUSDT") == ["ETHUSDT"]
    assert names(symbols='["DOGEUSDT","BTCUSDT"]') == ["BTCUSDT", "DOGEUSDT"]
    assert names(permissions="SPOT") == names(permissions='["SPOT","TRD_GRP_261"]') == everything
    assert names(permissions="TRD_GRP_261") == []
    assert names(symbolStatus="TRADING") == everything
    assert names(symbolStatus="HALT") == []
    entry = stage.get(market_data.exchange_info)["symbols"][0]
    assert entry["permissions"] == []
    assert "permissionSets" in entry
    hidden = stage.get(market_data.exchange_info, showPermissionSets="false")["symbols"][0]
    assert entry.keys() - hidden.keys() == {"permissionSets"}


def test_depth_is_limited_and_sorted(stage: Stage) -> None:
    for limit, expected in ((ALL, 100), (5, 5), (1_000, 1_000), (9_999, 1_000)):
        book = stage.get(market_data.depth, **({} if limit is None else {"limit": limit}))
        assert list(book) == ["lastUpdateId", "bids", "asks"]
        for side, best_first in (("bids", True), ("asks", False)):
            prices = [Decimal(price) for price, _ in book[side]]
            assert len(prices) == expected
            assert prices == sorted(prices, reverse=best_first)


@pytest.mark.parametrize("interval", sorted(klines.INTERVALS))
def test_klines_of_every_interval_are_contiguous(stage: Stage, interval: str) -> None:
    found = stage.get(klines.klines, interval=interval, limit=1_000)
    assert found
    assert all(len(row) == 12 for row in found)
    assert all(later[0] == earlier[6] + 1 for earlier, later in pairwise(found))
    assert stage.get(klines.klines, interval=interval, startTime=0, limit=1) == found[:1] or len(found) == 1_000
    assert stage.get(klines.klines, interval=interval, endTime=found[-1][0], limit=1) == found[-1:]


def test_klines_open_in_a_time_zone(stage: Stage) -> None:
    for zone, offset in (("8", 480), ("-03:30", -210), ("+5:45", 345), ("0", 0)):
        for row in stage.get(klines.klines, interval="1d", timeZone=zone):
            assert (row[0] + offset * 60_000) % 86_400_000 == 0


def test_lists_omit_symbols_of_another_status(stage: Stage) -> None:
    for handler in (tickers.ticker_24hr, tickers.ticker_price, tickers.ticker_book):
        assert len(stage.get(handler, symbol=ALL)) == 3
        assert stage.get(handler, symbol=ALL, symbolStatus="BREAK") == []
        assert len(stage.get(handler, symbol=ALL, symbols='["BTCUSDT"]', symbolStatus="TRADING")) == 1


MINI = [
    "symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume", "openTime", "closeTime",
    "firstId", "lastId", "count",
]  # fmt: skip
CHANGES = ["priceChange", "priceChangePercent", "weightedAvgPrice"]
BEST = ["prevClosePrice", "lastQty", "bidPrice", "bidQty", "askPrice", "askQty"]


def test_tickers_have_their_fields(stage: Stage) -> None:
    assert set(stage.get(tickers.ticker_24hr)) == {*MINI, *CHANGES, *BEST}
    assert list(stage.get(tickers.ticker_24hr, type="MINI")) == MINI
    for handler in (tickers.rolling, tickers.trading_day):
        assert set(stage.get(handler)) == {*MINI, *CHANGES}
        assert list(stage.get(handler, type="MINI")) == MINI
        assert [entry["symbol"] for entry in stage.get(handler, symbol=ALL, symbols='["ETHUSDT"]')] == ["ETHUSDT"]


@pytest.mark.parametrize(
    ("size", "length"), [("1m", 60_000), ("59m", 3_540_000), ("23h", 82_800_000), ("7d", 604_800_000)]
)
def test_a_window_begins_on_a_full_minute(stage: Stage, size: str, length: int) -> None:
    ticker = stage.get(tickers.rolling, windowSize=size)
    assert ticker["openTime"] % 60_000 == 0
    assert 0 <= ticker["closeTime"] - length - ticker["openTime"] < 60_000
    assert ticker["count"] == ticker["lastId"] - ticker["firstId"] + 1


def test_empty_results(stage: Stage) -> None:
    assert stage.get(public_trades.block_trades, fromId=1) == []
    assert stage.get(market_data.execution_rules, symbol=ALL) == {"symbolRules": []}
    assert stage.get(public_trades.historical_trades, fromId=10**12) == []
    assert stage.get(public_trades.aggregate_trades, startTime=stage.now + 60_000) == []


def test_the_oldest_trades_are_the_oldest_kept() -> None:
    stage = Stage(history_ms=HISTORY_MS)
    oldest = stage.get(public_trades.historical_trades, fromId=1, limit=2)
    assert oldest == stage.get(public_trades.historical_trades, fromId=oldest[0]["id"], limit=2)
    assert stage.get(public_trades.aggregate_trades, startTime=0, limit=1)[0]["f"] == oldest[0]["id"]
    assert stage.now - oldest[0]["time"] >= 3_600_000


def test_ticker_fields_come_in_the_exchanges_order(stage: Stage) -> None:
    day, window = stage.get(tickers.ticker_24hr), stage.get(tickers.rolling)
    prices = ["openPrice", "highPrice", "lowPrice"]
    ends = ["volume", "quoteVolume", "openTime", "closeTime", "firstId", "lastId", "count"]
    assert list(day) == [
        "symbol", *CHANGES, "prevClosePrice", "lastPrice", "lastQty", "bidPrice", "bidQty", "askPrice", "askQty",
        *prices, *ends,
    ]  # fmt: skip
    assert list(window) == ["symbol", *CHANGES, *prices, "lastPrice", *ends]
    assert list(stage.get(tickers.trading_day)) == list(window)


def test_a_change_that_rounds_to_zero_has_no_sign(stage: Stage) -> None:
    bars = stage.exchange.market.rolling_window(stage.now - 60_000).copy()
    bars["open"], bars["close"] = 60_000.01, 60_000.0
    ticker = tickers.window_ticker(stage.exchange, "BTCUSDT", bars, stage.now - 60_000, True)
    assert (ticker["priceChange"], ticker["priceChangePercent"]) == ("-0.01000000", "0.000")
