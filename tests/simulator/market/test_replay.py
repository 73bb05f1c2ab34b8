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
    assert np.allclose(served["volume"], recorded["volume"], atol=1e-9, rtol=0)
    assert (np.diff(served["open_time"]) == 1_000).all()
    assert int(served["open_time"][-1]) == NOW // 1_000 * 1_000 - 1_000


@pytest.mark.parametrize(("count", "history"), [(12_000, HISTORY_BARS), (3_000, 2_400), (100, 50), (1, 1)])
def test_the_earlier_part_is_history(tmp_path: Path, count: int, history: int) -> None:
    market = Market(began(write(tmp_path / "COINUSDT-1m-2024.csv", kline_rows(max(count, 2)))), NOW // TICK_MS)
    assert len(market.klines("COINUSDT", "1s", 20_000)) == history + 1


@pytest.fixture
def with_holes(tmp_path: Path) -> Market:
    """Two symbols with holes, played to the end but for a few bars."""
    write(tmp_path / "AUSDT-1m-2024-08.csv", kline_rows(40, skip=(20, 21, 22, 35)))
    write(tmp_path / "BUSDT-1m-2024-08.csv.gz", kline_rows(40, skip=(22,)), KLINE_HEADER)
    (tmp_path / "README.md").write_text("not a dump")
    market = Market(began(tmp_path), NOW // TICK_MS)
    market.advance((NOW + 18_000) // TICK_MS)
    return market


@pytest.mark.parametrize(("symbol", "missing"), [("AUSDT", {20, 21, 22, 35}), ("BUSDT", {22})])
def test_holes_stay_holes(with_holes: Market, symbol: str, missing: set[int]) -> None:
    """One that all symbols have, and one that only one of them has: there are no flat bars in their place."""
    first = NOW // 1_000 * 1_000 - 20_000
    present = [row for row in range(39) if row not in missing]
    bars = with_holes.klines(symbol, "1s", 100)
    assert bars["open_time"].tolist() == [first + row * 1_000 for row in present]
    assert bars["volume"].tolist()[:-1] == [row % 5 for row in present[:-1]]
    late = with_holes.klines(symbol, "1s", 2, start=first + 21_000, end=first + 25_000)
    assert late["open_time"].tolist() == [first + row * 1_000 for row in present if row >= 21][:2]
    for row in range(39):
        opened = first + row * 1_000
        assert with_holes.has_kline(symbol, opened, opened + 1_000) == (row not in missing)


def test_longer_klines_are_made_without_the_holes(tmp_path: Path) -> None:
    """They would begin at the last close before the hole."""
    skipped = tuple(range(100, 190))
    for name in ("AUSDT", "BUSDT"):
        write(tmp_path / f"{name}-1m.csv", kline_rows(240, skip=skipped if name == "AUSDT" else ()))
    replay = began(tmp_path, 1_790_000_000_000 // 60_000 * 60_000)
    market = Market(replay, 1_790_000_000_000 // TICK_MS)
    market.advance(replay.end_ms // TICK_MS - 4)
    recorded = read_recordings(tmp_path)["AUSDT"].bars
    numbers = (recorded["open_time"] - FIRST) // 60_000
    for bar in market.klines("AUSDT", "1m", 100):
        opened = (int(bar["open_time"]) - replay.end_ms) // 1_000 + 240
        inside = recorded[(numbers >= opened) & (numbers < opened + 60)]
        assert (bar["open"], bar["high"], bar["low"]) == (
            inside["open"][0], inside["high"].max(), inside["low"].min(),
        )  # fmt: skip
    assert len(market.klines("AUSDT", "1m", 100)) < len(market.klines("BUSDT", "1m", 100))


def test_symbols_break_in_their_holes(with_holes: Market) -> None:
    source, first = with_holes.source, NOW // 1_000 * 1_000 - 20_000
    assert source.statuses(first + 19_999) == {"AUSDT": "TRADING", "BUSDT": "TRADING"}
    assert source.statuses(first + 20_000) == {"AUSDT": "BREAK", "BUSDT": "TRADING"}
    assert source.statuses(first + 22_250) == {"AUSDT": "BREAK", "BUSDT": "BREAK"}
    assert source.statuses(first + 23_000) == {"AUSDT": "TRADING", "BUSDT": "TRADING"}


@pytest.mark.parametrize("volume", ["293.13711", "0.00003", "0.0", "1000000.00001"])
def test_volumes_are_exact(tmp_path: Path, volume: str) -> None:
    """Also of so little that not every tick has a trade, and of what single precision does not hold."""
    rows = [row.replace(f",{number % 5}.0,", f",{volume},", 1) for number, row in enumerate(kline_rows(60))]
    market = Market(began(write(tmp_path / "COINUSDT-1m-2024.csv", rows)), NOW // TICK_MS)
    bars = market.klines("COINUSDT", "1s", 100)[:-1]
    assert {f"{value:.8f}" for value in bars["volume"].tolist()} == {f"{float(volume):.8f}"}


def test_at_speed_1_a_recorded_minute_is_a_minute(tmp_path: Path) -> None:
    path = write(tmp_path / "COINUSDT-1m-2024.csv", kline_rows(1_000, skip=(150, 151, 390)))
    replay = open_replay(path, speed=1)
    replay.begin([], NOW)
    market = Market(replay, NOW // TICK_MS)
    market.advance((NOW + 300_000) // TICK_MS)
    served = market.klines("COINUSDT", "1m", 1_000)[:-1]
    recorded = read_recordings(path)["COINUSDT"].bars[: len(served)]
    assert int(served["open_time"][-1]) == (NOW + 300_000) // 60_000 * 60_000 - 60_000
    assert np.array_equal(np.diff(served["open_time"]), np.diff(recorded["open_time"]))
    for name in ("open", "high", "low", "close"):
        assert np.allclose(served[name], recorded[name], atol=1e-9)
    assert np.allclose(served["volume"], recorded["volume"], atol=1e-9, rtol=0)
    assert len(market.klines("COINUSDT", "1s", 20_000)) > 9_000


@pytest.mark.parametrize(("speed", "seconds"), [(None, 4), (1, 4), (0.5, 7), (2, 2), (60, 1)])
def test_trades_are_replayed_at_any_speed(tmp_path: Path, speed: float | None, seconds: int) -> None:
    replay = open_replay(write(tmp_path / "COINUSDT-trades-2024-08-08.csv", trade_rows()), speed=speed)
    replay.begin([], NOW)
    assert len(replay) == seconds


@pytest.mark.parametrize("speed", [2, 59, 0.5, 3_600])
def test_klines_are_replayed_at_1_or_60(tmp_path: Path, speed: float) -> None:
    path = write(tmp_path / "COINUSDT-1m-2024.csv", kline_rows(10))
    assert len(open_replay(path, speed=60)) == 10
    with pytest.raises(ReplayError, match=r"klines of 60 s cannot be replayed at .* times their speed. Use 1 or 60"):
        open_replay(path, speed=speed)


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
        ("AUSDT-1m.zip", ROWS, "is not a zip file"),
        ("AUSDT-1m.txt", ROWS, "only .csv, .csv.gz and .zip"),
        ("AUSDT-1m.csv", [], "its first row is empty"),
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
    with pytest.raises(ReplayError, match=r"no \.csv, \.csv\.gz or \.zip"):
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
    assert len(replay) == 66_168
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
