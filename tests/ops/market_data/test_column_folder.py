"""Columns in a folder: mapped when read, replaced as a whole whenever the writer is killed, named when damaged."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cq_tui.contracts.kline_columns import KlineColumnsDocument
from cq_tui.lookback.columns import KlineColumns
from cq_tui.ops.market_data.column_folder import read_columns, read_summary, write_columns
from cq_tui.ops.market_data.errors import MarketDataError
from cq_tui.ops.market_data.reading import load_columns
from tests.lookback.recorded_klines import walk
from tests.lookback.test_columns import columns_of


def test_what_is_written_is_read_without_a_copy(tmp_path: Path) -> None:
    assert read_columns(tmp_path / "BTCUSDT-1m") is None
    columns = columns_of(walk(30, holes=(7,)))
    write_columns(tmp_path / "BTCUSDT-1m", columns, "production")
    read = read_columns(tmp_path / "BTCUSDT-1m")
    assert read is not None
    assert (read.klines(), read.digest()) == (columns.klines(), columns.digest())
    for column in (read.open_time, read.close, read.trades):
        assert isinstance(column, np.ndarray)
        assert isinstance(column.base, np.memmap)
        assert not column.flags.writeable
        assert column.flags.aligned
    loaded = load_columns(tmp_path)["BTCUSDT"]
    assert isinstance(loaded.close.base, np.memmap)
    summary = read_summary(tmp_path / "BTCUSDT-1m")
    assert summary == KlineColumnsDocument(
        symbol="BTCUSDT",
        interval="1m",
        klines=29,
        first_open_time=int(columns.open_time[0]),
        last_open_time=int(columns.open_time[-1]),
        sha256=columns.digest(),
        folder=columns.digest()[:16],
        columns=["open_time", "open", "high", "low", "close", "volume", "quote_volume", "trades"],
        venue="production",
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**6), st.integers(1, 50), st.booleans(), st.booleans())
def test_columns_come_back(tmp_path: Path, seed: int, count: int, quote: bool, trades: bool) -> None:
    columns = columns_of(walk(count, seed=seed))
    columns = replace(
        columns,
        quote_volume=columns.quote_volume if quote else None,
        trades=columns.trades if trades else None,
    )
    write_columns(tmp_path / "BTCUSDT-1m", columns, None)
    read = read_columns(tmp_path / "BTCUSDT-1m")
    assert read is not None
    assert read.digest() == columns.digest()
    assert (read.quote_volume is None, read.trades is None) == (not quote, not trades)
    # What was there before is gone.
    assert len(list((tmp_path / "BTCUSDT-1m").iterdir())) == 2


def test_who_reads_keeps_what_it_has_mapped(tmp_path: Path) -> None:
    folder = tmp_path / "BTCUSDT-1m"
    old, new = columns_of(walk(30)), columns_of(walk(40, seed=2))
    write_columns(folder, old, None)
    read = read_columns(folder)
    write_columns(folder, new, None)
    again = read_columns(folder)
    assert read is not None
    assert again is not None
    assert (read.klines(), again.klines()) == (old.klines(), new.klines())


def _damage(folder: Path, columns: KlineColumns, how: str) -> None:
    files = folder / columns.digest()[:16]
    if how == "missing":
        (files / "low.npy").unlink()
    elif how == "short":
        np.save(files / "low.npy", columns.low[:-1])
    elif how == "type":
        np.save(files / "low.npy", columns.low.astype("<f4"))
    elif how == "empty":
        (files / "low.npy").write_bytes(b"")
    elif how == "text":
        (files / "low.npy").write_bytes(b"price" * 99)
    elif how == "cut":
        (files / "low.npy").write_bytes((files / "low.npy").read_bytes()[:-9])
    elif how == "order":
        np.save(files / "open_time.npy", columns.open_time[::-1])
    else:
        (folder / "columns.json").write_text("{}")


@pytest.mark.parametrize("how", ["missing", "short", "type", "empty", "text", "cut", "order", "document"])
def test_damage_is_named(tmp_path: Path, how: str) -> None:
    columns = columns_of(walk(30))
    folder = tmp_path / "BTCUSDT-1m"
    write_columns(folder, columns, None)
    _damage(folder, columns, how)
    with pytest.raises(MarketDataError, match=r"BTCUSDT-1m.*(import or fetch its klines again|Fix it)"):
        read_columns(folder)


_WRITER = """
import sys
from pathlib import Path
from cq_tui.ops.market_data.column_folder import write_columns
from tests.lookback.recorded_klines import walk
from tests.lookback.test_columns import columns_of
both = [columns_of(walk(3_000, seed=seed)) for seed in (1, 2)]
while True:
    for columns in both:
        write_columns(Path(sys.argv[1]), columns, None)
        print("written", flush=True)
"""


def test_a_writer_may_be_killed_at_any_moment(tmp_path: Path) -> None:
    whole = {columns_of(walk(3_000, seed=seed)).digest() for seed in (1, 2)}
    for number in range(2 if "CQ_HEAVY_TESTS" not in os.environ else 200):
        writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path / "BTCUSDT-1m")], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        # No matter how long: wherever it is, it is killed there.
        time.sleep(0.005 * number)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        read = read_columns(tmp_path / "BTCUSDT-1m")
        assert read is not None
        assert read.digest() in whole
    write_columns(tmp_path / "BTCUSDT-1m", columns_of(walk(3)), None)
    assert len(list((tmp_path / "BTCUSDT-1m").iterdir())) == 2


def test_a_pipe_in_the_place_of_a_column_holds_nobody_up(tmp_path: Path) -> None:
    write_columns(tmp_path, columns_of(walk(5)), None)
    [file] = tmp_path.glob("*/close.npy")
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(MarketDataError, match=r"close\.npy: is missing; remove"):
        read_columns(tmp_path)


def test_a_document_without_all_columns_is_named(tmp_path: Path) -> None:
    write_columns(tmp_path, columns_of(walk(5)), None)
    document = tmp_path / "columns.json"
    document.write_text(document.read_text().replace('"close",', "").replace('"open_time",', ""))
    with pytest.raises(MarketDataError, match=r"columns\.json: names no column open_time, close; remove"):
        read_columns(tmp_path)


def test_a_full_disk_is_called_so_and_nothing_unfinished_is_left_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(*_: object, **__: object) -> None:
        raise OSError("66087 requested and 62448 written")

    monkeypatch.setattr(np, "save", save)
    with pytest.raises(OSError, match="No space left on device"):
        write_columns(tmp_path / "BTCUSDT-1m", columns_of(walk(5)), None)
    assert not [*(tmp_path / "BTCUSDT-1m").iterdir()]
