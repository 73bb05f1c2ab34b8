"""The feeder as a process: health is the age of data, tickers are bounded, exchanges come and go."""

import asyncio
import os
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from cq_tui.binance.hosts import Endpoints
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import kline_from_line
from cq_tui.contracts.tickers import tickers_from_bytes
from cq_tui.simulator.server import ExchangeEndpoint, SimulatorConfig
from cq_tui.simulator.server import run as run_simulator
from cq_tui.store.document import write_document
from cq_tui.store.journal import read_lines
from cq_tui.store.settings_file import change_settings
from tests.services.processes import AnnouncedExchange, RunningService, data_directory, running
from tests.services.scripted_market import ScriptedMarket
from tests.services.serving import serving
from tests.services.waiting import until
from tests.simulator.conftest import SHORT_HISTORY

pytestmark = pytest.mark.stack


def directory(root: Path) -> DataDir:
    return data_directory(
        root, SYMBOLS=["BTCUSDT", "ETHUSDT"], FEEDER_HEARTBEAT_INTERVAL=0.2, ARES_FRESHNESS_THRESHOLD=1.0
    )


@asynccontextmanager
async def talking(market: ScriptedMarket) -> AsyncIterator[None]:
    """Quote every symbol again and again."""

    async def talk() -> None:
        while True:
            for symbol in market.symbols:
                await market.quote(symbol)
            await asyncio.sleep(0.01)

    task = asyncio.create_task(talk())
    try:
        yield
    finally:
        task.cancel()


@asynccontextmanager
async def simulated_exchange() -> AsyncIterator[tuple[Endpoints, httpx.AsyncClient]]:
    """The simulated exchange itself, and a client of its /admin."""
    announced: asyncio.Future[ExchangeEndpoint] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    config = SimulatorConfig(symbols=("BTCUSDT", "ETHUSDT"), seed=4, history_ms=SHORT_HISTORY, admin=True)
    simulator = asyncio.create_task(run_simulator(config, on_ready=announced.set_result, stop=stop))
    try:
        at = await announced
        async with httpx.AsyncClient(base_url=at.rest_url) as admin:
            yield Endpoints(at.rest_url, at.stream_url, at.ws_api_url), admin
    finally:
        stop.set()
        await simulator


def account(*held: str) -> dict[str, object]:
    """What the trader writes of its account."""
    position = {"size": 1.0, "entry_price": 2.0, "unrealized_pnl": 0.0, "opened_ts": 1.0}
    positions = {symbol: {"symbol": symbol} | position for symbol in held}
    return {"timestamp": 1.0, "mode": "simulation", "equity": 1.0, "available_balance": 1.0, "positions": positions}


async def ready(feeder: RunningService) -> None:
    await until(lambda: feeder.health.get("ready") and feeder.health["status"] == "ok")


def stored(data: DataDir, symbol: str = "BTCUSDT") -> list[float]:
    return [kline_from_line(line).close for line in read_lines(data.klines_of(symbol, "1s"))]


async def test_health_is_the_age_of_the_data_not_of_the_process(tmp_path: Path) -> None:
    data, market = directory(tmp_path), ScriptedMarket()
    async with serving(market.application) as at, running("feeder", data) as feeder:
        AnnouncedExchange(data).at(at)
        async with talking(market):
            await ready(feeder)
            await until(lambda: feeder.health["updated_within_sec"] < 1.0)
        await until(lambda: feeder.health["status"] == "error")
        assert "no data for" in feeder.health["reason"]
        assert feeder.health["ws_connected"]
        assert feeder.health["updated_within_sec"] >= 1.0
        assert (await feeder.next_health())["status"] == "error", "it goes on saying so"
        async with talking(market):
            await ready(feeder)
        assert await feeder.stop() == 0


async def test_tickers_are_written_at_most_ten_times_a_second(tmp_path: Path) -> None:
    data, market = directory(tmp_path), ScriptedMarket()
    async with serving(market.application) as at, running("feeder", data) as feeder:
        AnnouncedExchange(data).at(at)
        async with talking(market):
            await ready(feeder)
            await until(data.tickers.exists)
            written: list[float] = []

            def seen_often() -> bool:
                moment = tickers_from_bytes(data.tickers.read_bytes())[0]
                if moment not in written:
                    written.append(moment)
                return len(written) > 5

            await until(seen_often)
        # The first may be the empty document of the start.
        assert min(later - earlier for earlier, later in pairwise(written[1:])) >= 0.1


async def test_an_exchange_that_is_killed_and_comes_back_elsewhere_is_found_again(tmp_path: Path) -> None:
    data, market = directory(tmp_path), ScriptedMarket()
    exchange = AnnouncedExchange(data)
    async with running("feeder", data) as feeder:
        await until(lambda: feeder.health.get("waiting_for") == "the simulated exchange")
        assert feeder.health["reason"] == "waiting for the simulated exchange"
        # Both listen at first, so that they have ports of their own.
        async with serving(market.application) as elsewhere:
            async with serving(market.application) as at, talking(market):
                exchange.at(at)
                await ready(feeder)
            exchange.gone()
            await until(lambda: not feeder.health["ready"])
            await market.close_bar("BTCUSDT")
            async with talking(market):
                exchange.at(elsewhere)
                await ready(feeder)
                assert stored(data) == [kline.close for kline in market.bars["BTCUSDT"]]


async def test_other_symbols_are_followed_without_a_restart(tmp_path: Path) -> None:
    data, market = directory(tmp_path), ScriptedMarket("BTCUSDT", "ETHUSDT", "SOLUSDT")
    async with serving(market.application) as at, running("feeder", data) as feeder, talking(market):
        AnnouncedExchange(data).at(at)
        await ready(feeder)
        change_settings(data.settings, {"SYMBOLS": ["SOLUSDT", "NONEUSDT"]})
        await until(lambda: feeder.health.get("symbols") == ["SOLUSDT"])
        await until(lambda: feeder.health.get("rejected_symbols") == {"NONEUSDT": "is not listed here"})
        await until(lambda: feeder.health["status"] == "degraded" and "NONEUSDT" in feeder.health["reason"])
        write_document(data.state_of("ares"), {"other_symbols": {"pair": ["BTCUSDT", "SOLUSDT"]}})
        await until(lambda: feeder.health.get("symbols") == ["SOLUSDT", "BTCUSDT"])
        assert feeder.health["other_symbols"] == ["BTCUSDT"], "what a strategy reads is fed as well"
        await until(lambda: stored(data, "BTCUSDT") != [])


async def test_held_symbols_are_fed_until_they_are_closed(tmp_path: Path) -> None:
    """Whatever SYMBOLS says, and whatever becomes of the trader, its document and the feeder itself."""
    data, market = directory(tmp_path), ScriptedMarket("BTCUSDT", "ETHUSDT", "SOLUSDT")
    async with serving(market.application) as at, talking(market):
        AnnouncedExchange(data).at(at)
        async with running("feeder", data) as feeder:
            await ready(feeder)
            write_document(data.account, account("ETHUSDT"))
            change_settings(data.settings, {"SYMBOLS": ["BTCUSDT"]})
            await until(lambda: feeder.health.get("held_symbols") == ["ETHUSDT"])
            await until(lambda: market.stream_symbols() == [{"BTCUSDT", "ETHUSDT"}])
            change_settings(data.settings, {"SYMBOLS": ["SOLUSDT"]})
            await until(lambda: feeder.health["symbols"] == ["SOLUSDT", "ETHUSDT"])
            assert feeder.health["reconnects"] == 0
            data.account.write_bytes(b'{"timestamp": 1,')
            await market.close_bar("ETHUSDT")
            await until(lambda: stored(data, "ETHUSDT") == [kline.close for kline in market.bars["ETHUSDT"]])
            feeder.kill()
        async with running("feeder", data) as feeder:
            await until(lambda: feeder.health.get("symbols") == ["SOLUSDT", "ETHUSDT"])
            await ready(feeder)
            assert feeder.health["held_symbols"] == ["ETHUSDT"]
            write_document(data.account, account())
            await until(lambda: feeder.health["symbols"] == ["SOLUSDT"])
            assert "held_symbols" not in feeder.health
            await until(lambda: list(tickers_from_bytes(data.tickers.read_bytes())[1]) == ["SOLUSDT"])


async def test_klines_by_which_a_stop_trails_are_fed_though_no_strategy_asks_for_them(tmp_path: Path) -> None:
    data = directory(tmp_path)
    held = account("BTCUSDT")
    held["positions"]["BTCUSDT"]["trail_frame"] = "1m"  # type: ignore[index]
    write_document(data.account, held)
    async with simulated_exchange() as (at, _), running("feeder", data) as feeder:
        AnnouncedExchange(data).at(at)
        await ready(feeder)
        await until(lambda: data.klines_of("BTCUSDT", "1m").exists() and data.klines_of("BTCUSDT", "1m").stat().st_size)


async def test_a_restart_keeps_the_last_price_of_a_halted_symbol(tmp_path: Path) -> None:
    data, market = directory(tmp_path), ScriptedMarket()
    async with serving(market.application) as at, talking(market):
        AnnouncedExchange(data).at(at)
        async with running("feeder", data) as feeder:
            await ready(feeder)
            await until(lambda: "ETHUSDT" in data.tickers.read_text())
            feeder.kill()
        market.symbols["ETHUSDT"] = "HALT"
        async with running("feeder", data) as feeder:
            await until(lambda: feeder.health.get("ready"))
            written = data.tickers.stat().st_ino
            await until(lambda: data.tickers.stat().st_ino != written)
            tickers = tickers_from_bytes(data.tickers.read_bytes())[1]
            assert tickers["ETHUSDT"].price > 0
            assert tickers["ETHUSDT"].timestamp < tickers["BTCUSDT"].timestamp


async def test_a_maintenance_is_waited_for_and_the_symbols_come_back_by_themselves(tmp_path: Path) -> None:
    data = directory(tmp_path)
    change_settings(data.settings, {"ARES_FRESHNESS_THRESHOLD": 30.0})
    async with simulated_exchange() as (at, admin):
        AnnouncedExchange(data).at(at)
        await admin.post("/admin/faults", json={"action": "status", "status": "BREAK"})
        async with running("feeder", data) as feeder:
            await until(lambda: "BTCUSDT, ETHUSDT: in maintenance (BREAK) since" in feeder.health.get("reason", ""))
            assert (feeder.health["status"], feeder.health["ready"], feeder.health["symbols"]) == ("error", False, [])
            assert feeder.health["waiting_for"] == feeder.health["reason"]
            await admin.delete("/admin/faults")
            await ready(feeder)
            assert feeder.health["symbols"] == ["BTCUSDT", "ETHUSDT"]
            await admin.post("/admin/faults", json={"action": "status", "status": "HALT", "symbol": "ETHUSDT"})
            await until(lambda: feeder.health["symbols"] == ["BTCUSDT"])
            assert feeder.health["reason"].startswith("ETHUSDT: trading is halted (HALT) since ")
            assert (feeder.health["status"], feeder.health["ready"]) == ("degraded", True)
            await admin.delete("/admin/faults")
            await ready(feeder)
            assert feeder.health["symbols"] == ["BTCUSDT", "ETHUSDT"]
            assert feeder.health["reconnects"] == 0
            for symbol in ("BTCUSDT", "ETHUSDT"):
                count = len(stored(data, symbol))
                await until(lambda symbol=symbol, count=count: len(stored(data, symbol)) > count + 1)  # type: ignore[misc]
                times = [kline_from_line(line).open_time for line in read_lines(data.klines_of(symbol, "1s"))]
                assert times == list(range(times[0], times[-1] + 1, 1_000)), "no bar is missing"


async def test_a_full_disk_is_reported_and_loses_nothing(tmp_path: Path) -> None:
    data, market = directory(tmp_path), ScriptedMarket()
    async with serving(market.application) as at, running("feeder", data) as feeder, talking(market):
        AnnouncedExchange(data).at(at)
        await ready(feeder)
        # Room for health and tickers, none for the journal of klines.
        size = os.stat(data.klines_of("BTCUSDT", "1s")).st_size
        resource.prlimit(feeder.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        await market.close_bar("BTCUSDT")
        await until(
            lambda: "BTCUSDT-1s" in (feeder.health.get("reason") or "") and feeder.health["status"] == "degraded"
        )
        await market.close_bar("BTCUSDT")
        resource.prlimit(feeder.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await until(lambda: stored(data) == [kline.close for kline in market.bars["BTCUSDT"]])
        await ready(feeder)


async def test_an_invalid_address_in_the_settings_is_reported(tmp_path: Path) -> None:
    data = data_directory(tmp_path, SIMULATION_MODE=False, BINANCE_REST_URL="nowhere", FEEDER_HEARTBEAT_INTERVAL=0.2)
    async with running("feeder", data) as feeder:
        await until(lambda: "BINANCE_REST_URL" in (feeder.health.get("reason") or ""))
        assert feeder.health["status"] == "error"
        assert feeder.is_alive
