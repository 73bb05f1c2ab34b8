"""Parses one order's parameters, in the exchange's order: presence, characters, enums, precision, combinations."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from cq_tui.binance.filters import SymbolRules
from cq_tui.simulator.api.parameters import (
    DECIMAL_PATTERN,
    Parameters,
    either_required,
    empty_parameter,
    illegal_characters,
    invalid_combination,
    invalid_value,
    unknown_symbol,
)
from cq_tui.simulator.engine.orders import STOP_TYPES, NewOrder
from cq_tui.simulator.errors import RequestRejected, missing_parameter, parameter_not_required

ORDER_TYPES = frozenset(
    {"LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"}
)
TIMED_TYPES = frozenset({"LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"})
PRICED_TYPES = TIMED_TYPES | {"LIMIT_MAKER"}
_TIMES_IN_FORCE = frozenset({"GTC", "IOC", "FOK"})
_RESPONSES = frozenset({"ACK", "RESULT", "FULL"})
_STP_MODES = frozenset({"NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"})
_PEG_PRICES = frozenset({"PRIMARY_PEG", "MARKET_PEG"})
_CLIENT_ID = "^[a-zA-Z0-9-_]{1,36}$"
_is_decimal = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII).fullmatch
_is_client_id = re.compile(r"[a-zA-Z0-9_-]{1,36}", re.ASCII).fullmatch
_MAX_DECIMALS = 8
_MIN_STRATEGY_TYPE = 1_000_000
_MAX_PEG_LEVELS = 100


class ParameterNames:
    """The parameter names of one order: ``price`` for a single order, ``abovePrice`` for a leg of an order list.

    ``side`` and ``quantity`` are given separately because the legs of a list share them. Without ``quantity`` the order
    has none; only a single order can have a quote quantity.
    """

    def __init__(self, prefix: str = "", *, side: str, quantity: str | None, client_id: str) -> None:
        def named(name: str) -> str:
            return prefix + name[0].upper() + name[1:] if prefix else name

        self.type = named("type")
        self.side = side
        self.quantity = quantity
        self.client_id = client_id
        self.quote_quantity = None if prefix else "quoteOrderQty"
        self.price = named("price")
        self.stop_price = named("stopPrice")
        self.trailing_delta = named("trailingDelta")
        self.time_in_force = named("timeInForce")
        self.iceberg_quantity = named("icebergQty")
        self.strategy_id = named("strategyId")
        self.strategy_type = named("strategyType")
        self.peg_price_type = named("pegPriceType")
        self.peg_offset_type = named("pegOffsetType")
        self.peg_offset_value = named("pegOffsetValue")

    @cached_property
    def required_by_type(self) -> dict[str, tuple[str, ...]]:
        """The mandatory parameters of each order type."""
        return {
            kind: (
                *((self.time_in_force,) if kind in TIMED_TYPES else ()),
                *((self.quantity,) if self.quantity and not (self.quote_quantity and kind == "MARKET") else ()),
                *((self.price,) if kind in PRICED_TYPES else ()),
            )
            for kind in ORDER_TYPES
        }

    @cached_property
    def rare(self) -> frozenset[str]:
        """Parameters that few orders have."""
        return frozenset(
            {
                self.stop_price,
                self.trailing_delta,
                self.iceberg_quantity,
                self.strategy_id,
                self.strategy_type,
                self.peg_price_type,
                self.peg_offset_type,
            }
        )

    @cached_property
    def forbidden_by_type(self) -> dict[str, frozenset[str]]:
        """The parameters that each order type rejects."""
        return {
            kind: frozenset(
                (
                    *((self.time_in_force,) if kind not in TIMED_TYPES else ()),
                    *((self.quote_quantity,) if self.quote_quantity and kind != "MARKET" else ()),
                    *((self.price, self.iceberg_quantity, self.peg_price_type) if kind not in PRICED_TYPES else ()),
                    *((self.stop_price, self.trailing_delta) if kind not in STOP_TYPES else ()),
                )
            )
            for kind in ORDER_TYPES
        }


SINGLE_ORDER = ParameterNames(side="side", quantity="quantity", client_id="newClientOrderId")


def response_type(parameters: Parameters, order_type: str = "") -> str:
    """Return newOrderRespType; the default is FULL for MARKET and LIMIT, ACK for other types and order lists."""
    value = parameters.optional("newOrderRespType")
    if value is None:
        return "FULL" if order_type in ("MARKET", "LIMIT") else "ACK"
    if value not in _RESPONSES:
        raise invalid_value("newOrderRespType")
    return value


def read_order(parameters: Parameters, rules: Mapping[str, SymbolRules], new_id: Callable[[], str]) -> NewOrder:
    """Parse a single order; its symbol must be in ``rules``. Raises RequestRejected."""
    symbol = required(parameters, "symbol")
    for name in ("side", "type"):
        required(parameters, name)
    return read_named_order(parameters, SINGLE_ORDER, symbol, rules, new_id)


def read_named_order(
    parameters: Parameters,
    names: ParameterNames,
    symbol: str,
    rules: Mapping[str, SymbolRules],
    new_id: Callable[[], str],
    order_type: str = "",
) -> NewOrder:
    """Parse one order by its parameter names, of ``order_type`` if it is sent without one. Raises RequestRejected."""
    sent = parameters.values
    kind = order_type or required(parameters, names.type)
    if kind in ORDER_TYPES:
        _check_presence(sent, names, kind)  # an unknown type is reported only after illegal characters
    quantity = decimal_text(sent, names.quantity) if names.quantity else None
    quote_quantity = decimal_text(sent, names.quote_quantity) if names.quote_quantity else None
    price = decimal_text(sent, names.price)
    rare = _NO_RARE_PARAMETERS if names.rare.isdisjoint(sent) else _read_rare(parameters, names)
    client_id = read_client_id(parameters, names.client_id)
    _check_choices(parameters, names, kind)
    if not names.forbidden_by_type[kind].isdisjoint(sent):
        raise parameter_not_required(min(names.forbidden_by_type[kind] & sent.keys()))
    new = NewOrder(
        symbol=symbol,
        side=sent[names.side],
        type=kind,
        client_order_id=client_id or new_id(),
        time_in_force=sent.get(names.time_in_force, "GTC"),
        quantity=to_decimal_checked(names.quantity or "", quantity),
        quote_quantity=to_decimal_checked(names.quote_quantity or "", quote_quantity),
        price=to_decimal_checked(names.price, price),
        stop_price=to_decimal_checked(names.stop_price, rare.stop_price),
        stp_mode=sent.get("selfTradePreventionMode") or default_stp_mode(rules, symbol),
        strategy_id=-1 if rare.strategy_id is None else rare.strategy_id,
        strategy_type=-1 if rare.strategy_type is None else rare.strategy_type,
        iceberg_quantity=to_decimal_checked(names.iceberg_quantity, rare.iceberg_quantity) or None,
        trailing_delta=rare.trailing_delta,
    )
    _check_combination(names, new)
    pegged = rare is not _NO_RARE_PARAMETERS and _is_pegged(parameters, names)
    check_symbol(symbol, rules)
    if pegged:
        raise RequestRejected(-1013, "Pegged orders are not supported for this symbol.")
    return new


class _RareParameters(NamedTuple):
    """The values of parameters that few orders have."""

    stop_price: str | None = None
    iceberg_quantity: str | None = None
    trailing_delta: int | None = None
    strategy_id: int | None = None
    strategy_type: int | None = None


_NO_RARE_PARAMETERS = _RareParameters()


def _read_rare(parameters: Parameters, names: ParameterNames) -> _RareParameters:
    return _RareParameters(
        stop_price=decimal_text(parameters.values, names.stop_price),
        iceberg_quantity=decimal_text(parameters.values, names.iceberg_quantity),
        trailing_delta=parameters.integer(names.trailing_delta),
        strategy_id=parameters.integer(names.strategy_id),
        strategy_type=parameters.integer(names.strategy_type),
    )


def _check_presence(sent: Mapping[str, str], names: ParameterNames, kind: str) -> None:
    for name in names.required_by_type[kind]:
        if name not in sent and not (name == names.price and names.peg_price_type in sent):
            raise missing_parameter(name)
    if kind == "MARKET" and names.quantity and names.quote_quantity:
        if names.quantity not in sent and names.quote_quantity not in sent:
            raise either_required(names.quantity, names.quote_quantity)
    elif kind in STOP_TYPES and names.stop_price not in sent and names.trailing_delta not in sent:
        raise either_required(names.stop_price, names.trailing_delta)


def _check_choices(parameters: Parameters, names: ParameterNames, kind: str) -> None:
    """Check the enum parameters."""
    time_in_force = parameters.optional(names.time_in_force)
    if time_in_force is not None and time_in_force not in _TIMES_IN_FORCE:
        raise RequestRejected(-1115, "Invalid timeInForce.")
    if kind not in ORDER_TYPES:
        raise RequestRejected(-1116, "Invalid orderType.")
    if required(parameters, names.side) not in ("BUY", "SELL"):
        raise RequestRejected(-1117, "Invalid side.")
    stp_mode = parameters.optional("selfTradePreventionMode")
    if stp_mode is not None and stp_mode not in _STP_MODES:
        raise invalid_value("selfTradePreventionMode")


def _check_combination(names: ParameterNames, new: NewOrder) -> None:
    if new.quantity is not None and new.quote_quantity is not None:
        raise invalid_combination()
    if 0 <= new.strategy_type < _MIN_STRATEGY_TYPE:
        raise RequestRejected(-1134, f"{names.strategy_type} was less than {_MIN_STRATEGY_TYPE}.")
    if new.iceberg_quantity is not None and new.time_in_force != "GTC":
        if names is SINGLE_ORDER:
            raise RequestRejected(-1014, "Unsupported order combination.")
        text = f"Parameter '{names.iceberg_quantity}' is not supported if '{names.time_in_force}' is not GTC."
        raise RequestRejected(-1160, text)


def _is_pegged(parameters: Parameters, names: ParameterNames) -> bool:
    """Check pegged-order parameters; that no symbol allows pegged orders is reported after all other checks."""
    if names.peg_price_type not in parameters and names.peg_offset_type not in parameters:
        return False
    if required(parameters, names.peg_price_type) not in _PEG_PRICES:
        raise RequestRejected(-1210, f"Invalid {names.peg_price_type}.")
    levels = parameters.integer(names.peg_offset_value)
    offset = parameters.optional(names.peg_offset_type)
    if (levels is None) != (offset is None):
        fields = f"{names.peg_offset_type}, {names.peg_offset_value}"
        raise RequestRejected(-1128, f"Fields [{fields}] must be sent together or omitted entirely.")
    if offset not in (None, "PRICE_LEVEL"):
        raise RequestRejected(-1211, f"Invalid {names.peg_offset_type}.")
    if levels is not None and levels > _MAX_PEG_LEVELS:
        text = f"'{names.peg_offset_value}' contains unexpected value. Cannot be greater than {_MAX_PEG_LEVELS}."
        raise RequestRejected(-1102, text)
    return True


def check_symbol(symbol: str, rules: Mapping[str, SymbolRules]) -> None:
    """Raise RequestRejected if the symbol is not listed."""
    if symbol not in rules:
        raise unknown_symbol(symbol)


def default_stp_mode(rules: Mapping[str, SymbolRules], symbol: str) -> str:
    """Return the default self-trade prevention mode of a symbol."""
    known = rules.get(symbol)
    return known.default_stp_mode if known is not None else "NONE"


def required(parameters: Parameters, name: str) -> str:
    """Return a mandatory parameter. Raises RequestRejected -1102 when it was not sent, -1105 when it is empty."""
    value = parameters.optional(name)
    if value is None:
        raise missing_parameter(name)
    return value


def decimal_text(sent: Mapping[str, str], name: str) -> str | None:
    """Return the text of a decimal parameter, None when not sent. Raises RequestRejected -1100 unless plain digits."""
    value = sent.get(name)
    if value is not None and _is_decimal(value) is None:
        raise illegal_characters(name, DECIMAL_PATTERN) if value else empty_parameter(name)
    return value


def to_decimal_checked(name: str, text: str | None) -> Decimal | None:
    """Convert the result of ``decimal_text``. Raises RequestRejected -1111 for more than 8 decimals."""
    if text is None:
        return None
    if len(text) > _MAX_DECIMALS and len(text.partition(".")[2].rstrip("0")) > _MAX_DECIMALS:
        raise RequestRejected(-1111, f"Parameter '{name}' has too much precision.")
    return Decimal(text)


def read_client_id(parameters: Parameters, name: str) -> str | None:
    """Return the client's own order id, None when it sent none. Raises RequestRejected -1100."""
    value = parameters.values.get(name)
    if value is not None and _is_client_id(value) is None:
        raise illegal_characters(name, _CLIENT_ID) if value else empty_parameter(name)
    return value
