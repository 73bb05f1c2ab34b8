"""ARES as a process: signals once and only on fresh data, whatever is done to it and to its files."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline
from cq_tui.services.ares.service import AresService
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.store.document import read_json, write_document
from cq_tui.store.journal import JournalWriter
from cq_tui.store.settings_file import change_settings
from cq_tui.store.spools.spool import EventSpool
from tests.services.ares.plug_ins import install
from tests.services.processes import RunningService, data_directory, report, running, spooled
from tests.services.scripted_market import bar
from tests.services.waiting import until

pytestmark = pytest.mark.stack
SECOND = 1_000


class Bars:
    """The kline journal of one symbol, with bars of one second that end ``back`` seconds ago or less."""

    def __init__(
        self, data: DataDir, symbol: str = "BTCUSDT", interval: str = "1s", closes: float = 100.0, back: int = 10
    ) -> None:
        self.path = data.klines_of(symbol, interval)
        self.writer = JournalWriter(self.path, quarantine=data.quarantine)
        #: Some seconds back, so that bars can be added at once.
        self.next = (int(time.time()) - back - 10) * SECOND
        self.bars: list[Kline] = []
        self.add(*[closes] * 10)

    def add(self, *closes: float) -> list[Kline]:
        added = [bar(self.next + i * SECOND, close) for i, close in enumerate(closes)]
        self.next += len(added) * SECOND
        self.bars += added
        self.writer.append([kline.to_line() for kline in added])
        return added

    def add_lines(self, *lines: bytes) -> None:
        self.writer.append(lines)

    def replace(self, bars: list[Kline]) -> None:
        """Put another file in its place, as compaction and another market do."""
        self.writer.close()
        write_document(self.path, b"".join(kline.to_line() + b"\n" for kline in bars))
        self.writer = JournalWriter(self.path)
        self.bars = list(bars)
        self.next = bars[-1].open_time + SECOND


def directory(root: Path, *symbols: str, **settings: object) -> DataDir:
    """A wide limit of freshness: how long this machine takes to start a process is not what is tested."""
    chosen: dict[str, object] = {"SYMBOLS": list(symbols or ("BTCUSDT",)), "ARES_FRESHNESS_THRESHOLD": 60.0}
    return data_directory(root / "data", **(chosen | settings))


@asynccontextmanager
async def healthy_feeder(data: DataDir, **changes: object) -> AsyncIterator[dict[str, object]]:
    """Report as a healthy feeder would, again and again; what the test puts into the dictionary is reported too."""
    reported = dict(changes)

    async def beat() -> None:
        while True:
            report(data, "feeder", **reported)
            await asyncio.sleep(0.2)

    beating = asyncio.create_task(beat())
    try:
        yield reported
    finally:
        beating.cancel()


def signals(data: DataDir) -> list[tuple[str, int]]:
    events = spooled(data, "ares", "signal_generated")
    return [(event["data"]["strategy"], event["data"]["bar_close_time"]) for event in events]


async def ready(ares: RunningService) -> dict[str, Any]:
    await until(lambda: ares.health.get("ready"))
    return ares.health


async def test_a_signal_is_made_once_however_often_ares_is_killed(tmp_path: Path) -> None:
    data, plug = directory(tmp_path), install(tmp_path / "plug", "high")
    bars = Bars(data)
    expected = []
    async with healthy_feeder(data):
        for _ in range(3):
            async with running("ares", data, PYTHONPATH=plug) as ares:
                await ready(ares)
                expected.append(("high", bars.add(300.0)[0].close_time))
                await until(lambda: len(signals(data)) >= len(expected))
                ares.kill()
        async with running("ares", data, PYTHONPATH=plug) as ares:
            await ready(ares)
            expected += [("high", kline.close_time) for kline in bars.add(100.0, 300.0) if kline.close == 300.0]
            await until(lambda: ares.health["signal_count"] == len(expected))
            assert await ares.stop() == 0
    assert signals(data) == expected
    assert max(Counter(signals(data)).values()) == 1


async def test_a_signal_that_was_spooled_and_not_counted_is_counted_later(tmp_path: Path) -> None:
    """A kill may come between the two."""
    data = directory(tmp_path)
    write_document(data.state_of("ares"), {"signal_count": 1, "last_signal_time": 5.0})
    spool = EventSpool(data.spool, "ares", quarantine=data.quarantine)
    for number in range(3):
        parts = {"strategy": "high", "symbol": "BTCUSDT", "frame": "1s", "bar_close_time": number, "side": "BUY"}
        spool.emit("signal_generated", parts)
    spool.close()
    frame = ServiceRuntime("ares", data)
    assert AresService(frame).health(time.time()).signal_count == 3
    frame.close()


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"last_update_ts": 1_000.0}, "old"),
        ({"last_update_ts": 99_999_999_999.0}, "ahead"),
        ({"status": "error", "reason": "no data for 99 s"}, "no data for 99 s"),
    ],
)
async def test_no_signal_is_emitted_while_the_feeder_is_unhealthy(
    tmp_path: Path, changes: dict[str, object], word: str
) -> None:
    data, plug = directory(tmp_path), install(tmp_path / "plug", "high")
    bars = Bars(data)
    async with healthy_feeder(data, **changes) as reported, running("ares", data, PYTHONPATH=plug) as ares:
        await until(lambda: word in (ares.health.get("reason") or ""))
        assert (ares.health["feeder_health_ok"], ares.health["ready"]) == (False, False)
        assert re.fullmatch("the feeder: (health is .*|no data .*)", ares.health["waiting_for"])
        bars.add(300.0)
        await until(lambda: '"event":"signal withheld"' in data.log_of("ares").read_text())
        assert signals(data) == []
        for name in changes:
            del reported[name]
        await ready(ares)
        added = bars.add(300.0)
        await until(lambda: signals(data) == [("high", added[0].close_time)])


async def test_bars_that_close_in_the_future_are_refused(tmp_path: Path) -> None:
    data, plug = directory(tmp_path), install(tmp_path / "plug", "high")
    bars = Bars(data)
    async with healthy_feeder(data), running("ares", data, PYTHONPATH=plug) as ares:
        await ready(ares)
        ahead = bar((int(time.time()) + 3_600) * SECOND, 300.0)
        bars.add_lines(ahead.to_line())
        await until(lambda: "future" in (ares.health.get("reason") or ""))
        added = bars.add(300.0)
        await until(lambda: signals(data))
        assert signals(data) == [("high", added[0].close_time)]


async def test_the_exchange_s_clock_decides_what_the_future_is(tmp_path: Path) -> None:
    data, plug = directory(tmp_path), install(tmp_path / "plug", "high")
    bars = Bars(data)
    bars.replace([kline._replace(open_time=k, close_time=k + 999) for kline in bars.bars
                  for k in [kline.open_time + 60 * SECOND]])  # fmt: skip
    async with healthy_feeder(data, clock_offset_ms=60_000.0), running("ares", data, PYTHONPATH=plug) as ares:
        await ready(ares)
        added = bars.add(300.0)
        await until(lambda: signals(data) == [("high", added[0].close_time)])


async def test_bad_lines_are_reported_and_the_rest_continues(tmp_path: Path) -> None:
    data, plug = directory(tmp_path), install(tmp_path / "plug", "high")
    bars = Bars(data)
    async with healthy_feeder(data), running("ares", data, PYTHONPATH=plug) as ares:
        await ready(ares)
        bars.add_lines(b"\x00\xff\x1b[31m", b'{"open_time": "now"}', b"[]")
        await until(lambda: "3 kline lines" in (ares.health.get("reason") or ""))
        assert ares.health["status"] == "degraded"
        added = bars.add(300.0)
        await until(lambda: signals(data) == [("high", added[0].close_time)])


async def test_an_unreadable_journal_is_reported_and_the_others_continue(tmp_path: Path) -> None:
    data, plug = directory(tmp_path, "BTCUSDT", "ETHUSDT"), install(tmp_path / "plug", "high")
    bars = Bars(data)
    data.klines_of("ETHUSDT", "1s").mkdir()
    async with healthy_feeder(data), running("ares", data, PYTHONPATH=plug) as ares:
        await until(lambda: "ETHUSDT-1s" in (ares.health.get("reason") or ""))
        added = bars.add(300.0)
        await until(lambda: signals(data) == [("high", added[0].close_time)])


async def test_a_compacted_journal_is_the_same_series(tmp_path: Path) -> None:
    data, plug = directory(tmp_path), install(tmp_path / "plug", "high", "leap")
    bars = Bars(data)
    async with healthy_feeder(data), running("ares", data, PYTHONPATH=plug) as ares:
        await ready(ares)
        first = bars.add(300.0)[0]
        await until(lambda: len(signals(data)) == 2)
        bars.replace(bars.bars[4:])
        second = bars.add(700.0)[0]
        await until(lambda: len(signals(data)) == 4)
        expected = [(name, kline.close_time) for kline in (first, second) for name in ("high", "leap")]
        assert sorted(signals(data), key=lambda signal: (signal[1], signal[0])) == expected


async def test_another_market_is_another_series(tmp_path: Path) -> None:
    data, plug = directory(tmp_path), install(tmp_path / "plug", "high", "leap")
    bars = Bars(data)
    async with healthy_feeder(data), running("ares", data, PYTHONPATH=plug) as ares:
        await ready(ares)
        other = [kline._replace(open=k, high=k + 1, low=k - 1, close=k) for kline in bars.bars for k in [150.0]]
        bars.replace([*other, bar(other[-1].open_time + SECOND, 310.0)])
        await until(lambda: signals(data))
        added = bars.add(320.0)[0]
        await until(lambda: ("high", added.close_time) in signals(data))
        # 100 to 310 is a leap of two markets; within the new one there is none, from 150 to 310 there is.
        leaps = [signal for signal in signals(data) if signal[0] == "leap"]
        assert leaps == [("leap", other[-1].close_time + SECOND)]
        bars.replace([bar(kline.open_time, 900.0) for kline in bars.bars])
        added = bars.add(900.0)[0]
        await until(lambda: ("high", added.close_time) in signals(data))
        assert [signal for signal in signals(data) if signal[0] == "leap"] == leaps


async def test_repaired_klines_are_read_again_from_the_start(tmp_path: Path) -> None:
    data, plug = directory(tmp_path), install(tmp_path / "plug", "high", "leap")
    bars = Bars(data)
    async with healthy_feeder(data), running("ares", data, PYTHONPATH=plug) as ares:
        await ready(ares)
        added = bars.add(300.0)[0]
        await until(lambda: len(signals(data)) == 2)
        assert "stored klines changed" not in data.log_of("ares").read_text()
        bars.replace([*bars.bars[:3], bar(bars.bars[3].open_time, 99.0), *bars.bars[4:]])
        await until(lambda: "stored klines changed" in data.log_of("ares").read_text())
        later = bars.add(310.0)[0]
        await until(lambda: ("high", later.close_time) in signals(data))
        told = {("high", added.close_time), ("leap", added.close_time), ("high", later.close_time)}
        assert (set(signals(data)), len(signals(data))) == (told, 3), "none is told twice"


async def test_symbols_and_interval_follow_the_settings(tmp_path: Path) -> None:
    data, plug = directory(tmp_path), install(tmp_path / "plug", "high")
    Bars(data)
    other, minutes = Bars(data, "ETHUSDT"), Bars(data, "ETHUSDT", "1m")
    async with healthy_feeder(data), running("ares", data, PYTHONPATH=plug) as ares:
        await ready(ares)
        change_settings(data.settings, {"SYMBOLS": ["ETHUSDT"]})
        await until(lambda: "settings changed" in data.log_of("ares").read_text())
        added = other.add(300.0)[0]
        await until(lambda: signals(data) == [("high", added.close_time)])
        change_settings(data.settings, {"ARES_BASE_INTERVAL": "1m"})
        start = (int(time.time()) - 300) // 60 * 60 * SECOND
        lines = [bar(start + i * 60 * SECOND, 300.0)._replace(close_time=start + (i + 1) * 60 * SECOND - 1)
                 for i in range(4)]  # fmt: skip
        minutes.replace(lines)
        # The newest of these bars ended a minute ago, that of a second's series some seconds ago.
        await until(lambda: (health := ares.health).get("ready") and health["updated_within_sec"] >= 59)
        assert signals(data) == [("high", added.close_time)], "a minute that is long over is no news"


async def test_no_signal_is_made_in_a_symbol_that_is_only_held(tmp_path: Path) -> None:
    """The feeder feeds it until it is closed; nothing is opened in it."""
    data, plug = directory(tmp_path, "BTCUSDT"), install(tmp_path / "plug", "high")
    wanted, held = Bars(data), Bars(data, "ETHUSDT")
    listed = {"symbols": ["BTCUSDT", "ETHUSDT"], "held_symbols": ["ETHUSDT"]}
    async with healthy_feeder(data, **listed), running("ares", data, PYTHONPATH=plug) as ares:
        await ready(ares)
        held.add(300.0)
        added = wanted.add(300.0)[0]
        await until(lambda: signals(data))
        assert [event["data"]["symbol"] for event in spooled(data, "ares", "signal_generated")] == ["BTCUSDT"]
        assert signals(data) == [("high", added.close_time)]


async def test_symbols_that_the_exchange_does_not_list_are_not_waited_for(tmp_path: Path) -> None:
    data, plug = directory(tmp_path, "BTCUSDT", "NONEUSDT"), install(tmp_path / "plug", "high")
    Bars(data)
    async with healthy_feeder(data) as reported, running("ares", data, PYTHONPATH=plug) as ares:
        await until(lambda: "NONEUSDT" in (ares.health.get("reason") or ""))
        assert not ares.health["ready"]
        await until(lambda: "NONEUSDT" in (ares.health.get("warming") or {}))
        reported["rejected_symbols"] = {"NONEUSDT": "is not listed here"}
        await ready(ares)
        await until(lambda: "NONEUSDT" not in str(ares.health))


async def test_a_plug_in_reads_another_symbol_and_sees_its_position(tmp_path: Path) -> None:
    data, plug = directory(tmp_path), install(tmp_path / "plug", "paired")
    bars = Bars(data)

    def values() -> list[dict[str, float]]:
        return [event["data"]["values"] for event in spooled(data, "ares", "signal_generated")]

    async with healthy_feeder(data), running("ares", data, PYTHONPATH=plug) as ares:
        await until(lambda: "waits for klines of ETHUSDT" in str((ares.health.get("strategies") or {}).get("paired")))
        wanted = read_json(data.state_of("ares"))["other_symbols"]
        assert wanted == {"paired": ["ETHUSDT"]}, "so that the feeder feeds it"
        other = Bars(data, "ETHUSDT", closes=50.0)
        bars.add(*[100.0] * ((other.next - bars.next) // SECOND))
        other.add(60.0)
        await until(lambda: ares.health["strategies"]["paired"]["state"] == "running")
        first = bars.add(100.0, 300.0)[-1]
        await until(lambda: signals(data) == [("paired", first.close_time)])
        assert values() == [{"other": 60.0, "held": 0.0}]
        position = {"symbol": "BTCUSDT", "size": 0.5, "entry_price": 300.0, "unrealized_pnl": 0.0, "opened_ts": 1.0}
        account = {"timestamp": 1.0, "mode": "simulation", "equity": 1.0, "available_balance": 1.0}
        write_document(data.account, account | {"positions": {"BTCUSDT": position | {"strategy": "paired"}}})
        # What closes together with the own bar is seen by the next one alone.
        other.add(70.0, 80.0)
        bars.add(300.0)
        await until(lambda: len(values()) == 2)
        assert values()[1] == {"other": 70.0, "held": 0.5}
        # Without the other's bar it waits, and goes on when that comes.
        late = bars.add(100.0, 300.0)[-1]
        other.add(90.0)
        await until(lambda: ("paired", late.close_time) in signals(data))
        assert values()[2] == {"other": 90.0, "held": 0.5}


async def test_failing_plug_ins_are_named_and_the_others_continue(tmp_path: Path) -> None:
    data, plug = directory(tmp_path), install(tmp_path / "plug", "broken", "faulty", "high")
    bars = Bars(data)
    async with healthy_feeder(data), running("ares", data, PYTHONPATH=plug) as ares:
        await ready(ares)
        await until(lambda: len(ares.health["active_strategies"]) == 4)
        health = await ares.next_health()
        assert "'broken'" in health["reason"]
        assert "no_such_module" in health["reason"]
        assert health["active_strategies"] == ["trend_multi_tf", "bb_mean_revert_v2", "faulty", "high"]
        added = bars.add(600.0)[0]
        await until(lambda: "five hundred is too much" in (ares.health.get("reason") or ""))
        assert ares.health["status"] == "degraded"
        assert signals(data) == [("high", added.close_time)]
        await until(lambda: ares.health["strategies"]["high"]["state"] == "running")
        told = ares.health["strategies"]
        assert told["faulty"]["state"] == "stopped"
        assert told["faulty"]["reason"] == "BTCUSDT: faulty stopped: RuntimeError: five hundred is too much"
        assert told["high"]["signals"] == 1
        assert added.close_time / 1000 < told["high"]["last_signal_ts"] <= time.time()
        assert told["high"]["p50_us"] > 0
        assert 0 < ares.health["latency_ms_p50"] < 10_000
        log = data.log_of("ares").read_text()
        assert "in decide" in log
        assert "five hundred is too much" in log


async def test_default_signals_need_consent_quiet_and_a_flat_symbol_with_a_fresh_bar(tmp_path: Path) -> None:
    data = directory(tmp_path, "SOLUSDT", "ETHUSDT", "BTCUSDT", TEST_ALLOW_DEFAULT_SIGNAL=True)
    stale, held, flat = Bars(data, "SOLUSDT"), Bars(data, "ETHUSDT"), Bars(data)
    stale.replace([bar(kline.open_time - 120 * SECOND, 100.0) for kline in stale.bars])

    def chosen() -> list[str]:
        return [event["data"]["symbol"] for event in spooled(data, "ares", "signal_generated")]

    kind = "tests.services.ares.hasty:HastyAres"
    async with healthy_feeder(data), running("ares", data, kind) as ares:
        assert not (await ready(ares))["default_signals_blocked"]
        await until(lambda: chosen())
        account = {"timestamp": 1, "mode": "simulation", "equity": 1, "available_balance": 1}
        position = {"symbol": "ETHUSDT", "size": 1, "entry_price": 1, "unrealized_pnl": 0, "opened_ts": 1}
        write_document(data.account, account | {"positions": {"ETHUSDT": position}})
        held.add(101.0)
        flat.add(101.0)
        await until(lambda: "BTCUSDT" in chosen())
        assert chosen()[0] == "ETHUSDT", "the first symbol with a fresh bar"
        assert chosen()[-1] == "BTCUSDT", "the first that is flat as well"
        change_settings(data.settings, {"TEST_ALLOW_DEFAULT_SIGNAL": False})
        await until(lambda: ares.health.get("default_signals_blocked"))
