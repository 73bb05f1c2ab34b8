"""SIGKILL of trader, exchange and memory at random moments while signals come: the exchange's own trades judge."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from cq_tui.binance import rules_refresh
from cq_tui.binance.rest import SpotRest
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.backtest.live import orders_again
from cq_tui.store.control import issue_command, wait_for_answer
from cq_tui.store.document import read_json
from cq_tui.store.spools.own_events import read_own_events
from cq_tui.trading.core import inquiring
from tests.services.processes import data_directory
from tests.services.trader.real_stack import SYMBOL, RealStack, real_stack
from tests.services.waiting import until
from tests.services.zygote import NOT_FOUND_SECONDS, STATUS_INTERVAL

pytestmark = pytest.mark.stack


@contextmanager
def as_the_tests_run_it() -> Iterator[None]:
    """Decide as the traders of tests do."""
    with (
        patch.object(inquiring, "MIN_SECONDS", NOT_FOUND_SECONDS),
        patch.object(rules_refresh, "_FIRST_WAIT", STATUS_INTERVAL),
    ):
        yield


D = Decimal
IS_HEAVY = bool(os.environ.get("CQ_HEAVY_TESTS"))
#: How often each is killed, relative to the others.
VICTIMS = ("trader", "trader", "trader", "exchange", "memory")
SETTINGS: dict[str, object] = {
    "SYMBOLS": [SYMBOL], "ARES_FRESHNESS_THRESHOLD": 60.0, "TRADER_ORDER_COOLDOWN": 0.0,
    "TRADER_QUARANTINE_FAILURES": 100,
}  # fmt: skip


async def price_of(stack: RealStack) -> float:
    async with stack.rest() as rest:
        [book] = await rest.book_tickers([SYMBOL])
        return float(book.ask_price)


async def kill_at_random(stack: RealStack, draw: random.Random, kills: int) -> None:
    """Ask for entries and exits, and kill something within the second that follows each."""
    for number in range(kills):
        wants = "SELL" if stack.position and draw.random() < 0.7 else "BUY"
        stack.signal(wants, await price_of(stack))
        await asyncio.sleep(draw.choice((0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 1.0)) * draw.random())
        victim = VICTIMS[number % len(VICTIMS)]
        stack.kill(victim)
        await stack.start(victim)
        await until(lambda: stack.processes["trader"].health.get("ready"), 60)
        # Sometimes there is time to finish what was begun, sometimes not.
        await asyncio.sleep(draw.choice((0.0, 0.5, 2.0, 6.0)))


async def come_to_rest(stack: RealStack) -> None:
    """Close everything, and wait until nothing is open at the exchange."""
    trader = stack.processes["trader"]
    await until(lambda: trader.health.get("ready") and not trader.health.get("doubts"), 90)
    await until(lambda: not stack.position or stack.position["state"] == "protected", 60)
    answer = await wait_for_answer(stack.data, issue_command(stack.data, "flatten", "trader", issued_by="the test"))
    assert answer.outcome == "done"
    await until(lambda: not stack.position)
    assert await trader.stop() == 0


async def judge(stack: RealStack, rest: SpotRest) -> None:
    """Compare what the exchange did with what the trader says that it did."""
    orders, trades = await rest.all_orders(SYMBOL), await rest.my_trades(SYMBOL)
    assert max(Counter(order.client_order_id for order in orders).values(), default=1) == 1, "an id was used twice"
    own = read_own_events(stack.data, "trader")
    events = list(own)
    assert (own.missing, own.problems) == ([], [])
    told = Counter(event.data["trade_id"] for event in events if event.event_type == "order_executed")
    assert told == Counter(str(trade.trade_id) for trade in trades), "each trade is told once"
    intended = {event.data["client_order_id"] for event in events if event.event_type == "order_submitted"}
    assert {order.client_order_id for order in orders} <= intended, "nothing was sent without a record"
    [book] = read_json(stack.data.state_of("trader"))["accounts"].values()
    balances = (await rest.account()).balances
    held = sum((D(one["quantity"]) for one in book["holdings"]), D(0))
    coins = balances.get("BTC")
    assert held == (coins.total if coins is not None else D(0))
    assert D(book["money"]["quote"]) == balances["USDT"].total
    cost = sum((D(one["cost"]) for one in book["holdings"]), D(0))
    assert D(book["money"]["quote"]) + cost - D(book["money"]["start"]) == D(book["money"]["realized"])
    with as_the_tests_run_it():
        again = orders_again(stack.data)
    assert again.differences == [], "what the trader was told does not lead to what it did"
    # What the last twentieth of a second before a kill led to is not covered.
    assert again.facts > again.not_covered
    realized = sum((D(e.data["realized_text"]) for e in events if e.data.get("realized_text")), D(0))
    assert realized == D(book["money"]["realized"])


def naked_times(data: DataDir) -> dict[str, Any]:
    [book] = read_json(data.state_of("trader"))["accounts"].values()
    longest: dict[str, Any] = book["naked"]["longest"]
    return longest


@pytest.mark.timeout(3_600 if IS_HEAVY else 240)
async def test_nothing_is_doubled_forgotten_or_miscounted(tmp_path: Path) -> None:
    seed = int(os.environ.get("CQ_SEED", random.randrange(10**6)))
    print("CQ_SEED", seed)
    data = data_directory(tmp_path / "data", **SETTINGS)
    async with real_stack(data, "exchange", "memory", "trader") as stack:
        await kill_at_random(stack, random.Random(seed), int(os.environ.get("CQ_KILLS", 300 if IS_HEAVY else 10)))
        await come_to_rest(stack)
        async with stack.rest() as rest:
            await judge(stack, rest)
            assert await rest.my_trades(SYMBOL), "nothing was traded"
    print(naked_times(data))
