"""Trades of Binance's public files as detail: both kinds, ms and µs, in parts, and files that are none."""

import gzip
import zipfile
from pathlib import Path

import pytest

from cq_tui.lookback.trade_columns import TradeColumns
from cq_tui.ops.market_data.errors import MarketDataError
from cq_tui.ops.market_data.trade_files import load_trades

ROWS = [(41, 100.5, 1_700_000_000_000), (42, 99.25, 1_700_000_000_000), (43, 101.0, 1_700_000_001_500)]
HEADER = "id,price,qty,quote_qty,time,is_buyer_maker,is_best_match"


def lines(rows: list[tuple[int, float, int]], *, scale: int = 1) -> list[str]:
    return [f"{number},{price},0.5,{price * 0.5},{time * scale},True,True" for number, price, time in rows]


def aggregated(rows: list[tuple[int, float, int]]) -> list[str]:
    return [f"{number},{price},0.5,{number},{number},{time},True,True" for number, price, time in rows]


def write(file: Path, rows: list[str]) -> Path:
    content = ("\n".join(rows) + "\n").encode()
    if file.name.endswith(".zip"):
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(file.name.replace(".zip", ".csv"), content)
    else:
        file.write_bytes(gzip.compress(content) if file.name.endswith(".gz") else content)
    return file


def rows_of(trades: TradeColumns) -> list[tuple[int, float, int]]:
    columns = (trades.trade_id.tolist(), trades.price.tolist(), trades.time.tolist())
    return list(zip(*columns, strict=True))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("COINUSDT-trades-2026-01.csv", lines(ROWS)),
        ("COINUSDT-trades-2026-01.csv.gz", [HEADER, *lines(ROWS)]),
        ("COINUSDT-trades-2026-01.zip", lines(ROWS, scale=1000)),
        ("COINUSDT-aggTrades-2026-01.csv", aggregated(ROWS)),
    ],
)
def test_each_format_gives_the_same_trades(tmp_path: Path, name: str, content: list[str]) -> None:
    write(tmp_path / name, content)
    found = load_trades(tmp_path, ["COINUSDT", "OTHERUSDT"])
    assert list(found) == ["COINUSDT"]
    assert rows_of(found["COINUSDT"]) == ROWS


def test_parts_may_overlap_and_come_in_any_order(tmp_path: Path) -> None:
    write(tmp_path / "COINUSDT-trades-2026-01-02.csv", lines(ROWS[1:]))
    write(tmp_path / "COINUSDT-trades-2026-01-03.csv", lines(ROWS[:2]))
    whole = load_trades(tmp_path, ["COINUSDT"])["COINUSDT"]
    assert rows_of(whole) == ROWS
    write(tmp_path / "COINUSDT-trades-2026-01-02.csv", lines(ROWS))
    assert load_trades(tmp_path, ["COINUSDT"])["COINUSDT"].digest() == whole.digest()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("COINUSDT-trades-1.csv", [*lines(ROWS), "44,x,1,1,1,True,True"], "row 4, column price: 'x' is no number"),
        ("COINUSDT-trades-1.csv", ["41,-1,1,1,1700000000000,True,True"], "row 1: no trade has such figures"),
        ("COINUSDT-trades-1.csv", ["1,2,3"], "3 columns"),
        ("COINUSDT-trades-1.csv", ["1,1,1,1,1,1,1,1,1,1,1,1"] * 2, "holds klines, not trades"),
        ("COINUSDT-trades-1.csv", lines([(1, 1.0, 9_000), (2, 1.0, 8_000)]), "trade 2 is earlier than the one before"),
        ("COINUSDT-trades-1.csv", [""], "its first row is empty"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, content: list[str], words: str) -> None:
    write(tmp_path / name, content)
    with pytest.raises(MarketDataError, match=words) as caught:
        load_trades(tmp_path, ["COINUSDT"])
    assert name in str(caught.value)


def test_trades_and_aggregated_trades_are_not_mixed(tmp_path: Path) -> None:
    write(tmp_path / "COINUSDT-trades-1.csv", lines(ROWS))
    write(tmp_path / "COINUSDT-aggTrades-1.csv", aggregated(ROWS))
    with pytest.raises(MarketDataError, match="keep files of one kind"):
        load_trades(tmp_path, ["COINUSDT"])
