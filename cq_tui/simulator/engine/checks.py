"""Why an order is refused before it changes anything: filters, phases, prices and balances."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from cq_tui.binance.filters import ALGO_TYPES, SymbolRules
from cq_tui.simulator import errors
from cq_tui.simulator.engine.command_context import CommandContext
from cq_tui.simulator.engine.engine_view import EngineView
from cq_tui.simulator.engine.orders import ZERO, EngineOrder, OrderListRequest, OrderRequest
from cq_tui.simulator.errors import RequestRejected, filter_failure, order_rejected

_UNSUPPORTED_LIST_TEXTS = {
    "OCO": "OCO orders are not supported for this symbol",
    "OTO": "OTO orders are not supported for this symbol",
    "OPO": "OPO orders are not supported for this symbol.",
}


def check_filters(venue: EngineView, new: OrderRequest, earlier: Sequence[OrderRequest] = ()) -> None:
    """Raise ApiError when the order breaks a rule or filter of its symbol or of the account.

    ``before`` are the orders of the same list that are opened before it: they count as open ones.
    """
    rules = venue.rules(new.symbol)
    if text := _unsupported(rules, new):
        raise RequestRejected(-1013, text)
    if new.iceberg_quantity is not None and new.quantity is not None and new.iceberg_quantity > new.quantity:
        raise RequestRejected(-1013, "IcebergQty exceeds QTY.")
    if name := _symbol_violation(venue, rules, new, earlier) or _account_violation(venue, new, earlier):
        raise filter_failure(name)


def _unsupported(rules: SymbolRules, new: OrderRequest) -> str | None:
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


def _symbol_violation(
    venue: EngineView, rules: SymbolRules, new: OrderRequest, earlier: Sequence[OrderRequest]
) -> str | None:
    state = venue.state
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
        reference_price=venue.reference_price(new.symbol),
        open_orders=len(open_orders) + len(earlier),
        open_algo_orders=_count_algo_orders(new, open_orders) + _count_algo_orders(new, earlier),
        open_iceberg_orders=_count_iceberg_orders(new, open_orders) + _count_iceberg_orders(new, earlier),
        position=projected_position(venue, new.symbol) if rules.max_position and new.side == "BUY" else None,
    )


def projected_position(venue: EngineView, symbol: str) -> Decimal:
    """Return what the account holds of a symbol's base asset and has open orders to buy."""
    balance = venue.state.balances[venue.state.assets_of(symbol)[0]]
    buying = (order.remaining for order in venue.state.open_orders_of(symbol) if order.side == "BUY")
    return balance.free + balance.locked + sum(buying, ZERO)


def _account_violation(venue: EngineView, new: OrderRequest, earlier: Sequence[OrderRequest]) -> str | None:
    rules = venue.account_rules
    if rules is None:
        return None
    open_orders = venue.state.open_orders.values()
    base, quote = venue.state.assets_of(new.symbol)
    price = new.price or new.stop_price or venue.last_price(new.symbol)
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


def _count_algo_orders(new: OrderRequest, open_orders: Iterable[EngineOrder | OrderRequest]) -> int:
    """Return how many open orders are of the kind that waits for a price; only such an order asks."""
    return sum(order.type in ALGO_TYPES for order in open_orders) if new.type in ALGO_TYPES else 0


def _count_iceberg_orders(new: OrderRequest, open_orders: Iterable[EngineOrder | OrderRequest]) -> int:
    return sum(bool(order.iceberg_quantity) for order in open_orders) if new.iceberg_quantity else 0


def check_phase(venue: EngineView, symbol: str) -> None:
    """Raise ApiError when no orders are accepted for the symbol at present."""
    if venue.market_ended:
        raise order_rejected(errors.MARKET_CLOSED)
    if venue.phase(symbol) != "TRADING":
        raise order_rejected(errors.WRONG_PHASE)


def check_client_id(venue: EngineView, new: OrderRequest) -> None:
    """Raise ApiError when an open order of the symbol has the client order id."""
    if venue.state.find_open(new.symbol, new.client_order_id) is not None:
        raise order_rejected(errors.DUPLICATE)


def check_positive_value(new: OrderRequest) -> None:
    """Raise ApiError when an order is worth nothing."""
    price = new.stop_price if new.price is None else new.price
    if (new.quantity is not None and new.quantity <= 0) or (price is not None and price <= 0):
        raise RequestRejected(-1013, "Price * QTY is zero or less.")


def check_entry_price(venue: EngineView, new: OrderRequest | EngineOrder) -> None:
    """Raise ApiError when the order would trigger at once, or take though it must not."""
    if new.stop_price and is_triggered(new.type, new.side, new.stop_price, venue.last_price(new.symbol)):
        raise order_rejected(errors.WOULD_TRIGGER)
    if new.type == "LIMIT_MAKER" and new.price and _crosses(venue, new.symbol, new.side, new.price):
        raise order_rejected(errors.WOULD_TAKE)


def _crosses(venue: EngineView, symbol: str, side: str, price: Decimal) -> bool:
    book = venue.book(symbol)
    return price >= book.best_ask if side == "BUY" else price <= book.best_bid


def is_triggered(order_type: str, side: str, stop_price: Decimal, last: Decimal) -> bool:
    """Whether the last trade price meets the stop price."""
    rises = order_type.startswith("STOP_LOSS") == (side == "BUY")
    return last >= stop_price if rises else last <= stop_price


def check_balance(context: CommandContext, order: EngineOrder, needed: Decimal) -> None:
    """Raise ApiError when the account cannot pay for the order."""
    if needed > context.free_balance(order):
        raise order_rejected(errors.INSUFFICIENT_BALANCE)


def check_list(venue: EngineView, new: OrderListRequest) -> None:
    """Raise ApiError when the symbol takes no (more) such lists, or the list's id is in use."""
    rules = venue.rules(new.symbol)
    needs = {"OCO": ("OCO",), "OTO": ("OTO",), "OTOCO": ("OTO", "OCO"), "OPO": ("OTO", "OPO")}
    allowed = {"OCO": rules.oco_allowed, "OTO": rules.oto_allowed, "OPO": rules.opo_allowed}
    for kind in needs.get(new.kind, ("OTO", "OPO", "OCO")):
        if not allowed[kind]:
            raise RequestRejected(-1013, _UNSUPPORTED_LIST_TEXTS[kind])
    state = venue.state
    name = rules.list_violation(open_order_lists=len(state.open_lists_of(new.symbol)))
    if not name and venue.account_rules is not None:
        name = venue.account_rules.list_violation(open_order_lists=len(state.open_lists))
    if name:
        raise filter_failure(name)
    ids = [order.client_order_id for order in new.orders]
    if len(set(ids)) < len(ids) or any(entry.client_id == new.client_id for entry in state.open_lists_of(new.symbol)):
        raise order_rejected(errors.DUPLICATE)


def check_leg_prices(
    above: OrderRequest | EngineOrder, below: OrderRequest | EngineOrder, last: Decimal | None
) -> None:
    """Raise ApiError when the legs of an OCO do not lie above and below the last price (or, without, each other)."""
    high, low = _trigger_or_limit_price(above), _trigger_or_limit_price(below)
    if high is not None and low is not None and not low < high:
        raise order_rejected(errors.BAD_PRICES)
    if last is not None and ((high is not None and high <= last) or (low is not None and low >= last)):
        raise order_rejected(errors.BAD_PRICES)


def _trigger_or_limit_price(leg: OrderRequest | EngineOrder) -> Decimal | None:
    """Return a leg's stop price, else its limit; none for one that only trails."""
    if leg.type in ALGO_TYPES:
        return leg.stop_price or None
    return leg.price or None
