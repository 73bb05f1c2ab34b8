"""Any fact, for property tests: amounts of the exchange's digits, times and texts of any kind."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.foreign_sale import Left
from cq_tui.trading.core.order import OrderRecord, TradeFill
from cq_tui.trading.core.plan import Plan
from cq_tui.trading.limits.losses import LossLimit, LossTier
from cq_tui.trading.order_life import OrderStatus
from cq_tui.trading.position_life import NakedKind, PositionState
from cq_tui.trading.signals import TradeSignal

AMOUNTS = st.decimals(min_value=0, max_value=10**12, places=8)
POSITIVE = st.decimals(min_value="0.00000001", max_value=10**12, places=8)
MS = st.integers(0, 2**53 - 1)
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
SYMBOLS = st.sampled_from(["BTCUSDT", "ETHUSDT"])
SIDES = st.sampled_from(["BUY", "SELL"])

PLANS = st.builds(
    Plan, signal_key=TEXT, strategy=TEXT, frame=TEXT, stop_loss=AMOUNTS, take_profit=st.none() | AMOUNTS,
    trail=st.none() | AMOUNTS, trail_bars=st.integers(1, 500), time_stop_ms=st.none() | MS, cooldown_ms=MS,
    adds=st.booleans(),
)  # fmt: skip


def _intended(**fields: Any) -> OrderRecord:
    """An order in its first state: what comes later is not drawn."""
    return OrderRecord(**fields)


INTENDED = st.builds(
    _intended, client_order_id=st.just("order"), symbol=SYMBOLS, side=SIDES, order_type=TEXT,
    leg=st.sampled_from(Leg), signal_key=TEXT, quantity=AMOUNTS, intended_ms=MS, price=st.none() | AMOUNTS,
    stop_price=st.none() | AMOUNTS, list_client_order_id=st.none() | TEXT,
)  # fmt: skip
FILLS = st.builds(
    TradeFill, trade_id=st.integers(0, 2**53), price=POSITIVE, quantity=POSITIVE, commission=AMOUNTS,
    commission_asset=st.sampled_from(["BTC", "BNB", ""]), time=MS,
)  # fmt: skip
SIGNALS = st.builds(
    TradeSignal, symbol=SYMBOLS, side=st.just("BUY"), entry_price=AMOUNTS, stop_loss=AMOUNTS, take_profit=AMOUNTS,
    confidence=st.floats(0, 1), strategy=TEXT, frame=st.just("1m"), bar_close_time=MS,
    max_bars=st.none() | st.integers(0, 500), trail=st.none() | AMOUNTS, cooldown_bars=st.integers(0, 500),
    trail_bars=st.integers(1, 500), signal_id=st.none() | TEXT, size=st.none() | AMOUNTS, limit_price=AMOUNTS,
    limit_until_ms=st.none() | MS,
)  # fmt: skip
SEEN = [status for status in OrderStatus if status not in (OrderStatus.INTENDED, OrderStatus.SENT)]
#: How the fields of a fact are drawn, where their type does not say it.
_FIELDS: dict[str, Any] = {
    "client_order_id": st.just("order"), "symbol": SYMBOLS, "side": SIDES, "ms": MS, "order_id": st.none() | MS,
    "status": st.sampled_from(SEEN), "order": INTENDED, "plan": PLANS, "fill": FILLS,
    "code": st.none() | st.integers(-9_999, 0), "failures": st.integers(0, 99),
    "day": st.integers(0, 99_999), "since": st.floats(0, 2e9), "until": st.floats(0, 2e9), "naked_ms": st.none() | MS,
    "before": st.sampled_from(PositionState), "after": st.sampled_from(PositionState),
    "limit": st.sampled_from(LossLimit), "tier": st.sampled_from(LossTier),
    "foreign": st.booleans(), "coins": st.dictionaries(TEXT, AMOUNTS),
    "left": st.dictionaries(TEXT, st.builds(Left, quantity=AMOUNTS, reason=TEXT)),
    "naked_kind": st.none() | st.sampled_from(NakedKind), "counts": st.booleans(), "claimed": st.booleans(),
    "gives_up": st.booleans(), "signal": SIGNALS, "until_ms": MS,
}  # fmt: skip
_AMOUNT_FIELDS = (
    "executed", "equity", "price", "stop_loss", "commission_own", "base", "share", "limit_price", "keep", "unsold",
)  # fmt: skip
_OPTIONAL_AMOUNTS = ("commission_price", "realized", "peak")


def _field(kind: type, name: str) -> Any:
    if (kind, name) == (f.OrderIntended, "plan"):
        return st.none() | PLANS
    if (kind, name) == (f.OrderFilled, "order_id"):
        return MS
    if (kind, name) == (f.OrderFilled, "status"):
        return st.sampled_from([OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED, OrderStatus.CANCELED])
    if (kind, name) == (f.SignalDenied, "code"):
        return st.sampled_from(["exposure", "disk_full"])
    if (kind, name) == (f.OrderSeen, "quantity"):
        return st.none() | AMOUNTS
    if name in ("quantity", *_AMOUNT_FIELDS):
        return AMOUNTS
    if name == "change":
        return AMOUNTS.map(Decimal.copy_negate) | AMOUNTS
    if name in _OPTIONAL_AMOUNTS:
        return st.none() | AMOUNTS
    return _FIELDS.get(name, TEXT)


def facts_of(kind: type) -> st.SearchStrategy[Any]:
    """Any fact of one kind."""
    return st.builds(kind, **{name: _field(kind, name) for name in kind.__dataclass_fields__})  # type: ignore[attr-defined]
