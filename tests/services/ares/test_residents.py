"""A plug-in inside the host decides as the engine does, however its bars reach it: journal, pipe, or both at once."""

import os
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest
import structlog

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline, lines_of_klines
from cq_tui.services.ares.bar_keeper import BarKeeper
from cq_tui.services.ares.plug_ins.guarded_calls import GuardedCalls
from cq_tui.services.ares.plug_ins.residents import Market, Resident
from cq_tui.services.ares.plug_ins.running_call import RunningCall, new_page
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.klines import KlineJournalReader
from cq_tui.strategies.bb_mean_revert_v2 import BandParameters, BbMeanRevertV2
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.trend_multi_tf import TrendMultiTf
from tests.strategies.walks import SECOND, run, walk

KLINES = walk(4, 3_000)
#: Since long before the walk.
EVER = time.time()


class Guest(BbMeanRevertV2):
    """A plug-in."""

    name: ClassVar[str] = "guest"

    class Small(BandParameters):
        band_period: int = 8
        width_period: int = 8
        period: int = 4

    Parameters = Small


class House:
    """The surroundings of one plug-in."""

    def __init__(self, root: Path, kind: Any = Guest, fresh_seconds: float = EVER) -> None:
        self.data = DataDir(root)
        prepare_data_directory(self.data)
        self.told: list[dict[str, Any]] = []
        descriptor = new_page()
        page = RunningCall(descriptor)
        os.close(descriptor)
        market = Market(self.data, "1s", ("BTCUSDT",), 0.0, fresh_seconds)
        self.resident = Resident(kind, market, GuardedCalls(page), self.told.append, None)
        self.path = market.journal_of("BTCUSDT", "1s")
        self.resident.follow({})

    def store(self, klines: list[Kline]) -> None:
        with self.path.open("ab") as file:
            file.write(lines_of_klines(klines))

    def offer(self, klines: list[Kline]) -> None:
        for kline in klines:
            self.resident.offer("BTCUSDT", kline, 0.0)

    def work(self, steps: int = 10**9) -> None:
        while steps and self.resident.has_work:
            self.resident.step()
            steps -= 1

    @property
    def signals(self) -> list[tuple[int, str, float]]:
        found = [each["signal"] for each in self.told if "signal" in each]
        return [(each["bar_close_time"], each["side"], each["stop_loss"]) for each in found]


@pytest.fixture(scope="module")
def expected() -> list[tuple[int, str, float]]:
    engine = SymbolEngine(SECOND, [Guest("BTCUSDT", SECOND, Guest.Small())])
    signals = [(each.bar_close_time, each.side.value, each.stop_loss) for each in run(engine, KLINES)]
    assert len(signals) > 5
    return signals


@pytest.mark.parametrize("cut", [0, 1, 500, 2_999, 3_000])
def test_journal_and_pipe_make_one_series(tmp_path: Path, expected: list[tuple[int, str, float]], cut: int) -> None:
    house = House(tmp_path / "data")
    house.store(KLINES[:cut])
    house.work()
    # ARES passes on what it read, which may have been in the journal before.
    house.store(KLINES[cut:])
    house.offer(KLINES[max(0, cut - 50) :])
    house.work()
    assert house.signals == expected


@pytest.mark.parametrize("steps", [1, 2, 7, 400])
def test_bars_that_come_while_the_journal_is_read_are_neither_lost_nor_doubled(
    tmp_path: Path, expected: list[tuple[int, str, float]], steps: int
) -> None:
    house = House(tmp_path / "data")
    house.store(KLINES[:1_000])
    for start in range(1_000, 3_000, 100):
        house.work(steps)
        house.store(KLINES[start : start + 100])
        house.offer(KLINES[start : start + 100])
    house.work()
    assert house.signals == expected


def test_history_makes_no_signal(tmp_path: Path) -> None:
    house = House(tmp_path / "data", fresh_seconds=60.0)
    house.store(KLINES)
    house.work()
    assert house.signals == []
    assert house.resident.state()["warming"] == []


def test_changed_settings_count_from_the_next_bar_on(tmp_path: Path, expected: list[tuple[int, str, float]]) -> None:
    house = House(tmp_path / "data")
    house.store(KLINES[:2_000])
    house.work()
    before = house.signals
    house.resident.follow({"guest": {"reward_risk": 0.0}})
    house.work()
    assert house.signals == before, "nothing is decided again"
    house.store(KLINES[2_000:])
    house.offer(KLINES[2_000:])
    house.work()
    assert house.resident.state()["good"] == {"reward_risk": 0.0}
    assert len(house.signals) > len(expected), "worse rewards are taken, too"
    assert {at for at, _, _ in expected} < {at for at, _, _ in house.signals}
    house.resident.follow({"guest": {"enabled": False}})
    assert not house.resident.state()["enabled"]


def test_another_market_begins_anew(tmp_path: Path, expected: list[tuple[int, str, float]]) -> None:
    house = House(tmp_path / "data")
    house.store([kline._replace(close=kline.open, high=kline.open, low=kline.open) for kline in KLINES[:1_000]])
    house.work()
    house.told.clear()
    house.path.write_bytes(lines_of_klines(KLINES))
    house.resident.start_over("BTCUSDT")
    house.work()
    assert house.signals == expected


class TrendGuest(TrendMultiTf):
    """A plug-in whose slow averages remember for longer than its journal is kept."""

    name: ClassVar[str] = "trend_guest"


def test_it_goes_on_from_the_bars_that_ares_keeps(tmp_path: Path) -> None:
    klines, cut = walk(5, 24_000), 14_000
    engine = SymbolEngine(SECOND, [TrendGuest("BTCUSDT", SECOND)])
    whole = [each for each in run(engine, klines) if each.bar_close_time >= klines[cut].close_time]
    house = House(tmp_path / "data", TrendGuest, time.time() - klines[cut].close_time / 1000)
    house.store(klines[:cut])
    keeper = BarKeeper(house.data, "1s", ["BTCUSDT"], structlog.get_logger())
    reader = KlineJournalReader(house.path)
    reader.read_new(time.time() * 1000)
    for moment in (0.0, 60.0):
        keeper.save_one(moment, {"BTCUSDT": reader}, time.time() * 1000)
    house.path.write_bytes(lines_of_klines(klines[cut - 9_600 :]))
    house.work()
    found = [each["signal"] for each in house.told if "signal" in each]
    assert len(whole) > 3
    assert [each["confidence"] for each in found] == [each.confidence for each in whole]


class Failing(Guest):
    def on_bar(self, frame: object, bar: Kline) -> None:
        raise SystemExit("enough")


def test_what_raises_stops_on_its_symbol_and_is_told_once(tmp_path: Path) -> None:
    house = House(tmp_path / "data", type("Failing", (Failing,), {"warm": None}))
    house.store(KLINES[:100])
    house.work()
    (failure,) = [each for each in house.told if "failed" in each]
    assert (failure["failed"], failure["symbol"]) == ("guest", "BTCUSDT")
    assert failure["reason"] == "guest stopped: SystemExit: enough"
    assert "in on_bar" in failure["traceback"]


def test_one_that_falls_far_behind_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(tmp_path / "data")
    house.store(KLINES[:10])
    house.work()
    house.offer(KLINES[10:20])
    monkeypatch.setattr("cq_tui.services.ares.plug_ins.residents.MAX_BEHIND", -1.0)
    house.work(1)
    assert "guest stopped: too slow" in house.resident.stopped
    assert not house.resident.has_work
    assert house.told[-1]["symbol"] == ""
