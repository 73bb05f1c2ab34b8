"""Every call of an append, a flush and a small document refused once, in every way: nothing is lost or doubled."""

import errno
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from tests.store.history.histories import assert_consistent, data_dir, seqs
from tests.store.history.torture import HEAVY
from tests.store.history.torture.file_layer import NEEDS_ROOM, SHORT, SHORT_THEN_FULL, WRITES, FileLayer, file_layer
from tests.store.history.torture.keeper import EVENTS, Day, Keeper, flushes, snapshots, stored_watermark

HOW = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC, "short": SHORT, "short, then full": SHORT_THEN_FULL}


def kept(data: DataDir, layer: FileLayer, day: Day) -> Keeper:
    keeper = Keeper(data, end_process=layer.end_process, acknowledge=lambda _: None)
    day(keeper)
    return keeper


def calls_of(folder: Path, day: Day) -> list[tuple[str, str]]:
    data = data_dir(folder)
    with file_layer(folder) as layer:
        keeper = kept(data, layer, day)
    assert (keeper.refused, keeper.faults) == ([], [])
    return layer.calls


def is_possible(how: int, call: str) -> bool:
    """Whether a call can fail like that."""
    if how == errno.EIO:
        return True
    return call in (NEEDS_ROOM if how == errno.ENOSPC else WRITES)


@pytest.mark.parametrize("day", [flushes, snapshots])
@pytest.mark.parametrize("how", HOW)
def test_any_call_refused_once_loses_and_duplicates_nothing(tmp_path: Path, how: str, day: Day) -> None:
    calls = calls_of(tmp_path / "calm", day)
    assert {"open", "lseek", "write", "fdatasync", "fsync", "link", "rename", "unlink"} <= {name for name, _ in calls}
    positions = [position for position, (name, _) in enumerate(calls) if is_possible(HOW[how], name)]
    for position in positions if HEAVY else positions[list(HOW).index(how) :: 4]:
        data = data_dir(tmp_path / f"{position}")
        with file_layer(data.root) as layer:
            layer.refuse(position, HOW[how])
            keeper = kept(data, layer, day)
        where = f"{how} at call {position}, {' '.join(calls[position])}: {keeper.refused}"
        assert seqs(data) == list(range(1, EVENTS + 1)), where
        assert keeper.faults == [], where
        assert stored_watermark(data) == data.events.stat().st_size, where
        assert_consistent(data)
