"""Deterministic client order ids: they name their owner, and no restart can send an order twice.

An id is ``cq``, five characters of the owner, a letter for the leg, and a digest: 34 of the 36 characters that the
exchange allows. The owner is one data directory on one account, so two directories never use the same id. The digest
covers the signal's natural key, the leg and a number. The number is 0 for the first order of a leg and increases with
each replacement, such as a moved trailing stop; it must be stored before the order is sent.

Ids of the first version, such as ``cq-entry-wabr6l47gab4ac7yk2modbfyqq``, name no owner. They stay known.
"""

import re
from base64 import b32encode
from enum import StrEnum
from hashlib import sha256
from typing import Final, NamedTuple

OWNER_LENGTH = 5
_DIGEST_LENGTH = 26
_OWNER = re.compile(rf"[a-z0-9]{{{OWNER_LENGTH}}}")


class Leg(StrEnum):
    """The purpose of an order, an order list, or a cancel."""

    ENTRY = "entry"
    #: The order list of an entry and its pending protection (OTOCO, OPOCO).
    LIST = "list"
    #: The order list of stop and target.
    OCO = "oco"
    STOP = "stop"
    TARGET = "target"
    #: Exit: time stop, SELL signal, flatten, or failed protection.
    EXIT = "exit"
    #: A cancel has an id of its own.
    CANCEL = "cancel"


#: The letter of each leg, for ever: open orders at the exchange carry it.
_LETTERS: Final[dict[Leg, str]] = {
    Leg.ENTRY: "e",
    Leg.LIST: "l",
    Leg.OCO: "o",
    Leg.STOP: "s",
    Leg.TARGET: "t",
    Leg.EXIT: "x",
    Leg.CANCEL: "c",
}
_LEGS: Final = {letter: leg for leg, letter in _LETTERS.items()}
_PATTERN = re.compile(rf"cq([a-z0-9]{{5}})([{''.join(_LEGS)}])[a-z2-7]{{26}}")
_FIRST_VERSION = re.compile(r"cq-(entry|oco|stop|target|exit)-[a-z2-7]{26}")


class OurOrderId(NamedTuple):
    """What an id of ours says."""

    #: The data directory's owner mark; None in an id of the first version.
    owner: str | None
    leg: Leg


def is_owner(text: str) -> bool:
    """Whether this can be an owner: five characters of ``a-z`` and ``0-9``."""
    return _OWNER.fullmatch(text) is not None


def client_order_id(owner: str, signal_key: str, leg: Leg, number: int = 0) -> str:
    """Return the id: always the same for the same arguments. Raises ValueError if this can be no owner."""
    if not is_owner(owner):
        raise ValueError(f"owner {owner!r} is not five characters of a-z and 0-9")
    return f"cq{owner}{_LETTERS[leg]}{_digest(signal_key, leg, number)}"


def parse_client_order_id(text: str) -> OurOrderId | None:
    """Return what an id says, or None for an order that is not ours."""
    if match := _PATTERN.fullmatch(text):
        return OurOrderId(match[1], _LEGS[match[2]])
    if match := _FIRST_VERSION.fullmatch(text):
        return OurOrderId(None, Leg(match[1]))
    return None


def _digest(signal_key: str, leg: Leg, number: int) -> str:
    digest = sha256(f"{signal_key}\n{leg}\n{number}".encode()).digest()
    return b32encode(digest).decode().lower()[:_DIGEST_LENGTH]
