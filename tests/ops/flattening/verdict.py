"""Judging a flatten by the exchange's own balances, orders and trades, and by what was written."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from cq_tui.ops.drills.judging import merged_events
from cq_tui.ops.drills.private_exchange import PrivateExchange
from cq_tui.store.history.verification import verify
from tests.ops.flattening.faults import SYMBOLS, Fault
from tests.ops.flattening.stage import Answer, Stage

D = Decimal
#: What is worth less cannot be sold: the least that an order may be worth, in USDT.
LEAST = D(5)


class Before(NamedTuple):
    """What there was before the command."""

    #: By symbol: the newest order, and a price.
    newest: dict[str, int]
    prices: dict[str, Decimal]
    #: By asset: coins that are not ours.
    foreign: Mapping[str, Decimal]


def look(stage: Stage, fault: Fault) -> Before:
    """Note what there is before a fault. Everything that the account holds by then is ours."""
    exchange = stage.exchange
    newest = {symbol: max(order["orderId"] for order in exchange.orders(symbol)) for symbol in SYMBOLS}
    tickers = {symbol: stage.field.ticker(symbol) for symbol in SYMBOLS}
    prices = {symbol: D(str(ticker.bid)) for symbol, ticker in tickers.items() if ticker is not None}
    return Before(newest, prices, fault.deposits)


def sellable(exchange: PrivateExchange, before: Before) -> set[str]:
    """Return the symbols of which something is held that could be sold under the usual rules."""
    return {
        symbol for symbol, asset in SYMBOLS.items()
        if (exchange.balance(asset) - before.foreign.get(asset, D(0))) * before.prices[symbol] >= LEAST
    }  # fmt: skip


def judge_answer(answer: Answer, left: set[str], fault: Fault) -> None:
    """The exit code says whether something is left, and what is left is named."""
    said = f"exit code {answer.code}, sellable: {left}\n{answer.out}{answer.err}"
    assert answer.code in (0, 1), said
    if answer.code == 0:
        assert not left, said
        assert all(symbol in answer.out for symbol in SYMBOLS), said
    elif answer.is_direct and not fault.forgets:
        # A trader that was asked may have sold the rest by now.
        assert left, said
    for symbol in left:
        assert symbol in answer.out + answer.err, said
    if fault.forbids:
        assert answer.code == 1, said
        assert fault.forbids in left, said


def judge_exchange(exchange: PrivateExchange, before: Before) -> None:
    """Nothing was opened, nothing sold that was not held, and no id used twice."""
    for symbol, asset in SYMBOLS.items():
        orders = exchange.orders(symbol)
        since = [order for order in orders if order["orderId"] > before.newest[symbol]]
        assert [order for order in since if order["side"] != "SELL"] == [], "something was opened"
        names = Counter(order["clientOrderId"] for order in orders)
        assert max(names.values(), default=1) == 1, "an id was used twice"
        _sold_only_what_was_held(exchange.trades(symbol), asset)
        assert exchange.balance(asset) >= before.foreign.get(asset, D(0)), "coins of others were sold"


def _sold_only_what_was_held(trades: list[dict[str, Any]], asset: str) -> None:
    held = D(0)
    for trade in trades:
        held += D(trade["qty"]) * (1 if trade["isBuyer"] else -1)
        held -= D(trade["commission"]) if trade["commissionAsset"] == asset else 0
        assert held >= 0, f"more sold than held: {trade}"


async def judge_history(stage: Stage) -> None:
    """End everything, and find every event in a whole history."""
    told = {(writer, event["seq"]) for writer in ("trader", "ares") for event in stage.field.spooled(writer)}
    for _, service in sorted(stage.field.services.items(), key=lambda each: each[0] == "memory"):
        await service.stop()
    found = await asyncio.to_thread(verify, stage.field.data)
    assert not found.fault_count, found
    assert not found.missing, found
    assert told <= merged_events(stage.field.data), "events did not reach the history"
