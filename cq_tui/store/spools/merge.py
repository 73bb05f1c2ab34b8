"""Merging the spools: new events in order, and what is wrong with any of them."""

import os
from collections.abc import Iterable, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.journal import JournalError, JournalReader
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

    def collect(self, changed: Iterable[Path] | None = None) -> CollectedEvents:
        """Read the spools whose files changed, or all of them if ``changed`` is None."""
        collected = CollectedEvents()
        streams = []
        if changed is None:
            writers = self._list(collected.complaints)
        else:
            writers = {file.writer for file in map(parse_spool_name, changed) if file}
        for writer in sorted(writers):
            follower = self._follower(writer)
            if events := follower.read(collected):
                streams.append(events)
            if not follower.has_files and self._is_durable(follower):
                del self._followers[writer]
        collected.events = streams[0] if len(streams) == 1 else _by_time(streams)
        return collected

    def trim(self, now: float) -> None:
        """Delete closed segments that are merged and durable, and the spools of transient writers that ended.

        After an OSError, call it again later.
        """
        for writer, follower in list(self._followers.items()):
            if self._is_durable(follower) and follower.trim(now):
                del self._followers[writer]

    def backlog(self) -> tuple[int, int]:
        """Return number and bytes of the events in the spools that ``collect`` has not returned yet."""
        waiting = [self._follower(writer).pending() for writer in self._list([])]
        return sum(events for events, _ in waiting), sum(size for _, size in waiting)

    def _is_durable(self, follower: SpoolFollower) -> bool:
        return follower.merged_seq <= self._cursors.get(follower.writer, 0)

    def _follower(self, writer: str) -> SpoolFollower:
        follower = self._followers.get(writer)
        if follower is None:
            follower = SpoolFollower(self._folder, self._quarantine, writer, self._cursors.get(writer, 0))
            self._followers[writer] = follower
        return follower

    def _list(self, complaints: list[str]) -> set[str]:
        """Return all writers; complain of each entry of the folder that is no spool."""
        writers = set(self._followers)
        try:
            for entry in sorted(os.scandir(self._folder), key=attrgetter("name")):
                file = parse_spool_name(self._folder / entry.name)
                if file and (file.last_seq is None or is_regular(entry)):
                    writers.add(file.writer)
                elif file:
                    complaints += _why_unreadable(file.path)
                elif not entry.name.startswith("."):
                    complaints.append(f"spool/{entry.name!r}: is no spool of ours; move it away")
        except OSError as error:
            complaints.append(f"{self._folder}: cannot be listed ({error.strerror})")
        return writers


def _why_unreadable(path: Path) -> list[str]:
    try:
        JournalReader(path).read_new()
    except JournalError as error:
        return [str(error)]
    return []


def _by_time(streams: list[list[NewEvent]]) -> list[NewEvent]:
    """Merge by time, without reordering a writer's events if its clock went back."""
    keyed: list[tuple[float, int, int, Any]] = []
    for place, stream in enumerate(streams):
        latest = 0.0
        for number, event in enumerate(stream):
            latest = max(latest, event.occurred_at)
            keyed.append((latest, place, number, event))
    return [event for *_, event in sorted(keyed, key=lambda entry: entry[:3])]
