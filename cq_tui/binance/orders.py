"""Requests for single orders: complete, exact, and always with our own client order id."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from cq_tui.binance.fields import Param, format_decimal

Params = list[tuple[str, Param]]

_CLIENT_ORDER_ID = re.compile(r"[A-Za-z0-9_.:/-]{1,36}")
_LIMIT_TYPES = frozenset({"LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"})
_STOP_TYPES = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
_PRICED_TYPES = _LIMIT_TYPES | {"LIMIT_MAKER"}
_TYPES = _PRICED_TYPES | _STOP_TYPES | {"MARKET"}


class OrderRequestError(ValueError):
    """An order that the exchange would reject; the message names the field. It was not sent."""


def check_client_order_id(value: str) -> str:
    """Return the id. Raises OrderRequestError unless it is 1 to 36 of ``A-Z a-z 0-9 _ . : / -``."""
    if not _CLIENT_ORDER_ID.fullmatch(value):
        raise OrderRequestError(f"client order id {value!r}; expected 1 to 36 of A-Z a-z 0-9 _ . : / -")
    return value


def check_distinct_ids(subject: str, ids: Sequence[str]) -> None:
    """Raise OrderRequestError, naming the request, when a client order id is invalid or occurs twice."""
    for client_order_id in ids:
        check_client_order_id(client_order_id)
    if len(set(ids)) != len(ids):
        raise OrderRequestError(f"the client order ids of {subject} must differ: {', '.join(ids)}")


def check_positive(name: str, value: object) -> None:
    """Raise OrderRequestError, naming the value, unless it is None or a Decimal above zero."""
    if value is None:
        return
    if not isinstance(value, Decimal) or not value.is_finite() or value <= 0:
        raise OrderRequestError(f"{name} is {value!r}; expected a Decimal above zero")


def _require(order_type: str, name: str, value: object, *, required: bool) -> None:
    if required and value is None:
        raise OrderRequestError(f"a {order_type} order needs {name}")
    if not required and value is not None:
        raise OrderRequestError(f"a {order_type} order takes no {name}")


def check_prices(order_type: str, price: Decimal | None, stop_price: Decimal | None, time_in_force: str | None) -> None:
    """Raise OrderRequestError unless a type has the prices and the time in force that it needs, and no others."""
    if order_type not in _TYPES:
        raise OrderRequestError(f"order type {order_type!r} is not one of {', '.join(sorted(_TYPES))}")
    _require(order_type, "price", price, required=order_type in _PRICED_TYPES)
    _require(order_type, "stop price", stop_price, required=order_type in _STOP_TYPES)
    _require(order_type, "time in force", time_in_force, required=order_type in _LIMIT_TYPES)
    check_positive("price", price)
    check_positive("stop price", stop_price)


def check_side(side: str) -> None:
    """Raise OrderRequestError unless the side is BUY or SELL."""
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
        check_side(self.side)
        check_client_order_id(self.client_order_id)
        check_prices(self.type, self.price, self.stop_price, self.time_in_force)
        if self.type == "MARKET":
            if (self.quantity is None) == (self.quote_quantity is None):
                raise OrderRequestError("a MARKET order needs either quantity or quote quantity")
        else:
            _require(self.type, "quantity", self.quantity, required=True)
            _require(self.type, "quote quantity", self.quote_quantity, required=False)
        check_positive("quantity", self.quantity)
        check_positive("quote quantity", self.quote_quantity)

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
class CancelReplace:
    """Cancel an order, which cancels the whole list that it belongs to, and place ``new`` only if that succeeded.

    ``canceled_client_order_id`` is the order to cancel, ``cancel_id`` the cancel's own id. The exchange judges filters
    and order count before it cancels. Raises OrderRequestError when two ids are the same.
    """

    canceled_client_order_id: str
    new: NewOrder
    cancel_id: str | None = None

    def __post_init__(self) -> None:
        ids = [self.canceled_client_order_id, self.new.client_order_id]
        if self.cancel_id is not None:
            ids.append(self.cancel_id)
        check_distinct_ids("a cancel-replace", ids)

    def params(self) -> Params:
        """Return the request parameters."""
        params: Params = [
            *self.new.params(),
            ("cancelReplaceMode", "STOP_ON_FAILURE"),
            ("cancelOrigClientOrderId", self.canceled_client_order_id),
        ]
        return params if self.cancel_id is None else [*params, ("cancelNewClientOrderId", self.cancel_id)]
