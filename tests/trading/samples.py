"""Signals, rules, orders and contexts for the tests, each with sensible defaults."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.types import Fill, Order
from cq_tui.binance.user_events import ExecutionReport
from cq_tui.trading.client_order_id import Leg, first_version_id
from cq_tui.trading.guardrails import EntryContext, HealthReport
from cq_tui.trading.lifecycle import OrderRecord, TradeFill
from cq_tui.trading.portfolio import Position
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


def record(leg: Leg = Leg.ENTRY, **changes: Any) -> OrderRecord:
    """An intended order."""
    plain: dict[str, Any] = {
        "client_order_id": first_version_id(SIGNAL.key, leg), "symbol": "BTCUSDT",
        "side": "BUY" if leg is Leg.ENTRY else "SELL", "order_type": "MARKET", "leg": leg, "signal_key": SIGNAL.key,
        "intended_at": NOW, "quantity": D("0.0025"),
    }  # fmt: skip
    return OrderRecord(**(plain | changes))


def answer(status: str, executed: str = "0", fills: tuple[Fill, ...] = (), **changes: Any) -> Order:
    """An order as the exchange answers it."""
    plain: dict[str, Any] = {
        "symbol": "BTCUSDT", "order_id": 7, "order_list_id": -1, "client_order_id": record().client_order_id,
        "side": "BUY", "type": "MARKET", "status": status, "time_in_force": "GTC", "price": D(0), "stop_price": D(0),
        "quantity": D("0.0025"), "executed_quantity": D(executed), "quote_quantity": None,
        "time": int(NOW * 1000), "fills": fills,
    }  # fmt: skip
    return Order(**(plain | changes))


def report(
    status: str, executed: str = "0", last: str = "0", trade_id: int = -1, reason: str = "NONE"
) -> ExecutionReport:
    """An execution report; a TRADE when it has a trade id."""
    return ExecutionReport(
        symbol="BTCUSDT", order_id=7, order_list_id=-1, client_order_id=record().client_order_id, request_id="",
        side="BUY", type="MARKET", execution_type="TRADE" if trade_id >= 0 else "NEW", status=status,
        reject_reason=reason, expiry_reason="", price=D(0), stop_price=D(0), quantity=D("0.0025"),
        executed_quantity=D(executed), quote_quantity=D(0), last_quantity=D(last), last_price=D("40010"),
        commission=D("0.000001"), commission_asset="BTC", trade_id=trade_id, execution_id=1, is_maker=False,
        transaction_time=int(NOW * 1000), event_time=int(NOW * 1000),
    )  # fmt: skip


def fill(
    quantity: str, price: str = "40000", commission: str = "0", asset: str = "USDT", trade_id: int = 1
) -> TradeFill:
    """One trade."""
    return TradeFill(trade_id, D(price), D(quantity), D(commission), asset, int(NOW * 1000))


def position(**changes: Any) -> Position:
    """An open position with its levels."""
    plain: dict[str, Any] = {
        "symbol": "BTCUSDT", "base_asset": "BTC", "quote_asset": "USDT", "quantity": D("0.002498"),
        "cost": D("100"), "bought": D("0.0025"), "average_price": D("40000"), "opened_at_ms": int(NOW * 1000),
        "strategy": SIGNAL.strategy, "signal_key": SIGNAL.key, "stop_loss": D("39600"), "take_profit": D("40600"),
    }  # fmt: skip
    return Position(**(plain | changes))
