"""Protection of open positions: stop orders, trailing stop, time stop."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from enum import StrEnum

from cq_tui.binance.filters import SymbolRules
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.lifecycle import OrderRecord, OrderStatus
from cq_tui.trading.portfolio import Position
from cq_tui.trading.signals import TradeSignal
from cq_tui.trading.sizing import exit_violation, sellable_quantity

ZERO = Decimal(0)
#: Share below an open stop at which the price is taken to have gapped over it (its limit did not fill).
STOP_GAP_SHARE = Decimal("0.005")


class ProtectionAction(StrEnum):
    """What has to be done to protect a position."""

    #: Place the protective OCO.
    PLACE = "place"
    #: Cancel, verify the cancel, and place again: it covers too little or too much, or its stop is too low.
    REPLACE = "replace"
    #: Cancel, verify the cancel, and sell at market: the price is beyond stop or target, or time is up.
    EXIT = "exit"
    #: Too little is left to sell: close the position as dust.
    DUST = "dust"


@dataclass(frozen=True, slots=True)
class ProtectionNeed:
    """What has to be done, for what quantity of the base asset, and why."""

    action: ProtectionAction
    quantity: Decimal
    reason: str


def with_signal_levels(position: Position, signal: TradeSignal, rules: SymbolRules) -> Position:
    """Return the position with the signal's levels, rounded to the tick size."""
    return replace(
        position,
        strategy=signal.strategy,
        signal_key=signal.key,
        stop_loss=rules.quantize_price(signal.stop_loss, ROUND_DOWN),
        take_profit=rules.quantize_price(signal.take_profit, ROUND_HALF_EVEN),
        trail=signal.trail,
        time_stop_ms=signal.time_stop_ms,
    )


def with_trailing_stop(position: Position, highest_high: Decimal, rules: SymbolRules) -> Position:
    """Return the position with its stop raised to the trailing level; a stop is never lowered.

    ``highest_high``: of the last 22 closed trigger bars.
    """
    if position.trail is None:
        return position
    level = rules.quantize_price(highest_high - position.trail, ROUND_DOWN)
    if level <= 0 or (position.stop_loss is not None and level <= position.stop_loss):
        return position
    return replace(position, stop_loss=level)


def time_stop_due(position: Position, now_ms: int) -> bool:
    """Whether its time stop has passed."""
    return position.time_stop_ms is not None and now_ms >= position.time_stop_ms


def find_protection_need(
    position: Position,
    orders: Iterable[OrderRecord],
    rules: SymbolRules,
    *,
    price: Decimal | None,
    now_ms: int,
) -> ProtectionNeed | None:
    """Return what the position needs now, or None.

    ``orders``: those of the symbol; ``price``: the best bid, None if there is none. While an exit is pending, or the
    outcome of a protective order is unknown, nothing is needed: another order could sell twice.
    """
    own = [order for order in orders if order.symbol == position.symbol and order.side == "SELL"]
    quantity = sellable_quantity(rules, position.quantity)
    if any(_is_undecided(order) for order in own) or triggered_oco_legs(own):
        return None
    stops = [order for order in own if order.leg is Leg.STOP and order.is_open]
    worth_at = price or position.stop_loss or position.average_price
    if not stops and exit_violation(rules, quantity, worth_at) is not None:
        return ProtectionNeed(
            ProtectionAction.DUST, position.quantity, f"{position.quantity} {position.base_asset} cannot be sold"
        )
    if (reason := _exit_reason(position, price, now_ms, on_exchange=bool(stops))) is not None:
        return ProtectionNeed(ProtectionAction.EXIT, quantity, reason)
    if not stops:
        return ProtectionNeed(ProtectionAction.PLACE, quantity, "no stop order is open")
    return _coverage_need(position, stops, quantity)


def triggered_oco_legs(orders: Iterable[OrderRecord]) -> list[OrderRecord]:
    """Return the open orders whose OCO was triggered: the report of their fill will follow.

    The exchange reports the end of one leg before the fill of the other.
    """
    known = list(orders)
    triggered = {
        order.list_client_order_id
        for order in known
        if order.status is OrderStatus.EXPIRED and order.reason == "OCO_TRIGGER" and order.list_client_order_id
    }
    return [order for order in known if order.is_open and order.list_client_order_id in triggered]


def _is_undecided(order: OrderRecord) -> bool:
    """Whether what this order sold is uncertain: until its trades are known, neither is the position."""
    waiting = order.status in (OrderStatus.SENT, OrderStatus.UNKNOWN)
    return waiting or order.lacks_trades or (order.leg is Leg.EXIT and order.is_open)


def _exit_reason(position: Position, price: Decimal | None, now_ms: int, *, on_exchange: bool) -> str | None:
    if time_stop_due(position, now_ms):
        return "time stop"
    if position.stop_loss is None or position.take_profit is None:
        return "the position has no stop or target"
    if price is None:
        return None
    if on_exchange:
        # The exchange is about to sell by itself; only a gap over the stop needs our help.
        gapped = price <= position.stop_loss * (1 - STOP_GAP_SHARE)
        return f"price {price} gapped over the stop {position.stop_loss}" if gapped else None
    if price <= position.stop_loss:
        return f"price {price} is at or below the stop {position.stop_loss}"
    return f"price {price} is at or above the target {position.take_profit}" if price >= position.take_profit else None


def _coverage_need(position: Position, stops: list[OrderRecord], quantity: Decimal) -> ProtectionNeed | None:
    covered = sum((order.remaining for order in stops), ZERO)
    if covered != quantity:
        return ProtectionNeed(ProtectionAction.REPLACE, quantity, f"stop orders cover {covered} of {quantity}")
    lowest = min((order.stop_price for order in stops if order.stop_price is not None), default=None)
    if lowest is not None and position.stop_loss is not None and lowest < position.stop_loss:
        return ProtectionNeed(
            ProtectionAction.REPLACE, quantity, f"the trailing stop rose from {lowest} to {position.stop_loss}"
        )
    return None
