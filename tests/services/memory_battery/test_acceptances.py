"""A person accepts that the history contradicts what was signed: every later verdict, proof and checkpoint says so."""

import shutil
import time
from collections.abc import Callable, Iterator

import orjson
import pytest

from cq_tui.ops.bundle import export_bundle
from cq_tui.ops.prove import prove_event
from cq_tui.ops.status import read_status
from cq_tui.ops.verification_report import VerificationReport
from cq_tui.ops.verify import verify_history
from cq_tui.store.checkpoints.acknowledgement import ACKNOWLEDGEMENT_SUFFIX
from cq_tui.store.checkpoints.checkpoint import Checkpoint, parse_unverified
from cq_tui.store.history.faults import fault_kind
from cq_tui.store.spools.spool import EventSpool
from tests.services.memory_battery.edits import edit_line
from tests.services.memory_battery.forgery import forge
from tests.services.memory_battery.of_signed import entries
from tests.services.memory_battery.of_whole import grown_apart, put_back
from tests.services.memory_battery.site import Site, built_site
from tests.services.memory_in_process import command, memory_of
from tests.services.waiting import until
from tests.store.history.histories import event_lines

#: Ways in which a history is another one than was signed.
CHANGES: dict[str, Callable[[Site], object]] = {
    "put back": put_back(2, "data"),
    "grown apart": grown_apart(0.5),
    "rewritten": lambda site: forge(site.data, edit_line(0.3, lambda line: line.replace(b'r":', b'r": ', 1))),
    "another genesis": lambda site: forge(site.data, genesis="1600000000.000000"),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with built_site(tmp_path_factory.mktemp("accepted"), 60) as site:
        yield site


@pytest.fixture(params=CHANGES)
async def accepted(request: pytest.FixtureRequest, built: Site) -> Site:
    """A contradiction that was accepted; memory signed since, and ended."""
    built.restore()
    CHANGES[request.param](built)
    before = outside(built)
    async with memory_of(built.data) as memory:
        assert not memory.health(time.time()).integrity_ok
        assert (await memory.execute_command(command("sign_checkpoint")))[0] == "refused"
        assert outside(built) == before
        assert (await memory.execute_command(command("acknowledge_faults", "all")))[0] == "done"
        await until(lambda: acceptances_in(built))
        await until(lambda: memory.health(time.time()).backlog == 0)
        assert await memory.execute_command(command("sign_checkpoint")) in signed_now(built)
    # What contradicts it is as it was; the next checkpoint has a place of its own.
    after = outside(built)
    assert {name: after[name] for name in before} == before
    assert {f"{built.anchor.name}.2", f"{built.copy.name}.2"} <= after.keys()
    return built


def signed_now(site: Site) -> list[tuple[str, str]]:
    size = len(event_lines(site.data))
    return [("done", f"checkpoint of {count:,} events signed") for count in range(size, size + 3)]


def outside(site: Site) -> dict[str, bytes]:
    """Return the checkpoints outside of the data directory, by name."""
    places = [*site.anchor.parent.glob(f"{site.anchor.name}*"), *site.copy.parent.glob("*")]
    return {path.name: path.read_bytes() for path in places if not path.name.endswith(".vkey")}


def acceptances_in(site: Site) -> list[int]:
    """Return the indices of the events that record the acceptance of a contradiction."""
    found = [orjson.loads(line) for line in event_lines(site.data)]
    return [
        index
        for index, event in enumerate(found, 1)
        if event["event_type"] == "integrity_acknowledged" and "contradicts what was signed" in event["data"]["fault"]
    ]


def newest(site: Site) -> Checkpoint:
    """Return the newest checkpoint in the log."""
    notes = [entry.decode().partition("\n")[2] for entry in entries(site.data.checkpoints)]
    return parse_unverified([note for note in notes if ACKNOWLEDGEMENT_SUFFIX not in note.partition("\n")[0]][-1])


def test_the_next_checkpoint_covers_and_names_the_acceptance(accepted: Site) -> None:
    indices = acceptances_in(accepted)
    assert newest(accepted).accepted == tuple(indices)
    assert newest(accepted).size >= max(indices)
    for name in (f"{accepted.anchor.name}.2", f"{accepted.copy.name}.2"):
        assert parse_unverified(outside(accepted)[name].decode()) == newest(accepted)
    for path in (accepted.anchor, accepted.copy):
        assert path.with_name(f"{path.name}.2.vkey").read_text().startswith(newest(accepted).origin)


async def test_every_later_word_has_it(accepted: Site) -> None:
    said = []
    for _ in range(3):
        report = verify_history(accepted.data, workers=1)
        said.append(words(accepted, report))
        async with memory_of(accepted.data) as memory:
            health = memory.health(time.time())
            assert health.integrity_ok, health.faults
            assert [each.event_index for each in health.accepted or ()] == acceptances_in(accepted)
            memory.runtime.publish_health(health)
            status = read_status(accepted.data)
            assert [each["event_index"] for each in status.to_json()["history"]["accepted"]] == acceptances_in(accepted)
            bundle = orjson.loads(export_bundle(accepted.data).read_bytes())["memory_integrity"]
            assert [each["event_index"] for each in bundle["accepted"]] == acceptances_in(accepted)
            said.append((status.history.integrity.word if status.history else "",))
    assert said[0] == said[2] == said[4]
    assert said[1] == said[3] == said[5]


def words(site: Site, report: VerificationReport) -> tuple[object, ...]:
    """Return what a verification says of integrity, completeness and acceptances."""
    told = report.to_json()["completeness"]["accepted"]
    assert [each["event_index"] for each in told if each["releases_checkpoints"]] == acceptances_in(site)
    assert report.missing == 0
    lines = "\n".join(report.lines())
    assert "contradicts what was signed" in lines
    return report.exit_code, [str(fault) for fault in report.faults], told


def test_a_proof_has_it(accepted: Site) -> None:
    first = orjson.loads(event_lines(accepted.data)[0])["event_id"]
    proof = prove_event(accepted.data, first)
    assert parse_unverified(proof.checkpoint).accepted == tuple(acceptances_in(accepted))


def test_acceptances_that_the_log_lost_are_found_in_the_history(accepted: Site) -> None:
    notes = entries(accepted.data.checkpoints)
    left = [note for note in notes if not _is_acceptance(note)]
    assert left != notes
    accepted.data.checkpoints.write_bytes(b"".join(b"\x1e" + note for note in left))
    report = verify_history(accepted.data, workers=1)
    words(accepted, report)
    assert any("entries of the log were deleted" in str(fault) for fault in report.faults)


@pytest.mark.parametrize("where", ["log", "history"])
async def test_an_acceptance_accepts_nothing_elsewhere(accepted: Site, where: str) -> None:
    """Copied into the log, or spooled as an event, of another history of the same user with the same key."""
    note = next(filter(_is_acceptance, entries(accepted.data.checkpoints))).decode()
    shutil.copy(accepted.at(1).other.events, accepted.other.events)
    forge(accepted.other, edit_line(0.3, lambda line: line.replace(b'"number":', b'"number":9')))
    if where == "log":
        with accepted.other.checkpoints.open("ab") as log:
            log.write(f"\x1e{note}".encode())
    else:
        spool = EventSpool(accepted.other.spool, "cli-9", quarantine=accepted.other.quarantine)
        spool.emit("integrity_acknowledged", {"fault_id": "0" * 8, "note": note.partition("\n")[2]})
        spool.close()
    async with memory_of(accepted.other) as memory:
        await until(lambda: memory.health(time.time()).backlog == 0)
        assert "contradiction" in {*map(fault_kind, memory.integrity.faults.values())}
        assert not memory.health(time.time()).accepted
        assert (await memory.execute_command(command("sign_checkpoint")))[0] == "refused"
    assert verify_history(accepted.other, workers=1).damaged


def _is_acceptance(entry: bytes) -> bool:
    return f"{ACKNOWLEDGEMENT_SUFFIX}\n".encode() in entry
