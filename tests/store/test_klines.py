"""Kline journals: bounded, torn tails and damaged files kept aside, another market noticed by the reader."""

from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline, kline_from_line
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.journal import JournalError, read_lines
from cq_tui.store.klines import KlineJournalReader, KlineJournalWriter, NewKlines, last_klines
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
    journal = KlineJournalWriter(data, "BTCUSDT", "1s")
    assert journal.last_kline() is None
    journal.append([bar(0, 5.0), bar(STEP, 6.0)])
    journal.append([])
    journal.close()
    again = KlineJournalWriter(data, "BTCUSDT", "1s")
    assert again.last_kline() == bar(STEP, 6.0)
    again.append([bar(2 * STEP, 7.0)])
    assert stored(data) == [0, STEP, 2 * STEP]
    again.close()


def test_the_journal_stays_bounded_and_keeps_the_newest(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    most = 600
    monkeypatch.setattr("cq_tui.store.klines.KLINE_HISTORY", most)
    journal = KlineJournalWriter(data, "BTCUSDT", "1s")
    total = int(most * 1.5) + 1
    journal.append([bar(i * STEP, 5.0) for i in range(total - 1)])
    assert len(stored(data)) == total - 1
    journal.append([bar((total - 1) * STEP, 5.0)])
    assert stored(data) == [i * STEP for i in range(total - most, total)]
    journal.append([bar(total * STEP, 5.0)])
    assert stored(data)[-2:] == [(total - 1) * STEP, total * STEP]
    journal.close()


def test_a_torn_tail_is_kept_aside(data: DataDir) -> None:
    path = data.klines_of("BTCUSDT", "1s")
    path.write_bytes(bar(0, 5.0).to_line() + b'\n{"open_time":1')
    journal = KlineJournalWriter(data, "BTCUSDT", "1s")
    journal.append([bar(STEP, 6.0)])
    journal.close()
    assert stored(data) == [0, STEP]
    assert [kept.read_bytes() for kept in data.quarantine.iterdir()] == [b'{"open_time":1']


def test_start_over_replaces_another_market_s_klines(data: DataDir) -> None:
    journal = KlineJournalWriter(data, "BTCUSDT", "1s")
    journal.append([bar(i * STEP, 5.0) for i in range(5)])
    journal.replace_all([bar(9 * STEP, 50.0)])
    journal.append([bar(10 * STEP, 51.0)])
    journal.close()
    assert stored(data) == [9 * STEP, 10 * STEP]
    assert not list(data.quarantine.iterdir())


def test_a_damaged_journal_is_kept_aside_and_not_overwritten(data: DataDir) -> None:
    path = data.klines_of("BTCUSDT", "1s")
    damaged = bar(0, 5.0).to_line() + b"\n\x00\x1b[31mno kline\n"
    path.write_bytes(damaged)
    journal = KlineJournalWriter(data, "BTCUSDT", "1s")
    assert journal.last_kline() is None
    journal.replace_all([bar(9 * STEP, 50.0)])
    journal.close()
    assert stored(data) == [9 * STEP]
    assert [kept.read_bytes() for kept in data.quarantine.iterdir()] == [damaged]


def test_what_cannot_be_opened_is_a_clear_error(data: DataDir) -> None:
    data.klines_of("BTCUSDT", "1s").mkdir()
    with pytest.raises(JournalError, match="BTCUSDT-1s"):
        KlineJournalWriter(data, "BTCUSDT", "1s")


def test_the_last_klines_are_read_without_damaged_lines(data: DataDir) -> None:
    path = data.klines_of("BTCUSDT", "1s")
    lines = [bar(0, 5.0).to_line(), bar(STEP, 6.0).to_line(), b"no kline", bar(3 * STEP, 7.0).to_line()]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    assert last_klines(path, 3) == [bar(STEP, 6.0), bar(3 * STEP, 7.0)]
    assert last_klines(data.klines_of("ETHUSDT", "1s"), 3) == []


def test_a_reader_gets_each_closed_kline_once_and_none_from_the_future(data: DataDir) -> None:
    writer, reader = KlineJournalWriter(data, "BTCUSDT", "1s"), KlineJournalReader(data.klines_of("BTCUSDT", "1s"))
    bars: list[Kline] = [bar(i * STEP, 5.0) for i in range(4)]
    writer.append(bars[:2])
    assert reader.read_new(10_000.0) == NewKlines(bars[:2])
    assert reader.read_new(10_000.0) == NewKlines([])
    writer.append([bars[2], bar(20 * STEP, 5.0)])
    found = reader.read_new(10_000.0)
    assert (found.klines, found.market_changed) == ([bars[2]], False)
    assert found.rejections == ("the kline of open_time 20000 closes 11 s in the future",)
    assert (reader.rejected_count, reader.latest) == (1, bars[2])
    writer.close()


def test_a_reader_knows_a_compacted_journal_from_another_market_s(data: DataDir) -> None:
    writer, reader = KlineJournalWriter(data, "BTCUSDT", "1s"), KlineJournalReader(data.klines_of("BTCUSDT", "1s"))
    bars = [bar(i * STEP, 5.0) for i in range(5)]
    writer.append(bars)
    reader.read_new(10_000.0)
    writer.replace_all(bars[2:])
    assert not reader.read_new(10_000.0).market_changed
    others = [bar(i * STEP, 50.0) for i in range(5)]
    writer.replace_all(others)
    assert reader.read_new(10_000.0) == NewKlines(others, market_changed=True)
    assert reader.latest == others[-1]
    writer.close()


def test_a_reader_notices_repaired_klines(data: DataDir) -> None:
    writer, reader = KlineJournalWriter(data, "BTCUSDT", "1s"), KlineJournalReader(data.klines_of("BTCUSDT", "1s"))
    bars = [bar(i * STEP, 5.0 + i) for i in range(300)]
    writer.append([*bars[:100], bar(100 * STEP, 1.0), *bars[101:290]])
    reader.read_new(1e9)
    difference = writer.compare(bars, to_end=False)
    assert difference is not None
    writer.mend(difference)
    writer.append(bars[290:])
    assert reader.read_new(1e9) == NewKlines(bars, market_changed=True)
    assert reader.read_new(1e9) == NewKlines([])
    assert writer.compare(bars, to_end=True) is None
    writer.append([bar(300 * STEP, 5.0)])
    assert reader.read_new(1e9) == NewKlines([bar(300 * STEP, 5.0)])
    writer.close()


def test_a_repair_keeps_damaged_lines_in_quarantine(data: DataDir) -> None:
    path, bars = data.klines_of("BTCUSDT", "1s"), [bar(i * STEP, 5.0) for i in range(4)]
    before = bars[0].to_line() + b"\n" + b"{torn\n" + bars[2].to_line() + b"\n"
    path.write_bytes(before)
    writer = KlineJournalWriter(data, "BTCUSDT", "1s")
    difference = writer.compare(bars, to_end=True)
    assert difference is not None
    assert difference.open_times == [STEP]
    writer.mend(difference)
    assert stored(data) == [0, STEP, 2 * STEP]
    assert [kept.read_bytes() for kept in data.quarantine.glob("*.damaged")] == [before]
    writer.close()
