"""Order requests: complete, exact, and always with our own client order id."""

import re
from dataclasses import dataclass
from decimal import Decimal

from cq_tui.binance.fields import format_decimal
from cq_tui.binance.signing import Param

Params = list[tuple[str, Param]]

_CLIENT_ORDER_ID = re.compile(r"[A-Za-z0-9_.:/-]{1,36}")
_LIMIT_TYPES = frozenset({"LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"})
_STOP_TYPES = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
_PRICED_TYPES = _LIMIT_TYPES | {"LIMIT_MAKER"}
_TYPES = _PRICED_TYPES | _STOP_TYPES | {"MARKET"}
_STOP_LEGS = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT"})
_PROFIT_LEGS = frozenset({"LIMIT_MAKER", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})


class OrderRequestError(ValueError):
    """An order that the exchange would reject; the message names the field. It was not sent."""


def check_client_order_id(value: str) -> str:
    """Return the id. Raises OrderRequestError unless it is 1 to 36 of ``A-Z a-z 0-9 _ . : / -``."""
    if not _CLIENT_ORDER_ID.fullmatch(value):
        raise OrderRequestError(f"client order id {value!r}; expected 1 to 36 of A-Z a-z 0-9 _ . : / -")
    return value


def _require_positive(name: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, Decimal) or not value.is_finite() or value <= 0:
        raise OrderRequestError(f"{name} is {value!r}; expected a Decimal above zero")


def _require(order_type: str, name: str, value: object, *, required: bool) -> None:
    if required and value is None:
        raise OrderRequestError(f"a {order_type} order needs {name}")
    if not required and value is not None:
        raise OrderRequestError(f"a {order_type} order takes no {name}")


def _check_prices(
    order_type: str, price: Decimal | None, stop_price: Decimal | None, time_in_force: str | None
) -> None:
    if order_type not in _TYPES:
        raise OrderRequestError(f"order type {order_type!r} is not one of {', '.join(sorted(_TYPES))}")
    _require(order_type, "price", price, required=order_type in _PRICED_TYPES)
    _require(order_type, "stop price", stop_price, required=order_type in _STOP_TYPES)
    _require(order_type, "time in force", time_in_force, required=order_type in _LIMIT_TYPES)
    _require_positive("price", price)
    _require_positive("stop price", stop_price)


def _check_side(side: str) -> None:
    if side not in ("BUY", "SELL"):
        raise OrderRequestError(f"side {side!r} is neither BUY nor SELL")


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A new order. Raises OrderRequestError when a field is missing, invalid, or not allowed for its type.

    A MARKET order takes ``quantity`` (base) or ``quote_quantity`` (to spend or to receive).
    """

    symbol: str
    side: str
    type: str
    client_order_id: str
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: str | None = None

    def __post_init__(self) -> None:
        _check_side(self.side)
        check_client_order_id(self.client_order_id)
        _check_prices(self.type, self.price, self.stop_price, self.time_in_force)
        if self.type == "MARKET":
            if (self.quantity is None) == (self.quote_quantity is None):
                raise OrderRequestError("a MARKET order needs either quantity or quote quantity")
        else:
            _require(self.type, "quantity", self.quantity, required=True)
            _require(self.type, "quote quantity", self.quote_quantity, required=False)
        _require_positive("quantity", self.quantity)
        _require_positive("quote quantity", self.quote_quantity)

    def params(self) -> Params:
        """Return the request parameters. Every type requests the full response, with fills."""
        params: Params = [("symbol", self.symbol), ("side", self.side), ("type", self.type)]
        if self.time_in_force is not None:
            params.append(("timeInForce", self.time_in_force))
        for name, value in (
            ("quantity", self.quantity),
            ("quoteOrderQty", self.quote_quantity),
            ("price", self.price),
            ("stopPrice", self.stop_price),
        ):
            if value is not None:
                params.append((name, format_decimal(value)))
        return [*params, ("newClientOrderId", self.client_order_id), ("newOrderRespType", "FULL")]


@dataclass(frozen=True, slots=True)
class OcoLeg:
    """One of the two orders of an OCO. Raises OrderRequestError like NewOrder."""

    type: str
    client_order_id: str
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: str | None = None

    def __post_init__(self) -> None:
        check_client_order_id(self.client_order_id)
        if self.type not in _STOP_LEGS | _PROFIT_LEGS:
            raise OrderRequestError(f"an order of type {self.type!r} cannot be a leg of an OCO")
        _check_prices(self.type, self.price, self.stop_price, self.time_in_force)

    def params(self, prefix: str) -> Params:
        """Return the parameters of the leg, prefixed with its position (``above`` or ``below``)."""
        params: Params = [(f"{prefix}Type", self.type), (f"{prefix}ClientOrderId", self.client_order_id)]
        for name, value in (("Price", self.price), ("StopPrice", self.stop_price)):
            if value is not None:
                params.append((prefix + name, format_decimal(value)))
        if self.time_in_force is not None:
            params.append((f"{prefix}TimeInForce", self.time_in_force))
        return params


@dataclass(frozen=True, slots=True)
class NewOco:
    """A new OCO: one leg cancels the other.

    SELL: ``above`` takes the profit, ``below`` stops the loss. BUY: the other way round.
    """

    symbol: str
    side: str
    quantity: Decimal
    list_client_order_id: str
    above: OcoLeg
    below: OcoLeg

    def __post_init__(self) -> None:
        _check_side(self.side)
        _require_positive("quantity", self.quantity)
        ids = (self.list_client_order_id, self.above.client_order_id, self.below.client_order_id)
        check_client_order_id(self.list_client_order_id)
        if len(set(ids)) != len(ids):
            raise OrderRequestError(f"the client order ids of an OCO must differ: {', '.join(ids)}")
        profit, stop = (self.above, self.below) if self.side == "SELL" else (self.below, self.above)
        if profit.type not in _PROFIT_LEGS or stop.type not in _STOP_LEGS:
            raise OrderRequestError(
                f"a {self.side} OCO has {self.above.type} above and {self.below.type} below: "
                f"a SELL takes profit above and stops loss below, a BUY the other way round"
            )

    def params(self) -> Params:
        """Return the request parameters, requesting the full response."""
        return [
            ("symbol", self.symbol),
            ("side", self.side),
            ("quantity", format_decimal(self.quantity)),
            ("listClientOrderId", self.list_client_order_id),
            *self.above.params("above"),
            *self.below.params("below"),
            ("newOrderRespType", "FULL"),
        ]
