"""Judging a drill: what is measured at the exchange and in the history, and which bars are missed."""

import asyncio
from decimal import Decimal

import orjson

from cq_tui.contracts.drills import DrillFigures
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.numbers import to_decimal
from cq_tui.ops.drills.drill import Drill, Scene
from cq_tui.ops.drills.field import Field
from cq_tui.ops.drills.naked_time import longest_naked
from cq_tui.store.history.verification import verify

#: Amounts in the document are floats: they are equal to the exchange's up to this.
_EXACT = Decimal("0.000001")
_QUOTE = "USDT"


async def judge(drill: Drill, scene: Scene) -> tuple[DrillFigures, list[str]]:
    """Close what is open, end the services and return the figures, and the bars that were missed.

    Raises DrillFailed for what cannot be measured, or was done twice.
    """
    field = scene.field
    scene.step("everything is closed and counted")
    await field.leave(*sorted(field.held))
    await field.until(lambda: _is_settled(field), "the account document as the exchange has it")
    field.nothing_twice(*drill.symbols)
    equity, difference, profit = _money(field)
    orders = {symbol: field.exchange.orders(symbol) for symbol in drill.symbols}
    trades = {symbol: field.exchange.trades(symbol) for symbol in drill.symbols}
    now = field.exchange.time()
    naked = max(
        longest_naked(orders[name], trades[name], name.removesuffix(_QUOTE), now, scene.excused)
        for name in drill.symbols
    )
    told = {(writer, event["seq"]) for writer in ("trader", "ares") for event in field.spooled(writer)}
    await scene.end_services()
    found = await asyncio.to_thread(verify, field.data)
    figures = DrillFigures(
        orders=sum(map(len, orders.values())),
        fills=sum(map(len, trades.values())),
        naked_seconds=naked / 1000,
        most_naked_seconds=drill.most_naked,
        equity=f"{equity:f}",
        equity_difference=f"{difference:f}",
        profit_difference=f"{profit:f}",
        events=found.events,
        faults=found.fault_count,
        expected_faults=scene.expected_faults,
    )
    problems = missed_bars(figures)
    if lost := len(told - merged_events(field.data)):
        problems.append(f"{lost} events did not reach the history")
    if found.missing:
        problems.append(f"{found.missing} events are missing in the history")
    return figures, problems


def missed_bars(figures: DrillFigures) -> list[str]:
    """Return which bars the figures miss, a sentence each."""
    problems = []
    if figures.naked_seconds > figures.most_naked_seconds:
        problems.append(
            f"a position was without a stop for {figures.naked_seconds:.2f} s; the most is "
            f"{figures.most_naked_seconds:g} s"
        )
    if Decimal(figures.equity_difference):
        problems.append(f"the equity differs from what the exchange holds by {figures.equity_difference}")
    if Decimal(figures.profit_difference):
        problems.append(f"the profit differs from the change of the equity by {figures.profit_difference}")
    if figures.faults != figures.expected_faults:
        problems.append(f"{figures.faults} faults in the history, {figures.expected_faults} expected")
    if not figures.fills:
        problems.append("nothing was traded")
    return problems


def _is_settled(field: Field) -> bool:
    return bool(field.account) and not field.held and not any(_money(field)[1:])


def _money(field: Field) -> tuple[Decimal, Decimal, Decimal]:
    """Return the equity, how far it is from what the exchange holds, and from what profits explain."""
    account = field.account
    remainders = (account.get("remainders") or {}).values()
    equity = to_decimal(account["equity"])
    coins = sum((to_decimal(each.get("worth") or 0) for each in remainders), Decimal(0))
    profit = to_decimal(account["realized_pnl"]) + to_decimal(account.get("unrealized_pnl") or 0)
    change = equity - to_decimal(account.get("equity_start") or 0)
    return equity, _rounded(equity - coins - field.exchange.balance(_QUOTE)), _rounded(change - profit)


def _rounded(difference: Decimal) -> Decimal:
    return Decimal(0) if abs(difference) <= _EXACT else difference


def merged_events(data: DataDir) -> set[tuple[str, int]]:
    """Return writer and seq of every event in the history; a damaged line has none."""
    found = set()
    for line in data.events.read_bytes().splitlines():
        try:
            metadata = orjson.loads(line)["metadata"]
            found.add((metadata["writer"], metadata["seq"]))
        except (ValueError, KeyError, TypeError):
            continue
    return found
