"""Commands: carried out at most once, always answered."""

import asyncio
import os
import time
from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.commands import Command, CommandOutcome, command_executed_event
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.runfiles import LockHolder
from cq_tui.store import control
from cq_tui.store.control import CommandInbox, issue_command, sweep_commands, wait_for_answer
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import read_document
from cq_tui.store.lock import ProcessLock, read_holder
from cq_tui.store.person import person_here
from tests.store.processes import program, until, word


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    prepare_data_directory(DataDir(tmp_path))
    return DataDir(tmp_path)


def ask(data: DataDir, service: str = "memory", expiry: float = 30.0) -> Command:
    return issue_command(data, "verify_now", service, issued_by="room", target="x", arguments={"n": 1}, expiry=expiry)


def test_a_command_goes_to_its_service_once_and_its_answer_back(data: DataDir) -> None:
    command = ask(data)
    assert list(CommandInbox(data, "trader").claim()) == []
    inbox = CommandInbox(data, "memory")
    assert list(inbox.claim()) == [command]
    assert list(inbox.claim()) == []
    inbox.answer(command, "done", "all well")
    outcome = asyncio.run(wait_for_answer(data, command))
    assert (outcome.outcome, outcome.message, outcome.arguments) == ("done", "all well", {"n": 1})
    assert outcome.person == command.person == person_here()
    assert [path.name for path in data.control.iterdir() if path.is_file()] == []


def test_a_command_of_the_first_version_names_no_person(data: DataDir) -> None:
    plain = ask(data).model_dump(exclude={"person"}) | {"command_id": "older"}
    for path in data.control.glob("*.json"):
        path.unlink()
    (data.control / "older.json").write_bytes(orjson.dumps(plain))
    [claimed] = CommandInbox(data, "memory").claim()
    assert claimed.person is None
    event = command_executed_event(claimed, "done", "").model_dump(exclude_none=True)
    assert event == {
        "command_id": "older", "command": "verify_now", "outcome": "done", "target": "x", "issued_by": "room",
    }  # fmt: skip


CLAIMER = """
import sys, time
from pathlib import Path
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.runfiles import LockHolder
from cq_tui.store import control
from cq_tui.store.control import CommandInbox
inbox = CommandInbox(DataDir(Path(sys.argv[1])), "memory")
print("ready", flush=True)
while not Path(sys.argv[1], "stop").exists():
    for command in inbox.claim():
        print(command.command_id, flush=True)
"""


def test_of_two_claimers_each_command_goes_to_exactly_one(data: DataDir) -> None:
    with program(CLAIMER, data.root) as first, program(CLAIMER, data.root) as second:
        assert (word(first), word(second)) == (b"ready", b"ready")
        issued = sorted(ask(data).command_id for _ in range(60))
        until(lambda: not list(data.control.glob("*.json")))
        (data.root / "stop").touch()
        taken = [process.communicate(timeout=20)[0].decode().split() for process in (first, second)]
    assert sorted(taken[0] + taken[1]) == issued


def test_a_command_that_was_answered_is_not_handed_out_again(data: DataDir) -> None:
    command = ask(data)
    content = (data.control / f"{command.command_id}.json").read_bytes()
    inbox = CommandInbox(data, "memory")
    (claimed,) = inbox.claim()
    inbox.answer(claimed, "done")
    (data.control / f"{command.command_id}.json").write_bytes(content)
    assert list(inbox.claim()) == []
    assert not (data.control / f"{command.command_id}.json").exists()
    assert read_document(data.control_done / f"{command.command_id}.json", CommandOutcome).outcome == "done"


def test_an_expired_command_is_answered_and_not_carried_out(data: DataDir) -> None:
    command = ask(data, expiry=5.0)
    inbox = CommandInbox(data, "memory")
    assert list(inbox.claim(command.expires_ts + 0.01)) == []
    assert asyncio.run(wait_for_answer(data, command)).outcome == "expired"
    assert not list(data.control.glob("*.claimed"))


def test_what_an_earlier_process_claimed_is_answered_as_interrupted(data: DataDir) -> None:
    command = ask(data)
    assert list(CommandInbox(data, "memory").claim()) == [command]
    assert list(CommandInbox(data, "trader").answer_interrupted()) == []
    assert list(CommandInbox(data, "memory").answer_interrupted()) == [command]
    assert list(CommandInbox(data, "memory").answer_interrupted()) == []
    assert asyncio.run(wait_for_answer(data, command)).outcome == "interrupted"


def test_rubbish_is_moved_away_by_one_process_and_nothing_in_quarantine_is_overwritten(data: DataDir) -> None:
    for content in (b"one", b"two"):
        (data.control / "x.json").write_bytes(content)
        (data.control / "x.memory.claimed").write_bytes(content + b" claimed")
        (data.control / "folder.json").mkdir(exist_ok=True)
        assert list(CommandInbox(data, "memory").claim()) == []
        assert (data.control / "x.json").exists(), "only the supervisor clears up"
        assert list(CommandInbox(data, "supervisor").claim()) == []
        assert list(CommandInbox(data, "memory").answer_interrupted()) == []
        assert [path.name for path in data.control.iterdir() if path.is_file()] == []
    kept = [path.read_bytes() for path in data.quarantine.iterdir() if path.is_file()]
    assert sorted(kept) == [b"one", b"one claimed", b"two", b"two claimed"]


def test_a_command_under_another_name_is_not_carried_out(data: DataDir) -> None:
    command = ask(data)
    os.rename(data.control / f"{command.command_id}.json", data.control / "other.json")
    assert list(CommandInbox(data, "memory").claim()) == []
    for bad in ("../../x", "a/b", "", "a" * 65):
        (data.control / "other.json").write_bytes(orjson.dumps(command.model_dump() | {"command_id": bad}))
        assert list(CommandInbox(data, "memory").claim()) == []


def test_sweep_answers_unclaimed_commands_and_deletes_old_answers(data: DataDir) -> None:
    command, fresh = ask(data, "trader", expiry=1.0), ask(data, "trader", expiry=60.0)
    (data.control / "bad.json").write_bytes(b"{")
    sweep_commands(data, command.expires_ts + 2.0)
    assert read_document(data.control_done / f"{command.command_id}.json", CommandOutcome).outcome == "expired"
    assert sorted(path.name for path in data.control.glob("*.json")) == sorted([f"{fresh.command_id}.json", "bad.json"])
    sweep_commands(data, time.time() + 25 * 3600)
    sweep_commands(data, time.time() + 50 * 3600)
    assert not (data.control_done / f"{command.command_id}.json").exists()


async def test_waiting_withdraws_an_unclaimed_command(data: DataDir) -> None:
    command = ask(data, expiry=0.05)
    outcome = await wait_for_answer(data, command, poll=0.01)
    assert (outcome.outcome, "is it running" in outcome.message) == ("expired", True)
    assert list(CommandInbox(data, "memory").claim(0.0)) == []


async def test_waiting_ends_when_the_one_that_took_it_has_died(data: DataDir) -> None:
    command = ask(data, expiry=0.1)
    assert list(CommandInbox(data, "memory").claim(0.0)) == [command]
    async with asyncio.timeout(10):
        outcome = await wait_for_answer(data, command, poll=0.01)
    assert outcome.outcome == "interrupted"
    assert "stopped" in outcome.message


async def test_waiting_continues_while_the_claimer_lives_and_then_ends(
    data: DataDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = ProcessLock(data.lock_of("memory"), "memory")
    lock.acquire()
    command = ask(data, expiry=0.05)
    inbox = CommandInbox(data, "memory")
    (claimed,) = inbox.claim(0.0)
    looks = 0

    def counted(path: Path) -> LockHolder | None:
        nonlocal looks
        looks += 1
        return read_holder(path)

    monkeypatch.setattr(control, "read_holder", counted)
    waiting = asyncio.create_task(wait_for_answer(data, command, poll=0.01))
    async with asyncio.timeout(10):
        # It has expired, and yet the wait goes on.
        while looks < 3:
            await asyncio.sleep(0.01)
    assert not waiting.done(), "it lives and may still answer"
    inbox.answer(claimed, "done")
    async with asyncio.timeout(10):
        assert (await waiting).outcome == "done"
        slow = ask(data, expiry=0.05)
        assert len(list(inbox.claim(0.0))) == 1
        given_up = await wait_for_answer(data, slow, poll=0.01, patience=0.1)
    assert given_up.outcome == "failed"
    lock.release()


def test_an_answer_the_disk_refuses_leaves_the_claim_for_later(data: DataDir) -> None:
    command = ask(data)
    inbox = CommandInbox(data, "memory")
    list(inbox.claim())
    data.control_done.rmdir()
    with pytest.raises(FileNotFoundError):
        inbox.answer(command, "done")
    data.control_done.mkdir()
    assert list(inbox.answer_interrupted()) == [command]


only_root_gives_away = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


def give_away(path: Path) -> None:
    os.chown(path, 54_321, 54_321)


@only_root_gives_away
def test_a_command_of_another_owner_is_refused_answered_and_recorded(data: DataDir) -> None:
    command = ask(data)
    give_away(data.control / f"{command.command_id}.json")
    recorded: list[tuple[Command, str, str]] = []
    assert list(CommandInbox(data, "memory", lambda *what: recorded.append(what)).claim()) == []
    outcome = asyncio.run(wait_for_answer(data, command))
    assert (outcome.outcome, "belongs to user 54321" in outcome.message) == ("refused", True)
    assert recorded == [(command, "refused", outcome.message)]
    assert [path.name for path in data.control.iterdir() if path.is_file()] == []


@only_root_gives_away
@pytest.mark.parametrize(
    ("name", "arguments", "is_taken"),
    [
        ("stop_service", {}, True),
        ("shut_down", {}, True),
        ("flatten", {}, True),
        ("flatten", {"all": "true"}, False),
        ("start_service", {}, False),
        ("restart_service", {}, False),
        ("release_symbol", {}, False),
        ("acknowledge_faults", {}, False),
        ("sign_checkpoint", {}, False),
        ("what_comes_later", {}, False),
    ],
)
def test_of_another_owner_only_what_stops_or_reduces_is_taken(
    data: DataDir, name: str, arguments: dict[str, str], is_taken: bool
) -> None:
    command = issue_command(data, name, "trader", issued_by="x", arguments=arguments)
    give_away(data.control / f"{command.command_id}.json")
    assert list(CommandInbox(data, "trader").claim()) == ([command] if is_taken else [])


@only_root_gives_away
def test_root_and_the_owner_of_the_folder_may_give_commands(data: DataDir) -> None:
    give_away(data.control)
    by_root = ask(data)
    assert (data.control / f"{by_root.command_id}.json").stat().st_mode & 0o777 == 0o644, "the owner can read it"
    by_owner = ask(data)
    give_away(data.control / f"{by_owner.command_id}.json")
    assert {command.command_id for command in CommandInbox(data, "memory").claim()} == {
        by_root.command_id,
        by_owner.command_id,
    }


def test_links_and_pipes_are_moved_away_and_delay_no_command(data: DataDir, tmp_path: Path) -> None:
    other = ask(data)
    elsewhere = (data.control / f"{other.command_id}.json").rename(tmp_path / f"{other.command_id}.json")
    (data.control / f"{other.command_id}.json").symlink_to(elsewhere)
    os.mkfifo(data.control / "0.json")
    os.mkfifo(data.control / "0.memory.claimed")
    command = ask(data)
    inbox = CommandInbox(data, "memory")
    assert list(inbox.answer_interrupted()) == []
    assert list(inbox.claim()) == [command]
    sweep_commands(data, time.time() + 3600)
    assert list(CommandInbox(data, "supervisor").claim()) == []
    assert list(data.control.glob("*.json")) == []
    assert elsewhere.exists()


def test_what_cannot_be_moved_away_is_told_after_the_commands(data: DataDir) -> None:
    (data.control / "0.json").write_bytes(b"{")
    command = ask(data, "supervisor")
    data.quarantine.rmdir()
    data.quarantine.write_bytes(b"")
    claimed = CommandInbox(data, "supervisor").claim()
    assert next(claimed) == command
    with pytest.raises(NotADirectoryError):
        next(claimed)
