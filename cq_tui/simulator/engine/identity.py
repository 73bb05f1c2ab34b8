"""What an account keeps over restarts: its uid, its API key, and ids that never return."""

import secrets
from dataclasses import dataclass, field, replace

#: Book update ids of one start; a million starts stay below 2**53, which every JSON reader takes.
UPDATES_PER_START = 2**33
#: Market trades of each symbol that are reserved ahead: more than there are between two records of the identity.
RESERVED_TRADES = 20_000
_KEY_BYTES = 32
_FIRST_UID, _UIDS = 1_000_000_000, 9_000_000_000


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity of an account as its ledger keeps it. The secret makes the ledger private.

    ``starts`` counts the exchange's starts: each has book update ids above those of the one before. ``trades`` is a
    number of market trades that no symbol has reached: prices that do not continue begin above it.
    """

    uid: int
    api_key: str
    api_secret: str = field(repr=False)
    starts: int = 0
    trades: int = 0

    @property
    def first_update_id(self) -> int:
        """The first update id of every book since the latest start."""
        return self.starts * UPDATES_PER_START + 1

    def started(self) -> "Identity":
        """Return the identity for one more start."""
        return replace(self, starts=self.starts + 1)

    def reserving(self, trades: int) -> "Identity":
        """Return the identity with market trades reserved ahead of ``trades``, the most that a symbol has."""
        return replace(self, trades=max(self.trades, trades + RESERVED_TRADES))


def random_uid() -> int:
    """Return a uid of ten digits."""
    return _FIRST_UID + secrets.randbelow(_UIDS)


def random_key() -> str:
    """Return an API key or a secret."""
    return secrets.token_hex(_KEY_BYTES)
