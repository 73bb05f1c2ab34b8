"""Mutations of a whole directory: put back, grown apart, or rewritten by somebody who has everything but the key."""

import shutil
import time
from collections.abc import Callable

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.history.writer import HistoryWriter
from tests.services.memory_battery.edits import edit_line, inserted, repeated, swapped, without
from tests.services.memory_battery.forgery import forge
from tests.services.memory_battery.mutation import Mutation, both
from tests.services.memory_battery.of_events import made_up
from tests.services.memory_battery.site import Site, remove
from tests.store.history.histories import event_lines

LOG = "checkpoints.log"
_CONTRADICTION = frozenset({"contradiction"})
_THIRD = 1 / 3


def put_back(moment: int, *parts: str) -> Callable[[Site], None]:
    """Return the return of these folders to an earlier moment."""

    def changed(site: Site) -> None:
        for part in parts:
            remove(site.root / part)
            shutil.copytree(site.at(moment).root / part, site.root / part, copy_function=shutil.copy2)

    return changed


def _put_back_files(*names: str) -> Callable[[Site], None]:
    """Return the return of single files of memory's folder to an earlier moment."""

    def changed(site: Site) -> None:
        for name in names:
            shutil.copy2(site.at(2).data.memory / name, site.data.memory / name)

    return changed


def grow(data: DataDir, count: int, writer: str = "trader") -> None:
    """Add events as another memory would that has no key."""
    history = HistoryWriter(data, watermark=data.events.stat().st_size, now=time.time())
    first = history.cursors.get(writer, 0) + 1
    events = [
        NewEvent("order_executed", writer, {"number": -seq}, writer, seq, time.time(), {})
        for seq in range(first, first + count)
    ]
    history.append(events, time.time())
    history.close()


def grown_apart(share: float, moment: int = 2) -> Callable[[Site], None]:
    """Return a return to an earlier moment, and then so many other events."""

    def changed(site: Site) -> None:
        put_back(moment, "data")(site)
        grow(site.data, round(site.events * share))

    return changed


def another(line: bytes) -> bytes:
    return line.replace(b'"number":', b'"number":9')


def _keep_log(site: Site) -> None:
    shutil.copy(site.data.checkpoints, site.root / "log")


def _use_kept_log(site: Site) -> None:
    shutil.copy(site.root / "log", site.data.checkpoints)


def _delete_log(site: Site) -> None:
    site.data.checkpoints.unlink()


def _delete_anchors(site: Site) -> None:
    shutil.rmtree(site.config / "anchors")


def _delete_derived(site: Site) -> None:
    for folder in (site.data.snapshots, site.data.quarantine, site.data.spool, site.data.state_of("memory").parent):
        remove(folder)
    for path in (site.twin, site.data.tree_index):
        path.unlink()


def _forgery(name: str, change: Callable[[Site], object], missing: tuple[float, int] = (0, 0)) -> Mutation:
    return Mutation(f"forged: {name}", change, kinds=_CONTRADICTION, file=LOG, missing=missing)


def _no_number_left(writer: str) -> Mutation:
    return Mutation(
        f"forged: a number leaves {writer} none",
        lambda site: forge(site.data, lambda lines: lines + made_up(site, writer=writer, seq=2**53 - 1)),
        kinds=frozenset({"history"}),
        file="event_chain.ndjson",
    )


_NESTING = b"[" * 100_000 + b"]" * 100_000 + b","
_BOTH = frozenset({"history", "contradiction"})

MUTATIONS = (
    Mutation("the directory is put back by one moment", put_back(2, "data"), exit_code=1, missing=(_THIRD, 0)),
    Mutation("the directory is put back by two moments", put_back(1, "data"), exit_code=1, missing=(2 * _THIRD, 0)),
    Mutation("directory and copy are put back", put_back(2, "data", "outside"), exit_code=1, missing=(_THIRD, 0)),
    Mutation("directory and anchor are put back", put_back(2, "data", "config"), exit_code=1, missing=(_THIRD, 0)),
    Mutation("all three are put back", put_back(2, "data", "config", "outside"), exit_code=0),
    Mutation("put back and grown to less", grown_apart(0.2), exit_code=1, missing=(_THIRD - 0.2, 0)),
    Mutation("put back and grown to as much", grown_apart(_THIRD), kinds=_CONTRADICTION, file=LOG),
    Mutation("put back and grown to more", grown_apart(0.5), kinds=_CONTRADICTION, file=LOG),
    Mutation("put back by two and grown to more", grown_apart(0.9, 1), kinds=_CONTRADICTION, file=LOG),
    Mutation(
        "grown by somebody else",
        lambda site: grow(site.data, 7, "intruder"),
        exit_code=0,
    ),
    Mutation(
        "events, chain and twin are put back",
        _put_back_files("event_chain.ndjson", "hash_chain.json", ".hash_chain.json.hidden"),
        exit_code=1,
        missing=(_THIRD, 0),
    ),
    Mutation(
        "events and chain are another directory's",
        lambda site: [
            shutil.copy(getattr(site.other, name), getattr(site.data, name)) for name in ("events", "hash_chain")
        ],
        exit_code=1,
        missing=(1, -9),
    ),
    Mutation(
        "the whole memory folder is another directory's",
        both(
            lambda site: remove(site.data.memory),
            lambda site: shutil.copytree(site.other.memory, site.data.memory),
        ),
        kinds=frozenset({"checkpoints"}),
        file=LOG,
    ),
    Mutation(
        "only the log and what memory derives are of now",
        _put_back_files("event_chain.ndjson", "hash_chain.json"),
        exit_code=1,
        missing=(_THIRD, 0),
    ),
    Mutation(
        "put back, but for the log",
        both(_keep_log, put_back(2, "data"), _use_kept_log),
        exit_code=1,
        missing=(_THIRD, 0),
    ),
    Mutation(
        "put back, and nothing but the copy is left",
        both(_delete_anchors, put_back(2, "data"), _delete_log),
        exit_code=1,
        missing=(_THIRD, 0),
    ),
    Mutation(
        "grown apart, and nothing but the copy is left",
        both(_delete_anchors, grown_apart(0.5), _delete_log),
        kinds=_CONTRADICTION,
        file=LOG,
    ),
    Mutation("all that follows from the events is gone", _delete_derived, exit_code=0),
    Mutation(
        "forged: a value is changed, and the log ends before it",
        both(
            lambda site: forge(site.data, edit_line(0.5, another)),
            lambda site: shutil.copy(site.at(1).data.checkpoints, site.data.checkpoints),
        ),
        kinds=_CONTRADICTION,
        file=LOG,
    ),
    Mutation(
        "forged: a value is changed, and memory remembers nothing",
        both(lambda site: forge(site.data, edit_line(0.3, another)), _delete_derived, _delete_log),
        kinds=_CONTRADICTION,
        file=LOG,
    ),
    _forgery("a value is changed", lambda site: forge(site.data, edit_line(0.3, another))),
    _forgery("one is deleted", lambda site: forge(site.data, without(0.3)), (0, 1)),
    Mutation(
        "forged: one is inserted",
        lambda site: forge(site.data, inserted(0.3, event_lines(site.other)[0])),
        kinds=_BOTH,
        file="event_chain.ndjson",
        at=0.3,
    ),
    _forgery("the last is changed", lambda site: forge(site.data, edit_line(1, another))),
    _forgery("the first is changed", lambda site: forge(site.data, edit_line(0, another))),
    _forgery(
        "the end is another one",
        lambda site: forge(site.data, lambda lines: lines[: len(lines) * 3 // 4] + made_up(site, len(lines))),
    ),
    Mutation(
        "forged: the end is cut",
        lambda site: forge(site.data, lambda lines: lines[: len(lines) * 2 // 3]),
        exit_code=1,
        missing=(_THIRD, 0),
    ),
    Mutation("forged: two change places", lambda site: forge(site.data, swapped(0.3)), kinds=_BOTH),
    Mutation("forged: one stands twice", lambda site: forge(site.data, repeated(0.3)), kinds=_BOTH),
    _forgery("the genesis time is another one", lambda site: forge(site.data, genesis="1600000000.000000")),
    Mutation(
        "forged: garbage stands in an event",
        lambda site: forge(site.data, edit_line(0.3, lambda line: line.replace(b',"metadata"', b'garbage,"metadata"'))),
        kinds=_BOTH,
        file="event_chain.ndjson",
        at=0.3,
    ),
    Mutation(
        "forged: garbage stands behind an event",
        lambda site: forge(site.data, edit_line(0.3, lambda line: line + b"garbage")),
        kinds=_BOTH,
        file="event_chain.ndjson",
        at=0.3,
    ),
    Mutation(
        "forged: a nesting of 100,000",
        lambda site: forge(
            site.data,
            edit_line(
                0.3, lambda line: line.replace(b'"data":{', b'"data":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b",")
            ),
        ),
        kinds=_BOTH,
        file="event_chain.ndjson",
        at=0.3,
    ),
    *(_no_number_left(writer) for writer in ("trader", "memory")),
    Mutation(
        "forged: some are added",
        lambda site: forge(site.data, lambda lines: lines + made_up(site, 4)),
        exit_code=0,
    ),
)
