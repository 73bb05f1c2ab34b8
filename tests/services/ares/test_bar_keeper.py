"""What ARES keeps of the higher frames: written late, joined at a start, dropped with another market."""

from pathlib import Path

import structlog

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline, lines_of_klines
from cq_tui.services.ares.bar_keeper import BarKeeper
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import read_json, write_document
from cq_tui.store.klines import KlineJournalReader
from cq_tui.strategies.bars import Frame
from tests.strategies.walks import SECOND, after, full_engine, run, walk

#: Later than all klines.
NOW_MS = 1e14
SYMBOL = "BTCUSDT"


class Journal:
    """A journal of which only the newest klines are kept."""

    def __init__(self, root: Path) -> None:
        self.data = DataDir(root)
        prepare_data_directory(self.data)
        self.path = self.data.klines_of(SYMBOL, "1s")

    def hold(self, klines: list[Kline]) -> dict[str, KlineJournalReader]:
        """Write them, and return readers that have read them."""
        self.path.write_bytes(lines_of_klines(klines))
        reader = KlineJournalReader(self.path)
        reader.read_new(NOW_MS)
        return {SYMBOL: reader}

    def keeper(self) -> BarKeeper:
        return BarKeeper(self.data, "1s", [SYMBOL], structlog.get_logger())

    def save(self, klines: list[Kline]) -> None:
        keeper, readers = self.keeper(), self.hold(klines)
        keeper.save_one(0.0, readers, NOW_MS)
        assert not self.document.exists(), "not in the first seconds of a start"
        keeper.save_one(11.0, readers, NOW_MS)

    @property
    def document(self) -> Path:
        return self.data.kept_bars_of(SYMBOL, "1s")


def test_a_restart_on_a_journal_that_was_cut_goes_on_as_if_there_had_been_none(tmp_path: Path) -> None:
    journal, klines = Journal(tmp_path), walk(21, 22_000)
    journal.save(klines[:12_000])
    # Later the journal has lost what came first, and the bars are written again.
    keeper, readers = journal.keeper(), journal.hold(klines[8_000:17_600])
    keeper.save_one(0.0, readers, NOW_MS)
    keeper.save_one(11.0, readers, NOW_MS)
    assert len(read_json(journal.document)["tide"]["open_time"]) == 17_600 // 15
    history = klines[10_400:20_000]
    engine = full_engine()
    engine.warm_up(history, journal.keeper().before(SYMBOL, history))
    whole = full_engine()
    run(whole, klines[:20_000])
    assert engine.values()["trend_multi_tf"] == whole.values()["trend_multi_tf"]
    expected = after(run(whole, klines[20_000:]), klines, 20_000)
    assert [signal.key for signal in run(engine, klines[20_000:])] == [signal.key for signal in expected]


def test_bars_of_another_market_are_dropped(tmp_path: Path) -> None:
    journal, klines = Journal(tmp_path), walk(1, 2_000)
    journal.save(klines)
    other = walk(2, 2_000)[300:]
    assert journal.keeper().before(SYMBOL, other) == {}
    assert not journal.document.exists()
    assert journal.keeper().before(SYMBOL, other) == {}


def test_what_cannot_be_read_counts_as_nothing_kept(tmp_path: Path) -> None:
    journal, klines = Journal(tmp_path), walk(1, 2_000)
    journal.save(klines)
    good = read_json(journal.document)
    later = klines[900:]
    assert len(journal.keeper().before(SYMBOL, later)[Frame.TIDE].open_time) == 60
    for wrong in (
        {"symbol": "ETHUSDT"},
        {"tide": good["tide"] | {"high": []}},
        {"tide": good["tide"] | {"open_time": [1] * len(good["tide"]["open_time"])}},
        {"trend": "none"},
    ):
        write_document(journal.document, good | wrong)
        assert journal.keeper().before(SYMBOL, later) == {}
    journal.document.write_bytes(b"{")
    assert journal.keeper().before(SYMBOL, later) == {}


def test_a_second_writing_waits_for_a_hundred_tide_bars(tmp_path: Path) -> None:
    journal, klines = Journal(tmp_path), walk(1, 2_000)
    keeper, readers = journal.keeper(), journal.hold(klines[:1_000])
    keeper.save_one(0.0, readers, NOW_MS)
    keeper.save_one(11.0, readers, NOW_MS)
    readers = journal.hold(klines)
    keeper.save_one(12.0, readers, NOW_MS)
    assert len(read_json(journal.document)["tide"]["open_time"]) == 66
    keeper.save_one(11.0 + 100 * 15 * SECOND / 1000, readers, NOW_MS)
    assert len(read_json(journal.document)["tide"]["open_time"]) == 133
