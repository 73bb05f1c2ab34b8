"""Checks before an order changes anything: filters, trading phase, prices and balances."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from cq_tui.binance.filters import ALGO_TYPES, SymbolRules
from cq_tui.simulator import errors
from cq_tui.simulator.engine.command_context import CommandContext
from cq_tui.simulator.engine.engine_view import EngineView
from cq_tui.simulator.engine.orders import ZERO, EngineOrder, NewOrder, NewOrderList
from cq_tui.simulator.errors import RequestRejected, filter_failure, order_rejected

#: The account's permissions.
PERMISSIONS = ("SPOT",)
_UNSUPPORTED_LIST_TEXTS = {
    "OCO": "OCO orders are not supported for this symbol",
    "OTO": "OTO orders are not supported for this symbol",
    "OPO": "OPO orders are not supported for this symbol.",
}


def check_filters(engine: EngineView, new: NewOrder, earlier: Sequence[NewOrder] = ()) -> None:
    """Raise RequestRejected if the order violates a rule or filter of its symbol or the account.

    ``earlier`` are the orders placed before it in the same list; they count as open.
    """
    rules = engine.rules(new.symbol)
    if text := _unsupported(rules, new):
        raise RequestRejected(-1013, text)
    if new.iceberg_quantity is not None and new.quantity is not None and new.iceberg_quantity > new.quantity:
        raise RequestRejected(-1013, "IcebergQty exceeds QTY.")
    if name := _symbol_violation(engine, rules, new, earlier) or _account_violation(engine, new, earlier):
        raise filter_failure(name)


def _unsupported(rules: SymbolRules, new: NewOrder) -> str | None:
    kind = None
    if new.type not in rules.order_types:
        kind = new.type.replace("_", " ").capitalize()
    elif new.iceberg_quantity and not rules.iceberg_allowed:
        kind = "Iceberg"
    elif new.trailing_delta is not None and not rules.trailing_allowed:
        kind = "Trailing stop"
    elif new.quote_quantity is not None and not rules.quote_quantity_allowed:
        return "Quote order qty market orders are not support for this symbol."
    return kind and f"{kind} orders are not supported for this symbol."


def _symbol_violation(engine: EngineView, rules: SymbolRules, new: NewOrder, earlier: Sequence[NewOrder]) -> str | None:
    state = engine.state
    open_orders = state.open_orders_of(new.symbol)
    return rules.violation(
        side=new.side,
        order_type=new.type,
        quantity=new.quantity,
        price=new.price,
        stop_price=new.stop_price,
        quote_quantity=new.quote_quantity,
        iceberg_quantity=new.iceberg_quantity,
        trailing_delta=new.trailing_delta,
        reference_price=engine.reference_price(new.symbol),
        open_orders=len(open_orders) + len(earlier),
        open_algo_orders=_count_algo_orders(new, open_orders) + _count_algo_orders(new, earlier),
        open_iceberg_orders=_count_iceberg_orders(new, open_orders) + _count_iceberg_orders(new, earlier),
        position=projected_position(engine, new.symbol) if rules.max_position and new.side == "BUY" else None,
    )


def projected_position(engine: EngineView, symbol: str) -> Decimal:
    """Return the base asset held plus what open orders would buy."""
    balance = engine.state.balances[engine.state.assets_of(symbol)[0]]
    buying = (order.remaining for order in engine.state.open_orders_of(symbol) if order.side == "BUY")
    return balance.free + balance.locked + sum(buying, ZERO)


def _account_violation(engine: EngineView, new: NewOrder, earlier: Sequence[NewOrder]) -> str | None:
    rules = engine.account_rules
    if rules is None:
        return None
    open_orders = engine.state.open_orders.values()
    base, quote = engine.state.assets_of(new.symbol)
    price = new.price or new.stop_price or engine.last_price(new.symbol)
    return rules.violation(
        order_type=new.type,
        base_asset=base,
        quote_asset=quote,
        quantity=new.quantity,
        notional=new.quote_quantity if new.quantity is None else new.quantity * price,
        iceberg=bool(new.iceberg_quantity),
        open_orders=len(open_orders) + len(earlier),
        open_algo_orders=_count_algo_orders(new, open_orders) + _count_algo_orders(new, earlier),
        open_iceberg_orders=_count_iceberg_orders(new, open_orders) + _count_iceberg_orders(new, earlier),
    )


def _count_algo_orders(new: NewOrder, open_orders: Iterable[EngineOrder | NewOrder]) -> int:
    """Count open orders of stop types; zero unless the new order is one."""
    return sum(order.type in ALGO_TYPES for order in open_orders) if new.type in ALGO_TYPES else 0


def _count_iceberg_orders(new: NewOrder, open_orders: Iterable[EngineOrder | NewOrder]) -> int:
    return sum(bool(order.iceberg_quantity) for order in open_orders) if new.iceberg_quantity else 0


def check_phase(engine: EngineView, symbol: str) -> None:
    """Raise RequestRejected if the symbol does not accept orders now, or none of this account."""
    if engine.market_ended:
        raise order_rejected(errors.MARKET_CLOSED)
    if not engine.rules(symbol).may_trade(PERMISSIONS):
        raise order_rejected(errors.NOT_PERMITTED)
    if engine.phase(symbol) != "TRADING":
        raise order_rejected(errors.WRONG_PHASE)


def check_client_id(engine: EngineView, new: NewOrder) -> None:
    """Raise RequestRejected if an open order of the symbol uses the client order id."""
    if engine.state.find_open(new.symbol, new.client_order_id) is not None:
        raise order_rejected(errors.DUPLICATE)


def check_positive_value(new: NewOrder) -> None:
    """Raise RequestRejected if price or quantity is not positive."""
    price = new.stop_price if new.price is None else new.price
    if (new.quantity is not None and new.quantity <= 0) or (price is not None and price <= 0):
        raise RequestRejected(-1013, "Price * QTY is zero or less.")


def check_entry_price(engine: EngineView, new: NewOrder | EngineOrder) -> None:
    """Raise RequestRejected if a stop would trigger immediately or a LIMIT_MAKER would take."""
    if new.stop_price and is_triggered(new.type, new.side, new.stop_price, engine.last_price(new.symbol)):
        raise order_rejected(errors.WOULD_TRIGGER)
    if new.type == "LIMIT_MAKER" and new.price and _crosses(engine, new.symbol, new.side, new.price):
        raise order_rejected(errors.WOULD_TAKE)


def _crosses(engine: EngineView, symbol: str, side: str, price: Decimal) -> bool:
    book = engine.book(symbol)
    return price >= book.best_ask if side == "BUY" else price <= book.best_bid


def is_triggered(order_type: str, side: str, stop_price: Decimal, last: Decimal) -> bool:
    """Whether the last trade price triggers the stop price."""
    rises = order_type.startswith("STOP_LOSS") == (side == "BUY")
    return last >= stop_price if rises else last <= stop_price


def check_balance(context: CommandContext, order: EngineOrder, needed: Decimal) -> None:
    """Raise RequestRejected if the free balance does not cover the order."""
    if needed > context.free_balance(order):
        raise order_rejected(errors.INSUFFICIENT_BALANCE)


def check_list(engine: EngineView, new: NewOrderList) -> None:
    """Raise RequestRejected if the symbol does not allow the list, or a client id is in use."""
    rules = engine.rules(new.symbol)
    needs = {"OCO": ("OCO",), "OTO": ("OTO",), "OTOCO": ("OTO", "OCO"), "OPO": ("OTO", "OPO")}
    allowed = {"OCO": rules.oco_allowed, "OTO": rules.oto_allowed, "OPO": rules.opo_allowed}
    for kind in needs.get(new.kind, ("OTO", "OPO", "OCO")):
        if not allowed[kind]:
            raise RequestRejected(-1013, _UNSUPPORTED_LIST_TEXTS[kind])
    state = engine.state
    name = rules.list_violation(open_order_lists=len(state.open_lists_of(new.symbol)))
    if not name and engine.account_rules is not None:
        name = engine.account_rules.list_violation(open_order_lists=len(state.open_lists))
    if name:
        raise filter_failure(name)
    ids = [order.client_order_id for order in new.orders]
    if len(set(ids)) < len(ids) or any(entry.client_id == new.client_id for entry in state.open_lists_of(new.symbol)):
        raise order_rejected(errors.DUPLICATE)


def check_leg_prices(above: NewOrder | EngineOrder, below: NewOrder | EngineOrder, last: Decimal | None) -> None:
    """Raise RequestRejected unless ``above`` is over ``below`` and they enclose the last price, if given."""
    high, low = _trigger_or_limit_price(above), _trigger_or_limit_price(below)
    if high is not None and low is not None and not low < high:
        raise order_rejected(errors.BAD_PRICES)
    if last is not None and ((high is not None and high <= last) or (low is not None and low >= last)):
        raise order_rejected(errors.BAD_PRICES)


def _trigger_or_limit_price(leg: NewOrder | EngineOrder) -> Decimal | None:
    """Return a leg's stop price or limit price; None if it only trails."""
    if leg.type in ALGO_TYPES:
        return leg.stop_price or None
    return leg.price or None
