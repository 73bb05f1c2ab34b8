"""A data directory that 0.1.0 left with an open position: the new trader goes on with it, and nothing is doubled.

The folder ``first_version`` was written by that release: a position protected by its OCO, at the simulated exchange.
"""

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from cq_tui.binance.rest import SpotRest
from cq_tui.binance.signing import Credentials
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.runfiles import ExchangeAddress
from cq_tui.contracts.tickers import Ticker, tickers_to_bytes
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import read_document, read_json, write_document
from cq_tui.store.spools.spool import EventSpool
from tests.services.processes import report, running, spooled
from tests.services.waiting import until

pytestmark = pytest.mark.stack
D = Decimal
FOLDER = Path(__file__).parent / "first_version"
ENTRY, STOP, TARGET = (
    "cq-entry-iei3rpbtz3anikmqfxx6flbegt", "cq-stop-3yk6a7pqtqbghwn27mxqjytvli", "cq-target-id4anhlljbgn2yuvxlxdibw2n4",
)  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    shutil.copytree(FOLDER, tmp_path / "data")
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    return data


@asynccontextmanager
async def exchange(data: DataDir) -> AsyncIterator[SpotRest]:
    """The exchange of the directory, with its prices and the health of feeder and ARES kept fresh."""
    async with running("exchange", data) as process:
        await until(lambda: process.health.get("ready"))
        address = read_document(data.exchange_address, ExchangeAddress)
        key = Credentials(address.api_key.get_secret_value(), address.api_secret.get_secret_value())
        async with SpotRest(address.rest_url, key) as rest:
            fresh = asyncio.create_task(_stay_fresh(data, rest))
            try:
                yield rest
            finally:
                fresh.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await fresh


async def _stay_fresh(data: DataDir, rest: SpotRest) -> None:
    while True:
        [book] = await rest.book_tickers(["BTCUSDT"])
        bid, ask = float(book.bid_price), float(book.ask_price)
        ticker = Ticker(bid, 0.0, bid, ask, 1.0, time.time(), 2)
        write_document(data.tickers, tickers_to_bytes(time.time(), {"BTCUSDT": ticker}), durable=False)
        for service in ("feeder", "ares"):
            report(data, service)
        await asyncio.sleep(0.3)


def sell(data: DataDir, price: Decimal) -> None:
    """Have ARES ask for the position's end."""
    signal = {
        "symbol": "BTCUSDT", "side": "SELL", "entry_price": float(price), "stop_loss": float(price) * 1.1,
        "take_profit": float(price) * 0.9, "confidence": 0.7, "strategy": "sample", "frame": "1s",
        "bar_close_time": int(time.time()) * 1000 - 1,
    }  # fmt: skip
    spool = EventSpool(data.spool, "ares", quarantine=data.quarantine)
    spool.emit("signal_generated", signal)
    spool.close()


def account(data: DataDir) -> dict[str, Any]:
    return read_json(data.account) if data.account.exists() else {}


async def test_a_position_and_its_oco_are_taken_over_and_sold_by_a_signal(data: DataDir) -> None:
    before = orjson.loads((FOLDER / "state" / "trader.json").read_bytes())["books"]["simulation"]
    async with exchange(data) as rest, running("memory", data):
        opened = {order.client_order_id for order in await rest.open_orders()}
        assert opened == {STOP, TARGET}
        async with running("trader", data) as process:
            await until(lambda: process.health.get("ready"))
            await until(lambda: account(data).get("positions", {}).get("BTCUSDT", {}).get("state") == "protected")
            [position] = account(data)["positions"].values()
            assert D(str(position["size"])) == D(before["positions"][0]["quantity"])
            assert (position["stop_loss"], position["strategy"]) == (40886.7, "sample")
            assert {order.client_order_id for order in await rest.open_orders()} == opened, "the old OCO protects it"
            # Killed before it stored anything but its events, it knows the same.
            process.kill()
            data.state_of("trader").unlink(missing_ok=True)
        async with running("trader", data) as process:
            await until(lambda: process.health.get("ready"))
            assert process.health["active_positions"] == 1
            await until(lambda: process.health["status"] == "ok")
            sell(data, (await rest.book_tickers(["BTCUSDT"]))[0].bid_price)
            await until(lambda: not account(data).get("positions"))
            assert await rest.open_orders() == []
            trades = await rest.my_trades("BTCUSDT")
            assert [trade.is_buyer for trade in trades] == [True, False]
            assert await process.stop() == 0
        balances = (await rest.account()).balances
    state = read_json(data.state_of("trader"))
    assert (state["format"], state["books"]) == (2, {})
    [book] = state["accounts"].values()
    money = {name: D(book["money"][name]) for name in ("quote", "start", "realized")}
    left = sum((D(held["cost"]) for held in book["holdings"]), D(0))
    assert money["quote"] == balances["USDT"].total
    assert money["quote"] + left - money["start"] == money["realized"]
    assert money["start"] == D(before["equity_start"])
    assert {order["client_order_id"] for order in book["orders"]} >= {ENTRY, STOP, TARGET}
    taken = spooled(data, "trader", "book_taken_over")
    assert len(taken) <= 1
    fills = spooled(data, "trader", "order_executed")
    assert len({event["data"]["trade_id"] for event in fills}) == len(fills)


async def test_a_book_of_another_account_is_kept_and_opens_nothing_of_its_own(data: DataDir) -> None:
    """The ledger is gone: the exchange is another account, and knows none of the orders."""
    data.ledger.unlink()
    books = read_json(data.state_of("trader"))["books"]
    async with exchange(data), running("memory", data), running("trader", data) as process:
        await until(lambda: process.health.get("ready"))
        assert process.health["active_positions"] == 0
        assert "belongs to another account" in process.health["notices"][0]
        assert await process.stop() == 0
    state = read_json(data.state_of("trader"))
    assert state["books"] == books
    [book] = state["accounts"].values()
    assert book["positions"] == []
