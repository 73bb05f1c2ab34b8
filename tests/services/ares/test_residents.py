"""A plug-in inside the host decides as the engine does, however its bars reach it: journal, pipe, or both at once."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import structlog

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline, lines_of_klines
from cq_tui.services.ares.bar_keeper import BarKeeper
from cq_tui.services.ares.plug_ins.guarded_calls import GuardedCalls
from cq_tui.services.ares.plug_ins.residents import Market, Resident, _Waiting
from cq_tui.services.ares.plug_ins.running_call import RunningCall, new_page
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.klines import KlineJournalReader
from cq_tui.strategies.bar_order import BarOrder
from cq_tui.strategies.bars import Frame
from cq_tui.strategies.bb_mean_revert_v2 import BandParameters, BbMeanRevertV2
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.protocol import HeldPosition, Signal
from cq_tui.strategies.trend_multi_tf import TrendMultiTf
from tests.lookback.test_strategy_checks import Rising
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
        self.stored: dict[str, list[Kline]] = {}
        descriptor = new_page()
        page = RunningCall(descriptor)
        os.close(descriptor)
        self.market = market = Market(self.data, "1s", ("BTCUSDT",), 0.0, fresh_seconds)
        self.resident = Resident(kind, market, GuardedCalls(page), self.told.append, None)
        self.path = market.journal_of("BTCUSDT", "1s")
        self.resident.follow({})

    def store(self, klines: list[Kline], symbol: str = "BTCUSDT") -> None:
        self.stored.setdefault(symbol, []).extend(klines)
        with self.market.journal_of(symbol, "1s").open("ab") as file:
            file.write(lines_of_klines(klines))

    def offer(self, klines: list[Kline], symbol: str = "BTCUSDT") -> None:
        for kline in klines:
            self.resident.offer(symbol, kline, 0.0)

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


class Aware(Guest):
    """Has no batch start, so that it counts every bar."""

    warm: Any = None
    told: ClassVar[list[tuple[HeldPosition | None, int]]] = []
    bars = 0

    def on_position(self, position: HeldPosition | None) -> None:
        self.told.append((position, self.bars))

    def on_bar(self, frame: Frame, bar: Kline) -> Signal | None:
        self.bars += 1
        return super().on_bar(frame, bar)


def test_what_it_holds_is_told_with_the_first_live_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Aware, "told", [])
    monkeypatch.setattr(Market, "fresh_from_ms", KLINES[50].close_time)
    house = House(tmp_path / "data", Aware)
    held = HeldPosition("guest", 1.0, 2.0, 3)
    house.market.positions = {"BTCUSDT": held}
    house.store(KLINES[:60])
    house.work()
    house.market.positions = {}
    house.offer(KLINES[60:70])
    house.work()
    assert Aware.told == [(held, 50), (None, 60)]


class Pair(Rising):
    """Buys when its symbol rises while the other one falls."""

    name: ClassVar[str] = "pair"
    other_symbols: Sequence[str] = ("ETHUSDT",)
    other = 0.0

    def __init__(self, symbol: str, base_interval_ms: int, parameters: object) -> None:
        super().__init__(symbol)

    def on_other_bar(self, symbol: str, frame: Frame, bar: Kline) -> None:
        self.other = bar.close - bar.open

    def is_due(self, bar: Kline) -> bool:
        return super().is_due(bar) and self.other < 0


OTHERS = walk(6, 3_000)


def paired() -> list[tuple[int, str, float]]:
    """The signals of the pair on past bars."""
    engine, order = (
        SymbolEngine(SECOND, [Pair("BTCUSDT", SECOND, None)]),
        BarOrder[_Waiting]("BTCUSDT", ["ETHUSDT"], SECOND),
    )
    for symbol, klines in (("ETHUSDT", OTHERS), ("BTCUSDT", KLINES)):
        for kline in klines:
            order.offer(_Waiting(symbol, kline, 0.0))
    found = []
    for bar in order.ready():
        if bar.symbol == "ETHUSDT":
            engine.on_other_kline("ETHUSDT", bar.kline)
        else:
            found += [(one.bar_close_time, one.side.value, one.stop_loss) for one in engine.on_kline(bar.kline)]
    return found


@pytest.mark.parametrize(("steps", "other_is_late"), [(10**9, 0), (7, 0), (400, 150), (3, 900)])
def test_one_that_reads_another_symbol_decides_as_on_past_bars(tmp_path: Path, steps: int, other_is_late: int) -> None:
    house = House(tmp_path / "data", Pair)
    house.store(KLINES[:1_000])
    house.store(OTHERS[:900], "ETHUSDT")
    for start in range(1_000, 3_000, 100):
        house.work(steps)
        house.store(KLINES[start : start + 100])
        house.offer(KLINES[start : start + 100])
        other = OTHERS[start - 100 - other_is_late : start - other_is_late] if start - other_is_late > 900 else []
        house.store(other, "ETHUSDT")
        house.offer(other, "ETHUSDT")
    rest = [kline for kline in OTHERS if kline.open_time > house.stored["ETHUSDT"][-1].open_time]
    house.store(rest, "ETHUSDT")
    house.offer(rest, "ETHUSDT")
    house.work()
    expected = paired()
    assert len(expected) > 100
    assert house.signals == expected
    assert house.resident.state()["others"] == ["ETHUSDT"]


def test_what_holds_it_up_is_named_and_another_history_is_read_from_its_start(tmp_path: Path) -> None:
    house = House(tmp_path / "data", Pair)
    house.store(KLINES)
    assert house.resident.state()["others"] is None, "not known before it is made"
    house.work()
    assert house.signals == []
    assert house.resident.state()["warming"] == [1, "BTCUSDT", "waits for klines of ETHUSDT"]
    house.store(OTHERS, "ETHUSDT")
    house.resident.start_over("ETHUSDT")
    house.work()
    assert house.signals == paired()
    assert house.resident.state()["warming"] == []


def test_one_that_reads_too_many_symbols_is_stopped_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cq_tui.services.ares.plug_ins.residents.MAX_OTHERS_IN_ALL", 0)
    house = House(tmp_path / "data", Pair)
    house.store(KLINES[:10])
    house.work()
    assert house.told[-1]["reason"] == "pair stopped: it reads more than 0 other symbols"
    assert house.resident.state()["others"] == []


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
