"""What the observer saw, judged: gaps of supervision, and services that were killed. Pure."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which nobody held a lock although its process was wanted."""

    start: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Kill:
    """A signal that the soak sent to a service or the supervisor."""

    at: float
    name: str
    pid: int
    signal: str


class Observation:
    """The observer's lines, by name: (time, pid, wanted)."""

    def __init__(self, lines: Iterable[Mapping[str, Any]]) -> None:
        self._changes: dict[str, list[tuple[float, int | None, bool]]] = {}
        #: When the observer was awake, and the load of the machine then.
        self.loads: list[tuple[float, float]] = []
        for line in lines:
            if "name" in line:
                self._changes.setdefault(line["name"], []).append((line["at"], line["pid"], line["wanted"]))
            else:
                self.loads.append((line["at"], line["load"]))

    @property
    def longest_sleep(self) -> float:
        """The longest time in which the observer itself did not run: its figures are that uncertain."""
        times = [at for at, _ in self.loads]
        return max((after - before for before, after in itertools.pairwise(times)), default=0.0)

    def gaps(self, name: str, end: float) -> list[Gap]:
        """Return the gaps since somebody first held a lock."""
        found, since, has_begun = [], None, False
        for at, pid, wanted in [*self._changes.get(name, ()), (end, 0, True)]:
            has_begun = has_begun or pid is not None
            is_missing = has_begun and pid is None and wanted
            if is_missing and since is None:
                since = at
            elif not is_missing and since is not None:
                found.append(Gap(since, at - since))
                since = None
        return found

    def seconds_until_back(self, kill: Kill) -> float | None:
        """Return the seconds until another process held the lock; None if it never did, 0 if nobody wanted it to."""
        for at, pid, wanted in self._changes.get(kill.name, ()):
            if at < kill.at:
                continue
            if not wanted:
                return 0.0
            if pid is not None and pid != kill.pid:
                return at - kill.at
        return None


def slowness(loads: Sequence[tuple[float, float]], at: float, cores: int) -> float:
    """Return how much longer things take at a time, since others use the machine as well."""
    around = [load for moment, load in loads if abs(moment - at) <= 10]
    return max([1.0, *(load / cores for load in around)])
