"""Makes orders: their ids, their records, and the requests that carry them."""

from collections.abc import Sequence
from decimal import Decimal

from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.order_lists import NewOco, OcoLeg
from cq_tui.binance.orders import CancelReplace, NewOrder
from cq_tui.trading.client_order_id import Leg, client_order_id
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.effects import PlaceList, PlaceOrder, ReplaceOrder, Urgency
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.plan import Plan
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.protection import TARGET_TYPE, on_tick, stop_limit, stop_type

_INTENTS_A_MS = 1_000


def new_id(s: Situation, signal_key: str, leg: Leg) -> str:
    """Return the next id of a leg; one that may have reached the exchange never returns.

    An entry and its list are numbered by the recorded intents: without a record they are not sent. Whatever reduces
    risk goes out unrecorded too, on a full disk, so that a restart may not know of it: its number has the time.
    """
    number = s.book.numbers.get(signal_key, 0)
    if leg not in (Leg.ENTRY, Leg.LIST):
        number = s.ms * _INTENTS_A_MS + number % _INTENTS_A_MS
    return client_order_id(s.book.owner, signal_key, leg, number)


def record_of(
    s: Situation, rules: SymbolRules, plan: Plan, leg: Leg, order_type: str, quantity: Decimal, **more: object
) -> OrderRecord:
    """Return the record of a new order that sells, with its id."""
    return OrderRecord(
        client_order_id=new_id(s, plan.signal_key, leg),
        symbol=rules.symbol,
        side="SELL",
        order_type=order_type,
        leg=leg,
        signal_key=plan.signal_key,
        quantity=quantity,
        intended_ms=s.ms,
        **more,  # type: ignore[arg-type]
    )


def intend(s: Situation, rules: SymbolRules, orders: Sequence[OrderRecord], plan: Plan | None = None) -> None:
    """Record the intents to place orders; ``plan``: of an entry."""
    for order in orders:
        s.record(f.OrderIntended(order, rules.base_asset, rules.quote_asset, plan if order.leg is Leg.ENTRY else None))


def stop_leg(order: OrderRecord, rules: SymbolRules) -> OcoLeg:
    """Return the stop of a list."""
    assert order.stop_price is not None
    limit = stop_limit(rules, order.stop_price)
    return OcoLeg(
        type=order.order_type,
        client_order_id=order.client_order_id,
        price=limit,
        stop_price=order.stop_price,
        time_in_force=None if limit is None else "GTC",
    )


def target_leg(order: OrderRecord) -> OcoLeg:
    """Return the target of a list."""
    return OcoLeg(type=TARGET_TYPE, client_order_id=order.client_order_id, price=order.price)


def protective_records(
    s: Situation, rules: SymbolRules, plan: Plan, quantity: Decimal, list_id: str
) -> tuple[OrderRecord, OrderRecord]:
    """Return stop and target of a list."""
    kind = stop_type(rules)
    assert kind is not None
    level, target_level = on_tick(rules, plan.stop_loss), plan.take_profit and on_tick(rules, plan.take_profit)
    stop = record_of(s, rules, plan, Leg.STOP, kind, quantity, stop_price=level, list_client_order_id=list_id)
    target = record_of(
        s, rules, plan, Leg.TARGET, TARGET_TYPE, quantity, price=target_level, list_client_order_id=list_id
    )
    return stop, target


def place_oco(s: Situation, rules: SymbolRules, plan: Plan, quantity: Decimal) -> None:
    """Protect by stop and target."""
    list_id = new_id(s, plan.signal_key, Leg.OCO)
    stop, target = protective_records(s, rules, plan, quantity, list_id)
    oco = NewOco(rules.symbol, "SELL", quantity, list_id, target_leg(target), stop_leg(stop, rules))
    intend(s, rules, (stop, target))
    request = PlaceList(number=s.next_number(), symbol=rules.symbol, urgency=Urgency.PROTECT, order_list=oco)
    s.send(request, (stop.client_order_id, target.client_order_id))


def place_stop(s: Situation, rules: SymbolRules, plan: Plan, quantity: Decimal, replaces: str | None = None) -> None:
    """Protect by a single stop; with ``replaces``, in the place of that order and its list."""
    kind = stop_type(rules)
    assert kind is not None
    level = on_tick(rules, plan.stop_loss)
    stop = record_of(s, rules, plan, Leg.STOP, kind, quantity, stop_price=level)
    limit = stop_limit(rules, level)
    order = NewOrder(
        symbol=rules.symbol,
        side="SELL",
        type=kind,
        client_order_id=stop.client_order_id,
        quantity=quantity,
        price=limit,
        stop_price=level,
        time_in_force=None if limit is None else "GTC",
    )
    _send_single(s, rules, plan, stop, order, Urgency.PROTECT, replaces)


def place_sale(
    s: Situation,
    rules: SymbolRules,
    plan: Plan,
    quantity: Decimal,
    replaces: str | None = None,
    *,
    orders_after: int = 0,
    needs_record: bool = False,
) -> None:
    """Sell at market; with ``replaces``, in the place of that order and its list, if so many orders may follow."""
    sale = record_of(s, rules, plan, Leg.EXIT, "MARKET", quantity)
    order = NewOrder(
        symbol=rules.symbol, side="SELL", type="MARKET", client_order_id=sale.client_order_id, quantity=quantity
    )
    _send_single(
        s, rules, plan, sale, order, Urgency.EXIT, replaces, orders_after=orders_after, needs_record=needs_record
    )


def _send_single(
    s: Situation,
    rules: SymbolRules,
    plan: Plan,
    record: OrderRecord,
    order: NewOrder,
    urgency: Urgency,
    replaces: str | None,
    *,
    orders_after: int = 0,
    needs_record: bool = False,
) -> None:
    number, ids = s.next_number(), (record.client_order_id,)
    replace = None if replaces is None else CancelReplace(replaces, order, new_id(s, plan.signal_key, Leg.CANCEL))
    intend(s, rules, (record,))
    if replace is None:
        placed = PlaceOrder(number=number, symbol=rules.symbol, urgency=urgency, order=order)
        s.send(placed, ids, needs_record=needs_record)
    else:
        replacement = ReplaceOrder(
            number=number, symbol=rules.symbol, urgency=urgency, replace=replace, orders_after=orders_after
        )
        s.send(replacement, ids, needs_record=needs_record)
