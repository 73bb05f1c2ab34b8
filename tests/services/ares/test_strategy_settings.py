"""Settings of strategies in a running ARES: applied at the next bar, each by itself, and wrong ones named."""

import time
from pathlib import Path
from typing import Any

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline
from cq_tui.store.document import read_json
from cq_tui.store.journal import JournalWriter
from cq_tui.store.settings_file import change_settings
from cq_tui.strategies.bb_mean_revert_v2 import BbMeanRevertV2
from cq_tui.strategies.engine import SymbolEngine
from tests.services.ares.plug_ins import install
from tests.services.ares.test_service import Bars, directory, healthy_feeder, ready, signals
from tests.services.processes import RunningService, running, spooled
from tests.services.waiting import until
from tests.strategies.walks import SMALL_BAND, kline, walk

pytestmark = pytest.mark.stack
OFF = {"trend_multi_tf": {"enabled": False}, "bb_mean_revert_v2": {"enabled": False}}


def kept(data: DataDir) -> dict[str, Any]:
    found: dict[str, Any] = read_json(data.state_of("ares")).get("good_settings") or {}
    return found


def reason(ares: RunningService) -> str:
    return ares.health.get("reason") or ""


async def test_a_parameter_counts_from_the_next_bar_on_and_the_others_go_on(tmp_path: Path) -> None:
    data, plug = directory(tmp_path, STRATEGIES=OFF), install(tmp_path / "plug", "above", "leap")
    bars = Bars(data)
    async with healthy_feeder(data), running("ares", data, PYTHONPATH=plug) as ares:
        await ready(ares)
        await until(lambda: ares.health["active_strategies"] == ["above", "leap"])
        first = bars.add(150.0, 200.0)[-1]
        await until(lambda: signals(data) == [("above", first.close_time)])
        change_settings(data.settings, {"STRATEGIES.above.level": 120})
        await until(lambda: kept(data).get("above") == {"level": 120})
        second = bars.add(150.0)[0]
        await until(lambda: len(signals(data)) == 2)
        # A jump from the last bar before the change: this one did not start over.
        third = bars.add(310.0)[0]
        await until(lambda: len(signals(data)) == 4)
        assert signals(data)[1] == ("above", second.close_time)
        assert sorted(signals(data)[2:]) == [("above", third.close_time), ("leap", third.close_time)]
    carried = [event["data"] for event in spooled(data, "ares", "signal_generated")]
    assert carried[1]["values"] == {"level": 120.0, "last": 150.0}
    assert carried[1]["bar"]["close"] == 150.0
    hashes = [data["parameters_hash"] for data in carried if data["strategy"] == "above"]
    assert hashes[0] != hashes[1] == hashes[2]


async def test_a_strategy_is_switched_off_and_on_and_kept_to_its_symbols(tmp_path: Path) -> None:
    data, plug = directory(tmp_path, "BTCUSDT", "ETHUSDT"), install(tmp_path / "plug", "above", "high")
    bars, others = Bars(data), Bars(data, "ETHUSDT")
    async with healthy_feeder(data), running("ares", data, PYTHONPATH=plug) as ares:
        await ready(ares)
        await until(lambda: "above" in ares.health["active_strategies"])
        change_settings(data.settings, {"STRATEGIES.above.enabled": False, "STRATEGIES.high.symbols": ["ETHUSDT"]})
        await until(lambda: "above" not in ares.health["active_strategies"])
        bars.add(300.0)
        added = others.add(300.0)[0]
        await until(lambda: signals(data) == [("high", added.close_time)])
        change_settings(data.settings, {"STRATEGIES.above.enabled": None})
        await until(lambda: "above" in ares.health["active_strategies"])
        added = bars.add(300.0)[0]
        await until(lambda: len(signals(data)) == 2)
        assert signals(data)[1] == ("above", added.close_time)


async def test_a_wrong_value_keeps_the_last_good_one_over_a_restart_and_is_named(tmp_path: Path) -> None:
    data, plug = directory(tmp_path, STRATEGIES=OFF), install(tmp_path / "plug", "above")
    bars = Bars(data)
    async with healthy_feeder(data), running("ares", data, PYTHONPATH=plug) as ares:
        await ready(ares)
        change_settings(data.settings, {"STRATEGIES.above.level": 120})
        await until(lambda: kept(data).get("above") == {"level": 120})
        change_settings(data.settings, {"STRATEGIES": OFF | {"above": {"level": "high"}, "abov": {"level": 1}}})
        await until(lambda: "STRATEGIES.above.level is 'high'" in reason(ares))
        assert "STRATEGIES.abov: no strategy of this name is installed, did you mean above?" in reason(ares)
        assert ares.health["status"] == "degraded"
        lines = [line for line in data.log_of("ares").read_text().splitlines() if "of a strategy not applied" in line]
        assert len([line for line in lines if "STRATEGIES.above.level is 'high'" in line]) == 1
        first = bars.add(150.0)[0]
        await until(lambda: signals(data) == [("above", first.close_time)])
        assert await ares.stop() == 0
    async with healthy_feeder(data), running("ares", data, PYTHONPATH=plug) as ares:
        await ready(ares)
        await until(lambda: "STRATEGIES.above.level is 'high'" in reason(ares))
        second = bars.add(150.0)[0]
        await until(lambda: signals(data)[1:] == [("above", second.close_time)])
    assert read_json(data.settings)["STRATEGIES"]["abov"] == {"level": 1}, "for when it is installed"


async def test_the_environment_wins_and_a_plug_in_runs_on_bars_of_its_own_interval(tmp_path: Path) -> None:
    strategies = OFF | {"above": {"level": 120}, "high": {"interval": "1m"}}
    data = directory(tmp_path, STRATEGIES=strategies, ARES_FRESHNESS_THRESHOLD=180.0)
    plug = install(tmp_path / "plug", "above", "high")
    bars, writer = Bars(data), JournalWriter(data.klines_of("BTCUSDT", "1m"))
    minutes = ending_now([kline(place, 100.0 + 200 * (place == 9)) for place in range(10)], 60_000)
    async with (
        healthy_feeder(data),
        running("ares", data, PYTHONPATH=plug, STRATEGIES__ABOVE__LEVEL="400") as ares,
    ):
        await ready(ares)
        await until(lambda: sorted(ares.health["active_strategies"]) == ["above", "high"])
        writer.append([each.to_line() for each in minutes[:-1]])
        await until(lambda: ares.health["strategies"]["high"]["state"] == "running")
        bars.add(300.0)
        added = bars.add(400.0)[0]
        await until(lambda: signals(data) == [("above", added.close_time)])
        writer.append([minutes[-1].to_line()])
        await until(lambda: signals(data)[1:] == [("high", minutes[-1].close_time)])
        frames = [event["data"]["frame"] for event in spooled(data, "ares", "signal_generated")]
        assert frames == ["1s", "1m"]
        change_settings(data.settings, {"STRATEGIES.high.interval": None})
        await until(lambda: "interval" not in kept(data).get("high", {"interval": ""}))
        await until(lambda: ares.health["strategies"]["high"]["state"] == "running")
        added = bars.add(300.0)[0]
        await until(lambda: signals(data)[2:] == [("high", added.close_time)])


def ending_now(klines: list[Kline], interval_ms: int) -> list[Kline]:
    """The same bars at another interval, the last of them the newest that has closed."""
    newest = int(time.time() * 1000) // interval_ms * interval_ms - interval_ms
    starts = [newest - (len(klines) - 1 - place) * interval_ms for place in range(len(klines))]
    pairs = zip(klines, starts, strict=True)
    return [bar._replace(open_time=start, close_time=start + interval_ms - 1) for bar, start in pairs]


async def test_a_strategy_runs_on_bars_of_its_own_interval(tmp_path: Path) -> None:
    """It signals on bars of a minute while the base interval is a second; the other one goes on."""
    band = {"interval": "1m", **SMALL_BAND.model_dump(exclude_defaults=True)}
    data = directory(tmp_path, STRATEGIES={"bb_mean_revert_v2": band}, ARES_FRESHNESS_THRESHOLD=180.0)
    klines = walk(3, 2_000)
    engine = SymbolEngine(1_000, [BbMeanRevertV2("BTCUSDT", 1_000, SMALL_BAND)])
    signaling = next(place for place, bar in enumerate(klines) if engine.on_kline(bar))
    Bars(data)
    async with healthy_feeder(data), running("ares", data) as ares:
        await until(lambda: "waiting for klines of 1m: BTCUSDT" in reason(ares))
        assert (await ready(ares))["active_strategies"] == ["trend_multi_tf", "bb_mean_revert_v2"]
        minutes = ending_now(klines[: signaling + 1], 60_000)
        writer = JournalWriter(data.klines_of("BTCUSDT", "1m"))
        writer.append([bar.to_line() for bar in minutes[:-1]])
        await until(lambda: ares.health["strategies"]["bb_mean_revert_v2"]["state"] == "running")
        assert ares.health["strategies"]["trend_multi_tf"]["reason"].startswith("BTCUSDT tide frame 0/")
        writer.append([minutes[-1].to_line()])
        await until(lambda: spooled(data, "ares", "signal_generated"))
        (made,) = (event["data"] for event in spooled(data, "ares", "signal_generated"))
        assert (made["strategy"], made["frame"]) == ("bb_mean_revert_v2", "1m")
        assert made["bar_close_time"] == minutes[-1].close_time
        change_settings(data.settings, {"STRATEGIES.bb_mean_revert_v2.interval": None})
        await until(lambda: ares.health["strategies"]["bb_mean_revert_v2"]["state"] == "warming")
        assert "bars" in ares.health["strategies"]["bb_mean_revert_v2"]["reason"], "of the base interval"
