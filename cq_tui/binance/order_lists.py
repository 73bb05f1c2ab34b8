"""Requests for order lists: a pair of which one cancels the other, alone or after an entry."""

from dataclasses import dataclass
from decimal import Decimal

from cq_tui.binance.fields import format_decimal
from cq_tui.binance.orders import (
    NewOrder,
    OrderRequestError,
    Params,
    check_client_order_id,
    check_distinct_ids,
    check_positive,
    check_prices,
    check_side,
)

_STOP_LEGS = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT"})
_PROFIT_LEGS = frozenset({"LIMIT_MAKER", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
_WORKING_TYPES = frozenset({"LIMIT", "LIMIT_MAKER"})


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
        check_prices(self.type, self.price, self.stop_price, self.time_in_force)

    @property
    def level(self) -> Decimal | None:
        """The price at which the leg starts: the stop price, or the price of a limit maker."""
        return self.price if self.stop_price is None else self.stop_price

    def params(self, prefix: str) -> Params:
        """Return the parameters of the leg, prefixed with its position, such as ``above`` or ``pendingBelow``."""
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
        check_side(self.side)
        check_positive("quantity", self.quantity)
        check_distinct_ids("an OCO", _ids(self.list_client_order_id, self.above, self.below))
        _check_legs(self.side, self.above, self.below)

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


@dataclass(frozen=True, slots=True)
class NewOtoco:
    """A new OTOCO: an entry, and an OCO that sells ``pending_quantity`` once the entry is completely filled.

    ``working`` is a LIMIT or LIMIT_MAKER order that buys. Raises OrderRequestError like NewOrder and NewOco.
    """

    working: NewOrder
    pending_quantity: Decimal
    list_client_order_id: str
    above: OcoLeg
    below: OcoLeg

    def __post_init__(self) -> None:
        check_positive("pending quantity", self.pending_quantity)
        _check_entry("an OTOCO", self.working, self.list_client_order_id, self.above, self.below)

    def params(self) -> Params:
        """Return the request parameters, requesting the full response."""
        params = _entry_params(self.working, self.list_client_order_id, self.above, self.below)
        return [*params, ("pendingQuantity", format_decimal(self.pending_quantity))]


@dataclass(frozen=True, slots=True)
class NewOpoco:
    """A new OPOCO: an entry, and an OCO that sells what the entry received once it is completely filled.

    The commission comes out of that quantity, or out of the free balance if that suffices and the asset is not BNB.
    The exchange adjusts the rest to LOT_SIZE and MARKET_LOT_SIZE and judges it by the other filters only then. Source:
    its FAQ on OPO. ``working`` and errors as of NewOtoco.
    """

    working: NewOrder
    list_client_order_id: str
    above: OcoLeg
    below: OcoLeg

    def __post_init__(self) -> None:
        _check_entry("an OPOCO", self.working, self.list_client_order_id, self.above, self.below)

    def params(self) -> Params:
        """Return the request parameters, requesting the full response."""
        return _entry_params(self.working, self.list_client_order_id, self.above, self.below)


#: Every request for an order list.
NewList = NewOco | NewOtoco | NewOpoco


def _ids(list_client_order_id: str, above: OcoLeg, below: OcoLeg) -> list[str]:
    return [list_client_order_id, above.client_order_id, below.client_order_id]


def _check_legs(side: str, above: OcoLeg, below: OcoLeg) -> None:
    profit, stop = (above, below) if side == "SELL" else (below, above)
    if profit.type not in _PROFIT_LEGS or stop.type not in _STOP_LEGS:
        raise OrderRequestError(
            f"a {side} OCO has {above.type} above and {below.type} below: "
            f"a SELL takes profit above and stops loss below, a BUY the other way round"
        )
    # The last price must lie between the two when they are placed.
    if above.level is not None and below.level is not None and above.level <= below.level:
        raise OrderRequestError(f"the leg above starts at {above.level}, not above {below.level} of the leg below")


def _check_entry(subject: str, working: NewOrder, list_client_order_id: str, above: OcoLeg, below: OcoLeg) -> None:
    if working.type not in _WORKING_TYPES or working.side != "BUY":
        raise OrderRequestError(
            f"the working order of {subject} is a {working.type} {working.side}; expected a LIMIT or LIMIT_MAKER BUY"
        )
    check_distinct_ids(subject, [working.client_order_id, *_ids(list_client_order_id, above, below)])
    _check_legs("SELL", above, below)


def _entry_params(working: NewOrder, list_client_order_id: str, above: OcoLeg, below: OcoLeg) -> Params:
    params: Params = [
        ("symbol", working.symbol),
        ("listClientOrderId", list_client_order_id),
        ("workingType", working.type),
        ("workingSide", working.side),
        ("workingClientOrderId", working.client_order_id),
    ]
    for name, value in (("workingQuantity", working.quantity), ("workingPrice", working.price)):
        if value is not None:
            params.append((name, format_decimal(value)))
    if working.time_in_force is not None:
        params.append(("workingTimeInForce", working.time_in_force))
    return [
        *params,
        ("pendingSide", "SELL"),
        *above.params("pendingAbove"),
        *below.params("pendingBelow"),
        ("newOrderRespType", "FULL"),
    ]
