"""Signals, rules, orders and contexts for the tests, each with sensible defaults."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from cq_tui.binance.filters import SymbolRules
from cq_tui.trading.entry_context import EntryContext, HealthReport
from cq_tui.trading.signals import TradeSignal
from cq_tui.trading.sizing import EntryBudget

D = Decimal
#: Unix seconds at which the sample signal's bar has just closed.
NOW = 1_700_000_100.0

RULES = SymbolRules(
    symbol="BTCUSDT", status="TRADING", base_asset="BTC", quote_asset="USDT", base_precision=8, quote_precision=8,
    order_types=frozenset({"MARKET", "LIMIT_MAKER", "STOP_LOSS_LIMIT"}), tick_size=D("0.01"),
    min_quantity=D("0.00001"), max_quantity=D("9000"), step_size=D("0.00001"),
    min_notional=D("5"), min_notional_on_market=True,
)  # fmt: skip

SIGNAL = TradeSignal(
    symbol="BTCUSDT", side="BUY", entry_price=D("40000"), stop_loss=D("39600"), take_profit=D("40600"),
    confidence=0.7, strategy="trend_multi_tf", frame="1m", bar_close_time=int(NOW * 1000) - 1,
)  # fmt: skip
SELL = replace(SIGNAL, side="SELL", stop_loss=D("40400"), take_profit=D("39400"))

BUDGET = EntryBudget(order_quote=D("100"), available_quote=D("1000"), commission=D("0.001"))
HEALTHY = HealthReport("ok", NOW - 1)


def context(**changes: Any) -> EntryContext:
    """A context in which the sample signal passes."""
    plain: dict[str, Any] = {
        "mode": "simulation", "trading_state": "active", "ares": HEALTHY, "feeder": HEALTHY, "memory": HEALTHY,
        "budget": BUDGET, "equity": D("1000"), "exposure": D("0"), "price": D("40010"), "price_time": NOW - 1,
        "rules": RULES,
    }  # fmt: skip
    return EntryContext(**(plain | changes))
