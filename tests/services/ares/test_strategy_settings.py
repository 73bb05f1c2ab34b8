"""Settings of strategies in a running ARES: applied at the next bar, each by itself, and wrong ones named."""

from pathlib import Path
from typing import Any

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import read_json
from cq_tui.store.settings_file import change_settings
from tests.services.ares.plug_ins import install
from tests.services.ares.test_service import Bars, directory, healthy_feeder, ready, signals
from tests.services.processes import RunningService, running, spooled
from tests.services.waiting import until

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


async def test_the_environment_wins_and_another_interval_is_refused_by_name(tmp_path: Path) -> None:
    data = directory(tmp_path, STRATEGIES=OFF | {"above": {"level": 120}, "high": {"interval": "1m"}})
    plug = install(tmp_path / "plug", "above", "high")
    bars = Bars(data)
    async with (
        healthy_feeder(data),
        running("ares", data, PYTHONPATH=plug, STRATEGIES__ABOVE__LEVEL="400") as ares,
    ):
        await ready(ares)
        await until(lambda: ares.health["active_strategies"] == ["above"])
        assert "STRATEGIES.high.interval is 1m: strategies run on the base interval, 1s" in reason(ares)
        bars.add(300.0)
        added = bars.add(400.0)[0]
        await until(lambda: signals(data) == [("above", added.close_time)])
