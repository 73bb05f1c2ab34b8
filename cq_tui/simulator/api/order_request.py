"""Parameters of order requests, read in the exchange's order of checks."""

from collections.abc import Callable, Mapping
from typing import Any

from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.engine.orders import STOP_TYPES, NewOco, NewOrder
from cq_tui.simulator.errors import ApiError, mandatory, not_required
from cq_tui.simulator.market.symbols import DEFAULT_STP_MODE, ORDER_TYPES, STP_MODES

_LIMIT_TYPES = frozenset({"LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"})
_PRICED_TYPES = _LIMIT_TYPES | {"LIMIT_MAKER"}
_TIMES_IN_FORCE = ("GTC", "IOC", "FOK")
_RESPONSES = ("ACK", "RESULT", "FULL")
_SIDES = ("BUY", "SELL")
_LIMIT_LEGS = ("LIMIT_MAKER", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
_STOP_LEGS = ("STOP_LOSS", "STOP_LOSS_LIMIT")
_NOT_HERE = {
    "icebergQty": "Iceberg orders are not supported for this symbol.",
    "trailingDelta": "Trailing stop orders are not supported for this symbol.",
    "pegPriceType": "Pegged orders are not supported for this symbol.",
}


def response_type(parameters: Parameters, order_type: str) -> str:
    """Return newOrderRespType; FULL is the default of MARKET and LIMIT, ACK of all others."""
    if "newOrderRespType" in parameters:
        return parameters.choice(
            "newOrderRespType", _RESPONSES, ApiError(-1130, "Data sent for parameter 'newOrderRespType' is not valid.")
        )
    return "FULL" if order_type in ("MARKET", "LIMIT") else "ACK"


def read_order(parameters: Parameters, known: Mapping[str, Any], new_id: Callable[[], str]) -> NewOrder:
    """Read a request for one order. Raises ApiError."""
    symbol = parameters.symbol(known)
    side = parameters.choice("side", _SIDES, ApiError(-1117, "Invalid side."))
    order_type = parameters.choice("type", ORDER_TYPES, ApiError(-1116, "Invalid orderType."))
    order = _Fields(parameters, order_type)
    strategy_id, strategy_type = parameters.integer("strategyId"), order.strategy_type("strategyType")
    new = NewOrder(
        symbol=symbol,
        side=side,
        type=order_type,
        client_order_id=parameters.optional("newClientOrderId") or new_id(),
        time_in_force=order.time_in_force("timeInForce"),
        quantity=parameters.decimal("quantity"),
        quote_quantity=parameters.decimal("quoteOrderQty"),
        price=order.price("price"),
        stop_price=order.stop_price("stopPrice"),
        stp_mode=_stp_mode(parameters),
        strategy_id=-1 if strategy_id is None else strategy_id,
        strategy_type=strategy_type,
    )
    _check_quantity(new)
    _refuse_unsupported(parameters, "")
    return new


def _check_quantity(new: NewOrder) -> None:
    if new.type != "MARKET":
        if new.quote_quantity is not None:
            raise not_required("quoteOrderQty")
        if new.quantity is None:
            raise mandatory("quantity")
    elif new.quantity is None and new.quote_quantity is None:
        raise ApiError(-1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!")
    elif new.quantity is not None and new.quote_quantity is not None:
        raise ApiError(-1128, "Combination of optional parameters invalid.")


def read_oco(parameters: Parameters, known: Mapping[str, Any], new_id: Callable[[], str]) -> NewOco:
    """Read a request for an OCO list with its ``above…`` and ``below…`` legs. Raises ApiError."""
    symbol = parameters.symbol(known)
    side = parameters.choice("side", _SIDES, ApiError(-1117, "Invalid side."))
    above, below = (_read_leg(parameters, prefix, symbol, side, new_id) for prefix in ("above", "below"))
    limit_leg, stop_leg = (above, below) if side == "SELL" else (below, above)
    if limit_leg.type not in _LIMIT_LEGS or stop_leg.type not in _STOP_LEGS:
        raise ApiError(-1158, f"Order type not supported in this position of an OCO ({above.type}, {below.type}).")
    return NewOco(symbol, side, parameters.optional("listClientOrderId") or new_id(), above, below)


def _read_leg(parameters: Parameters, prefix: str, symbol: str, side: str, new_id: Callable[[], str]) -> NewOrder:
    order_type = parameters.choice(f"{prefix}Type", ORDER_TYPES, ApiError(-1116, "Invalid orderType."))
    leg = _Fields(parameters, order_type)
    quantity = parameters.decimal("quantity")
    if quantity is None:
        raise mandatory("quantity")
    _refuse_unsupported(parameters, prefix)
    strategy_id = parameters.integer(f"{prefix}StrategyId")
    return NewOrder(
        symbol=symbol,
        side=side,
        type=order_type,
        client_order_id=parameters.optional(f"{prefix}ClientOrderId") or new_id(),
        time_in_force=leg.time_in_force(f"{prefix}TimeInForce"),
        quantity=quantity,
        price=leg.price(f"{prefix}Price"),
        stop_price=leg.stop_price(f"{prefix}StopPrice"),
        stp_mode=_stp_mode(parameters),
        strategy_id=-1 if strategy_id is None else strategy_id,
        strategy_type=leg.strategy_type(f"{prefix}StrategyType"),
    )


class _Fields:
    """Parameters that an order type needs or forbids."""

    def __init__(self, parameters: Parameters, order_type: str) -> None:
        self._parameters = parameters
        self._type = order_type

    def _wanted(self, name: str, wanted: bool) -> bool:
        if wanted and name not in self._parameters:
            raise mandatory(name)
        if not wanted and name in self._parameters:
            raise not_required(name)
        return wanted

    def time_in_force(self, name: str) -> str:
        if not self._wanted(name, self._type in _LIMIT_TYPES):
            return "GTC"
        return self._parameters.choice(name, _TIMES_IN_FORCE, ApiError(-1115, "Invalid timeInForce."))

    def price(self, name: str) -> Any:
        return self._parameters.decimal(name) if self._wanted(name, self._type in _PRICED_TYPES) else None

    def stop_price(self, name: str) -> Any:
        return self._parameters.decimal(name) if self._wanted(name, self._type in STOP_TYPES) else None

    def strategy_type(self, name: str) -> int:
        value = self._parameters.integer(name)
        if value is not None and value < 1_000_000:
            raise ApiError(-1134, f"Parameter '{name}' was less than 1000000.")
        return -1 if value is None else value


def _stp_mode(parameters: Parameters) -> str:
    refused = ApiError(-1013, "This symbol does not allow the specified self-trade prevention mode.")
    if "selfTradePreventionMode" not in parameters:
        return DEFAULT_STP_MODE
    return parameters.choice("selfTradePreventionMode", STP_MODES, refused)


def _refuse_unsupported(parameters: Parameters, prefix: str) -> None:
    for name, message in _NOT_HERE.items():
        full = prefix + name[0].upper() + name[1:] if prefix else name
        if full in parameters:
            raise ApiError(-1013, message)
