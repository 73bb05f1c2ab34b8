"""The life of an order, as one table: state × what is heard → state. The diagram in the docs is made from it.

Nothing else compares states: what they mean for others is asked here, by name.

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

    @property
    def is_pending(self) -> bool:
        """Whether it was accepted and waits for the working order of its list, or for being seen working."""
        return self is OrderStatus.PENDING

    @property
    def is_accepted(self) -> bool:
        """Whether the exchange has it, and it has not ended."""
        return self.is_working or self.is_pending

    @property
    def is_unseen(self) -> bool:
        """Whether it may still begin to work: it was seen neither working nor ended."""
        return self.is_undecided or self.is_pending

    @property
    def is_unknown(self) -> bool:
        """Whether the outcome of its request is unknown."""
        return self is OrderStatus.UNKNOWN

    @property
    def is_partly_filled(self) -> bool:
        """Whether it works, and some of it was filled."""
        return self is OrderStatus.PARTIALLY_FILLED

    @property
    def is_filled(self) -> bool:
        """Whether all of it was filled."""
        return self is OrderStatus.FILLED

    @property
    def is_canceled(self) -> bool:
        """Whether somebody canceled it."""
        return self is OrderStatus.CANCELED

    @property
    def is_expired(self) -> bool:
        """Whether it ended by its own terms, or with the other order of its list."""
        return self is OrderStatus.EXPIRED

    @property
    def is_rejected(self) -> bool:
        """Whether it never was an order: refused, not sent, or never arrived."""
        return self is OrderStatus.REJECTED


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
_NAMED: Final = {state.value: state for state in OrderStatus}
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


def status_of(word: str) -> OrderStatus | None:
    """Return the state that a file or event names, in our word or the exchange's; None for an unknown word."""
    heard = HEARD_FROM_EXCHANGE.get(word.upper())
    if heard is not None:
        return _SEEN[heard]
    return _NAMED.get(word.lower())


def may_be_open(word: str) -> bool:
    """Return whether an order whose state a file or event names so may still fill; by an unknown word it may."""
    status = status_of(word)
    return status is None or not status.is_terminal


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
