"""Merging the spools: new events in order, and what is wrong with any of them."""

import contextlib
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.journal import JournalError
from cq_tui.store.spools.spool_files import is_regular, parse_spool_name
from cq_tui.store.spools.spool_follower import CollectedEvents, SpoolFollower


class SpoolMerger:
    """Reads every spool from where it left off, and deletes what the history has.

    ``cursors`` is the history's live mapping of the highest merged seq of each writer.
    """

    def __init__(self, folder: Path, quarantine: Path, cursors: Mapping[str, int]) -> None:
        self._folder = folder
        self._quarantine = quarantine
        self._cursors = cursors
        self._followers: dict[str, SpoolFollower] = {}
        #: Complaints of entries that are no spools, each made once.
        self._strays: set[str] = set()

    def collect(self, changed: Iterable[Path] | None = None) -> CollectedEvents:
        """Read the spools whose files changed, or all of them if ``changed`` is None."""
        collected = CollectedEvents()
        streams = []
        for writer in sorted(self._find_writers(changed, collected.complaints)):
            follower = self._follower(writer)
            if events := follower.read(collected):
                streams.append(events)
            if not follower.has_files and self._is_durable(follower):
                del self._followers[writer]
        collected.events = streams[0] if len(streams) == 1 else _by_time(streams)
        return collected

    def trim(self, now: float | None = None) -> None:
        """Delete closed segments that are merged and durable, and the spools of transient writers that ended.

        After an OSError, call it again later.
        """
        now = time.time() if now is None else now
        for writer, follower in list(self._followers.items()):
            if self._is_durable(follower) and follower.trim(now):
                del self._followers[writer]

    def backlog(self) -> tuple[int, int]:
        """Return number and bytes of the events in the spools that ``collect`` has not returned yet."""
        writers = set(self._followers)
        with contextlib.suppress(JournalError):
            writers |= self._list()[0]
        waiting = [self._follower(writer).pending() for writer in writers]
        return sum(events for events, _ in waiting), sum(size for _, size in waiting)

    def _find_writers(self, changed: Iterable[Path] | None, complaints: list[str]) -> set[str]:
        """Return the writers whose files changed; complain of new entries that are no spools."""
        if changed is not None:
            return {file.writer for file in map(parse_spool_name, changed) if file}
        try:
            writers, strays = self._list()
        except JournalError as error:
            complaints.append(str(error))
            return set(self._followers)
        complaints += sorted(strays - self._strays)
        self._strays = strays
        return writers | set(self._followers)

    def _is_durable(self, follower: SpoolFollower) -> bool:
        return follower.merged_seq <= self._cursors.get(follower.writer, 0)

    def _follower(self, writer: str) -> SpoolFollower:
        follower = self._followers.get(writer)
        if follower is None:
            follower = SpoolFollower(self._folder, self._quarantine, writer, self._cursors.get(writer, 0))
            self._followers[writer] = follower
        return follower

    def _list(self) -> tuple[set[str], set[str]]:
        """Return the writers that have files, and a complaint of each entry that is no spool. Raises JournalError."""
        writers, complaints = set[str](), set[str]()
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    file = parse_spool_name(self._folder / entry.name)
                    if file and (file.last_seq is None or is_regular(entry)):
                        writers.add(file.writer)
                    elif not entry.name.startswith("."):
                        complaints.add(f"spool/{entry.name!r}: is no spool of ours; move it away")
        except OSError as error:
            raise JournalError(f"{self._folder}: cannot be listed ({error.strerror})") from None
        return writers, complaints


def _by_time(streams: list[list[NewEvent]]) -> list[NewEvent]:
    """Merge by time, without reordering a writer's events if its clock went back."""
    keyed: list[tuple[float, int, int, Any]] = []
    for place, stream in enumerate(streams):
        latest = 0.0
        for number, event in enumerate(stream):
            latest = max(latest, event.occurred_at)
            keyed.append((latest, place, number, event))
    return [event for *_, event in sorted(keyed, key=lambda entry: entry[:3])]
