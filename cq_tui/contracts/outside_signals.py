"""Signals from outside: the file that asks for a trade, its text form, and what became of it.

What is wrong with one is said with the field and the remedy: whoever wrote it may be a person or a program.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import Field, SecretStr, ValidationError, field_validator

from cq_tui.contracts.base import (
    ContractModel,
    Milliseconds,
    Positive,
    PositivePrice,
    Price,
    Ratio,
    SafeCount,
    Side,
    Timestamp,
)
from cq_tui.contracts.events import SignalId
from cq_tui.contracts.trader_requests import check_symbol
from cq_tui.contracts.units import BASE, NO_UNIT, SHARE

#: No signal is larger; a larger file or request is a mistake.
MAX_SIGNAL_BYTES: Final = 16 * 1024
#: Of a person who names no strategy.
MANUAL: Final = "manual"
#: From here on a number is milliseconds: as seconds it would be the year 5138.
_FIRST_MS: Final = 1e11
_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?")
_NUMBERS = (
    "stop",
    "target",
    "price",
    "size",
    "confidence",
    "trail",
    "limit_price",
    "part",
    "max_bars",
    "cooldown_bars",
)
#: What other formats, and this contract's events, call these fields.
_OTHER_NAMES = {
    "stop_loss": "stop",
    "take_profit": "target",
    "entry_price": "price",
    "signal_id": "id",
    "action": "side",
    "ticker": "symbol",
    "quantity": "size",
    "qty": "size",
    "time": "issued",
    "timestamp": "issued",
}

IssuedTime = Annotated[Timestamp, Field(lt=_FIRST_MS)]
StrategyName = Annotated[str, Field(pattern=r"^[a-z0-9_.\-]{1,40}$")]
OutsideSource = Literal["command", "file", "post"]


class SignalFault(ValueError):
    """A signal from outside that cannot be read; the message names the field and the remedy."""


class OutsideSignal(ContractModel):
    """``control/signals/<name>.json``: a trade that somebody outside proposes."""

    id: SignalId
    """Its own id. With the same strategy it counts once, however often it is sent; a colon in it is read as a dot."""
    side: Side
    """BUY opens a position; SELL closes what the same strategy holds. ``buy`` and ``sell`` are understood."""
    symbol: Annotated[str, Field(min_length=1, max_length=40)]
    strategy: StrategyName
    """Whose signal it is: its stops, pauses and profits count for this name. No strategy of ARES has it."""
    stop: PositivePrice | None = None
    """Price of the stop; a BUY needs one."""
    target: PositivePrice | None = None
    """Price of the target; a BUY needs one."""
    price: PositivePrice | None = None
    """Price that it was decided at; null means the market's when ARES takes it."""
    size: Annotated[Positive, BASE] | None = None
    """The most that it may buy. The trader buys less where its own sizing allows less, and never more."""
    issued: IssuedTime | None = None
    """When it was issued; also as Unix milliseconds or ISO 8601 with a zone. Null means the file's own time."""
    confidence: Ratio | None = None
    """How sure it is; null means 1."""
    max_bars: SafeCount | None = None
    """Exit after so many bars of the base interval."""
    trail: Price | None = None
    """Distance of a trailing stop below the highest high."""
    cooldown_bars: SafeCount | None = None
    """Bars of the base interval without a new entry of the strategy in the symbol after a stop."""
    scale_in: bool | None = None
    """Whether a BUY adds to the strategy's own position."""
    part: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False), SHARE] | None = None
    """Share of the position that a SELL sells."""
    limit_price: PositivePrice | None = None
    """Enter at no more than this."""
    limit_until: IssuedTime | None = None
    """Until when it may wait for that price, at most a day; null means a bar of the base interval, or a minute."""
    reason: Annotated[str, Field(max_length=200)] | None = None
    """Why, in words."""
    source: OutsideSource | None = None
    """The way it came; null means a file."""
    person: Annotated[str, Field(max_length=200)] | None = None
    """Who gave it: login name, and the address it came from."""

    @field_validator("side", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return value.strip().upper() if isinstance(value, str) else value

    @field_validator("id", mode="before")
    @classmethod
    def _without_colons(cls, value: Any) -> Any:
        """Take a time in an id as it is usually written; a colon separates the parts of a natural key."""
        return value.replace(":", ".") if isinstance(value, str) else value

    @field_validator(*_NUMBERS, mode="before")
    @classmethod
    def _plain_number(cls, value: Any) -> Any:
        if isinstance(value, bool) or (isinstance(value, str) and not _NUMBER.fullmatch(value.strip())):
            raise ValueError("write a plain number such as 95000.5")
        return value.strip() if isinstance(value, str) else value

    @field_validator("issued", "limit_until", mode="before")
    @classmethod
    def _unix_seconds(cls, value: Any) -> Any:
        return None if value is None else read_time(value)

    def fault(self) -> str | None:
        """Return in words what is wrong with it beyond the form of each field; None if nothing is."""
        try:
            check_symbol(self.symbol)
        except ValueError as error:
            return f"symbol: {error}"
        for name, text in (("reason", self.reason), ("person", self.person)):
            if text is not None and not text.isprintable():
                return f"{name}: write one line of printable characters"
        if self.side == "SELL" and self.limit_price is not None:
            return "limit_price: a SELL has none; it closes at the market's price"
        if self.limit_price is None and self.limit_until is not None:
            return "limit_until: give limit_price, too"
        missing = [name for name in ("stop", "target") if self.side == "BUY" and getattr(self, name) is None]
        return f"{missing[0]} is missing: a BUY needs the prices of its stop and its target" if missing else None


def read_time(value: Any) -> float:
    """Return Unix seconds, from seconds, milliseconds or ISO 8601 with a zone. Raises ValueError."""
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise ValueError("write Unix seconds, or a time with its zone such as 2026-11-30T18:00:00Z")
        return moment.timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("write Unix seconds, or a time with its zone such as 2026-11-30T18:00:00Z")
    number = float(value)
    return number / 1000 if number >= _FIRST_MS else number


def read_signal(given: Mapping[str, Any]) -> OutsideSignal:
    """Return the signal that an object describes. Raises SignalFault for the first thing that is wrong with it.

    A name that nobody knows is refused: without a limit that was misspelled, more would be bought than was meant.
    """
    for name in given:
        if name not in OutsideSignal.model_fields:
            raise SignalFault(f"{name[:40]!r} is no field of a signal{_meant(name)}")
    try:
        signal = OutsideSignal.model_validate(given)
    except ValidationError as error:
        raise SignalFault(_describe(error)) from None
    if (fault := signal.fault()) is not None:
        raise SignalFault(fault)
    return signal


def read_object(content: bytes) -> dict[str, Any]:
    """Return the fields of a JSON object. Raises SignalFault, whose message goes on from "the file" or "the body".

    A name that is given twice is refused, since nobody can say which of its values was meant.
    """
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise SignalFault(f"is not JSON ({error})") from None
    if not isinstance(value, dict):
        raise SignalFault("is not a JSON object")
    # Read once more, since the fast reader keeps the last of two values silently.
    names = Counter(_names(content))
    if (twice := next((name for name, count in names.items() if count > 1), None)) is not None:
        raise SignalFault(f"gives {twice[:40]!r} twice; write it once")
    return value


def _names(content: bytes) -> list[str]:
    """Return the names of the outermost object as they stand there."""
    try:
        pairs: Any = json.loads(content.decode(), object_pairs_hook=tuple)
    except RecursionError:
        raise SignalFault("is nested too deeply; a signal has plain values") from None
    return [name for name, _ in pairs]


def read_text(text: str) -> dict[str, Any]:
    """Return the fields of a text such as ``BUY BTCUSDT stop=94000 target=99000 id=a1``. Raises SignalFault."""
    words = text.split()
    if len(words) < 2 or "=" in words[0] or "=" in words[1]:
        raise SignalFault("write side and symbol first, such as: BUY BTCUSDT stop=94000 target=99000 id=a1")
    found: dict[str, Any] = {"side": words[0], "symbol": words[1]}
    for word in words[2:]:
        name, separator, value = word.partition("=")
        if not separator or not value:
            raise SignalFault(f"{word[:40]!r} is not of the form name=value")
        if name in found:
            raise SignalFault(f"{name[:40]} is given twice; write it once")
        found[name] = value
    return found


def _meant(name: str) -> str:
    known = _OTHER_NAMES.get(name.lower()) or next(
        iter(get_close_matches(name.lower(), OutsideSignal.model_fields, 1)), None
    )
    return f"; did you mean {known}?" if known else f"; its fields are {', '.join(OutsideSignal.model_fields)}"


def _describe(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    name, found = ".".join(map(str, first["loc"])), first["input"]
    if first["type"] == "missing":
        return f"{name} is missing{_NEEDED.get(name, '')}"
    hint = _HINTS.get(name, first["msg"].removeprefix("Value error, "))
    # Nested as deeply as somebody liked, it could not be shown.
    told = "an object" if isinstance(found, dict) else "a list" if isinstance(found, list) else repr(str(found)[:40])
    return f"{name} is {told}: {hint}"


_NEEDED = {
    "id": ": give each signal an id of its own, so that it counts once",
    "strategy": ": name whose signal it is, such as my_alerts",
    "side": ": write BUY or SELL",
    "symbol": ": write one such as BTCUSDT",
}
_HINTS = {
    "id": "use at most 64 of A-Z a-z 0-9 _ . -",
    "side": "write BUY or SELL",
    "strategy": "use at most 40 of a-z 0-9 _ . -",
}


class OutsideOutcome(ContractModel):
    """``control/signals/done/<name>.json``: what became of a signal from outside."""

    outcome: Literal["accepted", "duplicate", "refused"]
    """accepted: it is an event of the history, and the trader judges it; duplicate: its id was taken before."""
    message: str = ""
    """Why, in words, with the next step."""
    signal_key: str | None = None
    """Natural key of the signal, by which orders and denials name it; null if it could not be read."""
    age_ms: Milliseconds | None = None
    """How old it was when it was taken."""
    taken_ts: Timestamp
    """When ARES took it."""
    file: str
    """Digest of the file that was taken: its name, time and content."""
    signal: dict[str, Any] | None = None
    """What the file said, without what is nested in it; null if it was no object."""


class TakenSignal(ContractModel):
    """A line of ``state/outside_signals.ndjson``: an id that counts no more, or a mark without one."""

    key: str | None = None
    """Natural key of the signal; null of a mark, which only says how far the events of ARES are known."""
    seq: Annotated[int, Field(ge=0), NO_UNIT]
    """Number of its event in the spool of ARES: signals of all events up to here have their line."""
    file: str | None = None
    """Digest of the file that it came in."""
    ts: Timestamp = 0.0
    """When it was taken."""


class SignalDoor(ContractModel):
    """``run/signals.json`` (0600): where ``cq-tui signals serve`` takes signals, and the token that it asks for."""

    url: str
    """Address to POST to."""
    token: SecretStr
    """Whoever has it can propose trades. It stays the same until the file is deleted."""
    pid: Annotated[int, NO_UNIT] | None = None
    """Process that serves it, or did last."""
    started_ts: Timestamp = 0.0
