"""Every mutation of the battery, and the rules of the oracle: no reader says less than another, and nothing is lost."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from cq_tui.ops.verification_report import VerificationReport
from cq_tui.store.history.faults import fault_kind
from tests.services.memory_battery import of_chain, of_events, of_places, of_signed, of_state, of_whole
from tests.services.memory_battery.mutation import Mutation
from tests.services.memory_battery.oracle import Unusable, Words, read, start, untold, verify, words_of
from tests.services.memory_battery.site import Site, built_site, content_of
from tests.store.history.histories import event_lines
from tests.store.history.torture import HEAVY

_TABLES = (of_events, of_chain, of_signed, of_state, of_whole, of_places)
_SIZES = (60, 3000) if HEAVY else (60,)


@pytest.fixture(scope="module", params=_SIZES)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with built_site(tmp_path_factory.mktemp("battery"), request.param) as site:
        yield site


@pytest.fixture
def site(built: Site) -> Site:
    built.restore()
    return built


def _rows() -> Iterator[object]:
    for table in _TABLES:
        name = table.__name__.rpartition(".")[2]
        for row in table.MUTATIONS:
            if HEAVY or not row.is_heavy:
                yield pytest.param(row, id=f"{name}: {row.name}")


@pytest.mark.parametrize("row", list(_rows()))
async def test_no_reader_says_less_than_another(row: Mutation, site: Site) -> None:
    signed = _lines(site)
    row.change(site)
    report = verify(site.data)
    _assert_verdict(row, report, site.events)
    left, outside = signed & _lines(site), _outside(site)
    log = _log(site)
    memory = await start(site)
    assert signed & _lines(site) == left, "an intact event is gone"
    assert isinstance(memory, Unusable) == ("memory" in row.unusable_to), memory
    if isinstance(memory, Unusable):
        assert str(site.root) in memory.problem
        return
    assert len(set(memory.words.values())) == 1, memory.words
    if isinstance(report, VerificationReport):
        assert not untold(report, memory), memory.faults
    kinds = {*map(fault_kind, memory.faults)}
    after = verify(site.data)
    assert isinstance(after, VerificationReport)
    # Missing events are counted; in their place, memory's own events are not those that were signed.
    counted = {"missing", "contradiction"} if after.missing else {"missing"}
    assert {fault_kind(str(fault)) for fault in after.faults} - counted == kinds - counted, (
        after.faults,
        memory.faults,
    )
    assert after.missing == memory.health.missing_count
    assert (last := read(site.data)["status"]) is None or _plain(last) == _plain(words_of(after.verdicts))
    if kinds - {"spool"}:
        assert _outside(site) == outside, "a copy outside was overwritten while a fault is open"
        assert log.startswith(_log(site)), "something was signed while a fault is open"


def _assert_verdict(row: Mutation, report: VerificationReport | Unusable, events: int) -> None:
    """The exit code, the kinds of fault, the number of missing events and the index are those of the row."""
    assert isinstance(report, Unusable) == ("verify" in row.unusable_to), report
    if isinstance(report, Unusable):
        return
    faults = [str(fault) for fault in report.faults]
    assert report.exit_code == row.exit_code, faults
    assert {*map(fault_kind, faults)} == row.kinds, faults
    assert report.missing == row.missing_count(events)
    if row.file:
        named = {fault.index for fault in report.faults if fault.file == row.file}
        assert row.index(events) in named or (row.at is None and named), faults


def _plain(words: Words) -> tuple[str, str]:
    """Leave out how many other faults there are, and what memory cannot write: ``verify`` writes nothing."""
    return words.integrity.partition(" +")[0], words.completeness.removesuffix(", anchoring problem")


def _lines(site: Site) -> Counter[bytes]:
    """Return the event lines there are."""
    return Counter(event_lines(site.data) if site.data.events.is_file() else ())


def _log(site: Site) -> bytes:
    """Return the log of checkpoints; nothing where something else stands in its place."""
    path = site.data.checkpoints
    return path.read_bytes() if path.is_file() and not path.is_symlink() else b""


def _outside(site: Site) -> dict[Path, bytes | int]:
    """Return what is outside of the data directory: the anchors and the copy."""
    return {
        path: content_of(path) for folder in (site.config / "anchors", site.copy.parent) for path in folder.glob("*")
    }
