"""The life of an order, as one table: state × what is heard → state. The diagram in the docs is made from it.

An intent is stored before it is sent, so a state is never ahead of what a restart finds. Messages may arrive twice,
late or before the answer that they belong to: so a state never goes back, and the end is final. What contradicts an
end changes nothing here; ``hear`` says so, and the trader reconciles.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class OrderStatus(StrEnum):
    """The state of an order."""

    INTENDED = "intended"
    SENT = "sent"
    UNKNOWN = "unknown"
    #: Accepted; waits for the working order of its list (the exchange's PENDING_NEW).
    PENDING = "pending"
    #: Accepted, and working or waiting for its trigger.
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"

    @property
    def is_terminal(self) -> bool:
        """Whether the order has ended."""
        return self in TERMINAL

    @property
    def is_working(self) -> bool:
        """Whether it is open at the exchange, as far as is known."""
        return self in WORKING

    @property
    def is_undecided(self) -> bool:
        """Whether it may or may not be at the exchange."""
        return self in UNDECIDED


class Heard(StrEnum):
    """What is heard of an order."""

    STARTED = "request started"
    REFUSED = "refused"
    WITHHELD = "not sent"
    NO_ANSWER = "no answer"
    SEEN_PENDING = "seen pending"
    SEEN_NEW = "seen new"
    SEEN_PARTLY = "seen partly filled"
    SEEN_FILLED = "seen filled"
    SEEN_CANCELED = "seen canceled"
    SEEN_EXPIRED = "seen expired"
    SEEN_REJECTED = "seen rejected"
    #: Evidence says that it never arrived, or that the exchange has dropped it.
    NEVER_ARRIVED = "evidence: never arrived"
    GONE = "evidence: gone"


_S, _H = OrderStatus, Heard
TERMINAL: Final = frozenset({_S.FILLED, _S.CANCELED, _S.EXPIRED, _S.REJECTED})
WORKING: Final = frozenset({_S.NEW, _S.PARTIALLY_FILLED})
UNDECIDED: Final = frozenset({_S.INTENDED, _S.SENT, _S.UNKNOWN})

#: What the exchange calls a state. PENDING_CANCEL may still trade.
HEARD_FROM_EXCHANGE: Final = {
    "PENDING_NEW": _H.SEEN_PENDING,
    "NEW": _H.SEEN_NEW,
    "PENDING_CANCEL": _H.SEEN_NEW,
    "PARTIALLY_FILLED": _H.SEEN_PARTLY,
    "FILLED": _H.SEEN_FILLED,
    "CANCELED": _H.SEEN_CANCELED,
    "EXPIRED": _H.SEEN_EXPIRED,
    "EXPIRED_IN_MATCH": _H.SEEN_EXPIRED,
    "REJECTED": _H.SEEN_REJECTED,
}

_SEEN: Final = {
    _H.SEEN_PENDING: _S.PENDING,
    _H.SEEN_NEW: _S.NEW,
    _H.SEEN_PARTLY: _S.PARTIALLY_FILLED,
    _H.SEEN_FILLED: _S.FILLED,
    _H.SEEN_CANCELED: _S.CANCELED,
    _H.SEEN_EXPIRED: _S.EXPIRED,
    _H.SEEN_REJECTED: _S.REJECTED,
}
_ENDS: Final = {heard: state for heard, state in _SEEN.items() if state in TERMINAL}

#: State × heard → state. What is missing changes nothing: it comes late, or contradicts an end.
TABLE: Final[dict[OrderStatus, dict[Heard, OrderStatus]]] = {
    _S.INTENDED: {
        _H.STARTED: _S.SENT,
        _H.REFUSED: _S.REJECTED,
        _H.WITHHELD: _S.REJECTED,
        _H.NO_ANSWER: _S.UNKNOWN,
        _H.NEVER_ARRIVED: _S.REJECTED,
        **_SEEN,
    },
    _S.SENT: {
        _H.REFUSED: _S.REJECTED,
        _H.WITHHELD: _S.REJECTED,
        _H.NO_ANSWER: _S.UNKNOWN,
        _H.NEVER_ARRIVED: _S.REJECTED,
        **_SEEN,
    },
    _S.UNKNOWN: {_H.NEVER_ARRIVED: _S.REJECTED, **_SEEN},
    _S.PENDING: {_H.SEEN_NEW: _S.NEW, _H.SEEN_PARTLY: _S.PARTIALLY_FILLED, _H.GONE: _S.EXPIRED, **_ENDS},
    _S.NEW: {_H.SEEN_PARTLY: _S.PARTIALLY_FILLED, _H.GONE: _S.EXPIRED, **_ENDS},
    _S.PARTIALLY_FILLED: {_H.GONE: _S.EXPIRED, **_ENDS},
    _S.FILLED: {},
    _S.CANCELED: {},
    _S.EXPIRED: {},
    _S.REJECTED: {},
}


class Change(NamedTuple):
    """What a message makes of a state. ``contradicts``: the message says that the end was another."""

    status: OrderStatus
    contradicts: bool = False


def hear(status: OrderStatus, heard: Heard) -> Change:
    """Return the state after a message."""
    after = TABLE[status].get(heard)
    if after is not None:
        return Change(after)
    end = _ENDS.get(heard)
    return Change(status, contradicts=status in TERMINAL and end is not None and end is not status)
