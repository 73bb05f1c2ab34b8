"""A session at the simulated exchange itself: entry, fill, protection, and the way out."""

import asyncio
import contextlib
from decimal import Decimal

import pytest
import structlog

from cq_tui.binance.rest import SpotRest
from cq_tui.binance.signing import Credentials
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.settings import Settings
from cq_tui.services.trader.book import Book
from cq_tui.services.trader.chronicle import Chronicle
from cq_tui.services.trader.session import TraderSession
from cq_tui.simulator.server import ExchangeEndpoint, SimulatorConfig
from cq_tui.simulator.server import run as run_simulator
from tests.services.processes import spooled
from tests.services.trader.stage import Spool, all_is_well, buy, sell
from tests.services.waiting import until
from tests.simulator.conftest import SHORT_HISTORY


@pytest.mark.usefixtures("_quick")
async def test_a_trade_from_entry_to_exit(data: DataDir) -> None:
    ready: asyncio.Future[ExchangeEndpoint] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    config = SimulatorConfig(symbols=("BTCUSDT",), seed=4, history_ms=SHORT_HISTORY)
    simulator = asyncio.create_task(run_simulator(config, on_ready=ready.set_result, stop=stop))
    at = await ready
    credentials, book, spool = Credentials(at.api_key, at.api_secret), Book(), Spool(data)
    async with SpotRest(at.rest_url, credentials) as rest:
        session = TraderSession(
            data, rest, at.ws_api_url, credentials, "simulation", book, Chronicle(spool), lambda: None,
            structlog.get_logger(),
        )  # fmt: skip
        running = asyncio.create_task(session.run(["BTCUSDT"]))
        await until(lambda: session.desk.reconciled)
        price = (await rest.book_tickers(["BTCUSDT"]))[0].ask_price
        all_is_well(data, float(price))
        signal = buy(entry_price=price, stop_loss=price * Decimal("0.95"), take_profit=price * Decimal("1.05"))
        assert await session.act_on(signal, Settings) is None
        assert session.needs == {}
        stop_order, target = sorted(await rest.open_orders(), key=lambda order: order.type, reverse=True)
        assert (stop_order.type, target.type) == ("STOP_LOSS", "LIMIT_MAKER")
        step = session.desk.orders.rules["BTCUSDT"].step_size
        held = book.positions["BTCUSDT"].quantity
        assert stop_order.quantity == held // step * step
        all_is_well(data, float(price))
        assert await session.act_on(sell(), Settings) is None
        assert book.positions == {}
        assert await rest.open_orders() == []
        left = (await rest.account()).balances["USDT"].total
        assert left < 10_000
        assert abs(left - (10_000 + book.realized)) < price * step, "the book and the account agree but for dust"
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    spool.close()
    stop.set()
    await simulator
    types = [event["event_type"] for event in spooled(data, "trader")]
    assert types[:2] == ["order_submitted", "order_executed"]
    assert types[2:4] == ["order_submitted", "order_submitted"]
    assert sorted(types[4:]) == ["order_canceled", "order_canceled", "order_executed", "order_submitted"]
