"""Who owns the orders of an account: one data directory, in one place.

Orders name their owner (``client_order_id``), so a directory must never share its owner with a copy of itself: both
would give different orders the same id, and each would book the other's fills. The owner is made at random, kept in the
history, and bound to the place where the directory was. In another place the directory gets a new owner at once, whose
ids cannot collide, but it opens nothing until a person has confirmed that no other trader uses the account. What the
book holds under earlier owners stays known and protected meanwhile.

A place is the same when the machine is the same and

- the directory itself is (device and inode): it may have been moved, or mounted elsewhere too; or
- its path and inode are: devices are renumbered at a boot; or
- its path is, and the computer remembers that the account was last traded from there, with an event that this history
  has: a restored directory that lacks nothing, or a file system that renumbers its inodes.

Anything else needs a person: a copy, another machine, a container without a fixed machine id or host name, and a backup
that is older than what was traded since, even at the same path. A clone of a whole machine, id included, looks the same
as the machine itself; then only the exchange shows it, by orders that the book does not know.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from cq_tui.contracts.events import OwnerConfirmed, OwnerEstablished

#: What a person does about a doubt.
REMEDY = "Make sure that no other trader uses this account, then run `cq-tui accept owner --why …`"

OwnerRecord = OwnerEstablished | OwnerConfirmed
_EVENT_TYPES: Final[dict[type[OwnerRecord], str]] = {
    OwnerEstablished: "owner_established",
    OwnerConfirmed: "owner_confirmed",
}


class Place(NamedTuple):
    """Where a data directory is: machine (a digest), resolved path, device and inode."""

    machine: str
    directory: str
    device: str
    inode: str


class LastUse(NamedTuple):
    """What this computer remembers, outside all data directories, of the last trader on an account."""

    owner: str
    place: Place
    #: Whether the history here has the last event of that trader.
    is_ours: bool


@dataclass(frozen=True, slots=True)
class OwnerMissing:
    """The directory never traded on this account; one of the first version has no owner either."""


@dataclass(frozen=True, slots=True)
class OwnerKnown:
    """The owner of this directory on this account.

    ``former``: earlier owners, whose orders are ours too. ``doubt``: why nothing may be opened until a person confirms.
    ``has_moved``: its place has another path or number now.
    """

    owner: str
    former: frozenset[str] = frozenset()
    doubt: str | None = None
    has_moved: bool = False


@dataclass(frozen=True, slots=True)
class OwnerElsewhere:
    """The owner belongs to another place, or is used there too: new orders need another one. ``reason`` in words."""

    record: OwnerEstablished
    former: frozenset[str]
    reason: str


Judgment = OwnerMissing | OwnerKnown | OwnerElsewhere


class OwnerRecords:
    """What the history says of owners. Kept in a snapshot, it need not be read again."""

    def __init__(self, records: Iterable[OwnerRecord] = ()) -> None:
        #: In the order in which the owners appeared.
        self._records: dict[tuple[type[OwnerRecord], str, str], OwnerRecord] = {}
        for record in records:
            self.add(record)

    @classmethod
    def from_snapshot(cls, plain: Iterable[Mapping[str, Any]]) -> "OwnerRecords":
        """Return the records of ``to_snapshot``. Raises ValueError."""
        records = cls()
        for fields in plain:
            records.take(str(fields["event_type"]), fields)
        return records

    def to_snapshot(self) -> list[dict[str, Any]]:
        """Return the records as plain data."""
        return [
            {"event_type": _EVENT_TYPES[type(record)], **record.model_dump(exclude_none=True)}
            for record in self._records.values()
        ]

    def take(self, event_type: str, data: Mapping[str, Any]) -> None:
        """Take an event of the trader; those about something else are left out. Raises ValueError."""
        for model, name in _EVENT_TYPES.items():
            if name == event_type:
                self.add(model.model_validate(data))

    def add(self, record: OwnerRecord) -> None:
        """Take a record. Of one owner the latest counts; to take it twice changes nothing."""
        self._records[type(record), record.account, record.owner] = record

    def newest(self, account: str) -> str | None:
        """Return the owner that was established last on an account."""
        established = self._established(account)
        return established[-1].owner if established else None

    def owners(self, account: str) -> frozenset[str]:
        """Return all owners that this directory ever had on an account."""
        return frozenset(record.owner for record in self._established(account))

    def judge(self, account: str, here: Place, last: LastUse | None) -> Judgment:
        """Return who owns this directory's orders on an account."""
        established = self._established(account)
        confirmed = {each.owner for each in self._of(account) if isinstance(each, OwnerConfirmed)}
        if not established:
            return OwnerMissing()
        newest = established[-1]
        owners = self.owners(account)
        if reason := _why_elsewhere(newest, here, last):
            return OwnerElsewhere(newest, owners, reason)
        doubt = None if newest.owner in confirmed else newest.doubt
        return OwnerKnown(newest.owner, owners - {newest.owner}, doubt, _place(newest) != here)

    def _established(self, account: str) -> list[OwnerEstablished]:
        return [record for record in self._of(account) if isinstance(record, OwnerEstablished)]

    def _of(self, account: str) -> Iterator[OwnerRecord]:
        return (record for record in self._records.values() if record.account == account)


def settle_owner(
    judgment: Judgment, account: str, here: Place, new_owner: str
) -> tuple[OwnerKnown, OwnerEstablished | None]:
    """Return the owner in force, and an event if owner or place is new, to record durably before any order."""
    replaces = None
    match judgment:
        case OwnerKnown():
            known = judgment
            if not known.has_moved:
                return known, None
        case OwnerMissing():
            known = OwnerKnown(new_owner)
        case OwnerElsewhere():
            known = OwnerKnown(new_owner, judgment.former, judgment.reason)
            replaces = judgment.record.owner
    event = OwnerEstablished(
        account=account,
        owner=known.owner,
        machine=here.machine,
        directory=here.directory,
        device=here.device,
        inode=here.inode,
        replaces=replaces,
        doubt=known.doubt,
    )
    return known, event


def _why_elsewhere(record: OwnerEstablished, here: Place, last: LastUse | None) -> str | None:
    """Return why a record's owner may be in use elsewhere; None if this is its place."""
    there = _place(record)
    if there.machine != here.machine:
        return f"this directory was on another machine before, as {there.directory}"
    used_here = False
    if last is not None and last.owner == record.owner:
        if not _is_same(last.place, here) and last.place.directory != here.directory:
            return f"its owner's orders were last placed from {last.place.directory}; this directory may be a copy"
        if not last.is_ours:
            return "this directory is older than what was traded last on the account, like a restored backup"
        used_here = last.place.directory == here.directory
    if _is_same(there, here) or (there.directory == here.directory and (there.inode == here.inode or used_here)):
        return None
    if there.directory == here.directory:
        return f"{there.directory} is not the same directory as before, like a copy"
    return f"this directory was {there.directory} before; it may be a copy"


def _place(record: OwnerEstablished) -> Place:
    return Place(record.machine, record.directory, record.device, record.inode)


def _is_same(one: Place, other: Place) -> bool:
    """Whether two places are one directory, whatever its path."""
    return (one.machine, one.device, one.inode) == (other.machine, other.device, other.inode)
