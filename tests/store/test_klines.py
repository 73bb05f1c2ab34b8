"""Kline journals: bounded, torn tails kept, another market's bars replaced, damaged files kept aside."""

from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import kline_from_line
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.journal import JournalError, read_lines
from cq_tui.store.klines import KlineJournalWriter
from tests.services.scripted_market import bar

STEP = 1_000


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    return data


def stored(data: DataDir) -> list[int]:
    return [kline_from_line(line).open_time for line in read_lines(data.klines_of("BTCUSDT", "1s"))]


def test_klines_outlive_a_restart(data: DataDir) -> None:
    archive = KlineJournalWriter(data, "BTCUSDT", "1s")
    assert archive.last_kline() is None
    archive.append([bar(0, 5.0), bar(STEP, 6.0)])
    archive.append([])
    archive.close()
    again = KlineJournalWriter(data, "BTCUSDT", "1s")
    assert again.last_kline() == bar(STEP, 6.0)
    again.append([bar(2 * STEP, 7.0)])
    assert stored(data) == [0, STEP, 2 * STEP]
    again.close()


def test_the_journal_stays_bounded_and_keeps_the_newest(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    most = 600
    monkeypatch.setattr("cq_tui.store.klines.KLINE_HISTORY", most)
    archive = KlineJournalWriter(data, "BTCUSDT", "1s")
    total = int(most * 1.5) + 1
    archive.append([bar(i * STEP, 5.0) for i in range(total - 1)])
    assert len(stored(data)) == total - 1
    archive.append([bar((total - 1) * STEP, 5.0)])
    assert stored(data) == [i * STEP for i in range(total - most, total)]
    archive.append([bar(total * STEP, 5.0)])
    assert stored(data)[-2:] == [(total - 1) * STEP, total * STEP]
    archive.close()


def test_a_torn_tail_is_kept_aside(data: DataDir) -> None:
    path = data.klines_of("BTCUSDT", "1s")
    path.write_bytes(bar(0, 5.0).to_line() + b'\n{"open_time":1')
    archive = KlineJournalWriter(data, "BTCUSDT", "1s")
    archive.append([bar(STEP, 6.0)])
    archive.close()
    assert stored(data) == [0, STEP]
    assert [kept.read_bytes() for kept in data.quarantine.iterdir()] == [b'{"open_time":1']


def test_start_over_replaces_another_market_s_klines(data: DataDir) -> None:
    archive = KlineJournalWriter(data, "BTCUSDT", "1s")
    archive.append([bar(i * STEP, 5.0) for i in range(5)])
    archive.replace_all([bar(9 * STEP, 50.0)])
    archive.append([bar(10 * STEP, 51.0)])
    archive.close()
    assert stored(data) == [9 * STEP, 10 * STEP]
    assert not list(data.quarantine.iterdir())


def test_a_damaged_journal_is_kept_aside_and_not_overwritten(data: DataDir) -> None:
    path = data.klines_of("BTCUSDT", "1s")
    damaged = bar(0, 5.0).to_line() + b"\n\x00\x1b[31mno kline\n"
    path.write_bytes(damaged)
    archive = KlineJournalWriter(data, "BTCUSDT", "1s")
    assert archive.last_kline() is None
    archive.replace_all([bar(9 * STEP, 50.0)])
    archive.close()
    assert stored(data) == [9 * STEP]
    assert [kept.read_bytes() for kept in data.quarantine.iterdir()] == [damaged]


def test_what_cannot_be_opened_is_a_clear_error(data: DataDir) -> None:
    data.klines_of("BTCUSDT", "1s").mkdir()
    with pytest.raises(JournalError, match="BTCUSDT-1s"):
        KlineJournalWriter(data, "BTCUSDT", "1s")
