"""One row of the battery: what is changed, and what has to be said about it."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.services.memory_battery.site import Site


@dataclass(frozen=True)
class Mutation:
    """A change, and the verdict that ``verify`` must reach before memory has seen it.

    Places are shares of the history, so that one row serves short and long histories.
    """

    name: str
    change: Callable[[Site], object]
    #: Exit code of ``verify``.
    exit_code: int = 2
    #: Every kind of fault that it names (see ``fault_kind``).
    kinds: frozenset[str] = frozenset()
    #: The file that one of them names, and the place of the event or block.
    file: str = ""
    at: float | None = None
    #: How many events are missing, as a share of all, and in addition.
    missing: tuple[float, int] = (0, 0)
    #: Who cannot work on it, and names the file instead: "verify" (with exit code 4), "memory", or both.
    unusable_to: tuple[str, ...] = ()
    #: Too slow for every run.
    is_heavy: bool = False

    def index(self, events: int) -> int | None:
        return None if self.at is None else place(events, self.at)

    def missing_count(self, events: int) -> int:
        share, more = self.missing
        return round(events * share) + more


def both(*changes: Callable[[Site], object]) -> Callable[[Site], None]:
    """Return all of these changes, in order."""

    def changed(site: Site) -> None:
        for change in changes:
            change(site)

    return changed


def place(events: int, share: float) -> int:
    """Return the index of the event at a share of the history, from 1 on."""
    return max(1, round(events * share))
