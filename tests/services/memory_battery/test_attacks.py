"""Somebody who has the data directory, and not the key: forged words, second copies, changes while memory runs."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.verify import verify_history
from cq_tui.services.memory.service import MemoryService
from cq_tui.store.checkpoints.acknowledgement import make_acknowledgement, sign_acknowledgement
from cq_tui.store.checkpoints.checkpoint import (
    Checkpoint,
    directory_id_of,
    origin_of,
    parse_unverified,
    sign_checkpoint,
)
from cq_tui.store.checkpoints.signed_note import VerifierKey
from cq_tui.store.history.faults import FaultKind, fault_kind
from cq_tui.store.spools.spool import EventSpool
from tests.services.memory_battery.edits import cut, edit_line, flip
from tests.services.memory_battery.forgery import forge
from tests.services.memory_battery.of_events import made_up
from tests.services.memory_battery.of_signed import STRANGER, entries
from tests.services.memory_battery.of_whole import another, grown_apart, put_back
from tests.services.memory_battery.oracle import Started, start
from tests.services.memory_battery.site import Site, built_site
from tests.services.memory_in_process import command, memory_of
from tests.services.waiting import until
from tests.store.history.histories import event_lines
from tests.store.history.torture import HEAVY


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with built_site(tmp_path_factory.mktemp("attacked"), 60) as site:
        yield site


@pytest.fixture
def site(built: Site) -> Site:
    built.restore()
    return built


def kinds(memory: MemoryService) -> set[FaultKind]:
    return {*map(fault_kind, memory.integrity.faults.values())}


def kinds_of(data: DataDir) -> set[FaultKind]:
    return {fault_kind(str(fault)) for fault in verify_history(data, workers=1).faults}


async def assert_refuses_to_sign(memory: MemoryService) -> None:
    assert (await memory.execute_command(command("sign_checkpoint")))[0] == "refused"


def rewritten(site: Site) -> None:
    forge(site.data, edit_line(0.3, another))


# -- words that nobody said


def _stranger_s(site: Site, fault: str) -> str:
    origin = origin_of(site.anchor.stem)
    accepted = make_acknowledgement(origin, site.events, bytes(32), time.time() + 5, fault=fault, who="ann")
    return f"{VerifierKey.of(origin, STRANGER).text}\n{sign_acknowledgement(accepted, STRANGER)}"


def _under_own_name(site: Site, fault: str) -> str:
    """A stranger's acceptance that claims to be signed with the user's own key."""
    own = entries(site.data.checkpoints)[-1].decode().partition("\n")[0]
    note = _stranger_s(site, fault).partition("\n")[2]
    return f"{own}\n{note}"


def _of_another_fault(site: Site, fault: str) -> str:
    """A checkpoint's signature under the text of an acceptance."""
    note = entries(site.data.checkpoints)[-1].decode()
    return note.replace("\n\n", f"\nfault 00000000 {fault}\nwho ann\n\n", 1)


@pytest.mark.parametrize("forged", [_stranger_s, _under_own_name, _of_another_fault])
async def test_a_forged_acceptance_accepts_nothing(site: Site, forged: Callable[[Site, str], str]) -> None:
    rewritten(site)
    (fault,) = (str(each) for each in verify_history(site.data, workers=1).faults)
    entry = forged(site, fault)
    spool = EventSpool(site.data.spool, "cli-9", quarantine=site.data.quarantine)
    spool.emit("integrity_acknowledged", {"fault_id": "0" * 8, "fault": fault, "note": entry.partition("\n")[2]})
    spool.close()
    with site.data.checkpoints.open("ab") as log:
        log.write(f"\x1e{entry}".encode())
    for _ in range(2):
        async with memory_of(site.data) as memory:
            await until(lambda: memory.health(time.time()).backlog == 0)
            assert "contradiction" in kinds(memory)
            assert not memory.health(time.time()).accepted
            await assert_refuses_to_sign(memory)
        assert "contradiction" in kinds_of(site.data)


async def accept_all(site: Site) -> None:
    async with memory_of(site.data) as memory:
        assert (await memory.execute_command(command("acknowledge_faults", "all")))[0] == "done"
        await until(lambda: memory.health(time.time()).backlog == 0)
        assert (await memory.execute_command(command("sign_checkpoint")))[0] == "done"


async def test_an_old_acceptance_releases_nothing_that_was_signed_since(site: Site) -> None:
    rewritten(site)
    await accept_all(site)
    log = site.data.checkpoints.read_bytes()
    # The same again, with the old words behind the new checkpoints.
    forge(site.data, edit_line(0.6, another))
    site.data.checkpoints.write_bytes(log + b"".join(b"\x1e" + each for each in entries(site.data.checkpoints)))
    assert "contradiction" in kinds_of(site.data)
    async with memory_of(site.data) as memory:
        assert "contradiction" in kinds(memory)
        await assert_refuses_to_sign(memory)


async def test_a_stranger_s_note_in_the_place_of_the_copy_moves_no_time(site: Site) -> None:
    far = Checkpoint(origin_of(site.anchor.stem), 5, bytes(32), 8_000_000_000.0)
    site.copy.write_text(sign_checkpoint(far, STRANGER))
    site.copy.with_name(f"{site.copy.name}.vkey").unlink()
    rewritten(site)
    await accept_all(site)
    notes = [entry.decode().partition("\n")[2] for entry in entries(site.data.checkpoints)]
    assert max(float(note.split("\n")[3].removeprefix("time ")) for note in notes) < time.time() + 60


def _lose_key(site: Site) -> None:
    """Delete all that is kept outside of the data directory, so that memory makes a new key."""
    shutil.rmtree(site.config)
    shutil.rmtree(site.copy.parent)
    site.copy.parent.mkdir()


async def test_a_new_key_silences_no_contradiction(site: Site) -> None:
    rewritten(site)
    _lose_key(site)
    assert kinds_of(site.data) == {"contradiction"}
    async with memory_of(site.data) as memory:
        assert kinds(memory) == {"key", "contradiction"}
        (key,) = (name for name, fault in memory.integrity.faults.items() if fault_kind(fault) == "key")
        assert (await memory.execute_command(command("acknowledge_faults", key)))[0] == "done"
        await assert_refuses_to_sign(memory)
        assert kinds(memory) == {"contradiction"} == kinds_of(site.data)
    site.data.state_of("memory").unlink()
    async with memory_of(site.data) as memory:
        assert "contradiction" in kinds(memory)
    await accept_all(site)
    accepted = verify_history(site.data, workers=1).contradictions
    assert accepted
    async with memory_of(site.data) as memory:
        assert memory.health(time.time()).accepted == accepted


async def test_an_accepted_contradiction_is_told_also_under_a_new_key(site: Site) -> None:
    rewritten(site)
    await accept_all(site)
    accepted = verify_history(site.data, workers=1).contradictions
    assert accepted
    _lose_key(site)
    await accept_all(site)
    for _ in range(2):
        assert verify_history(site.data, workers=1).contradictions == accepted
        async with memory_of(site.data) as memory:
            assert memory.health(time.time()).accepted == accepted
            assert parse_unverified(str(memory.health(time.time()).checkpoint)).accepted == tuple(
                each.event_index for each in accepted
            )


async def test_an_acceptance_cannot_be_taken_back(site: Site) -> None:
    rewritten(site)
    before = site.root / "before"
    shutil.copytree(site.data.memory, before)
    await accept_all(site)
    shutil.rmtree(site.data.memory)
    before.rename(site.data.memory)
    report = verify_history(site.data, workers=1)
    assert report.missing
    async with memory_of(site.data) as memory:
        assert memory.health(time.time()).missing_count == report.missing
        await assert_refuses_to_sign(memory)


async def test_two_logs_that_changed_places_are_both_told(site: Site) -> None:
    one, two = site.data.checkpoints, site.other.checkpoints
    aside = one.with_name("aside")
    one.rename(aside)
    two.rename(one)
    aside.rename(two)
    for data in (site.data, site.other):
        assert "checkpoints" in kinds_of(data)
        async with memory_of(data) as memory:
            assert "checkpoints" in kinds(memory)
            await assert_refuses_to_sign(memory)


async def test_what_is_left_outside_tells_of_a_history_grown_apart(site: Site) -> None:
    """Put back and grown, the log and the anchor gone: the kept copy is the only witness."""
    anchor = site.anchor
    grown_apart(0.5)(site)
    site.data.checkpoints.unlink()
    anchor.unlink()
    anchor.with_name(f"{anchor.name}.vkey").unlink(missing_ok=True)
    assert "contradiction" in kinds_of(site.data)
    kept = site.copy.read_bytes()
    async with memory_of(site.data) as memory:
        assert "contradiction" in kinds(memory)
        await assert_refuses_to_sign(memory)
    assert site.copy.read_bytes() == kept


async def test_events_about_the_history_that_others_spooled_cannot_be_more_than_noise(site: Site) -> None:
    """A made-up fault is no fault that nobody can accept."""
    reason = (
        "contradicts what was signed: history has 0 events, the checkpoint signed 2026-01-01 00:00:00 UTC names 999"
    )
    spool = EventSpool(site.data.spool, "memory", quarantine=site.data.quarantine)
    spool.emit("integrity_fault", {"reason": f"{reason}: 999 are missing, or an old copy was put back"})
    spool.emit("integrity_fault", {"reason": 5, "file": [], "indexes": "x"})
    spool.emit("integrity_acknowledged", {"note": {"a": 1}})
    spool.emit("integrity_acknowledged", {"note": "x\n" * 10_000})
    spool.close()
    async with memory_of(site.data) as memory:
        await until(lambda: memory.health(time.time()).backlog == 0)
    report = verify_history(site.data, workers=1)
    async with memory_of(site.data) as memory:
        health = memory.health(time.time())
        assert health.missing_count == report.missing
        assert bool(health.missing_count) == bool(memory.integrity.faults), "nobody could accept it"
    verify_history(site.data, workers=1)


# -- second copies


@pytest.mark.parametrize("writer", ["trader", "memory"])
async def test_a_forged_number_does_not_end_what_its_writer_can_record(site: Site, writer: str) -> None:
    forge(site.data, lambda lines: lines + made_up(site, writer=writer, seq=2**53 - 1))
    before = len(event_lines(site.data))
    assert isinstance(await start(site), Started)
    with closing(EventSpool(site.data.spool, "trader", quarantine=site.data.quarantine)) as spool:
        spool.emit("order_executed", {"number": "after"})
    async with memory_of(site.data) as memory:
        await until(lambda: any(b'"number":"after"' in line for line in event_lines(site.data)[before:]))
        await until(lambda: any(b'"integrity_fault"' in line for line in event_lines(site.data)[before:]))
        assert kinds(memory) == {"history"}


async def test_a_second_copy_that_runs_is_called_that(site: Site) -> None:
    copy = DataDir(site.root / "copy")
    shutil.copytree(site.data.root, copy.root)
    outside = site.copy.read_bytes(), site.anchor.read_bytes()
    async with memory_of(site.data) as first:
        assert not kinds(first)
        async with memory_of(copy) as second:
            assert kinds(second) == {"copy"}
            await assert_refuses_to_sign(second)
            assert kinds_of(copy) == {"copy"}
            assert kinds_of(site.data) == {"copy"}
            spool = EventSpool(site.data.spool, "cli-9", quarantine=site.data.quarantine)
            spool.emit("order_executed", {"number": 1})
            spool.close()
            await until(lambda: first.health(time.time()).events_count == site.events + 1)
            await assert_refuses_to_sign(first)
            assert kinds(first) == {"copy"}
            assert (site.copy.read_bytes(), site.anchor.read_bytes()) == outside


async def test_copies_that_run_in_turn_are_told(site: Site) -> None:
    copy = DataDir(site.root / "copy")
    shutil.copytree(site.data.root, copy.root)
    for data in (site.data, copy):
        spool = EventSpool(data.spool, "cli-9", quarantine=data.quarantine)
        spool.emit("order_executed", {"root": str(data.root)})
        spool.close()
    async with memory_of(site.data) as memory:
        await until(lambda: memory.health(time.time()).events_count == site.events + 1)
        assert (await memory.execute_command(command("sign_checkpoint")))[0] == "done"
    async with memory_of(copy) as memory:
        await until(lambda: memory.health(time.time()).events_count > site.events)
        assert kinds(memory) & {"missing", "contradiction", "copy"}
        await assert_refuses_to_sign(memory)
    assert not verify_history(site.data, workers=1).damaged


# -- while memory runs


def _cut_events(site: Site) -> None:
    os.truncate(site.data.events, site.data.events.stat().st_size - 30)


def _flip_chain(site: Site) -> None:
    for path in (site.data.hash_chain, site.twin):
        if path.exists():
            flip(path, b'"hash":"', 0.4)


LIVE: dict[str, tuple[Callable[[Site], Any], FaultKind]] = {
    "an event changes": (lambda site: flip(site.data.events, b'"number":', 0.4), "history"),
    "the blocks change": (_flip_chain, "history"),
    "the document is deleted": (lambda site: site.data.hash_chain.unlink(), "history"),
    "the document is another one": (
        lambda site: shutil.copy(site.at(1).data.hash_chain, site.data.hash_chain),
        "history",
    ),
    "the log is deleted": (lambda site: site.data.checkpoints.unlink(), "checkpoints"),
    "the log is another one": (
        lambda site: os.replace(shutil.copy(site.at(1).data.checkpoints, site.root / "log"), site.data.checkpoints),
        "checkpoints",
    ),
    "the anchor was signed elsewhere": (lambda site: _sign_elsewhere(site), "copy"),
}


def _sign_elsewhere(site: Site) -> None:
    """Put an anchor in place that the same key signed, of more events."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key((site.config / "checkpoint_key.pem").read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    last = parse_unverified(site.anchor.read_text())
    assert directory_id_of(last.origin) == site.anchor.stem
    site.anchor.write_text(sign_checkpoint(Checkpoint(last.origin, last.size + 5, bytes(32), last.time + 1), key))


@pytest.mark.parametrize("name", LIVE)
async def test_a_change_while_memory_runs_is_told_before_the_next_signature(site: Site, name: str) -> None:
    change, kind = LIVE[name]
    async with memory_of(site.data) as memory:
        change(site)
        spool = EventSpool(site.data.spool, "cli-9", quarantine=site.data.quarantine)
        spool.emit("order_executed", {"number": 1})
        spool.close()
        await until(lambda: memory.health(time.time()).events_count > site.events)
        if kind == "history":
            await until(lambda: "history" in kinds(memory))
        await assert_refuses_to_sign(memory)
        assert kind in kinds(memory), memory.integrity.faults
        kept = site.copy.read_bytes()
    assert site.copy.read_bytes() == kept
    async with memory_of(site.data) as memory:
        assert kind in kinds(memory), "it is forgotten"


# -- clocks and sizes


async def test_a_clock_that_was_ahead_or_is_set_back_makes_no_difference(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewritten(site)
    real = time.time
    for ahead in (86_400.0, -86_400.0):
        with monkeypatch.context() as patched:
            patched.setattr(time, "time", lambda ahead=ahead: real() + ahead)
            async with memory_of(site.data) as memory:
                if memory.integrity.faults:
                    assert (await memory.execute_command(command("acknowledge_faults", "all")))[0] == "done"
                    await until(lambda: memory.health(time.time()).backlog == 0)
                    assert (await memory.execute_command(command("sign_checkpoint")))[0] == "done"
    async with memory_of(site.data) as memory:
        assert not memory.integrity.faults
    report = verify_history(site.data, workers=1)
    assert not report.damaged
    assert report.contradictions
    put_back(2, "data")(site)
    assert verify_history(site.data, workers=1).missing


@pytest.mark.skipif(not HEAVY, reason="takes long: make torture")
async def test_a_log_of_a_hundred_thousand_entries_is_read_in_time(site: Site) -> None:
    notes = entries(site.data.checkpoints)
    site.data.checkpoints.write_bytes(b"".join(b"\x1e" + notes[0] for _ in range(100_000)) + b"\x1e" + notes[-1])
    began = time.process_time()
    assert verify_history(site.data, workers=1).exit_code == 0
    async with memory_of(site.data) as memory:
        assert not memory.integrity.faults
    assert time.process_time() - began < 20


async def test_what_was_accepted_is_in_the_history_as_an_event(site: Site) -> None:
    rewritten(site)
    await accept_all(site)
    recorded = [orjson.loads(line) for line in event_lines(site.data)]
    assert any(each["event_type"] == "integrity_acknowledged" for each in recorded)


def integrity_of(data: DataDir) -> str:
    return verify_history(data, workers=1).verdicts.integrity.word.partition(" +")[0]


def _cut_lines(site: Site) -> None:
    lines = event_lines(site.data)
    site.data.events.write_bytes(b"".join(line + b"\n" for line in lines[:-5]))


@pytest.mark.parametrize("change", [_cut_lines, lambda site: cut(site.data.hash_chain, 300)])
async def test_what_memory_mended_is_no_damage_once_it_was_accepted(
    site: Site, change: Callable[[Site], object]
) -> None:
    change(site)
    for _ in range(2):
        async with memory_of(site.data) as memory:
            # Merged again, they are not the events that were signed: a finding of its own, to be accepted too.
            await until(lambda: memory.health(time.time()).events_count >= site.events)
            memory.integrity.compare_passed()
            await memory.execute_command(command("acknowledge_faults", "all"))
            await until(lambda: integrity_of(site.data) != "DAMAGED")
            assert integrity_of(site.data).startswith("intact")
            assert memory.health(time.time()).accepted_fault_count == 0


async def test_an_accepted_event_stays_damaged(site: Site) -> None:
    flip(site.data.events, b'"number":', 0.5)
    for _ in range(2):
        async with memory_of(site.data) as memory:
            await memory.execute_command(command("acknowledge_faults", "all"))
            await until(lambda: integrity_of(site.data) == "damage accepted")
            assert memory.health(time.time()).accepted_fault_count
