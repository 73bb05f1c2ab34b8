"""Importing: idempotent, in any order and any pieces; what is left out is told, and nothing else changes."""

import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline
from cq_tui.lookback.columns import KlineColumns
from cq_tui.ops.backup.selection import find_files
from cq_tui.ops.market_data.checking import Checked, check_klines
from cq_tui.ops.market_data.column_folder import read_columns
from cq_tui.ops.market_data.errors import MarketDataBusy, MarketDataError
from cq_tui.ops.market_data.importing import import_klines
from cq_tui.ops.market_data.listing import Listed, list_klines
from cq_tui.ops.market_data.reading import load_columns
from cq_tui.ops.market_data.writing import Added, only_writer
from cq_tui.ops.migrate.plan import present_files
from cq_tui.store.document import file_identity
from tests.lookback.recorded_klines import FIRST, MINUTE, dump_lines, walk, write_freqtrade, write_journal, write_lines


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    return DataDir(tmp_path / "data")


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    def write(klines: list[Kline], name: str = "AUSDT-1m-2024-08.csv") -> Path:
        (tmp_path / "files").mkdir(exist_ok=True)
        return write_lines(tmp_path / "files" / name, dump_lines(klines))

    return write


def imported(data: DataDir, *files: Path, replace: bool = False) -> Added:
    [added] = import_klines(data, files, replace=replace)
    assert isinstance(added, Added), added
    return added


def kept(data: DataDir) -> KlineColumns:
    columns = read_columns(data.columns_of("AUSDT", "1m").parent)
    assert columns is not None
    return columns


def test_again_changes_nothing_and_more_is_appended(data: DataDir, put: Callable[..., Path]) -> None:
    klines = walk(50)
    file = put(klines[:30])
    assert imported(data, file) == Added("AUSDT", "1m", 30, 30, 0, 0, 0, ())
    document = data.columns_of("AUSDT", "1m")
    before = file_identity(document)
    assert imported(data, file) == Added("AUSDT", "1m", 30, 0, 0, 0, 30, ())
    assert file_identity(document) == before
    assert imported(data, put(klines[25:])) == Added("AUSDT", "1m", 50, 20, 0, 0, 5, ())
    assert kept(data).klines() == klines
    assert load_columns(data.root)["AUSDT"].klines() == klines


@settings(max_examples=settings().max_examples // 4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_pieces_in_any_order_give_the_same_columns(tmp_path: Path, drawn: st.DataObject) -> None:
    klines = walk(30, seed=drawn.draw(st.integers(0, 99)), holes=drawn.draw(st.sets(st.integers(1, 28), max_size=3)))
    cuts = sorted({0, len(klines), *drawn.draw(st.lists(st.integers(0, len(klines)), max_size=3))})
    pieces = [klines[max(0, start - 2) : stop] for start, stop in pairwise(cuts)]
    data = DataDir(Path(tempfile.mkdtemp(dir=tmp_path)))
    for number, piece in enumerate(drawn.draw(st.permutations(pieces))):
        file = write_lines(tmp_path / f"AUSDT-1m-{number}.csv", dump_lines(piece, micro=number % 2 == 1))
        assert imported(data, file).findings == ()
    assert kept(data).klines() == klines


def test_faulty_lines_are_left_out_and_told(data: DataDir, tmp_path: Path) -> None:
    lines = dump_lines(walk(10))
    lines[3] = lines[3].replace(lines[3].split(",")[1], "n/a")
    lines.insert(7, lines[6])
    added = imported(data, write_lines(tmp_path / "AUSDT-1m.csv", [*lines[:8], *lines[:7:-1]]))
    assert (added.added, added.left_out) == (9, 2)
    assert [(finding.kind, finding.place.rpartition(" ")[2]) for finding in added.findings] == [
        ("unreadable", "4"),
        ("order", "10"),
        ("order", "11"),
        ("duplicate", "8"),
    ]
    assert kept(data).klines() == [kline for number, kline in enumerate(walk(10)) if number != 3]


def test_a_kept_kline_stays_unless_it_is_to_be_replaced(data: DataDir, put: Callable[..., Path]) -> None:
    klines = walk(20)
    other = [*klines[:5], klines[5]._replace(volume=77.0), *klines[6:]]
    imported(data, put(klines))
    added = imported(data, put(other))
    assert (added.added, added.replaced, added.left_out, added.repeated) == (0, 0, 1, 19)
    assert "volume 77 contradicts" in added.findings[0].text
    assert kept(data).klines() == klines
    assert imported(data, put(other), replace=True) == Added("AUSDT", "1m", 20, 0, 1, 0, 19, ())
    assert kept(data).klines() == other


def test_symbols_and_intervals_are_apart_and_one_that_cannot_be_read_stops_no_other(
    data: DataDir, put: Callable[..., Path], tmp_path: Path
) -> None:
    put(walk(9))
    put(walk(9, step=5 * MINUTE), "AUSDT-5m-2024-08.csv")
    write_freqtrade(tmp_path / "files" / "C_USDT-1m.json", walk(9))
    write_journal(tmp_path / "files" / "DUSDT-1m.ndjson", walk(9))
    (tmp_path / "files" / "BUSDT-1m.zip").write_bytes(b"PK")
    results = list(import_klines(data, [tmp_path / "files"]))
    assert [(each.symbol, each.interval) for each in results if isinstance(each, Added)] == [
        ("AUSDT", "1m"),
        ("AUSDT", "5m"),
        ("CUSDT", "1m"),
        ("DUSDT", "1m"),
    ]
    [error] = [each for each in results if isinstance(each, MarketDataError)]
    assert "BUSDT-1m.zip: cannot be read" in str(error)
    listed = [each for each in list_klines(data) if isinstance(each, Listed)]
    assert [(each.symbol, each.interval, each.klines, each.kept_as) for each in listed] == [
        ("AUSDT", "1m", 9, "columns"),
        ("AUSDT", "5m", 9, "columns"),
        ("CUSDT", "1m", 9, "columns"),
        ("DUSDT", "1m", 9, "columns"),
    ]


def test_mixed_intervals_without_close_times_are_refused(data: DataDir, tmp_path: Path) -> None:
    mixed = walk(9) + walk(9, step=5 * MINUTE, first=FIRST + 9 * MINUTE)
    [error] = import_klines(data, [write_freqtrade(tmp_path / "A_USDT-1m.json", mixed)])
    assert isinstance(error, MarketDataError)
    assert "are 5m apart among those of 1m" in str(error)
    assert not data.columns.exists() or not any(data.columns.iterdir())


def test_backups_and_migrations_leave_columns_out(data: DataDir, put: Callable[..., Path]) -> None:
    imported(data, put(walk(3)))
    write_journal(data.klines_of("AUSDT", "1m"), walk(3))
    for found in (find_files(data, with_keys=True), present_files(data)):
        files = set(found)
        assert data.klines_of("AUSDT", "1m") in files
        assert not any(path.is_relative_to(data.columns) for path in files)


def test_one_import_at_a_time(data: DataDir, put: Callable[..., Path]) -> None:
    with only_writer(data), pytest.raises(MarketDataBusy, match="is importing or fetching klines into"):
        list(import_klines(data, [put(walk(3))]))


def test_checking_finds_what_was_changed_after_it_was_written(data: DataDir, put: Callable[..., Path]) -> None:
    imported(data, put(walk(20)))
    [checked] = check_klines(data.root)
    assert isinstance(checked, Checked)
    assert (checked.klines, checked.findings) == (20, ())
    [file] = data.columns.glob("*/*/volume.npy")
    content = bytearray(file.read_bytes())
    content[-7] ^= 1
    file.write_bytes(content)
    [checked] = check_klines(data.root)
    assert isinstance(checked, Checked)
    assert [finding.kind for finding in checked.findings] == ["damaged"]
