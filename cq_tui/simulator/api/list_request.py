"""Parameters of order lists: OCO, OTO, OTOCO, OPO and OPOCO, and the deprecated form of an OCO."""

from collections.abc import Callable, Mapping

from cq_tui.binance.filters import SymbolRules
from cq_tui.simulator.api.order_request import Names, chosen_id, digits, read_one, required
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.engine.orders import NewList, NewOrder
from cq_tui.simulator.errors import ApiError

Rules = Mapping[str, SymbolRules]
NewId = Callable[[], str]

_STOP_LOSSES = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT"})
_TAKE_PROFITS = frozenset({"TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
_LEG_TYPES = _STOP_LOSSES | _TAKE_PROFITS | {"LIMIT_MAKER"}


def _leg(prefix: str, side: str, quantity: str | None) -> Names:
    return Names(prefix, side=side, quantity=quantity, client_id=f"{prefix}ClientOrderId")


_ABOVE, _BELOW = (_leg(prefix, "side", "quantity") for prefix in ("above", "below"))
_WORKING = _leg("working", "workingSide", "workingQuantity")
_PENDING = _leg("pending", "pendingSide", "pendingQuantity")
_PENDING_ABOVE, _PENDING_BELOW = (_leg(p, "pendingSide", "pendingQuantity") for p in ("pendingAbove", "pendingBelow"))
_PAID = _leg("pending", "pendingSide", None)
_PAID_ABOVE, _PAID_BELOW = (_leg(p, "pendingSide", None) for p in ("pendingAbove", "pendingBelow"))


class _LimitLeg(Names):
    """The limit order of a deprecated OCO."""

    def __init__(self) -> None:
        super().__init__("limit", side="side", quantity="quantity", client_id="limitClientOrderId")
        self.price = "price"


class _StopLeg(Names):
    """The stop order of a deprecated OCO."""

    def __init__(self) -> None:
        super().__init__("stop", side="side", quantity="quantity", client_id="stopClientOrderId")
        self.price = "stopLimitPrice"
        self.stop_price = "stopPrice"
        self.trailing_delta = "trailingDelta"
        self.time_in_force = "stopLimitTimeInForce"


_LIMIT_LEG, _STOP_LEG = _LimitLeg(), _StopLeg()


def read_oco(parameters: Parameters, rules: Rules, new_id: NewId) -> NewList:
    """Read an OCO of an order above the market and one below it. Raises ApiError."""
    return _read(parameters, "OCO", None, (_ABOVE, _BELOW), rules, new_id)


def read_oto(parameters: Parameters, rules: Rules, new_id: NewId) -> NewList:
    """Read an order, and one that waits until it is filled. Raises ApiError."""
    return _read(parameters, "OTO", _WORKING, (_PENDING,), rules, new_id)


def read_otoco(parameters: Parameters, rules: Rules, new_id: NewId) -> NewList:
    """Read an order, and an OCO that waits until it is filled. Raises ApiError."""
    return _read(parameters, "OTOCO", _WORKING, (_PENDING_ABOVE, _PENDING_BELOW), rules, new_id)


def read_opo(parameters: Parameters, rules: Rules, new_id: NewId) -> NewList:
    """Read an order to buy, and one that will sell what it bought. Raises ApiError."""
    return _read(parameters, "OPO", _WORKING, (_PAID,), rules, new_id)


def read_opoco(parameters: Parameters, rules: Rules, new_id: NewId) -> NewList:
    """Read an order to buy, and an OCO that will sell what it bought. Raises ApiError."""
    return _read(parameters, "OPOCO", _WORKING, (_PAID_ABOVE, _PAID_BELOW), rules, new_id)


def read_deprecated_oco(parameters: Parameters, rules: Rules, new_id: NewId) -> NewList:
    """Read an OCO of a limit maker and a stop loss, as it was written before 2024. Raises ApiError."""
    for name in ("symbol", "side", "quantity", "price", "stopPrice"):
        if not (name == "stopPrice" and "trailingDelta" in parameters):
            required(parameters, name)
    symbol = required(parameters, "symbol")
    limit = read_one(parameters, _LIMIT_LEG, symbol, rules, new_id, "LIMIT_MAKER")
    stop_type = "STOP_LOSS_LIMIT" if "stopLimitPrice" in parameters else "STOP_LOSS"
    stop = read_one(parameters, _STOP_LEG, symbol, rules, new_id, stop_type)
    legs = (limit, stop) if limit.side == "SELL" else (stop, limit)
    return NewList("OCO", symbol, chosen_id(parameters, "listClientOrderId") or new_id(), None, legs)


def _read(
    parameters: Parameters, kind: str, first: Names | None, others: tuple[Names, ...], rules: Rules, new_id: NewId
) -> NewList:
    symbol = required(parameters, "symbol")
    _check_types(parameters, kind, first, others)
    client_id = chosen_id(parameters, "listClientOrderId")
    working = None if first is None else read_one(parameters, first, symbol, rules, new_id)
    if kind.startswith("OPO"):
        _check_paid(parameters, working)
    legs = tuple(read_one(parameters, names, symbol, rules, new_id) for names in others)
    return NewList(kind, symbol, client_id or new_id(), working, legs)


def _check_types(parameters: Parameters, kind: str, first: Names | None, others: tuple[Names, ...]) -> None:
    if first is not None and required(parameters, first.type) not in ("LIMIT", "LIMIT_MAKER"):
        raise ApiError(-1116, "Invalid orderType.")
    if len(others) == 2:
        above, below = (required(parameters, names.type) for names in others)
        check_composition(required(parameters, others[0].side), above, below)


def check_composition(side: str, above: str, below: str) -> None:
    """Raise ApiError when two order types cannot stand above and below the market in an OCO of this side."""
    if side not in ("BUY", "SELL"):
        raise ApiError(-1117, "Invalid side.")
    if above not in _LEG_TYPES or below not in _LEG_TYPES:
        raise ApiError(-1158, "Order type not supported in OCO.")
    if above == below == "LIMIT_MAKER":
        raise ApiError(-1168, "At least one OCO order must be contingent.")
    buys = side == "BUY"
    wrong_for_limit, wrong_for_stop = (above, below) if buys else (below, above)
    if wrong_for_limit == "LIMIT_MAKER":
        raise (
            ApiError(-1165, "A limit order in a buy OCO must be below.")
            if buys
            else ApiError(-1166, "A limit order in a sell OCO must be above.")
        )
    if wrong_for_stop in _STOP_LOSSES:
        raise (
            ApiError(-1196, "A stop loss order in a buy OCO must be above.")
            if buys
            else ApiError(-1197, "A stop loss order in a sell OCO must be below.")
        )
    if wrong_for_limit in _TAKE_PROFITS:
        raise (
            ApiError(-1198, "A take profit order in a buy OCO must be below.")
            if buys
            else ApiError(-1199, "A take profit order in a sell OCO must be above.")
        )


def _check_paid(parameters: Parameters, working: NewOrder | None) -> None:
    """Judge what only an OPO and OPOCO ask: that a purchase pays for sales of what it bought."""
    if working is None or working.side != "BUY":
        raise ApiError(-1222, "Working order in an OPO list must be a bid.")
    if required(parameters, "pendingSide") == "BUY":
        raise ApiError(-1223, "Pending orders in an OPO list must be asks.")
    if "pendingQuantity" in parameters:
        digits(parameters, "pendingQuantity")
        raise ApiError(-1225, "Pending orders should not include the 'pendingQuantity' tag.")
