"""Columns of every format: the same klines give the same columns, and faults are named with file and line."""

import gzip
import hashlib
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cq_tui.contracts.market import Kline
from cq_tui.lookback.columns import Hole
from cq_tui.ops.market_data.errors import MarketDataError
from cq_tui.ops.market_data.reading import load_columns
from cq_tui.simulator.market import dump_rows
from tests.lookback.recorded_klines import (
    FIRST,
    MINUTE,
    dump_lines,
    walk,
    write_freqtrade,
    write_journal,
    write_lines,
)

HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote,ignore"


def bare_lines(klines: Sequence[Kline]) -> list[str]:
    return [",".join(line.split(",")[:6]) + ",,,,,," for line in dump_lines(klines)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 10**6),
    st.integers(2, 40),
    st.sets(st.integers(1, 38), max_size=3),
    st.sampled_from([2e-8, 3.0, 90_000.0]),
)
def test_every_format_gives_the_same_columns(
    tmp_path: Path, seed: int, count: int, holes: set[int], price: float
) -> None:
    klines = walk(count, seed=seed, holes=holes - {count - 1}, price=price)
    files = [
        write_lines(tmp_path / "AUSDT-1m-2024-08.csv", dump_lines(klines)),
        write_lines(tmp_path / "AUSDT-1m-2025-08.csv", dump_lines(klines, micro=True)),
        write_lines(tmp_path / "AUSDT-1m-2024-08.csv.gz", [HEADER, *dump_lines(klines)]),
        write_lines(tmp_path / "AUSDT-1m-2024-08.zip", dump_lines(klines)),
        write_journal(tmp_path / "AUSDT-1m.ndjson", klines),
    ]
    loaded = [load_columns(file)["AUSDT"] for file in files]
    assert all(columns.klines() == klines for columns in loaded)
    assert len({columns.digest() for columns in loaded}) == 1
    bare = [
        write_freqtrade(tmp_path / "A_USDT-1m.json", klines),
        write_freqtrade(tmp_path / "A_USDT-1m.json.gz", klines),
        write_lines(
            tmp_path / "AUSDT-1m-bare.csv",
            [line[: line.index(line.split(",")[6])] + ",,,,," for line in dump_lines(klines)],
        ),
    ]
    plain = [load_columns(file)["AUSDT"] for file in bare]
    assert all([kline[2:7] for kline in columns.klines()] == [kline[2:7] for kline in klines] for columns in plain)
    assert len({columns.digest() for columns in plain}) == 1


def test_a_folder_holds_many_files_of_many_symbols(tmp_path: Path) -> None:
    klines = walk(30)
    write_lines(tmp_path / "AUSDT-1m-2024-08.csv", dump_lines(klines[:20]))
    write_lines(tmp_path / "AUSDT-1m-2024-09.zip", dump_lines(klines[15:]))
    (tmp_path / "deeper").mkdir()
    write_freqtrade(tmp_path / "deeper" / "B_USDT-1m.json", klines)
    write_lines(tmp_path / "BUSDT-trades-2024-08.csv", ["1,2,3,4,5,True,True"])
    (tmp_path / "report.json").write_text("{}")
    loaded = load_columns(tmp_path)
    assert list(loaded) == ["AUSDT", "BUSDT"]
    assert loaded["AUSDT"].klines() == klines
    assert list(load_columns(tmp_path, ["BUSDT"], "1m")) == ["BUSDT"]
    with pytest.raises(MarketDataError, match="no klines of 5m of BUSDT; available: AUSDT 1m, BUSDT 1m"):
        load_columns(tmp_path, ["BUSDT"], "5m")
    with pytest.raises(MarketDataError, match="5x is no interval of klines; choose one of 1s, 1m"):
        load_columns(tmp_path, interval="5x")


def test_a_data_directory_has_journals_and_an_unfinished_line_is_no_fault(tmp_path: Path) -> None:
    folder = tmp_path / "market" / "klines"
    folder.mkdir(parents=True)
    write_journal(folder / "AUSDT-1m.ndjson", walk(5))
    with (folder / "AUSDT-1m.ndjson").open("ab") as file:
        file.write(b'{"open_time": 17')
    assert load_columns(tmp_path)["AUSDT"].klines() == walk(5)


LINES = dump_lines(walk(6))


@pytest.mark.parametrize(
    ("name", "lines", "problem"),
    [
        ("AUSDT-1m.csv", [*LINES, LINES[5]], "line 7: the same kline as in .*AUSDT-1m.csv, line 6"),
        ("AUSDT-1m.csv", [LINES[0], "", *LINES[1:]], "line 2: is empty"),
        ("AUSDT-1m.csv", [*LINES[:3], "1,2,3"], "line 4: has 3 columns"),
        ("AUSDT-1m.csv", ["1,2,3", *LINES], "row 1: 3 columns"),
        ("AUSDT-1m.csv", ["nan" + LINES[0][13:], *LINES[1:]], "line 1: column open_time is no time in ms or µs"),
        ("AUSDT-1m.csv", LINES[::-1], "line 1: its 6 klines are in reversed order"),
        ("AUSDT-1m.csv", [LINES[1], LINES[0], *LINES[2:]], "line 2: opens before the kline"),
        ("AUSDT-5m.csv", LINES, r"line 2: opens at \d+, where no kline of 5m opens"),
        (
            "AUSDT-1m.csv",
            dump_lines(walk(6, step=5 * MINUTE)),
            "line 1: is a kline of 5m among those of 1m",
        ),
        ("AUSDT-x.csv", dump_lines(walk(6, step=7_000)), "klines are 7s apart, which is no interval"),
        ("AUSDT-x.csv", bare_lines(walk(1)), "nothing says"),
        ("AUSDT.csv", LINES, "the name says no symbol"),
        ("AUSDT-1m.txt", LINES, "is none of .csv"),
        ("AUSDT-1m.zip.csv", [], "its first row is empty"),
        ("AUSDT-trades-2024.csv", ["1,2,3,4,5,True,True"], "holds trades, not klines"),
        ("AUSDT-1m.csv", ["1,2,3,4,5,True,True"], "holds trades, not klines"),
    ],
)
def test_a_fault_is_named_with_file_line_and_remedy(tmp_path: Path, name: str, lines: list[str], problem: str) -> None:
    path = write_lines(tmp_path / name, lines)
    with pytest.raises(MarketDataError, match=problem) as caught:
        load_columns(path)
    assert str(path) in str(caught.value)


def test_more_that_cannot_be_read(tmp_path: Path) -> None:
    bad = {
        "A_USDT-1m.json": b"[[1,2,3]",
        "B_USDT-1m.json": b'{"a": 1}',
        "C_USDT-1m.json": b"[[1,2,3,4,5,6],[1,2,3]]",
        "D_USDT-1m.json.gz": b"plain",
        "EUSDT-1m.zip": b"PK",
        "FUSDT-1m.csv.gz": b"\x1f\x8b\x08",
        "GUSDT-1m.csv": b"\xff\xfe",
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MarketDataError, match=name):
            load_columns(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "HUSDT-1m.zip", "w") as archive:
        archive.writestr("README.txt", "")
    with pytest.raises(MarketDataError, match=r"holds 0 \.csv files, expected one"):
        load_columns(tmp_path / "HUSDT-1m.zip")
    with pytest.raises(MarketDataError, match="no such file or folder"):
        load_columns(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MarketDataError, match="no files of klines in this folder"):
        load_columns(tmp_path / "empty")


def test_files_of_different_intervals_are_not_mixed(tmp_path: Path) -> None:
    write_lines(tmp_path / "AUSDT-1m-2024-08.csv", LINES)
    write_lines(tmp_path / "AUSDT-5m-2024-08.csv", dump_lines(walk(6, step=5 * MINUTE)))
    with pytest.raises(MarketDataError, match=r"AUSDT: klines of 1m in .* and 5m in .*; choose one with --interval"):
        load_columns(tmp_path)
    assert load_columns(tmp_path, interval="5m")["AUSDT"].interval == "5m"
    (tmp_path / "AUSDT-5m-2024-08.csv").rename(tmp_path / "BUSDT-5m-2024-08.csv")
    with pytest.raises(MarketDataError, match="klines of different intervals: 1m of AUSDT, 5m of BUSDT; choose one"):
        load_columns(tmp_path)


def test_a_dump_is_compared_with_its_checksum(tmp_path: Path) -> None:
    dump = write_lines(tmp_path / "AUSDT-1m-2024-08.zip", LINES)
    told = tmp_path / "AUSDT-1m-2024-08.zip.CHECKSUM"
    told.write_text(f"{hashlib.sha256(dump.read_bytes()).hexdigest()}  {dump.name}\n")
    assert len(load_columns(tmp_path)["AUSDT"]) == 6
    for wrong in ("", f"{'0' * 64}  {dump.name}\n"):
        told.write_text(wrong)
        with pytest.raises(MarketDataError, match=r"AUSDT-1m-2024-08.zip.CHECKSUM says another; download both again"):
            load_columns(tmp_path)


def test_what_unpacks_to_far_more_than_klines_do_is_refused_before_it_fills_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump_rows, "_SMALL", 100_000)
    bomb = b"1" * 1_000_000
    files = [tmp_path / name for name in ("AUSDT-1m-2024-08.csv.gz", "A_USDT-1m.json.gz", "AUSDT-1m-2024-09.zip")]
    for file in files[:2]:
        file.write_bytes(gzip.compress(bomb))
    with zipfile.ZipFile(files[2], "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("AUSDT-1m-2024-09.csv", bomb)
    for file in files:
        with pytest.raises(MarketDataError, match=f"{file.name}: cannot be read .it unpacks to more than"):
            load_columns(file)


def test_a_pipe_in_the_place_of_a_checksum_holds_nobody_up(tmp_path: Path) -> None:
    dump = write_lines(tmp_path / "AUSDT-1m-2024-08.csv", dump_lines(walk(6)))
    os.mkfifo(tmp_path / f"{dump.name}.CHECKSUM")
    assert len(load_columns(dump)["AUSDT"]) == 6


def test_a_number_as_only_python_writes_it_is_none(tmp_path: Path) -> None:
    lines = dump_lines(walk(6))
    lines[3] = ",".join([lines[3].partition(",")[0], *["1_0"] * 4, *lines[3].split(",")[5:]])
    with pytest.raises(MarketDataError, match="line 4: column open: '1_0' is not a number"):
        load_columns(write_lines(tmp_path / "AUSDT-1m-2024-08.csv", lines))


def test_real_klines_are_read_with_their_outage(shared: Path) -> None:
    path = shared / "market/SOLUSDT-1m-2023-03-16_2023-05-01.csv.gz"
    if not path.exists():
        pytest.skip(f"no recording at {path}")
    columns = load_columns(path)["SOLUSDT"]
    assert (len(columns), columns.quote_volume, columns.trades) == (66_088, None, None)
    assert columns.holes() == [Hole(1_679_661_600_000, 80)]
    assert columns.open_time[-1] < FIRST
