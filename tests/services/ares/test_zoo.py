"""A zoo of plug-ins: each fault is named and costs only its own plug-in, and ARES goes on."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline
from cq_tui.store.settings_file import change_settings
from tests.services import waiting
from tests.services.ares.test_service import Bars, directory, healthy_feeder, ready, signals
from tests.services.ares.zoo import IMPATIENT, NAMES, REASONS, install_zoo
from tests.services.processes import RunningService, running, spooled
from tests.services.scripted_market import bar
from tests.strategies.walks import walk

pytestmark = pytest.mark.stack
SECOND = 1_000


async def until(condition: Callable[[], object], seconds: float = 90.0) -> None:
    """Wait longer than usual: a host that starts gives way to all else that runs on this machine."""
    await waiting.until(condition, seconds)


@asynccontextmanager
async def zoo(
    tmp_path: Path, *names: str, back: int = 10, **settings: object
) -> AsyncIterator[tuple[DataDir, Bars, RunningService]]:
    """ARES with these plug-ins, all of which were loaded, or were not."""
    tmp_path.mkdir(exist_ok=True)
    data, plug = directory(tmp_path, **settings), install_zoo(tmp_path / "plug", *names)
    bars = Bars(data, back=back)
    async with healthy_feeder(data), running("ares", data, IMPATIENT, PYTHONPATH=plug) as ares:
        await ready(ares)
        yield data, bars, ares


def told(ares: RunningService, name: str) -> dict[str, Any]:
    found: dict[str, Any] = (ares.health.get("strategies") or {}).get(name) or {}
    return found


def state(ares: RunningService, name: str) -> str:
    return str(told(ares, name).get("state"))


def host_of(ares: RunningService) -> psutil.Process | None:
    """The process of plug-ins, once it has loaded them."""
    children = psutil.Process(ares.pid).children()
    return next((child for child in children if "cq_tui.services.ares.plug_ins" in child.cmdline()), None)


def still_there(ares: RunningService) -> list[str]:
    """Plug-ins with a fault that have not stopped yet."""
    return [name for name in REASONS if state(ares, name) != "stopped"]


def log_of(data: DataDir) -> str:
    return data.log_of("ares").read_text()


@pytest.mark.parametrize("name", REASONS)
async def test_each_fault_is_named_and_costs_only_its_own_plug_in(tmp_path: Path, name: str) -> None:
    async with zoo(tmp_path, name, "good") as (data, bars, ares):
        await until(lambda: state(ares, "good") == "running")
        first = bars.add(300.0)[0]
        # A gap, for what is called at a reset.
        bars.next += SECOND
        bars.add(100.0, 100.0, 100.0)
        await until(lambda: state(ares, name) == "stopped")
        assert REASONS[name] in told(ares, name)["reason"]
        await until(lambda: REASONS[name] in (ares.health.get("reason") or ""))
        assert name in log_of(data)
        await until(lambda: state(ares, "good") == "running")
        second = bars.add(300.0)[0]
        await until(lambda: ("good", second.close_time) in signals(data))
        good = [found for found in signals(data) if found[0] == "good"]
        assert good == [("good", first.close_time), ("good", second.close_time)]
        assert ares.is_alive


async def test_a_traceback_stands_in_the_log_also_of_what_hangs(tmp_path: Path) -> None:
    async with zoo(tmp_path, "hangs", "raises_on_bar", "raises_at_import") as (data, bars, ares):
        await until(lambda: state(ares, "hangs") == "running")
        bars.add(300.0)
        await until(lambda: state(ares, "hangs") == "stopped")
        log = log_of(data)
        assert 'zoo_hangs.py\\", line' in log
        assert "in on_bar" in log, "where it hung"
        assert 'zoo_raises_on_bar.py\\", line' in log
        assert 'zoo_raises_at_import.py\\", line' in log


def recent_walk() -> list[Kline]:
    """A walk of one-second bars up to now, with a gap."""
    klines = walk(4, 12_000, price=400.0)
    # By whole tide bars, so that each run has the same ones.
    shift = (int(time.time() - 25) * SECOND - klines[-1].open_time) // (15 * SECOND) * 15 * SECOND
    moved = [each._replace(open_time=each.open_time + shift, close_time=each.close_time + shift) for each in klines]
    return moved[:11_700] + moved[11_701:]


async def built_in_signals(root: Path, klines: list[Kline], *names: str) -> list[dict[str, Any]]:
    """The signals of the built-in strategies on these klines, with these plug-ins beside them."""
    root.mkdir()
    data, plug = directory(root, ARES_FRESHNESS_THRESHOLD=2_600), install_zoo(root / "plug", *names)
    bars = Bars(data)
    bars.replace(klines[:10_200])
    async with healthy_feeder(data), running("ares", data, IMPATIENT, PYTHONPATH=plug) as ares:
        await ready(ares)
        beats = asyncio.create_task(longest_pause(ares))
        for start in range(10_200, len(klines), 100):
            bars.writer.append([kline.to_line() for kline in klines[start : start + 100]])
            await asyncio.sleep(0.05)
        if names:
            await until(lambda: not still_there(ares), 90.0)
        last = klines[-1].close_time / 1000
        await until(lambda: (told := ares.health)["last_update_ts"] - told["updated_within_sec"] > last - 0.5)
        beats.cancel()
        await asyncio.gather(beats, return_exceptions=True)
        assert beats.cancelled(), "the heart of ARES stopped"
    events = [event["data"] for event in spooled(data, "ares", "signal_generated")]
    built_in = [event for event in events if event["strategy"] in ("trend_multi_tf", "bb_mean_revert_v2")]
    # Those of earlier bars depend on when it started.
    return [event for event in built_in if event["bar_close_time"] > klines[10_200].close_time]


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_signals_of_the_built_in_strategies_are_the_same_with_the_whole_zoo(tmp_path: Path) -> None:
    klines = recent_walk()
    alone = await built_in_signals(tmp_path / "alone", klines)
    assert alone == await built_in_signals(tmp_path / "zoo", klines, *NAMES)
    counts = Counter(signal["strategy"] for signal in alone)
    assert min(counts["trend_multi_tf"], counts["bb_mean_revert_v2"]) > 3


async def longest_pause(ares: RunningService) -> None:
    """Fail when the heart of ARES stops for two seconds; it beats every tenth of a second."""
    seen, since = None, time.monotonic()
    while True:
        await asyncio.sleep(0.05)
        last, now = ares.health.get("last_update_ts"), time.monotonic()
        if last != seen:
            seen, since = last, now
        if now - since > 2.0:
            raise AssertionError("no heartbeat for two seconds")


async def test_a_slow_plug_in_delays_only_itself(tmp_path: Path) -> None:
    async with zoo(tmp_path, "is_slow", "good", back=100, ARES_FRESHNESS_THRESHOLD=300) as (data, bars, ares):
        await until(lambda: state(ares, "is_slow") == state(ares, "good") == "running")
        bars.add(*[100.0] * 60)
        added = bars.add(300.0)[0]
        await until(lambda: signals(data) == [("good", added.close_time)])
        assert ares.health["latency_ms_p50"] < 1_500, "sixty bars take the slow one three seconds"
        await until(lambda: (told(ares, "is_slow").get("p50_us") or 0) > 50_000)
        assert state(ares, "is_slow") == "running"


async def test_what_plug_ins_print_stands_in_the_log_and_standard_input_is_empty(tmp_path: Path) -> None:
    async with zoo(tmp_path, "prints", "reads", "good") as (data, bars, ares):
        await until(lambda: state(ares, "good") == "running")
        added = bars.add(301.0)[0]
        await until(lambda: '"line":"printed at 301.0"' in log_of(data))
        await until(lambda: signals(data) == [("good", added.close_time)])
        assert state(ares, "reads") == "running"


async def test_a_plug_in_that_forks_makes_no_second_host(tmp_path: Path) -> None:
    async with zoo(tmp_path, "forks", "good") as (data, bars, ares):
        await until(lambda: state(ares, "good") == "running")
        host = host_of(ares)
        added = bars.add(300.0, 300.0)
        await until(lambda: len(signals(data)) == 2)
        assert signals(data) == [("good", kline.close_time) for kline in added]
        assert host is not None
        await until(lambda: all(child.status() == psutil.STATUS_ZOMBIE for child in host.children()))
        assert host_of(ares) == host
        assert state(ares, "forks") == "running"


async def test_no_signal_is_lost_or_made_twice_when_the_host_is_killed(tmp_path: Path) -> None:
    async with zoo(tmp_path, "good", ARES_FRESHNESS_THRESHOLD=600) as (data, bars, ares):
        expected: list[int] = []
        for _ in range(4):
            await until(lambda: state(ares, "good") == "running")
            host = host_of(ares)
            assert host is not None
            expected += [kline.close_time for kline in bars.add(300.0)]
            host.kill()
            expected += [kline.close_time for kline in bars.add(100.0, 300.0) if kline.close == 300.0]
            await until(lambda: expected == [close_time for _, close_time in signals(data)])  # noqa: B023
            while host_of(ares) in (None, host):
                await asyncio.sleep(0.01)


async def test_a_host_that_is_silent_is_replaced_and_nobody_is_blamed(tmp_path: Path) -> None:
    async with zoo(tmp_path, "good") as (data, bars, ares):
        await until(lambda: state(ares, "good") == "running")
        host = host_of(ares)
        assert host is not None
        host.suspend()
        added = bars.add(300.0)[0]
        await until(lambda: signals(data) == [("good", added.close_time)])
        assert not host.is_running()
        await until(lambda: state(ares, "good") == "running")


async def test_the_host_ends_with_ares_however_it_ends(tmp_path: Path) -> None:
    async with zoo(tmp_path, "good", "hangs") as (_, bars, ares):
        await until(lambda: state(ares, "good") == "running")
        host = host_of(ares)
        assert host is not None
        first = host.pid
        bars.add(300.0)
        ares.kill()
        await until(lambda: not psutil.pid_exists(first))
    async with zoo(tmp_path / "again", "good") as (_, _, ares):
        await until(lambda: state(ares, "good") == "running")
        host = host_of(ares)
        assert await ares.stop() == 0
        assert host is not None
        assert not host.is_running()


async def test_the_host_gives_way_and_knows_no_key(tmp_path: Path) -> None:
    data, plug = directory(tmp_path), install_zoo(tmp_path / "plug", "good")
    Bars(data)
    keys = {"BINANCE_API_KEY": "a-key", "BINANCE_API_SECRET": "a-secret"}
    async with healthy_feeder(data), running("ares", data, IMPATIENT, PYTHONPATH=plug, **keys) as ares:
        await until(lambda: state(ares, "good") == "running")
        host = host_of(ares)
        assert host is not None
        assert host.nice() > psutil.Process(ares.pid).nice()
        assert not keys.keys() & host.environ().keys()
        if (adjusted := Path(f"/proc/{host.pid}/oom_score_adj")).exists():
            assert adjusted.read_text().strip() == "1000"


async def test_there_is_no_host_without_plug_ins(tmp_path: Path) -> None:
    async with zoo(tmp_path) as (_, bars, ares):
        bars.add(100.0)
        await ares.next_health()
        assert host_of(ares) is None


async def test_a_plug_in_that_hung_gets_another_try_when_its_settings_change(tmp_path: Path) -> None:
    async with zoo(tmp_path, "hangs", "good") as (data, bars, ares):
        await until(lambda: state(ares, "hangs") == "running")
        bars.add(300.0)
        await until(lambda: state(ares, "hangs") == "stopped")
        await until(lambda: state(ares, "good") == "running")
        bars.replace([bar(kline.open_time, 100.0) for kline in bars.bars])
        await until(lambda: "stored klines changed" in log_of(data))
        change_settings(data.settings, {"STRATEGIES.hangs.enabled": True})
        await until(lambda: state(ares, "hangs") == state(ares, "good") == "running")
