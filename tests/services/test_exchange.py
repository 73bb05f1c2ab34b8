"""The simulated exchange as a service: same address after a crash, restarted only for another market."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import ROUND_DOWN, Decimal
from pathlib import Path

import httpx
import pytest

from cq_tui.binance.rest import SpotRest
from cq_tui.binance.signing import Credentials, sign_hmac
from cq_tui.binance.types import AccountInfo
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.runfiles import ExchangeAddress
from cq_tui.simulator.server import ExchangeEndpoint, SimulatorConfig, run
from cq_tui.store.document import DocumentError, read_document, write_document
from cq_tui.store.settings_file import change_settings
from tests.services.processes import RunningService, data_directory, running
from tests.services.waiting import until
from tests.simulator.conftest import SHORT_HISTORY

pytestmark = pytest.mark.stack


def address(data: DataDir) -> ExchangeAddress | None:
    try:
        return read_document(data.exchange_address, ExchangeAddress)
    except DocumentError:
        return None


async def listening(exchange: RunningService) -> ExchangeAddress:
    def ready() -> ExchangeAddress | None:
        found = address(exchange.data)
        fits = found is not None and found.pid == exchange.pid and exchange.health.get("rest_url") == found.rest_url
        return found if fits and exchange.health.get("ready") else None

    found = await until(ready)
    assert found is not None
    return found


def symbols(at: ExchangeAddress) -> list[str]:
    rows = httpx.get(f"{at.rest_url}/api/v3/ticker/price", trust_env=False).json()
    return [row["symbol"] for row in rows]


def times_listening(data: DataDir) -> int:
    return data.log_of("exchange").read_text().count('"event":"listening"')


async def test_a_killed_exchange_restarts_with_the_same_port_and_key(tmp_path: Path) -> None:
    data = data_directory(tmp_path, SYMBOLS=["BTCUSDT"])
    async with running("exchange", data) as exchange:
        first = await listening(exchange)
        assert data.exchange_address.stat().st_mode & 0o777 == 0o600
        exchange.kill()
    async with running("exchange", data) as exchange:
        second = await listening(exchange)
        assert second.model_dump(exclude={"pid", "started_ts"}) == first.model_dump(exclude={"pid", "started_ts"})
        assert await exchange.stop() == 0


async def account_of(at: ExchangeAddress) -> AccountInfo:
    credentials = Credentials(at.api_key.get_secret_value(), at.api_secret.get_secret_value())
    async with SpotRest(at.rest_url, credentials) as rest:
        return await rest.account()


async def test_the_account_outlives_the_run_folder_but_not_its_ledger(tmp_path: Path) -> None:
    data = data_directory(tmp_path, SYMBOLS=["BTCUSDT"])
    uids, keys = [], []
    for lost in (data.exchange_address, data.exchange_address, data.ledger):
        async with running("exchange", data) as exchange:
            at = await listening(exchange)
            uids.append((await account_of(at)).uid)
            keys.append(at.api_key)
            exchange.kill()
        lost.unlink()
    async with running("exchange", data) as exchange:
        fresh = await account_of(await listening(exchange))
    assert len(set(uids)) == len(set(keys)) == 1
    assert fresh.uid not in uids


async def test_only_market_settings_restart_it(tmp_path: Path) -> None:
    data = data_directory(tmp_path, SYMBOLS=["BTCUSDT"])
    async with running("exchange", data) as exchange:
        first = await listening(exchange)
        change_settings(data.settings, {"TRADING_STATE": "halted", "LOG_LEVEL": "DEBUG"})
        await until(lambda: "settings changed" in data.log_of("exchange").read_text())
        for _ in range(5):
            assert (await exchange.next_health())["ready"], "it would not be while it starts anew"
        assert times_listening(data) == 1
        change_settings(data.settings, {"SYMBOLS": ["BTCUSDT", "ETHUSDT"]})
        await until(lambda: exchange.health.get("symbols_count") == 2 and exchange.health["ready"])
        second = await listening(exchange)
        assert symbols(second) == ["BTCUSDT", "ETHUSDT"]
        assert (second.rest_url, second.api_key) == (first.rest_url, first.api_key)
        assert times_listening(data) == 2


async def test_an_invalid_market_is_reported_until_it_is_fixed(tmp_path: Path) -> None:
    data = data_directory(tmp_path, SYMBOLS=["BTCUSDT"], SIMULATOR_REPLAY=str(tmp_path / "nowhere"))
    async with running("exchange", data) as exchange:
        await until(lambda: exchange.health.get("status") == "error")
        assert "nowhere" in exchange.health["reason"]
        change_settings(data.settings, {"SIMULATOR_REPLAY": None})
        await listening(exchange)


async def test_a_taken_port_is_replaced_and_the_key_stays(tmp_path: Path) -> None:
    data = data_directory(tmp_path, SYMBOLS=["BTCUSDT"])
    async with running("exchange", data) as exchange:
        first = await listening(exchange)
        exchange.kill()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", int(first.rest_url.rpartition(":")[2])))
        taken.listen()
        async with running("exchange", data) as exchange:
            second = await listening(exchange)
            assert second.rest_url != first.rest_url
            assert second.api_key == first.api_key


async def test_a_damaged_address_does_not_prevent_a_start(tmp_path: Path) -> None:
    data = data_directory(tmp_path, SYMBOLS=["BTCUSDT"])
    data.exchange_address.write_text(
        '{"rest_url": "http://127.0.0.1:port", "stream_url": "", "ws_api_url": "", "api_key": "old",'
        ' "api_secret": "old", "pid": 1, "started_ts": 1}'
    )
    async with running("exchange", data) as exchange:
        assert symbols(await listening(exchange)) == ["BTCUSDT"]


def holding(data: DataDir, *held: str) -> None:
    """Write what a trader writes that holds something in these symbols."""
    account = {"timestamp": 1.0, "mode": "simulation", "equity": 1.0, "available_balance": 1.0}
    write_document(data.account, account | {"held_symbols": list(held)})


async def test_what_is_held_stays_listed(tmp_path: Path) -> None:
    data = data_directory(tmp_path, SYMBOLS=["BTCUSDT", "ETHUSDT"])
    async with running("exchange", data) as exchange:
        await listening(exchange)
        holding(data, "ETHUSDT", "NOQUOTE")
        change_settings(data.settings, {"SYMBOLS": ["SOLUSDT"]})
        await until(lambda: times_listening(data) == 2)
        assert symbols(await listening(exchange)) == ["SOLUSDT", "ETHUSDT"]
        holding(data)
        change_settings(data.settings, {"SYMBOLS": ["BTCUSDT"]})
        await until(lambda: times_listening(data) == 3)
        assert symbols(await listening(exchange)) == ["BTCUSDT"]
        state = {"other_symbols": {"pair": ["ETHBTC", "NOQUOTE", "../etc"], "lone": 5}}
        write_document(data.state_of("ares"), state)
        await until(lambda: times_listening(data) == 4)
        assert symbols(await listening(exchange)) == ["BTCUSDT", "ETHBTC"], "what strategies read as well"


# Paper: the real market


REAL = ("BTCUSDT", "ATOMUSDT", "ADAUSDT", "XRPUSDT")
PAPER = {"SIMULATION_MODE": False, "PAPER_MODE": True, "SYMBOLS": list(REAL)}


@asynccontextmanager
async def real_exchange() -> AsyncIterator[tuple[str, str, httpx.AsyncClient]]:
    """Another simulated exchange that stands in for the real one; its clock moves only when a test moves it."""
    ready: asyncio.Queue[ExchangeEndpoint] = asyncio.Queue()
    stop = asyncio.Event()
    now = time.time_ns() // 1_000_000
    config = SimulatorConfig(symbols=REAL, seed=3, admin=True, frozen_at=now, history_ms=SHORT_HISTORY)
    serving = asyncio.create_task(run(config, on_ready=ready.put_nowait, stop=stop))
    try:
        at = await ready.get()
        async with httpx.AsyncClient(base_url=at.rest_url) as client:
            yield at.rest_url, at.stream_url, client
    finally:
        stop.set()
        await serving


def affordable(asks: list[list[str]], budget: Decimal) -> list[list[str]]:
    """Return the fills of a MARKET buy for this budget: price and quantity of each."""
    taken: list[list[str]] = []
    for price, quantity in asks:
        part = min(Decimal(quantity), (budget / Decimal(price)).quantize(Decimal("0.01"), ROUND_DOWN))
        if part <= 0:
            break
        taken.append([price, f"{part:.8f}"])
        budget -= part * Decimal(price)
    return taken


async def moved(real: httpx.AsyncClient, until_true: Callable[[], object]) -> None:
    """Advance the real market until the condition holds."""
    async with asyncio.timeout(30):
        while not until_true():
            await real.post("/admin/clock", json={"advance_ms": 250})
            await asyncio.sleep(0.02)


async def test_paper_orders_match_the_real_order_book(tmp_path: Path) -> None:
    async with real_exchange() as (rest_url, stream_url, real):
        data = data_directory(tmp_path, **PAPER, BINANCE_REST_URL=rest_url, BINANCE_STREAM_URL=stream_url)
        async with running("exchange", data) as exchange:
            await moved(real, lambda: exchange.health.get("ready"))
            at = await listening(exchange)
            assert exchange.health["source"] == "the real market"
            asks = (await real.get("/api/v3/depth?symbol=ATOMUSDT&limit=50")).json()["asks"]
            async with httpx.AsyncClient(base_url=at.rest_url, trust_env=False) as paper:

                async def shown() -> object:
                    return (await paper.get("/api/v3/depth?symbol=ATOMUSDT&limit=50")).json()["asks"]

                async with asyncio.timeout(30):
                    while await shown() != asks:  # the newest changes are on their way
                        await asyncio.sleep(0.05)
                wanted = affordable(asks, Decimal(9_000))
                quantity = sum((Decimal(taken) for _, taken in wanted), Decimal(0))
                order = f"symbol=ATOMUSDT&side=BUY&type=MARKET&quantity={quantity}"
                order += f"&timestamp={time.time_ns() // 1_000_000}"
                signature = sign_hmac(at.api_secret.get_secret_value(), order.encode())
                headers = {"X-MBX-APIKEY": at.api_key.get_secret_value()}
                filled = await paper.post(f"/api/v3/order?{order}&signature={signature}", headers=headers)
                assert [[fill["price"], fill["qty"]] for fill in filled.json()["fills"]] == wanted


async def test_paper_mode_reports_a_missing_real_market(tmp_path: Path) -> None:
    async with real_exchange() as (rest_url, stream_url, real):
        data = data_directory(tmp_path, **PAPER, BINANCE_REST_URL=rest_url, BINANCE_STREAM_URL=stream_url)
        async with running("exchange", data) as exchange:
            await moved(real, lambda: exchange.health.get("ready"))
            await real.post("/admin/faults", json={"action": "disconnect"})
            told = "no real order book for BTCUSDT, ATOMUSDT, ADAUSDT and 1 more: stream down"
            await moved(real, lambda: told in (exchange.health.get("reason") or ""))
            assert exchange.health["status"] == "degraded"
            await real.delete("/admin/faults")
            await moved(real, lambda: exchange.health["status"] == "ok")


def statuses(at: ExchangeAddress) -> dict[str, str]:
    rows = httpx.get(f"{at.rest_url}/api/v3/exchangeInfo", trust_env=False).json()["symbols"]
    return {row["symbol"]: row["status"] for row in rows}


async def gives_as_reason(exchange: RunningService, text: str) -> None:
    """A report may still give the reason of a moment ago, or none."""
    await until(lambda: (exchange.health.get("reason") or "").startswith(text))


async def test_paper_mode_follows_the_status_of_each_symbol(tmp_path: Path) -> None:
    async with real_exchange() as (rest_url, stream_url, real):
        data = data_directory(tmp_path, **PAPER, BINANCE_REST_URL=rest_url, BINANCE_STREAM_URL=stream_url)
        await real.post("/admin/faults", json={"action": "status", "status": "BREAK"})
        async with running("exchange", data) as exchange:
            await until(lambda: "in maintenance (BREAK)" in (exchange.health.get("waiting_for") or ""))
            assert not exchange.health["ready"]
            await real.delete("/admin/faults")
            await real.post("/admin/faults", json={"action": "status", "status": "BREAK", "symbol": "ATOMUSDT"})
            await moved(real, lambda: exchange.health.get("ready"))
            at = await listening(exchange)
            assert statuses(at) == dict.fromkeys(("BTCUSDT", "ADAUSDT", "XRPUSDT"), "TRADING")
            await gives_as_reason(exchange, "ATOMUSDT: in maintenance (BREAK) since ")
            await real.delete("/admin/faults")
            await moved(real, lambda: exchange.health["symbols_count"] == 4 and exchange.health["ready"])
            at = await listening(exchange)
            assert statuses(at) == dict.fromkeys(REAL, "TRADING")
            await real.post("/admin/faults", json={"action": "status", "status": "HALT", "symbol": "BTCUSDT"})
            await moved(real, lambda: statuses(at)["BTCUSDT"] == "HALT")
            await gives_as_reason(exchange, "BTCUSDT: trading is halted (HALT) since ")
            assert exchange.health["ready"]
            await real.delete("/admin/faults")
            await moved(real, lambda: statuses(at)["BTCUSDT"] == "TRADING")
            assert times_listening(data) == 2, "a halt needs no new start"


async def test_paper_mode_waits_for_the_real_exchange(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        data = data_directory(tmp_path, **PAPER, BINANCE_REST_URL=url)
        async with running("exchange", data) as exchange:
            await until(lambda: "the real market: GET /api/v3/time" in (exchange.health.get("waiting_for") or ""))
            assert not exchange.health["ready"]
            assert await exchange.stop() == 0


async def test_paper_mode_names_unlisted_symbols(tmp_path: Path) -> None:
    async with real_exchange() as (rest_url, stream_url, _):
        where = {"BINANCE_REST_URL": rest_url, "BINANCE_STREAM_URL": stream_url}
        data = data_directory(tmp_path, **PAPER | {"SYMBOLS": ["NOSUCHUSDT"]}, **where)
        async with running("exchange", data) as exchange:
            await until(lambda: exchange.health.get("status") == "error")
            assert "lists none of NOSUCHUSDT" in exchange.health["reason"]


@pytest.mark.parametrize(("settings", "speed"), [({}, 60), ({"SIMULATOR_SPEED": 1}, 1)])
async def test_it_says_how_fast_its_market_is(tmp_path: Path, settings: dict[str, float], speed: float) -> None:
    async with running("exchange", data_directory(tmp_path, SYMBOLS=["BTCUSDT"], **settings)) as exchange:
        await listening(exchange)
        assert exchange.health["speed"] == speed
