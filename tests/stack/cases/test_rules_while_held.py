"""Rules and status of a symbol change: before the services start, before an entry, while a position is held."""

import time
from decimal import Decimal
from pathlib import Path

import pytest

from cq_tui.trading.core.knowing_rules import RULES_LIMIT
from tests.stack.cases.field import Field, field, trading, until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]
D = Decimal
#: More than any position here is worth.
_TOO_MUCH = "1000.00000000"
_SOLD = ("XRPUSDT", "SELL")


async def test_rules_of_symbols_change(tmp_path: Path) -> None:
    async with field(tmp_path, "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT") as around:
        await started_in_maintenance(around)
        await around.enter("ETHUSDT", "SOLUSDT", "XRPUSDT")
        await a_halted_symbol_is_not_entered_and_a_held_one_keeps_its_protection(around, time.time())
        await an_exit_that_is_refused_for_a_while_leaves_the_protection(around)
        await above_the_market_lot(around)
        await below_the_minimum_notional(around)
        await a_coarser_step(around)
        await a_finer_step(around)
        assert around.exchange.orders("ADAUSDT") == [], "bought nothing while it was halted"
        around.nothing_twice("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")


async def started_in_maintenance(around: Field) -> None:
    """Symbols in maintenance come back by themselves; until then the reason says so."""
    around.exchange.fault("status", status="BREAK")
    await around.start("memory", "feeder", "trader")
    await until(lambda: len(around.feeder.get("rejected_symbols") or {}) == 5)
    assert "BREAK" in str(around.feeder["rejected_symbols"])
    assert around.feeder["status"] != "ok"
    around.exchange.mend()
    await until(lambda: not around.feeder.get("rejected_symbols"))
    await trading(around)
    # The feeder knew first; the trader reads the status again by itself.
    await around.enter("BTCUSDT")


async def a_halted_symbol_is_not_entered_and_a_held_one_keeps_its_protection(around: Field, opened: float) -> None:
    """The exchange halts two symbols: no entry in one, the exit of the other waits behind its stop."""
    exchange, covered = around.exchange, around.exchange.covered("BTCUSDT")
    await until(lambda: time.time() > opened + RULES_LIMIT)
    halts = exchange.fault("status", status="HALT", symbol="BTCUSDT"), exchange.fault("status", symbol="ADAUSDT")
    await until(lambda: {"BTCUSDT", "ADAUSDT"} <= set(around.feeder.get("rejected_symbols") or {}))
    around.ask_to_close("BTCUSDT")
    await around.refused("ADAUSDT")
    await until(lambda: leaves(around, "BTCUSDT"))
    await around.services["trader"].next_health()
    assert exchange.covered("BTCUSDT") == covered, "protection removed for an exit that could not be"
    exchange.mend(*halts)
    await around.closed("BTCUSDT")


def leaves(around: Field, symbol: str) -> bool:
    """Whether a position was wanted to be closed."""
    return any(event["symbol"] == symbol for event in around.events("exit_requested"))


async def an_exit_that_is_refused_for_a_while_leaves_the_protection(around: Field) -> None:
    """503 for every change: the stop is not given up for an exit that fails, and the exit follows the outage."""
    exchange, covered = around.exchange, around.exchange.covered("SOLUSDT")
    outage = [
        exchange.fault("error", code=-1008, method=method, path=f"/api/v3/{path}", symbol="SOLUSDT", before=True)
        for method, path in (("POST", "order"), ("POST", "order/cancelReplace"), ("DELETE", "order"))
    ]
    outage.append(exchange.fault("error", code=-1008, method="DELETE", path="/api/v3/orderList", before=True))
    around.ask_to_close("SOLUSDT")
    await until(lambda: leaves(around, "SOLUSDT"))
    await around.services["trader"].next_health()
    assert exchange.covered("SOLUSDT") == covered, "protection removed for an exit that failed"
    exchange.mend(*outage)
    await around.closed("SOLUSDT")


async def above_the_market_lot(around: Field) -> None:
    """More than one order may sell is sold in parts, and never called closed while held."""
    exchange, held = around.exchange, around.exchange.balance("ETH")
    most = f"{held / 3:.4f}"
    limit = exchange.filters("ETHUSDT", MARKET_LOT_SIZE={"maxQty": most})
    assert (await around.command("flatten", "ETHUSDT")).message == "ETHUSDT closed"
    assert exchange.balance("ETH") < held / 100
    sales = [D(order["executedQty"]) for order in exchange.orders("ETHUSDT", "MARKET")]
    assert len([sale for sale in sales if sale]) >= 3
    assert max(sales) <= D(most)
    exchange.mend(limit)
    assert (await around.command("flatten", "ETHUSDT")).message == "no open position"
    await around.refused("ETHUSDT", "symbol_locked")
    await around.command("resume", "ETHUSDT")


async def below_the_minimum_notional(around: Field) -> None:
    """What may not be sold now is kept, shown and never written off; it is sold as soon as it may be."""
    exchange, covered = around.exchange, around.exchange.covered("XRPUSDT")
    limit = exchange.filters("XRPUSDT", NOTIONAL={"minNotional": _TOO_MUCH})
    around.ask_to_close("XRPUSDT")
    await until(lambda: "XRPUSDT" in (around.trader.get("unsellable") or {}))
    assert around.trader["status"] == "degraded"
    assert "XRPUSDT" in around.trader["reason"]
    assert exchange.covered("XRPUSDT") == covered
    assert around.account["positions"]["XRPUSDT"]["size"] == pytest.approx(float(exchange.balance("XRP")))
    assert [event for event in around.events("order_executed") if (event["symbol"], event["side"]) == _SOLD] == []
    exchange.mend(limit)
    await around.closed("XRPUSDT")


async def a_coarser_step(around: Field) -> None:
    """The step grows twentyfold: the exit is on the new one; what it leaves, worth little, stays in the book."""
    await around.enter("SOLUSDT")
    exchange, held = around.exchange, around.exchange.balance("SOL")
    limit = exchange.filters("SOLUSDT", LOT_SIZE={"stepSize": "0.02000000", "minQty": "0.02000000"})
    await around.leave("SOLUSDT")
    left = exchange.balance("SOL")
    assert left == held % D("0.02")
    await until(lambda: D(around.account["remainders"]["SOLUSDT"]["quantity"]) == left)
    exchange.mend(limit)


async def a_finer_step(around: Field) -> None:
    """A limit goes back to normal: what was bought on the coarse step is sold on the fine one, remainder included."""
    exchange = around.exchange
    limit = exchange.filters("SOLUSDT", LOT_SIZE={"stepSize": "0.02000000", "minQty": "0.02000000"})
    await around.enter("SOLUSDT")
    exchange.mend(limit)
    await around.leave("SOLUSDT")
    assert exchange.balance("SOL") < D("0.02")
