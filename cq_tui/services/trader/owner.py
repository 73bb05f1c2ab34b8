"""The owner of this directory's orders: chosen, recorded in the history, and checked against its place.

``trading.owner`` has the rules. Here are their surroundings: where the directory is, a random choice, the events, and
what the machine remembers of each owner's last event, outside all data directories.
"""

import asyncio
import os
import secrets
import string
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from cq_tui.contracts.commands import Outcome
from cq_tui.contracts.events import OwnerConfirmed
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.services.trader.account_lock import accounts_folder, file_name
from cq_tui.store.document import DocumentError, read_json, write_document
from cq_tui.store.journal import JournalBroken, JournalError
from cq_tui.store.regular_file import open_regular
from cq_tui.store.spools.own_events import read_own_events
from cq_tui.store.spools.spool import SpoolEvent
from cq_tui.store.spools.spool_files import last_spooled_events, spool_path
from cq_tui.trading.client_order_id import OWNER_LENGTH
from cq_tui.trading.owner import REMEDY, LastUse, OwnerKnown, OwnerRecord, OwnerRecords, Place, settle_owner

_CHARACTERS = string.ascii_lowercase + string.digits


class AccountOwner:
    """The owner in force on one account. ``records``: of the whole history; what is recorded here is added to them."""

    def __init__(self, runtime: ServiceRuntime, records: OwnerRecords, account: str, here: Place) -> None:
        """Settle who owns the orders, while holding the account's lock."""
        self._runtime, self._records, self._account, self._here = runtime, records, account, here
        self._remembered: int | None = None
        newest = records.newest(account)
        last = None if newest is None else self._read_last_use(newest)
        judgment = records.judge(account, here, last)
        self._known, event = settle_owner(judgment, account, here, _choose(records.owners(account)))
        if event is not None:
            self._record("owner_established", event)

    @property
    def known(self) -> OwnerKnown:
        """The owner for new orders, and earlier ones, whose orders are ours too."""
        return self._known

    @property
    def problem(self) -> str | None:
        """Why nothing may be opened, with the remedy; None if all is well."""
        return None if self._known.doubt is None else f"{self._known.doubt}. {REMEDY}"

    def confirm(self, person: str, why: str) -> tuple[Outcome, str]:
        """Take a person's word that no other trader uses the account."""
        owner, doubt = self._known.owner, self._known.doubt
        if doubt is None:
            return "refused", f"nothing is in doubt about the owner of {self._account}"
        self._record("owner_confirmed", OwnerConfirmed(account=self._account, owner=owner, person=person, why=why))
        self._known = replace(self._known, doubt=None)
        return "done", f"new orders on {self._account} belong to {self._here.directory} from now on"

    async def remember(self) -> None:
        """Remember the last event of this owner outside the directory, so that an older copy of it is recognized.

        To be called now and then, and at the end. What cannot be written is tried again the next time.
        """
        seq = self._runtime.last_seq
        if seq is not None and seq != self._remembered:
            with suppress(OSError, RuntimeError):
                await asyncio.to_thread(self._write_last_use)
                self._remembered = seq

    def _record(self, event_type: str, event: OwnerRecord) -> None:
        """Record an event durably.

        While the disk is full it waits in memory, before any order that names the owner: none opens risk until then.
        """
        self._records.add(event)
        try:
            self._runtime.record([SpoolEvent(event_type, event, None, time.time())], durable=True)
        except JournalBroken:
            raise
        except JournalError as error:
            self._runtime.log.error("events not spooled", error=str(error))

    def _path(self, owner: str) -> Path:
        return accounts_folder() / f"{file_name(self._account)}-{owner}.json"

    def _write_last_use(self) -> None:
        data, writer = self._runtime.data, self._runtime.name
        # After a power loss the event must be there if the memory of it is.
        descriptor = open_regular(spool_path(data.spool, writer), os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        for event in last_spooled_events(data.spool, writer, 1):
            fields = {**self._here._asdict(), "seq": event.seq, "occurred_at": event.occurred_at}
            write_document(self._path(self._known.owner), fields, durable=False)

    def _read_last_use(self, owner: str) -> LastUse | None:
        """Return what is remembered of an owner; None if that is nothing, or damaged."""
        data, writer = self._runtime.data, self._runtime.name
        with suppress(DocumentError, RuntimeError, KeyError, TypeError, ValueError, OSError):
            fields = read_json(self._path(owner))
            place = Place(*(str(fields[name]) for name in Place._fields))
            seq, occurred_at = int(fields["seq"]), float(fields["occurred_at"])
            found = next(iter(read_own_events(data, writer, seq - 1)), None)
            is_ours = found is not None and (found.seq, found.occurred_at) == (seq, occurred_at)
            return LastUse(owner, place, is_ours)
        return None


def _choose(taken: Collection[str]) -> str:
    """Return a new owner."""
    while (owner := "".join(secrets.choice(_CHARACTERS) for _ in range(OWNER_LENGTH))) in taken:
        pass
    return owner
