"""``flatten --all`` with real processes: coins of others, their order, a symbol without a ticker, and a kill."""

import asyncio
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from cq_tui.binance.orders import NewOrder
from cq_tui.binance.rest import SpotRest
from cq_tui.contracts.commands import CommandOutcome, SymbolClosing
from cq_tui.contracts.layout import DataDir
from cq_tui.store.control import issue_command, wait_for_answer
from tests.services.processes import data_directory, spooled
from tests.services.trader.real_stack import SYMBOL, RealStack, real_stack
from tests.services.waiting import until

pytestmark = pytest.mark.stack
D = Decimal
SETTINGS: dict[str, object] = {
    "SYMBOLS": [SYMBOL, "ETHUSDT"],
    "ARES_FRESHNESS_THRESHOLD": 60.0,
    "TRADER_ORDER_QUOTE": 100.0,
    "TRADER_MIN_TARGET_COSTS": 1.0,
}


async def hold_coins_of_others(rest: SpotRest) -> None:
    """Buy coins as a person does, and lock some of them in an order far from the market."""
    for name, symbol in (("web_1", SYMBOL), ("web_2", "ETHUSDT")):
        await rest.new_order(NewOrder(symbol, "BUY", "MARKET", name, quote_quantity=D(200)))
    [btc] = await rest.book_tickers([SYMBOL])
    price = (btc.bid_price * D("1.5")).quantize(D(1))
    await rest.new_order(
        NewOrder(SYMBOL, "SELL", "LIMIT", "web_3", quantity=D("0.001"), price=price, time_in_force="GTC")
    )


async def bought(stack: RealStack, rest: SpotRest) -> None:
    """Have a protected position of our own; prices that stood still for a moment deny a signal: then comes another."""
    while not stack.position:
        [btc] = await rest.book_tickers([SYMBOL])
        denied = len(spooled(stack.data, "trader", "order_rejected"))
        stack.signal("BUY", float(btc.ask_price))
        await until(
            lambda: stack.position or len(spooled(stack.data, "trader", "order_rejected")) > denied  # noqa: B023
        )
    await until(lambda: stack.position.get("protection") == "working")


async def flatten_all(data: DataDir) -> CommandOutcome:
    command = issue_command(data, "flatten", "trader", issued_by="the test", arguments={"all": "true"})
    return await wait_for_answer(data, command, patience=60.0)


async def is_flat(rest: SpotRest) -> bool:
    """Whether nothing is left at the exchange but dust, and no order."""
    balances = (await rest.account()).balances
    assets = {f"{one}USDT": one for one in balances if one != "USDT"}
    worth = [balances[assets[one.symbol]].total * one.bid_price for one in await rest.book_tickers([*assets])]
    return await rest.open_orders() == [] and max(worth, default=D(0)) < 5


def rows_of(answer: CommandOutcome) -> dict[str, SymbolClosing]:
    return {row.symbol: row for row in answer.closings or ()}


async def test_it_sells_all_that_the_account_holds_and_books_no_profit(tmp_path: Path) -> None:
    data = data_directory(tmp_path, **SETTINGS)
    async with real_stack(data, "exchange", "memory", "trader") as stack, stack.rest() as rest:
        await hold_coins_of_others(rest)
        await bought(stack, rest)
        answer = await flatten_all(data)
        assert answer.outcome == "done", answer
        found = rows_of(answer)
        assert {name: row.result for name, row in found.items()} == {SYMBOL: "sold", "ETHUSDT": "sold"}
        assert await is_flat(rest)
        await until(lambda: stack.account["positions"] == {})
        account = stack.account
        gained = account["equity"] - account["equity_start"]
        assert account["realized_pnl"] + account["unrealized_pnl"] == pytest.approx(gained, abs=1e-9)
        assert abs(gained) < 5, "commissions and slippage of 500 USDT"
        assert account["equity"] == pytest.approx(10_000, abs=8), "what others held is ours now"
        assert account["foreign_orders"] == []


async def test_a_kill_in_the_middle_ends_nothing(tmp_path: Path) -> None:
    data = data_directory(tmp_path, **SETTINGS)
    async with real_stack(data, "exchange", "memory", "trader") as stack, stack.rest() as rest:
        await hold_coins_of_others(rest)
        await bought(stack, rest)
        asked = asyncio.create_task(flatten_all(data))
        await until(lambda: spooled(data, "trader", "foreign_sale_planned"))
        stack.kill("trader")
        asked.cancel()
        await stack.start("trader")
        await until(lambda: len(spooled(data, "trader", "position_adopted")) == 2)
        async with asyncio.timeout(60):
            while not await is_flat(rest):
                await asyncio.sleep(0.1)
        assert len(spooled(data, "trader", "foreign_sale_planned")) >= 3, "the plan, and the end of each coin"


async def test_it_works_in_the_place_of_a_dead_trader(tmp_path: Path) -> None:
    data = data_directory(tmp_path, **SETTINGS)
    async with real_stack(data, "exchange", "memory") as stack, stack.rest() as rest:
        await hold_coins_of_others(rest)
        words = [sys.executable, "-m", "cq_tui", "--data-dir", str(data.root), "flatten", "--all", "--yes", "--direct"]
        process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
        told, _ = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode == 0, told.decode()
        assert await is_flat(rest)
        # In the order in which they were sold.
        assert sorted(line.split()[:2] for line in told.decode().splitlines()) == [
            [SYMBOL, "sold"],
            ["ETHUSDT", "sold"],
        ]
