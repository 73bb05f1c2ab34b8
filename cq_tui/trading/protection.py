"""Which protective orders a symbol takes, and which of them the exchange would refuse as they will be sent."""

from decimal import ROUND_DOWN, Decimal
from typing import Final, NamedTuple

from cq_tui.binance.filters import SymbolRules

#: How far below its stop a limited stop order may sell, where the symbol has no stop orders without a limit.
STOP_LIMIT_SHARE: Final = Decimal("0.03")
TARGET_TYPE: Final = "LIMIT_MAKER"


def can_protect_by_list(rules: SymbolRules) -> bool:
    """Whether the symbol takes the protective pair."""
    return rules.oco_allowed and TARGET_TYPE in rules.order_types and stop_type(rules) is not None


def stop_type(rules: SymbolRules) -> str | None:
    """Return the stop order that the symbol takes; None if it takes none."""
    return next((kind for kind in ("STOP_LOSS", "STOP_LOSS_LIMIT") if kind in rules.order_types), None)


def on_tick(rules: SymbolRules, level: Decimal) -> Decimal:
    """Return the price at which an order can carry a level: the symbol's tick may have become coarser since."""
    return rules.quantize_price(level, ROUND_DOWN)


def stop_limit(rules: SymbolRules, stop: Decimal) -> Decimal | None:
    """Return the limit price of a stop order; None where it needs none."""
    if stop_type(rules) != "STOP_LOSS_LIMIT":
        return None
    return rules.quantize_price(stop * (1 - STOP_LIMIT_SHARE), ROUND_DOWN)


class RefusedLeg(NamedTuple):
    """A protective order that would be refused: its type, its level, and the filter that it fails."""

    order_type: str
    level: Decimal
    filter: str


def refused_leg(
    rules: SymbolRules, quantity: Decimal, stop: Decimal, target: Decimal | None, price: Decimal
) -> RefusedLeg | None:
    """Return the protective order that the exchange would refuse, as far as that can be known before; else None.

    ``target`` is None where only a stop is sent; ``price`` stands for the exchange's average price.
    """
    kind = stop_type(rules)
    assert kind is not None
    legs: list[tuple[str, Decimal | None, Decimal | None]] = [(kind, stop_limit(rules, stop), stop)]
    if target is not None:
        legs.append((TARGET_TYPE, target, None))
    for order_type, limit, trigger in legs:
        fault = rules.violation(
            side="SELL", order_type=order_type, quantity=quantity, price=limit, stop_price=trigger,
            reference_price=price,
        )  # fmt: skip
        if fault is not None:
            return RefusedLeg(order_type, trigger or limit or stop, fault)
    return None
