"""The life of a position, as one table: state × what is seen → state. The diagram in the docs is made from it.

Nothing else compares states: what they mean for others is asked here, by name.

What is seen follows from the holding, its orders and its wishes alone (``Sight``), never from the way there: a restart
sees the same.
"""

from enum import StrEnum
from typing import Final


class PositionState(StrEnum):
    """The state of a position."""

    #: An entry is on its way, or was filled and its protection is not seen yet.
    OPENING = "opening"
    #: Its stop was seen working.
    PROTECTED = "protected"
    #: Held without a working stop after it had one: being protected again.
    EXPOSED = "exposed"
    #: On its way out.
    CLOSING = "closing"
    #: Held, wanted out, and the exchange's rules do not let it be sold now.
    UNSELLABLE = "unsellable"
    CLOSED = "closed"

    @property
    def is_open(self) -> bool:
        """Whether it still exists."""
        return self is not PositionState.CLOSED

    @property
    def is_protected(self) -> bool:
        """Whether its stop was seen working."""
        return self is PositionState.PROTECTED

    @property
    def is_exposed(self) -> bool:
        """Whether it has lost its stop and is to be protected again."""
        return self is PositionState.EXPOSED

    @property
    def is_closing(self) -> bool:
        """Whether it is on its way out."""
        return self is PositionState.CLOSING

    @property
    def is_unsellable(self) -> bool:
        """Whether it is wanted out and cannot be sold now."""
        return self is PositionState.UNSELLABLE


def state_of(word: str) -> PositionState | None:
    """Return the state that a file or event names; None for an unknown word."""
    return _NAMED.get(word)


_NAMED: Final = {state.value: state for state in PositionState}


class Sight(StrEnum):
    """What is seen of a position."""

    #: Nothing is held, and an entry is on its way.
    ENTERING = "entry on its way"
    #: Nothing worth selling is held, and nothing is on its way.
    NOTHING = "nothing held"
    #: Held, without a working stop.
    BARE = "held, no stop"
    #: Held, with its stop seen working.
    COVERED = "held, stop seen"
    #: Held, and wanted out.
    LEAVING = "held, exit wanted"
    #: Held, wanted out or bare, and not sellable now.
    STUCK = "held, not sellable"


_P, _S = PositionState, Sight
_SEEN = {
    _S.ENTERING: _P.OPENING,
    _S.NOTHING: _P.CLOSED,
    _S.COVERED: _P.PROTECTED,
    _S.LEAVING: _P.CLOSING,
    _S.STUCK: _P.UNSELLABLE,
}

TABLE: Final[dict[PositionState, dict[Sight, PositionState]]] = {
    _P.OPENING: {**_SEEN, _S.BARE: _P.OPENING},
    _P.PROTECTED: {**_SEEN, _S.BARE: _P.EXPOSED},
    _P.EXPOSED: {**_SEEN, _S.BARE: _P.EXPOSED},
    _P.CLOSING: {**_SEEN, _S.BARE: _P.EXPOSED},
    _P.UNSELLABLE: {**_SEEN, _S.BARE: _P.EXPOSED},
    # A closed position lives again when a fill arrives that nobody expected any more.
    _P.CLOSED: {**_SEEN, _S.BARE: _P.OPENING},
}


def see(state: PositionState, sight: Sight) -> PositionState:
    """Return the state after a sight."""
    return TABLE[state][sight]


class NakedKind(StrEnum):
    """Why a position is without its stop for a while; naked time is measured for each."""

    ENTRY_LIST = "entry_list"
    ENTRY_OCO = "entry_oco"
    TRAIL = "trail"
    EXIT = "exit"
    #: The stop ended at the exchange although nobody asked for it.
    LOST = "lost"
