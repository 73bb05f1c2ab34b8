"""Mutations that put something else in the place of a file or folder: a link, a pipe, a folder, a socket, nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.services.memory_battery.edits import IMPOSTORS
from tests.services.memory_battery.forgery import newest_snapshot
from tests.services.memory_battery.mutation import Mutation
from tests.services.memory_battery.site import Site


class Expected(NamedTuple):
    """What readers say of something in the place of a file; see Mutation."""

    exit_code: int = 0
    kinds: frozenset[str] = frozenset()
    missing: tuple[float, int] = (0, 0)
    unusable_to: tuple[str, ...] = ()


PLACES: dict[str, Callable[[Site], Path]] = {
    "events": lambda site: site.data.events,
    "chain": lambda site: site.data.hash_chain,
    "twin": lambda site: site.twin,
    "log": lambda site: site.data.checkpoints,
    "anchor": lambda site: site.anchor,
    "copy": lambda site: site.copy,
    "key": lambda site: site.config / "checkpoint_key.pem",
    "anchors": lambda site: site.config / "anchors",
    "directories": lambda site: site.config / "directories",
    "config": lambda site: site.config,
    "snapshot": lambda site: newest_snapshot(site.data),
    "snapshots": lambda site: site.data.snapshots,
    "index": lambda site: site.data.tree_index,
    "state": lambda site: site.data.state_of("memory"),
    "spool": lambda site: site.data.spool / "trader.ndjson",
    "spools": lambda site: site.data.spool,
    "quarantine": lambda site: site.data.quarantine,
    "health": lambda site: site.data.health_of("memory"),
    "memory": lambda site: site.data.memory,
}


_NO_FILE = ("a link", "a dangling link", "a pipe", "a folder", "a full folder", "a socket")
_NO_FOLDER = ("a dangling link", "a pipe", "a socket", "an empty file", "a sparse file")
_BOTH = ("verify", "memory")
_GONE = Expected(1, missing=(1, 0))
_LOG_DAMAGED = Expected(2, frozenset({"checkpoints"}))
_REBUILT = Expected(2, frozenset({"history"}))
#: What differs from an intact history that everybody can read.
EXPECTED: dict[tuple[str, str], Expected] = {
    **{(place, each): Expected(4, unusable_to=_BOTH) for place in ("events", "chain") for each in _NO_FILE},
    ("events", "an empty file"): _GONE,
    ("events", "nothing"): _GONE,
    ("chain", "an empty file"): _REBUILT,
    ("chain", "nothing"): _REBUILT,
    **{
        (place, each): Expected(unusable_to=("memory",))
        for place in ("snapshots", "spools", "quarantine")
        for each in _NO_FOLDER
    },
    **{("memory", each): Expected(4, unusable_to=_BOTH) for each in _NO_FOLDER},
    # It begins anew, and says what it misses.
    **{("memory", each): Expected(4, unusable_to=("verify",)) for each in ("a folder", "a full folder", "nothing")},
    **{("log", each): _LOG_DAMAGED for each in IMPOSTORS},
    # Nobody here can tell who signed.
    **{("config", each): Expected(1) for each in IMPOSTORS if each != "a link"},
}


def _put(place: str, impostor: str) -> Mutation:
    expected = EXPECTED.get((place, impostor), Expected())
    return Mutation(
        f"{impostor} in the place of the {place}",
        lambda site: IMPOSTORS[impostor](PLACES[place](site)),
        exit_code=expected.exit_code,
        kinds=expected.kinds,
        missing=expected.missing,
        unusable_to=expected.unusable_to,
        is_heavy=impostor not in _USUAL,
    )


#: In every run; the others take longer and say the same.
_USUAL = ("a pipe", "nothing")
#: Here two gigabytes would be read, or copied to quarantine.
_LONG = ("events", "chain", "twin", "log", "spool")
MUTATIONS = tuple(
    _put(place, impostor)
    for place in PLACES
    for impostor in IMPOSTORS
    if impostor != "a sparse file" or place not in _LONG
)
