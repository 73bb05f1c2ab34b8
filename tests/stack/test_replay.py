"""``cq-tui up --replay DIR``: the prices are the recorded ones, a bar a second, on today's clock."""

import gzip
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import orjson
import pytest

from tests.stack.running import Stack, until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

#: 2021-01-01 in ms: a bar a minute, whose price tells which one it is.
FIRST = 1_609_459_200_000
BARS = 1_300
HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)


def rows(first_price: int, microseconds: bool = False) -> list[str]:
    """Klines of one price each, a unit higher every minute."""
    unit = 1_000 if microseconds else 1
    lines = []
    for index in range(BARS):
        price, opened = f"{first_price + index}.00", (FIRST + index * 60_000) * unit
        lines.append(f"{opened},{price},{price},{price},{price},5.0,{opened + 60_000 * unit - 1},1.0,9,2.5,1.0,0")
    return lines


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """One file with header, plain, in ms; one without, packed, in µs."""
    folder = tmp_path / "recording"
    folder.mkdir()
    (folder / "BTCUSDT-1m-2021-01.csv").write_text("\n".join([HEADER, *rows(10_000)]) + "\n")
    with gzip.open(folder / "ETHUSDT-1m-2021-01.csv.gz", "wt") as file:
        file.write("\n".join(rows(2_000, microseconds=True)) + "\n")
    return folder


@pytest.fixture
def stack(recording: Path, tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path / "data", "--replay", str(recording), SYMBOLS="BTCUSDT,ETHUSDT")
    try:
        stack.up()
        yield stack
    finally:
        stack.end()


def test_the_recording_is_played(stack: Stack, recording: Path) -> None:
    assert stack.json(stack.data.health_of("exchange"))["source"] == f"replay of {recording.name}"
    prices_follow_the_recording(stack)
    each_recorded_bar_is_one_kline_of_a_second(stack)


def prices_follow_the_recording(stack: Stack) -> None:
    def places() -> tuple[float, float, float]:
        """Where both prices stand in the recording, and when the first was told."""
        tickers = stack.tickers()
        bitcoin = tickers["BTCUSDT"]
        return bitcoin.price - 10_000, tickers["ETHUSDT"].price - 2_000, bitcoin.timestamp

    until(lambda: set(stack.tickers()) == {"BTCUSDT", "ETHUSDT"}, 30, "prices of both")
    # One document holds both symbols at about the same moment.
    bitcoin, ether, began = places()
    assert 0 <= bitcoin < BARS
    assert abs(bitcoin - ether) <= 2
    until(lambda: min(places()[:2]) >= bitcoin + 5, 60, "five bars played")
    later, _, now = places()
    assert later - bitcoin == pytest.approx(now - began, abs=3)


def each_recorded_bar_is_one_kline_of_a_second(stack: Stack) -> None:
    journal = stack.data.klines_of("BTCUSDT", "1s")
    until(lambda: len(journal.read_bytes().splitlines()) > 20, 60, "klines kept")
    klines = [orjson.loads(line) for line in journal.read_bytes().rpartition(b"\n")[0].splitlines()]
    closes = [float(kline["close"]) for kline in klines]
    opened = [int(kline["open_time"]) for kline in klines]
    assert [late - early for early, late in pairwise(closes)] == [1.0] * (len(closes) - 1)
    assert [late - early for early, late in pairwise(opened)] == [1_000] * (len(opened) - 1)
    assert abs(opened[-1] / 1_000 - time.time()) < 30


def test_a_recording_that_makes_no_sense_is_named(tmp_path: Path) -> None:
    (tmp_path / "BTCUSDT-1m.csv").write_text("1609459200000,1,2,three,1,1,1,1,1,1,1,1\n")
    stack = Stack(tmp_path / "data", "--replay", str(tmp_path))
    try:
        with pytest.raises(AssertionError, match="all services ready"):
            stack.up(patience=0.0)
        health = stack.data.health_of("exchange")
        until(lambda: stack.json(health).get("status") == "error", 60, "the exchange's complaint")
        status = stack.run("status")
        line = next(line for line in status.stdout.splitlines() if line.startswith("✖ exchange"))
        assert "row 1, column low: 'three' is not a number" in line
        assert status.returncode == 2
        assert stack.run("down").returncode == 0
        assert stack.processes() == []
    finally:
        stack.end()
