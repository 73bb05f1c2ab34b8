"""What a strategy must be, and what its signals must be: the checks of class, instance and every signal.

A signal that is wrong in any way is not published, since a strategy that gets one thing wrong may get others wrong.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from numbers import Real

import orjson
from pydantic import BaseModel, ValidationError

from cq_tui.contracts.events import SignalGenerated
from cq_tui.contracts.market import Kline
from cq_tui.contracts.trader_requests import check_symbol
from cq_tui.strategies.bars import Frame
from cq_tui.strategies.protocol import Side, Signal

#: No colon, which separates the parts of a signal's key, and nothing that a terminal acts upon.
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_MEMBERS = ("name", "Parameters", "on_bar", "reset", "values")
_METHODS = ("on_bar", "reset", "values")
#: Those that it may have.
_OPTIONAL_METHODS = ("on_position", "on_other_bar")
#: More bars than that are no warm-up but a mistake: two years of minutes.
_MAX_WARM_UP = 1_000_000
_MAX_REASON = 500
#: Other symbols of one strategy, on one symbol and on all together.
MAX_OTHERS, MAX_OTHERS_IN_ALL = 20, 100


class WrongSignal(ValueError):
    """A signal that must not be published; the message names the field, its value and what is expected."""


def class_fault(offered: object, expected_name: str) -> str | None:
    """Return why this is no strategy class of that name; None if it is one."""
    missing = [part for part in _MEMBERS if not hasattr(offered, part)]
    if missing or not callable(offered):
        return f"not a strategy class: {', '.join(missing) or 'it'} is missing"
    name, parameters = getattr(offered, "name"), getattr(offered, "Parameters")  # noqa: B009 - mypy knows neither
    if name != expected_name:
        return f"its strategy is named {name!r}, the entry point {expected_name!r}"
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"its name is {name!r}; use 1 to 40 letters, digits and _ . -"
    if not (isinstance(parameters, type) and issubclass(parameters, BaseModel)):
        return f"its Parameters are {parameters!r}, expected a subclass of StrategyParameters"
    return _method_fault(offered)


def instance_fault(strategy: object, expected_name: str) -> str | None:
    """Return why this is no strategy of that name; None if it is one."""
    name, warm_up = getattr(strategy, "name", None), getattr(strategy, "warm_up", None)
    if name != expected_name:
        return f"the name of the instance is {name!r}, expected {expected_name!r}"
    if not isinstance(warm_up, Mapping):
        return f"warm_up is {_shown(warm_up)}, expected the bars needed by frame"
    for frame, bars in warm_up.items():
        if not isinstance(frame, Frame):
            return f"warm_up has the key {_shown(frame)}, expected one of {', '.join(map(str, map(repr, Frame)))}"
        if type(bars) is not int or not 0 <= bars <= _MAX_WARM_UP:
            return f"warm_up of {frame.label} is {_shown(bars)}, expected 0 to {_MAX_WARM_UP:,} bars"
    return _method_fault(strategy) or _others_fault(strategy)


def _others_fault(strategy: object) -> str | None:
    others = getattr(strategy, "other_symbols", ())
    if isinstance(others, str) or not isinstance(others, Sequence) or len(others) > MAX_OTHERS:
        return f"other_symbols is {_shown(others)}, expected a list of at most {MAX_OTHERS} symbols"
    for symbol in others:
        try:
            check_symbol(symbol)
        except (TypeError, ValueError):
            return f"other_symbols has {_shown(symbol)}, expected a symbol such as BTCUSDT"
    if others and not hasattr(strategy, "on_other_bar"):
        return "other_symbols needs a method on_other_bar"
    return None


def _method_fault(owner: object) -> str | None:
    optional = [method for method in _OPTIONAL_METHODS if hasattr(owner, method)]
    wrong = [method for method in (*_METHODS, *optional) if not callable(getattr(owner, method, None))]
    return f"{wrong[0]} is no method" if wrong else None


def checked_signal(signal: object, *, strategy: str, symbol: str | None, interval: str, bar: Kline) -> Signal:
    """Return a strategy's signal, its numbers as plain floats. Raises WrongSignal.

    ``bar`` is the closed bar on which it decided. Without a ``symbol``, any is right.
    """
    if not isinstance(signal, Signal):
        raise WrongSignal(f"{_shown(signal)} is no Signal")
    _expect("symbol", signal.symbol, signal.symbol if symbol is None else symbol)
    _expect("strategy", signal.strategy, strategy)
    _expect("frame", signal.frame, interval)
    _expect("bar_close_time", signal.bar_close_time, bar.close_time)
    if not isinstance(signal.side, Side):
        raise WrongSignal(f"side is {_shown(signal.side)}, expected Side.BUY or Side.SELL")
    if type(signal.scale_in) is not bool:
        raise WrongSignal(f"scale_in is {_shown(signal.scale_in)}, expected True or False")
    if signal.limit_until_ms is not None and type(signal.limit_until_ms) is not int:
        raise WrongSignal(f"limit_until_ms is {_shown(signal.limit_until_ms)}, expected whole milliseconds or None")
    return _contract_checked(
        replace(
            signal,
            entry_price=_price("entry_price", signal.entry_price),
            stop_loss=_price("stop_loss", signal.stop_loss),
            take_profit=_price("take_profit", signal.take_profit),
            confidence=_number("confidence", signal.confidence),
            trail=None if signal.trail is None else _number("trail", signal.trail),
            part=None if signal.part is None else _number("part", signal.part),
            limit_price=None if signal.limit_price is None else _price("limit_price", signal.limit_price),
            reason=writable(str(signal.reason))[:_MAX_REASON],
        )
    )


def _contract_checked(signal: Signal) -> Signal:
    check_levels(signal)
    check_entry_and_exit(signal)
    if not 0 <= signal.confidence <= 1:
        raise WrongSignal(f"confidence is {signal.confidence}, expected 0 to 1")
    try:
        orjson.dumps(signal.payload().model_dump())
    except orjson.JSONEncodeError as error:
        raise WrongSignal(f"no file can hold it: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise WrongSignal(f"{field} is {_shown(first['input'])}: {first['msg']}") from None
    return signal


def check_levels(signal: Signal | SignalGenerated) -> None:
    """Raise WrongSignal unless a BUY has its stop below and its target above the entry, a SELL the reverse."""
    side, entry, stop, target = signal.side, signal.entry_price, signal.stop_loss, signal.take_profit
    low, high = (stop, target) if side == Side.BUY else (target, stop)
    if not low < entry < high:
        order = "stop_loss < entry_price < take_profit" if side == Side.BUY else "take_profit < entry_price < stop_loss"
        raise WrongSignal(f"stop_loss {stop}, entry_price {entry}, take_profit {target}: a {side} needs {order}")


def check_entry_and_exit(signal: Signal | SignalGenerated) -> None:
    """Raise WrongSignal where it asks for a kind of entry or exit that its side does not have."""
    if signal.side == Side.BUY:
        if signal.part is not None:
            raise WrongSignal(f"part is {signal.part} on a BUY; only a SELL sells a part")
    elif signal.scale_in or signal.limit_price is not None:
        field = "scale_in" if signal.scale_in else "limit_price"
        raise WrongSignal(f"{field} is {getattr(signal, field)} on a SELL; only a BUY has it")
    limit, until = signal.limit_price, signal.limit_until_ms
    if limit is None:
        if until is not None:
            raise WrongSignal(f"limit_until_ms is {until} without a limit_price")
        return
    if not signal.stop_loss < limit < signal.take_profit:
        levels = f"stop_loss {signal.stop_loss} and take_profit {signal.take_profit}"
        raise WrongSignal(f"limit_price is {limit}, expected a price between {levels}")
    if until is not None and until <= (signal.bar_close_time or 0):
        raise WrongSignal(f"limit_until_ms is {until}, before its bar closed at {signal.bar_close_time}")


def _expect(field: str, value: object, expected: object) -> None:
    if value != expected:
        raise WrongSignal(f"{field} is {_shown(value)}, expected {expected!r}")


def _price(field: str, value: object) -> float:
    price = _number(field, value)
    if price <= 0:
        raise WrongSignal(f"{field} is {price}, expected a price above 0")
    return price


def _number(field: str, value: object) -> float:
    """Return a finite number of any kind, also numpy's, as a float."""
    if type(value) is not bool and isinstance(value, (Real, Decimal)):
        number = float(value)
        if math.isfinite(number):
            return number
    raise WrongSignal(f"{field} is {_shown(value)}, expected a finite number")


def writable(text: str) -> str:
    """Return the text without what no file in UTF-8 can hold."""
    return text.encode("utf-8", "replace").decode()


def _shown(value: object) -> str:
    """Return a short text of any object."""
    text = writable(repr(value))
    return text if len(text) <= 80 else f"{text[:77]}..."
