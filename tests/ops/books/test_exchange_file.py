"""The exchange's lists of trades: every form that is known, and a clear word for everything else."""

import json
from pathlib import Path

import pytest

from cq_tui.ops.books import exchange_file
from cq_tui.ops.books.exchange_file import ExchangeFileError, read_exchange_file
from tests.books.samples import D

HEADING = "Date(UTC),Pair,Side,Price,Executed,Amount,Fee"


def item_with(name: str, value: object) -> str:
    item = {"time": 1, "symbol": "A", "isBuyer": True, "price": "1", "qty": "1", "commission": "0"}
    return json.dumps([item | {"commissionAsset": "B", "id": 1, "orderId": 1, name: value}])


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "trades.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        f'{HEADING}\n2026-11-29 14:05:01,BTCUSDT,BUY,"67,777.25",0.5000000000BTC,33888.625USDT,0.0005BTC\n',
        f"\ufeff{HEADING}\r\n26-11-29 14:05:01,BTC/USDT,buy,67777.25,0.5BTC,33888.625USDT,0.0005BTC\r\n\r\n",
        "Date(UTC),Market,Type,Price,Amount,Total,Fee,Fee Coin\n"
        "2026-11-29 14:05:01,BTCUSDT,BUY,67777.25,0.5,33888.625,0.0005,BTC\n",
    ],
    ids=["spot", "two-digit year", "old"],
)
def test_csv(tmp_path: Path, content: str) -> None:
    file = read_exchange_file(written(tmp_path, content))
    [trade] = file.trades
    assert file.has_all_symbols
    assert (trade.ms, trade.symbol, trade.side) == (1_795_961_101_000, "BTCUSDT", "BUY")
    assert (trade.price, trade.quantity, trade.fee, trade.fee_asset) == (D("67777.25"), D("0.5"), D("0.0005"), "BTC")
    assert (trade.trade_id, trade.line) == (None, 2)


def test_json_of_my_trades(tmp_path: Path) -> None:
    item = (
        '{"symbol":"BNBBTC","id":28457,"orderId":100234,"orderListId":-1,"price":"4.00000100","qty":"12.00000000",'
        '"quoteQty":"48.000012","commission":"10.10000000","commissionAsset":"BNB","time":1499865549590,'
        '"isBuyer":true,"isMaker":false,"isBestMatch":true}'
    )
    file = read_exchange_file(written(tmp_path, f"[{item}]"))
    [trade] = file.trades
    assert not file.has_all_symbols
    assert (trade.trade_id, trade.order_id, trade.side, trade.quantity) == (28457, 100234, "BUY", D(12))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "line 1 is not the heading"),
        ("a,b,c\n1,2,3\n", "line 1 is not the heading"),
        (b"PK\x03\x04", "unpack it, or save it as CSV"),
        (b"\xff\xfe\x00", "not UTF-8"),
        ("{}", "no list"),
        ("[{]", "no JSON"),
        ('[{"symbol":"BTCUSDT"}]', "item 1: isBuyer is missing"),
        ("[5]", "item 1 is no trade"),
        (item_with("time", 10**30), "is no time in ms"),
        (item_with("symbol", None), "it names no symbol"),
        (item_with("time", -1), "its time -1 is no time in ms"),
        (item_with("price", "1e999999"), "'1e999999' is no number of a trade"),
        (item_with("qty", "1e-999999"), "'1e-999999' is no number of a trade"),
        (f"{HEADING}\nyesterday,BTCUSDT,BUY,1,1BTC,1USDT,0BTC\n", "line 2 is no trade (its time 'yesterday'"),
        (f"{HEADING}\n2026-11-29 14:05:01,BTCUSDT,HOLD,1,1BTC,1USDT,0BTC\n", "neither BUY nor SELL"),
        (f"{HEADING}\n2026-11-29 14:05:01,BTCUSDT,BUY,NaN,1BTC,1USDT,0BTC\n", "'NaN' is no amount"),
        (f"{HEADING}\n2026-11-29 14:05:01,BTCUSDT,BUY\n", "line 2: fee is missing"),
    ],
)
def test_what_is_no_list_is_named_with_its_place(tmp_path: Path, content: str | bytes, named: str) -> None:
    with pytest.raises(ExchangeFileError) as raised:
        read_exchange_file(written(tmp_path, content))
    assert named in str(raised.value)
    assert "trades.csv" in str(raised.value)


def test_a_list_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_file, "_MOST_BYTES", 1 << 20)
    with pytest.raises(ExchangeFileError, match="larger than 1 MiB"):
        read_exchange_file(Path("/dev/zero"))
