"""Parses the parameters of order lists: OCO, OTO, OTOCO, OPO, OPOCO and the deprecated OCO."""

from collections.abc import Callable, Mapping

from cq_tui.binance.filters import SymbolRules
from cq_tui.simulator.api.order_request import ParameterNames, decimal_text, read_client_id, read_named_order, required
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.engine.orders import NewOrder, NewOrderList
from cq_tui.simulator.errors import RequestRejected

Rules = Mapping[str, SymbolRules]
NewId = Callable[[], str]

_STOP_LOSSES = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT"})
_TAKE_PROFITS = frozenset({"TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
_LEG_TYPES = _STOP_LOSSES | _TAKE_PROFITS | {"LIMIT_MAKER"}


def _leg(prefix: str, side: str, quantity: str | None) -> ParameterNames:
    return ParameterNames(prefix, side=side, quantity=quantity, client_id=f"{prefix}ClientOrderId")


_ABOVE, _BELOW = (_leg(prefix, "side", "quantity") for prefix in ("above", "below"))
_WORKING = _leg("working", "workingSide", "workingQuantity")
_PENDING = _leg("pending", "pendingSide", "pendingQuantity")
_PENDING_ABOVE, _PENDING_BELOW = (_leg(p, "pendingSide", "pendingQuantity") for p in ("pendingAbove", "pendingBelow"))
_OPO_PENDING = _leg("pending", "pendingSide", None)
_OPO_PENDING_ABOVE, _OPO_PENDING_BELOW = (_leg(p, "pendingSide", None) for p in ("pendingAbove", "pendingBelow"))


class _LimitLeg(ParameterNames):
    """The limit order of a deprecated OCO."""

    def __init__(self) -> None:
        super().__init__("limit", side="side", quantity="quantity", client_id="limitClientOrderId")
        self.price = "price"


class _StopLeg(ParameterNames):
    """The stop order of a deprecated OCO."""

    def __init__(self) -> None:
        super().__init__("stop", side="side", quantity="quantity", client_id="stopClientOrderId")
        self.price = "stopLimitPrice"
        self.stop_price = "stopPrice"
        self.trailing_delta = "trailingDelta"
        self.time_in_force = "stopLimitTimeInForce"


_LIMIT_LEG, _STOP_LEG = _LimitLeg(), _StopLeg()


def read_oco(parameters: Parameters, rules: Rules, new_id: NewId) -> NewOrderList:
    """Parse an OCO: one order above the market, one below. Raises RequestRejected."""
    return _read(parameters, "OCO", None, (_ABOVE, _BELOW), rules, new_id)


def read_oto(parameters: Parameters, rules: Rules, new_id: NewId) -> NewOrderList:
    """Parse an OTO: a working order and a pending order. Raises RequestRejected."""
    return _read(parameters, "OTO", _WORKING, (_PENDING,), rules, new_id)


def read_otoco(parameters: Parameters, rules: Rules, new_id: NewId) -> NewOrderList:
    """Parse an OTOCO: a working order and a pending OCO. Raises RequestRejected."""
    return _read(parameters, "OTOCO", _WORKING, (_PENDING_ABOVE, _PENDING_BELOW), rules, new_id)


def read_opo(parameters: Parameters, rules: Rules, new_id: NewId) -> NewOrderList:
    """Parse an OPO: a buy order and a pending order that sells what it bought. Raises RequestRejected."""
    return _read(parameters, "OPO", _WORKING, (_OPO_PENDING,), rules, new_id)


def read_opoco(parameters: Parameters, rules: Rules, new_id: NewId) -> NewOrderList:
    """Parse an OPOCO: a buy order and a pending OCO that sells what it bought. Raises RequestRejected."""
    return _read(parameters, "OPOCO", _WORKING, (_OPO_PENDING_ABOVE, _OPO_PENDING_BELOW), rules, new_id)


def read_deprecated_oco(parameters: Parameters, rules: Rules, new_id: NewId) -> NewOrderList:
    """Parse the deprecated OCO of a limit maker and a stop loss. Raises RequestRejected."""
    for name in ("symbol", "side", "quantity", "price", "stopPrice"):
        if not (name == "stopPrice" and "trailingDelta" in parameters):
            required(parameters, name)
    symbol = required(parameters, "symbol")
    limit = read_named_order(parameters, _LIMIT_LEG, symbol, rules, new_id, "LIMIT_MAKER")
    stop_type = "STOP_LOSS_LIMIT" if "stopLimitPrice" in parameters else "STOP_LOSS"
    stop = read_named_order(parameters, _STOP_LEG, symbol, rules, new_id, stop_type)
    legs = (limit, stop) if limit.side == "SELL" else (stop, limit)
    return NewOrderList("OCO", symbol, read_client_id(parameters, "listClientOrderId") or new_id(), None, legs)


def _read(
    parameters: Parameters,
    kind: str,
    first: ParameterNames | None,
    others: tuple[ParameterNames, ...],
    rules: Rules,
    new_id: NewId,
) -> NewOrderList:
    symbol = required(parameters, "symbol")
    _check_types(parameters, kind, first, others)
    client_id = read_client_id(parameters, "listClientOrderId")
    working = None if first is None else read_named_order(parameters, first, symbol, rules, new_id)
    if kind.startswith("OPO"):
        _check_opo(parameters, working)
    legs = tuple(read_named_order(parameters, names, symbol, rules, new_id) for names in others)
    return NewOrderList(kind, symbol, client_id or new_id(), working, legs)


def _check_types(
    parameters: Parameters, kind: str, first: ParameterNames | None, others: tuple[ParameterNames, ...]
) -> None:
    if first is not None and required(parameters, first.type) not in ("LIMIT", "LIMIT_MAKER"):
        raise RequestRejected(-1116, "Invalid orderType.")
    if len(others) == 2:
        above, below = (required(parameters, names.type) for names in others)
        check_composition(required(parameters, others[0].side), above, below)


def check_composition(side: str, above: str, below: str) -> None:
    """Raise RequestRejected if an OCO of this side cannot have these order types above and below the market."""
    if side not in ("BUY", "SELL"):
        raise RequestRejected(-1117, "Invalid side.")
    if above not in _LEG_TYPES or below not in _LEG_TYPES:
        raise RequestRejected(-1158, "Order type not supported in OCO.")
    if above == below == "LIMIT_MAKER":
        raise RequestRejected(-1168, "At least one OCO order must be contingent.")
    buys = side == "BUY"
    wrong_for_limit, wrong_for_stop = (above, below) if buys else (below, above)
    if wrong_for_limit == "LIMIT_MAKER":
        raise (
            RequestRejected(-1165, "A limit order in a buy OCO must be below.")
            if buys
            else RequestRejected(-1166, "A limit order in a sell OCO must be above.")
        )
    if wrong_for_stop in _STOP_LOSSES:
        raise (
            RequestRejected(-1196, "A stop loss order in a buy OCO must be above.")
            if buys
            else RequestRejected(-1197, "A stop loss order in a sell OCO must be below.")
        )
    if wrong_for_limit in _TAKE_PROFITS:
        raise (
            RequestRejected(-1198, "A take profit order in a buy OCO must be below.")
            if buys
            else RequestRejected(-1199, "A take profit order in a sell OCO must be above.")
        )


def _check_opo(parameters: Parameters, working: NewOrder | None) -> None:
    """Check the rules of OPO and OPOCO: the working order buys, and the pending orders sell what it bought."""
    if working is None or working.side != "BUY":
        raise RequestRejected(-1222, "Working order in an OPO list must be a bid.")
    if required(parameters, "pendingSide") == "BUY":
        raise RequestRejected(-1223, "Pending orders in an OPO list must be asks.")
    if "pendingQuantity" in parameters:
        decimal_text(parameters.values, "pendingQuantity")
        raise RequestRejected(-1225, "Pending orders should not include the 'pendingQuantity' tag.")
