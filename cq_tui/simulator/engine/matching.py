"""Pure matching plans: how an order would match a book, without changing anything."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from cq_tui.simulator.engine.limit_order_book import MatchableLevel
from cq_tui.simulator.engine.orders import ZERO, EngineOrder


class PlannedFill(NamedTuple):
    """A trade at a price, with an own order or (``maker`` None) with background liquidity."""

    price: Decimal
    quantity: Decimal
    maker: EngineOrder | None = None


class PlannedPrevention(NamedTuple):
    """A prevented trade with an own order, and the quantity that each side loses."""

    price: Decimal
    maker: EngineOrder
    taker_quantity: Decimal
    maker_quantity: Decimal


@dataclass(slots=True)
class MatchPlan:
    """The steps by which an order matches a book.

    ``remaining`` is the demand left (base quantity, or quote amount); ``is_complete`` means no more can be taken.
    """

    remaining: Decimal
    steps: list[PlannedFill | PlannedPrevention] = field(default_factory=list)
    quantity: Decimal = ZERO
    quote: Decimal = ZERO
    prevented: Decimal = ZERO
    is_complete: bool = False

    def add_fill(self, price: Decimal, quantity: Decimal, maker: EngineOrder | None) -> None:
        """Add a planned trade."""
        self.steps.append(PlannedFill(price, quantity, maker))
        self.quantity += quantity
        self.quote += price * quantity

    def add_prevention(
        self, price: Decimal, maker: EngineOrder, taker_quantity: Decimal, maker_quantity: Decimal
    ) -> None:
        """Add a prevented trade."""
        self.steps.append(PlannedPrevention(price, maker, taker_quantity, maker_quantity))
        self.prevented += taker_quantity


class TakerDemand(NamedTuple):
    """A taker's demand: ``amount`` of base, or with a ``step`` the whole steps that ``amount`` of quote buys."""

    side: str
    amount: Decimal
    stp_mode: str
    limit: Decimal | None = None
    step: Decimal | None = None

    def accepts(self, price: Decimal) -> bool:
        """Return whether a price is within the taker's limit."""
        return self.limit is None or (price <= self.limit if self.side == "BUY" else price >= self.limit)

    def quantity_at(self, remaining: Decimal, price: Decimal) -> Decimal:
        """Return the base quantity still demanded at a price."""
        if self.step is None:
            return remaining
        return (remaining / price / self.step).to_integral_value(ROUND_DOWN) * self.step

    def remaining_after(self, remaining: Decimal, price: Decimal, quantity: Decimal) -> Decimal:
        """Return the demand left after ``quantity`` at a price."""
        return remaining - (quantity if self.step is None else quantity * price)


def plan_match(demand: TakerDemand, levels: Iterable[MatchableLevel]) -> MatchPlan:
    """Plan a taker's match: best price first, and background liquidity before own orders at each price."""
    plan = MatchPlan(demand.amount)
    for level in levels:
        if demand.quantity_at(plan.remaining, level.price) <= 0:
            plan.is_complete = True
            break
        if not demand.accepts(level.price):
            break
        _plan_level(plan, demand, level)
        if plan.is_complete:
            break
    plan.is_complete = plan.is_complete or plan.remaining <= 0
    return plan


def _plan_level(plan: MatchPlan, demand: TakerDemand, level: MatchableLevel) -> None:
    """Plan the match at one price."""
    part = min(demand.quantity_at(plan.remaining, level.price), level.background)
    if part > 0:
        plan.add_fill(level.price, part, None)
        plan.remaining = demand.remaining_after(plan.remaining, level.price, part)
    if part < level.background:
        # The rest of a quote amount is too small for a step here; it must not go to a worse price either.
        plan.is_complete = True
    if plan.is_complete or not level.own:
        return
    if demand.stp_mode == "NONE":
        _plan_self_trades(plan, demand, level)
        return
    for maker in level.own:
        quantity = demand.quantity_at(plan.remaining, level.price)
        if quantity <= 0:
            plan.is_complete = True
        if plan.is_complete:
            return
        _plan_prevention(plan, demand, level.price, maker, quantity)


def _plan_self_trades(plan: MatchPlan, demand: TakerDemand, level: MatchableLevel) -> None:
    """Plan trades with own orders in turn; an iceberg moves to the back once its visible part is filled."""
    queue = [(maker, maker.visible_quantity, maker.remaining) for maker in level.own]
    while queue:
        maker, visible, remaining = queue.pop(0)
        part = min(demand.quantity_at(plan.remaining, level.price), visible)
        if part > 0:
            plan.add_fill(level.price, part, maker)
            plan.remaining = demand.remaining_after(plan.remaining, level.price, part)
        if part < visible:
            plan.is_complete = True
            return
        if remaining > part:
            queue.append((maker, min(maker.iceberg_quantity, remaining - part), remaining - part))


def _plan_prevention(
    plan: MatchPlan, demand: TakerDemand, price: Decimal, maker: EngineOrder, quantity: Decimal
) -> None:
    """Plan what self-trade prevention does instead of a trade of ``quantity``."""
    match demand.stp_mode:
        case "EXPIRE_MAKER":
            plan.add_prevention(price, maker, ZERO, maker.remaining)
        case "EXPIRE_TAKER" | "EXPIRE_BOTH":
            plan.add_prevention(price, maker, quantity, maker.remaining if demand.stp_mode == "EXPIRE_BOTH" else ZERO)
            plan.remaining, plan.is_complete = ZERO, True
        case _:  # DECREMENT, and TRANSFER between orders of one account
            part = min(quantity, maker.remaining)
            plan.add_prevention(price, maker, part, part)
            plan.remaining = demand.remaining_after(plan.remaining, price, part)
            plan.is_complete = part < maker.remaining
