"""Events of the first version (0.1.0) as facts: they name no account and no assets, and amounts are numbers.

A number of JSON is exact to 15 digits. Assets follow from the name of the symbol.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cq_tui.contracts.base import Side
from cq_tui.contracts.numbers import to_decimal
from cq_tui.simulator.market.symbols import split_symbol
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.order import OrderRecord, TradeFill
from cq_tui.trading.core.plan import Plan
from cq_tui.trading.money.exact import ZERO
from cq_tui.trading.order_life import OrderStatus
from cq_tui.trading.position_life import PositionState

#: How its books are called: it named no account.
NAME = "first-version"


@dataclass(slots=True)
class FirstVersion:
    """Reads its events, in their order."""

    #: Symbols with a position: from a purchase until a sale was filled whole.
    _open: set[str] = field(default_factory=set)
    #: The signal of each order by its client order id, and of each symbol's last entry.
    _keys: dict[str, str] = field(default_factory=dict)
    _symbols: dict[str, str] = field(default_factory=dict)
    _last_key: dict[str, str] = field(default_factory=dict)

    def facts(self, event_type: str, data: Mapping[str, Any], ms: int) -> Iterator[f.Fact]:
        """Yield the facts of an event. Raises KeyError, ValueError, TypeError if it is not of that version."""
        if event_type == "order_submitted":
            yield from self._intended(data, ms)
        elif event_type == "order_executed":
            yield from self._filled(data, ms)

    def _intended(self, data: Mapping[str, Any], ms: int) -> Iterator[f.Fact]:
        symbol, leg, name = str(data["symbol"]), Leg(data["leg"]), str(data["client_order_id"])
        key = str(data.get("signal_key") or self._last_key.get(symbol, ""))
        if leg is Leg.ENTRY:
            self._last_key[symbol] = key
        self._keys[name], self._symbols[name] = key, symbol
        base, quote = split_symbol(symbol)
        quantity = to_decimal(data["size"]) if data.get("size") is not None else ZERO
        order = OrderRecord(name, symbol, _side(data), str(data["order_type"]), leg, key, quantity, ms)
        plan = Plan(key, key.partition(":")[0], "", ZERO) if leg is Leg.ENTRY else None
        yield f.OrderIntended(order, base, quote, plan)

    def _filled(self, data: Mapping[str, Any], ms: int) -> Iterator[f.Fact]:
        symbol, name = str(data["symbol"]), str(data["client_order_id"])
        if name not in self._keys:
            yield from self._intended({"order_type": "", "leg": "exit"} | dict(data), ms)
        if self._symbols[name] != symbol:
            raise ValueError(f"its order is of {self._symbols[name]}, not of {symbol[:20]}")
        quantity, commission = to_decimal(data["size"]), to_decimal(data.get("commission") or 0)
        asset = str(data.get("commission_asset") or "")
        trade = TradeFill(int(data["trade_id"]), to_decimal(data["price"]), quantity, commission, asset, ms)
        key, is_buy = self._keys[name], _side(data) == "BUY"
        if is_buy and symbol not in self._open:
            self._open.add(symbol)
            yield f.PositionMoved(symbol, key, PositionState.CLOSED, PositionState.OPENING, ms)
        realized = data.get("realized_pnl")
        status = OrderStatus(str(data["status"]).lower())
        yield f.OrderFilled(
            name, int(data["order_id"]), trade, status, realized=None if realized is None else to_decimal(realized)
        )
        if not is_buy and status.is_filled:
            self._open.discard(symbol)
            yield f.PositionMoved(symbol, key, PositionState.CLOSING, PositionState.CLOSED, ms)


def _side(data: Mapping[str, Any]) -> Side:
    side = data["side"]
    if side == "BUY":
        return "BUY"
    if side == "SELL":
        return "SELL"
    raise ValueError(f"its side {str(side)[:20]!r} is neither BUY nor SELL")
