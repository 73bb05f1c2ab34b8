"""Events of the combined market streams, and the parser of their messages.

This is the feeder's hottest path: a message is parsed optimistically, and only one that fails is
checked field by field to name the wrong one.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from cq_tui.binance.errors import MalformedMessage
from cq_tui.binance.fields import Fields, shorten_value
from cq_tui.contracts.market import Kline


class KlineUpdate(NamedTuple):
    """The current state of a bar; ``closed`` is true only in its last update. Times in ms."""

    symbol: str
    interval: str
    event_time: int
    closed: bool
    kline: Kline


class BookTickerUpdate(NamedTuple):
    """Best bid and ask; ``update_id`` rises with every change of the book. It has no timestamp."""

    symbol: str
    update_id: int
    bid_price: Decimal
    bid_quantity: Decimal
    ask_price: Decimal
    ask_quantity: Decimal


class MiniTickerUpdate(NamedTuple):
    """Rolling 24-hour statistics, once a second while they change. Time in ms."""

    symbol: str
    event_time: int
    last_price: Decimal
    open_price: Decimal
    high_price: Decimal
    low_price: Decimal
    volume: Decimal
    quote_volume: Decimal


class TradeUpdate(NamedTuple):
    """One trade. Ids are contiguous per symbol. Times in ms.

    ``buyer_is_maker`` means that the taker sold.
    """

    symbol: str
    event_time: int
    trade_id: int
    price: Decimal
    quantity: Decimal
    trade_time: int
    buyer_is_maker: bool


class DepthUpdate(NamedTuple):
    """Changes ``first_update_id`` to ``last_update_id`` of an order book. Time in ms.

    Levels are raw [price, quantity] strings, parsed and checked when an order book applies them: that costs ten
    times as much as the rest of the message, and not every reader keeps a book.
    """

    symbol: str
    event_time: int
    first_update_id: int
    last_update_id: int
    bids: list[Any]
    asks: list[Any]


class ShutdownNotice(NamedTuple):
    """``serverShutdown``: the server is about to end the connection. Time in ms."""

    event_time: int


class ControlReply(NamedTuple):
    """The response to SUBSCRIBE and similar requests; ``error`` is None on success."""

    id: int | str | None
    error: str | None


MarketEvent = KlineUpdate | BookTickerUpdate | MiniTickerUpdate | TradeUpdate | DepthUpdate
StreamMessage = MarketEvent | ShutdownNotice | ControlReply

_READ_ERRORS = (KeyError, TypeError, ValueError, ArithmeticError)
#: ``join`` raises for anything but strings: the cheapest check of several fields at once.
_join = "".join
#: Building the tuple directly halves the cost of a NamedTuple.
_new_tuple = tuple.__new__


def parse_stream_message(frame: bytes | str) -> StreamMessage | None:
    """Parse one message of a combined stream; None for an event type that is not handled.

    Raises MalformedMessage for a message that is not JSON, not an object, or has an invalid field.
    """
    try:
        message: Any = orjson.loads(frame)
        data = message["data"]
        reader = _READERS[data.get("e")]
    except orjson.JSONDecodeError as error:
        raise MalformedMessage("frame", "(whole)", f"is not JSON: {error}") from None
    except (KeyError, TypeError, AttributeError):
        return _parse_uncommon(message)
    try:
        return reader(data)
    except _READ_ERRORS:
        raise _find_field_error(data) from None


def _read_book_ticker(data: dict[str, Any]) -> BookTickerUpdate:
    symbol, update_id = data["s"], data["u"]
    bid, bid_quantity, ask, ask_quantity = data["b"], data["B"], data["a"], data["A"]
    # _check_numbers, inlined: most messages are of this kind.
    if not _join((bid, bid_quantity, ask, ask_quantity)).replace(".", "").isdecimal():
        raise ValueError
    if type(update_id) is not int or type(symbol) is not str:
        raise TypeError
    return _new_tuple(
        BookTickerUpdate,
        (symbol, update_id, Decimal(bid), Decimal(bid_quantity), Decimal(ask), Decimal(ask_quantity)),
    )


def _read_kline(data: dict[str, Any]) -> KlineUpdate:
    k, symbol, event_time = data["k"], data["s"], data["E"]
    open_time, close_time, trades = k["t"], k["T"], k["n"]
    prices = (k["o"], k["h"], k["l"], k["c"], k["v"], k["q"])
    interval, is_closed = k["i"], k["x"]
    _check_numbers(symbol, prices)
    if not type(open_time) is type(close_time) is type(trades) is type(event_time) is int:
        raise TypeError
    if type(interval) is not str or type(is_closed) is not bool:
        raise TypeError
    kline = _new_tuple(Kline, (open_time, close_time, *map(float, prices), trades))
    return _new_tuple(KlineUpdate, (symbol, interval, event_time, is_closed, kline))


def _read_mini_ticker(data: dict[str, Any]) -> MiniTickerUpdate:
    symbol, event_time = data["s"], data["E"]
    numbers = (data["c"], data["o"], data["h"], data["l"], data["v"], data["q"])
    _check_numbers(symbol, numbers)
    if type(event_time) is not int:
        raise TypeError
    return _new_tuple(MiniTickerUpdate, (symbol, event_time, *map(Decimal, numbers)))


def _read_trade(data: dict[str, Any]) -> TradeUpdate:
    symbol, event_time, trade_id, price, quantity = data["s"], data["E"], data["t"], data["p"], data["q"]
    trade_time, buyer_is_maker = data["T"], data["m"]
    _check_numbers(symbol, (price, quantity))
    if not type(event_time) is type(trade_id) is type(trade_time) is int or type(buyer_is_maker) is not bool:
        raise TypeError
    numbers = Decimal(price), Decimal(quantity)
    return _new_tuple(TradeUpdate, (symbol, event_time, trade_id, *numbers, trade_time, buyer_is_maker))


def _read_depth(data: dict[str, Any]) -> DepthUpdate:
    symbol, event_time, first, last = data["s"], data["E"], data["U"], data["u"]
    bids, asks = data["b"], data["a"]
    if not type(event_time) is type(first) is type(last) is int or type(bids) is not list or type(asks) is not list:
        raise TypeError
    if type(symbol) is not str:
        raise TypeError
    return _new_tuple(DepthUpdate, (symbol, event_time, first, last, bids, asks))


def _check_numbers(symbol: Any, numbers: tuple[Any, ...]) -> None:
    """Reject anything but strings, and numbers that are not plain digits (so no sign, exponent or NaN)."""
    if type(symbol) is not str or not _join(numbers).replace(".", "").isdecimal():
        raise ValueError


def _read_shutdown(data: dict[str, Any]) -> ShutdownNotice:
    return ShutdownNotice(Fields(data, "serverShutdown").integer("E"))


#: By the event type ``e``; a bookTicker has none.
_READERS: dict[str | None, Callable[[dict[str, Any]], MarketEvent | ShutdownNotice]] = {
    None: _read_book_ticker,
    "trade": _read_trade,
    "kline": _read_kline,
    "depthUpdate": _read_depth,
    "24hrMiniTicker": _read_mini_ticker,
    "serverShutdown": _read_shutdown,
}

_FIELDS: dict[str | None, tuple[str, str, str]] = {
    # event type: (texts, whole numbers, decimals), each a string of one-letter field names
    None: ("s", "u", "bBaA"),
    "kline": ("s", "E", ""),
    "trade": ("s", "EtT", "pq"),
    "depthUpdate": ("s", "EUu", ""),
    "24hrMiniTicker": ("s", "E", "cohlvq"),
}


def _find_field_error(data: dict[str, Any]) -> MalformedMessage:
    """Return the error that names the first invalid field of an event that failed to parse."""
    kind = data.get("e")
    fields = Fields(data, kind or "bookTicker")
    try:
        _check_fields(fields, *_FIELDS[kind])
        if kind == "kline":
            inner = fields.nested("k")
            _check_fields(inner, "i", "tTn", "ohlcvq")
            inner.flag("x")
        elif kind == "trade":
            fields.flag("m")
        elif kind == "depthUpdate":
            fields.array("b")
            fields.array("a")
    except MalformedMessage as error:
        return error
    return MalformedMessage(fields.subject, "(whole)", f"cannot be parsed: {shorten_value(data)}")


def _check_fields(fields: Fields, texts: str, integers: str, decimals: str) -> None:
    for name in texts:
        fields.text(name)
    for name in integers:
        fields.integer(name)
    for name in decimals:
        fields.decimal(name)


def _parse_uncommon(message: object) -> StreamMessage | None:
    """Parse anything but a known event in the combined form: replies, raw notices, other events."""
    fields = Fields(message, "frame")
    if "data" in fields.raw:
        fields.nested("data").text("e")  # an event type that is not handled
        return None
    if fields.raw.get("e") == "serverShutdown":
        return ShutdownNotice(fields.integer("E"))
    if "id" in fields.raw or "code" in fields.raw or "error" in fields.raw:
        return _parse_control_reply(fields.raw)
    raise fields.field_error("data", "an event in the combined form")


def _parse_control_reply(raw: Mapping[str, Any]) -> ControlReply:
    identity = raw.get("id")
    if identity is not None and not isinstance(identity, int | str):
        raise MalformedMessage("reply", "id", f"is {shorten_value(identity)}; expected a number or a string")
    problem = raw.get("error", raw)
    if isinstance(problem, Mapping) and "code" in problem:
        return ControlReply(identity, f"code {problem['code']}: {problem.get('msg', '')}")
    return ControlReply(identity, None)
