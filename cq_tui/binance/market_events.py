"""Events of the combined market streams, and how a frame becomes one of them.

This is the hottest path of the feeder: a frame is read optimistically, and only one that fails is
looked at again to name the field that is wrong.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from math import isfinite
from typing import Any, NamedTuple

import orjson

from cq_tui.binance.errors import MalformedMessage
from cq_tui.binance.fields import Fields, shown
from cq_tui.contracts.market import Kline


class KlineUpdate(NamedTuple):
    """A bar as it stands; ``closed`` is true exactly once, with its last update. Times in ms."""

    symbol: str
    interval: str
    event_time: int
    closed: bool
    kline: Kline


class BookTickerUpdate(NamedTuple):
    """Best bid and ask; ``update_id`` rises with every change of the book. It carries no time."""

    symbol: str
    update_id: int
    bid_price: Decimal
    bid_quantity: Decimal
    ask_price: Decimal
    ask_quantity: Decimal


class MiniTickerUpdate(NamedTuple):
    """The rolling 24 hours, once a second while they change. Time in ms."""

    symbol: str
    event_time: int
    last_price: Decimal
    open_price: Decimal
    high_price: Decimal
    low_price: Decimal
    volume: Decimal
    quote_volume: Decimal


class ShutdownNotice(NamedTuple):
    """``serverShutdown``: the server is about to end the connection. Time in ms."""

    event_time: int


class ControlReply(NamedTuple):
    """The answer to SUBSCRIBE and its like; ``error`` is None when it was carried out."""

    id: int | str | None
    error: str | None


MarketEvent = KlineUpdate | BookTickerUpdate | MiniTickerUpdate
Frame = MarketEvent | ShutdownNotice | ControlReply

_READ_ERRORS = (KeyError, TypeError, ValueError, ArithmeticError)
#: ``join`` refuses whatever is not text: the cheapest check of several fields at once.
_require_texts = "".join


def parse_frame(frame: bytes | str) -> Frame | None:
    """Read one frame of a combined stream; None for an event of a kind that is not read here.

    Raises MalformedMessage for a frame that is not JSON, no object, or an event with a wrong field.
    """
    try:
        message: Any = orjson.loads(frame)
        data = message["data"]
        reader = _READERS[data.get("e")]
    except orjson.JSONDecodeError as error:
        raise MalformedMessage("frame", "(whole)", f"is not JSON: {error}") from None
    except (KeyError, TypeError, AttributeError):
        return _uncommon_frame(message)
    try:
        return reader(data)
    except _READ_ERRORS:
        raise _named(data) from None


def _read_book_ticker(data: dict[str, Any]) -> BookTickerUpdate:
    symbol, bid, bid_quantity, ask, ask_quantity = data["s"], data["b"], data["B"], data["a"], data["A"]
    _require_texts((symbol, bid, bid_quantity, ask, ask_quantity))
    event = BookTickerUpdate(
        symbol, data["u"], Decimal(bid), Decimal(bid_quantity), Decimal(ask), Decimal(ask_quantity)
    )
    # A sum is finite only when each part is.
    if not (event[2] + event[3] + event[4] + event[5]).is_finite() or type(event[1]) is not int:
        raise ValueError
    return event


def _read_kline(data: dict[str, Any]) -> KlineUpdate:
    k = data["k"]
    _require_texts((data["s"], k["i"], k["o"], k["h"], k["l"], k["c"], k["v"], k["q"]))
    kline = Kline(
        k["t"],
        k["T"],
        float(k["o"]),
        float(k["h"]),
        float(k["l"]),
        float(k["c"]),
        float(k["v"]),
        float(k["q"]),
        k["n"],
    )
    if not isfinite(kline[2] + kline[3] + kline[4] + kline[5] + kline[6] + kline[7]):
        raise ValueError
    if not type(kline[0]) is type(kline[1]) is type(kline[8]) is type(data["E"]) is int:
        raise TypeError
    if type(k["x"]) is not bool:
        raise TypeError
    return KlineUpdate(data["s"], k["i"], data["E"], k["x"], kline)


def _read_mini_ticker(data: dict[str, Any]) -> MiniTickerUpdate:
    _require_texts((data["s"], data["c"], data["o"], data["h"], data["l"], data["v"], data["q"]))
    event = MiniTickerUpdate(
        data["s"],
        data["E"],
        Decimal(data["c"]),
        Decimal(data["o"]),
        Decimal(data["h"]),
        Decimal(data["l"]),
        Decimal(data["v"]),
        Decimal(data["q"]),
    )
    finite = (event[2] + event[3] + event[4] + event[5] + event[6] + event[7]).is_finite()
    if not finite or type(event[1]) is not int:
        raise ValueError
    return event


def _read_shutdown(data: dict[str, Any]) -> ShutdownNotice:
    return ShutdownNotice(Fields(data, "serverShutdown").integer("E"))


#: By the event type ``e``; a bookTicker has none.
_READERS: dict[str | None, Callable[[dict[str, Any]], MarketEvent | ShutdownNotice]] = {
    None: _read_book_ticker,
    "kline": _read_kline,
    "24hrMiniTicker": _read_mini_ticker,
    "serverShutdown": _read_shutdown,
}

_FIELDS: dict[str | None, tuple[str, str, str]] = {
    # event type: (texts, whole numbers, decimals), each a string of one-letter field names
    None: ("s", "u", "bBaA"),
    "kline": ("s", "E", ""),
    "24hrMiniTicker": ("s", "E", "cohlvq"),
}


def _named(data: dict[str, Any]) -> MalformedMessage:
    """Return the error that names the first wrong field of an event that could not be read."""
    kind = data.get("e")
    fields = Fields(data, kind or "bookTicker")
    try:
        _check(fields, *_FIELDS[kind])
        if kind == "kline":
            inner = fields.inner("k")
            _check(inner, "i", "tTn", "ohlcvq")
            inner.flag("x")
    except MalformedMessage as error:
        return error
    return MalformedMessage(fields.subject, "(whole)", f"cannot be read: {shown(data)}")


def _check(fields: Fields, texts: str, integers: str, decimals: str) -> None:
    for name in texts:
        fields.text(name)
    for name in integers:
        fields.integer(name)
    for name in decimals:
        fields.decimal(name)


def _uncommon_frame(message: object) -> Frame | None:
    """Read what is not a known event in the combined wrapper: replies, raw notices, other events."""
    fields = Fields(message, "frame")
    if "data" in fields.raw:
        fields.inner("data")  # an object of an event type that is not read here
        return None
    if fields.raw.get("e") == "serverShutdown":
        return ShutdownNotice(fields.integer("E"))
    if "id" in fields.raw or "code" in fields.raw or "error" in fields.raw:
        return _control_reply(fields.raw)
    raise fields.wrong("data", "an event in the combined form")


def _control_reply(raw: Mapping[str, Any]) -> ControlReply:
    identity = raw.get("id")
    if identity is not None and not isinstance(identity, int | str):
        raise MalformedMessage("reply", "id", f"is {shown(identity)}, a number or a text is needed")
    problem = raw.get("error", raw)
    if isinstance(problem, Mapping) and "code" in problem:
        return ControlReply(identity, f"code {problem['code']}: {problem.get('msg', '')}")
    return ControlReply(identity, None)
