"""What a person asks of the trader: the exact form of its commands.

Command line and trader read it by the same rules, so a command file that is wrong is refused with the same words.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from cq_tui.contracts.commands import Command

#: ``accept`` also takes these in place of a symbol: doubts about the whole account, and about who owns its orders;
#: and the drawdown that a limit holds for.
ACCOUNT, OWNER, DRAWDOWN = "account", "owner", "drawdown"

#: Commands with a reason if the person gives one.
_EXPLAINED = frozenset({"flatten", "close", "resume", "release"})
_AMOUNT = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_SYMBOL = re.compile(r"[\w.-]{1,40}")
_MOST_CHARACTERS = 500


class TraderRequest(NamedTuple):
    """A command to the trader.

    ``symbol`` is empty for all symbols, or the whole account; it may be ``OWNER`` or ``DRAWDOWN``.
    """

    kind: str
    symbol: str
    #: Who asks.
    person: str
    #: The reason that the person gave.
    why: str
    #: ``stop``, ``target`` and ``quantity`` of ``adopt``, as far as given; ``until`` (Unix seconds) of ``quarantine``.
    numbers: Mapping[str, Decimal]
    #: Of ``flatten``: whether coins that are not ours are sold, too.
    foreign: bool = False
    #: Of ``adopt``: whose SELL signals close the position; empty if only the person does.
    strategy: str = ""


def read_request(command: Command) -> TraderRequest:
    """Return what a command asks for. Raises ValueError with words for the person who gave it."""
    kind, target = command.command, command.target
    why = ""
    numbers: dict[str, Decimal] = {}
    if kind in ("accept", "quarantine") or (kind in _EXPLAINED and command.arguments.get("why")):
        why = check_reason(command.arguments.get("why"))
    until = command.arguments.get("until")
    if kind == "quarantine" and until is not None:
        numbers = {"until": check_amount("until", until)}
    elif kind == "adopt":
        numbers = check_levels({name: command.arguments.get(name) for name in ("stop", "target", "quantity")})
    if (kind, target) in (("flatten", None), ("resume", None), ("accept", ACCOUNT)):
        symbol = ""
    else:
        is_word = kind == "accept" and target in (OWNER, DRAWDOWN)
        check = check_name if kind in ("quarantine", "release") else check_symbol
        symbol = target if is_word and target else check(target or "")
    foreign = kind == "flatten" and check_all(command.arguments.get("all"), symbol)
    named = command.arguments.get("strategy") if kind == "adopt" else None
    strategy = "" if named is None else check_strategy(named)
    return TraderRequest(kind, symbol, command.person or command.issued_by, why, numbers, foreign, strategy)


def check_all(value: object, symbol: str) -> bool:
    """Return whether a flatten sells all that the account holds. Raises ValueError for what cannot be meant."""
    if value not in (None, "true", "false"):
        raise ValueError(f"all {value!r} is neither true nor false")
    if value == "true" and symbol:
        raise ValueError(f"all means all that the account holds, not {symbol} alone")
    return value == "true"


def check_symbol(text: str) -> str:
    """Return a symbol as it is. Raises ValueError for what can be none."""
    if not _SYMBOL.fullmatch(text):
        raise ValueError(f"{text!r} is not a symbol such as BTCUSDT")
    if text != text.upper():
        raise ValueError(f"{text!r} is not a symbol: symbols are written in capitals, such as {text.upper()}")
    return text


def check_name(text: str) -> str:
    """Return the name of a symbol or strategy as it is. Raises ValueError for what can be none."""
    if not _SYMBOL.fullmatch(text):
        raise ValueError(f"{text!r} is not the name of a symbol or strategy, such as BTCUSDT or trend_multi_tf")
    return text


def check_strategy(text: object) -> str:
    """Return the name of a strategy as it is. Raises ValueError for what can be none."""
    if not isinstance(text, str) or not _SYMBOL.fullmatch(text):
        raise ValueError(f"{text!r} is not the name of a strategy, such as trend_multi_tf")
    return text


def check_reason(text: object) -> str:
    """Return the reason that a person gave. Raises ValueError if there is none, or none that can be kept."""
    reason = text.strip() if isinstance(text, str) else ""
    if not reason:
        raise ValueError("a reason is needed: it is recorded")
    if len(reason) > _MOST_CHARACTERS or not reason.isprintable():
        raise ValueError(f"a reason is one line of at most {_MOST_CHARACTERS} printable characters")
    return reason


def check_levels(given: Mapping[str, object]) -> dict[str, Decimal]:
    """Return the levels and the quantity of ``adopt``: those that are given, exact. Raises ValueError."""
    numbers = {name: check_amount(name, value) for name, value in given.items() if value is not None}
    if "stop" not in numbers:
        raise ValueError("a stop is needed: the price at which the coins are sold")
    if numbers.get("target", Decimal("Infinity")) <= numbers["stop"]:
        raise ValueError(f"target {numbers['target']} is not above stop {numbers['stop']}")
    return numbers


def check_amount(name: str, value: object) -> Decimal:
    """Return a price or quantity, exact. Raises ValueError unless it is a positive decimal number."""
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value) or not Decimal(value):
        raise ValueError(f"{name} {value!r} is not a positive number such as 95000.5")
    return Decimal(value)
