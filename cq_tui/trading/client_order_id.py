"""Deterministic client order ids, so that no restart can send an order twice.

An id is ``cq-<leg>-<digest>``: at most 36 characters of ``[A-Za-z0-9_-]``. The digest covers the signal's natural key,
the leg and a number. The number is 0 for the first order of a leg and increases with each replacement, such as a moved
trailing stop; it must be stored before the order is sent.
"""

import re
from base64 import b32encode
from enum import StrEnum
from hashlib import sha256

_DIGEST_LENGTH = 26
_PATTERN = re.compile(r"cq-(entry|oco|stop|target|exit)-[a-z2-7]{26}")


class Leg(StrEnum):
    """The purpose of an order."""

    ENTRY = "entry"
    #: The order list of stop and target.
    OCO = "oco"
    STOP = "stop"
    TARGET = "target"
    #: Market exit: time stop, SELL signal, flatten, or failed protection.
    EXIT = "exit"


def client_order_id(signal_key: str, leg: Leg, number: int = 0) -> str:
    """Return the id: always the same for the same arguments."""
    digest = sha256(f"{signal_key}\n{leg}\n{number}".encode()).digest()
    text = b32encode(digest).decode().lower()[:_DIGEST_LENGTH]
    return f"cq-{leg}-{text}"


def leg_of(order_id: str) -> Leg | None:
    """Return the leg in an id, or None for an order that is not ours."""
    match = _PATTERN.fullmatch(order_id)
    return Leg(match.group(1)) if match else None
