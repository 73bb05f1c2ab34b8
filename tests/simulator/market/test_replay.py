"""Replay: every layout of the public data files, times rebased to now, and clear errors for bad files."""

import gzip
import logging
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from cq_tui.simulator.access.keys import ApiKeys
from cq_tui.simulator.market.market import Market
from cq_tui.simulator.market.recordings import ReplayError, read_recordings
from cq_tui.simulator.market.replay import HISTORY_BARS, Replay, open_replay
from cq_tui.simulator.market.ticks import TICK_MS
from cq_tui.simulator.server import SimulatorConfig, open_exchange

FIRST = int(datetime(2024, 8, 8, tzinfo=UTC).timestamp() * 1_000)
NOW = 1_790_000_000_400
KLINE_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)
TRADE_HEADER = "id,price,qty,quote_qty,time,is_buyer_maker,is_best_match"


def kline_rows(count: int, scale: int = 1, price: float = 100.0, skip: tuple[int, ...] = ()) -> list[str]:
    rows = []
    for number in range(count):
        if number in skip:
            continue
        opened, close = price + number % 7, price + (number + 1) % 7
        time = FIRST + number * 60_000
        rows.append(
            f"{time * scale},{opened:.2f},{max(opened, close) + 0.5:.2f},{min(opened, close) - 0.5:.2f},{close:.2f},"
            f"{number % 5}.0,{(time + 60_000) * scale - 1},,,,,"
        )
    return rows


def trade_rows(scale: int = 1) -> list[str]:
    trades = [(0, "10.5", "1"), (400, "11.0", "2"), (900, "10.0", "1"), (3_100, "12.0", "0.5")]
    return [
        f"{number},{price},{quantity},{float(price) * float(quantity)},{(FIRST + offset) * scale},True,True"
        for number, (offset, price, quantity) in enumerate(trades)
    ]


def write(path: Path, rows: list[str], header: str | None = None) -> Path:
    content = "\n".join(([header] if header else []) + rows) + "\n"
    path.write_bytes(gzip.compress(content.encode()) if path.name.endswith(".gz") else content.encode())
    return path


def began(path: Path, now: int = NOW) -> Replay:
    replay = open_replay(path)
    replay.begin([], now)
    return replay


@pytest.mark.parametrize("name", ["COINUSDT-1m-2024-08.csv", "COINUSDT-1m-2024-08.csv.gz"])
@pytest.mark.parametrize("header", [None, KLINE_HEADER])
@pytest.mark.parametrize("scale", [1, 1_000])
def test_klines_of_every_layout_are_read_alike(tmp_path: Path, name: str, header: str | None, scale: int) -> None:
    recording = read_recordings(write(tmp_path / name, kline_rows(30, scale), header))["COINUSDT"]
    assert recording.bars["open_time"].tolist() == [FIRST + number * 60_000 for number in range(30)]
    assert recording.bars["close"].tolist()[:3] == [101.0, 102.0, 103.0]
    assert recording.decimals == 1


@pytest.mark.parametrize("name", ["COINUSDT-trades-2024-08-08.csv", "COINUSDT-trades-2024-08-08.csv.gz"])
@pytest.mark.parametrize("header", [None, TRADE_HEADER])
@pytest.mark.parametrize("scale", [1, 1_000])
def test_trades_become_bars_of_a_second(tmp_path: Path, name: str, header: str | None, scale: int) -> None:
    bars = read_recordings(write(tmp_path / name, trade_rows(scale), header))["COINUSDT"].bars
    assert bars["open_time"].tolist() == [FIRST + second * 1_000 for second in range(4)]
    assert bars["open"].tolist() == [10.5, 10.0, 10.0, 12.0]
    assert bars["high"].tolist() == [11.0, 10.0, 10.0, 12.0]
    assert bars["low"].tolist() == [10.0, 10.0, 10.0, 12.0]
    assert bars["volume"].tolist() == [4.0, 0.0, 0.0, 0.5]


def test_a_recorded_bar_becomes_a_second_with_its_prices(tmp_path: Path) -> None:
    replay = began(write(tmp_path / "COINUSDT-1m-2024.csv", kline_rows(100)))
    market = Market(replay, NOW // TICK_MS)
    served = market.klines("COINUSDT", "1s", 1_000)[:-1]
    recorded = read_recordings(tmp_path)["COINUSDT"].bars[: len(served)]
    for name in ("open", "high", "low", "close"):
        assert np.allclose(served[name], recorded[name], atol=1e-9)
    assert np.allclose(served["volume"], recorded["volume"], atol=0.1)
    assert (np.diff(served["open_time"]) == 1_000).all()
    assert int(served["open_time"][-1]) == NOW // 1_000 * 1_000 - 1_000


@pytest.mark.parametrize(("count", "history"), [(12_000, HISTORY_BARS), (3_000, 2_400), (100, 50), (1, 1)])
def test_the_earlier_part_is_history(tmp_path: Path, count: int, history: int) -> None:
    market = Market(began(write(tmp_path / "COINUSDT-1m-2024.csv", kline_rows(max(count, 2)))), NOW // TICK_MS)
    assert len(market.klines("COINUSDT", "1s", 20_000)) == history + 1


def test_files_of_a_folder_share_their_times(tmp_path: Path) -> None:
    write(tmp_path / "AUSDT-1m-2024-08.csv", kline_rows(40, skip=(20, 21, 22, 35)))
    write(tmp_path / "BUSDT-1m-2024-08.csv.gz", kline_rows(40, skip=(22,)), KLINE_HEADER)
    (tmp_path / "README.md").write_text("not a dump")
    replay = began(tmp_path)
    assert [entry.symbol for entry in replay.symbols] == ["AUSDT", "BUSDT"]
    assert len(replay) == 39  # bar 22 is missing everywhere: a gap that nobody traded in is left out
    market = Market(replay, NOW // TICK_MS)
    market.advance((NOW + 15_000) // TICK_MS)
    bars = market.klines("AUSDT", "1s", 100)
    assert bars["close"][20] == bars["open"][20] == bars["close"][19]
    assert bars["volume"][20] == bars["trades"][20] == 0


def test_several_files_of_a_symbol_are_merged(tmp_path: Path) -> None:
    rows = kline_rows(40)
    write(tmp_path / "AUSDT-1m-2024-09.csv", rows[20:])
    write(tmp_path / "AUSDT-1m-2024-08.csv", rows[:25])
    assert len(read_recordings(tmp_path)["AUSDT"].bars) == 40


def test_at_its_end_the_market_halts(tmp_path: Path) -> None:
    path = write(tmp_path / "ETHUSDT-1m-2024.csv", kline_rows(60))
    config = SimulatorConfig(replay=path)
    exchange = open_exchange(config, ApiKeys("k", "s"), lambda: NOW)
    states = [exchange.market.ended]
    exchange.on_tick((NOW + 31_000) // TICK_MS)
    assert [*states, exchange.market.ended] == [False, True]
    assert len(exchange.market.klines("ETHUSDT", "1s", 100)) == 60
    assert exchange.market.last_price("ETHUSDT") == Decimal("104.0")


def test_a_restart_continues_the_recording(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "ETHUSDT-1m-2024.csv", kline_rows(200))
    first = began(path)
    again = open_replay(path)
    with caplog.at_level(logging.INFO):
        again.begin([first.state()], NOW + 40_000)
    assert again.state() == first.state()
    assert "then the market halts" in caplog.text
    over = open_replay(path)
    over.begin([first.state()], NOW + 500_000)
    assert over.state() != first.state()


def test_requested_symbols_are_selected(tmp_path: Path) -> None:
    write(tmp_path / "AUSDT-1m-2024-08.csv", kline_rows(4))
    write(tmp_path / "BUSDT-1m-2024-08.csv", kline_rows(4))
    assert [entry.symbol for entry in open_replay(tmp_path, ["CUSDT", "BUSDT"]).symbols] == ["BUSDT"]
    with pytest.raises(ReplayError, match=r"no recording of CUSDT; available: AUSDT, BUSDT"):
        open_replay(tmp_path, ["CUSDT"])


ROWS = kline_rows(5)


@pytest.mark.parametrize(
    ("name", "rows", "message"),
    [
        ("A.csv", ROWS, "does not begin with a symbol"),
        ("AUSDT-1m.zip", ROWS, "unpack it first"),
        ("AUSDT-1m.csv", [], "columns"),
        ("AUSDT-1m.csv", ["1,2,3"], "row 1: 3 columns"),
        ("AUSDT-1m.csv", [KLINE_HEADER], "no rows; download it again"),
        ("AUSDT-1m.csv", [*ROWS, ROWS[0].replace("100.00", "abc", 1)], r"row 6, column open: 'abc' is not a number"),
        ("AUSDT-1m.csv", [KLINE_HEADER, *ROWS, ROWS[0].replace("100.00", "nan", 1)], "row 7, column open"),
        ("AUSDT-1m.csv", [*ROWS, ROWS[0].replace("100.00", "-1.0", 1)], "row 6, column open: -1.0 is out of range"),
        ("AUSDT-1m.csv", [*ROWS, ROWS[0].replace("101.50", "100.5", 1)], "row 6, column high: 100.5 is below"),
        ("AUSDT-1m.csv", [*ROWS, ROWS[0].rpartition("101.00")[0]], "row 6, column close"),
        ("AUSDT-trades.csv", [*trade_rows(), trade_rows()[0].replace("10.5", "", 1)], "row 5, column price: '' is not"),
    ],
)
def test_bad_files_are_named_with_row_column_and_remedy(
    tmp_path: Path, name: str, rows: list[str], message: str
) -> None:
    path = write(tmp_path / name, rows)
    with pytest.raises(ReplayError, match=message) as caught:
        read_recordings(path)
    assert str(path) in str(caught.value)


def test_files_that_are_not_text_or_not_gzip(tmp_path: Path) -> None:
    (tmp_path / "AUSDT-1m.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReplayError, match="is not text"):
        read_recordings(tmp_path / "AUSDT-1m.csv")
    (tmp_path / "BUSDT-1m.csv.gz").write_bytes(b"plain")
    with pytest.raises(ReplayError, match="cannot be read"):
        read_recordings(tmp_path / "BUSDT-1m.csv.gz")
    with pytest.raises(ReplayError, match="no such file or folder"):
        read_recordings(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReplayError, match=r"no \.csv or \.csv\.gz"):
        read_recordings(tmp_path / "empty")


def test_trades_beside_klines_are_skipped_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "AUSDT-1m.csv", ROWS)
    write(tmp_path / "BUSDT-trades.csv", trade_rows())
    assert list(read_recordings(tmp_path)) == ["AUSDT"]
    assert "BUSDT-trades.csv: it holds trades" in caplog.text


def test_real_klines_with_their_outage_are_replayed(shared: Path) -> None:
    path = shared / "market/SOLUSDT-1m-2023-03-16_2023-05-01.csv.gz"
    if not path.exists():
        pytest.skip(f"no recording at {path}")
    replay = began(path)
    assert len(replay) > 66_000
    market = Market(replay, NOW // TICK_MS)
    bars = market.klines("SOLUSDT", "1s", 20_000)
    assert len(bars) >= HISTORY_BARS
    assert market.symbols[0].tick_size == Decimal("0.01")


def test_real_trades_are_replayed(shared: Path) -> None:
    path = shared / "market/BTCUSDT-trades-2024-08-08T2354_2024-08-09T0005.csv.gz"
    if not path.exists():
        pytest.skip(f"no recording at {path}")
    replay = began(path)
    assert 600 < len(replay) < 700
    assert 0.95 < float(Market(replay, NOW // TICK_MS).last_price("BTCUSDT")) / 61_800 < 1.05
