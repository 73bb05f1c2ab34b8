"""A whole migration: what becomes of an installation, in place or from another folder, and the way back."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from cq_tui.contracts.events import PAYLOADS, Event
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.migrate import run
from cq_tui.ops.migrate.exclusive import MigrationRefused
from cq_tui.ops.migrate.plan import Staging
from cq_tui.ops.migrate.run import migrate
from cq_tui.ops.migrate.undoing import undo
from cq_tui.store.data_directory import DataVersionError, prepare_data_directory
from cq_tui.store.data_version import find_version
from cq_tui.store.history.verification import verify
from cq_tui.store.lock import LockHeld, ProcessLock
from tests.ops.migrate.installations import ENV, EVENTS, chain_over, everything, imported, r11
from tests.store.history.histories import made


@pytest.fixture
def old(tmp_path: Path) -> DataDir:
    return DataDir(r11(tmp_path / "old"))


def test_in_place_every_event_gets_a_line_that_our_verifier_accepts(old: DataDir) -> None:
    report = migrate(old)
    assert (report.before, find_version(old).version) == ("R11", "1.3")
    first, *events = imported(old)
    assert first["event_type"] == "history_imported"
    assert [each["event_type"] for each in events] == ["imported_event"] * 3
    assert [each["data"]["original"] for each in events] == list(EVENTS)
    assert [each["metadata"]["original_timestamp"] for each in events] == [each["timestamp"] for each in EVENTS]
    assert [each["metadata"]["original_index"] for each in events] == [1, 2, 3]
    found = verify(old)
    assert (found.events, found.fault_count, found.missing, found.unchained) == (4, 0, 0, 0)
    prepare_data_directory(old)


def test_payloads_are_those_that_the_contract_names(old: DataDir) -> None:
    migrate(old)
    for each in imported(old):
        event = Event.model_validate(each)
        payload = PAYLOADS[event.event_type].model_validate(event.data, extra="forbid")
        assert payload.model_dump(exclude_unset=True) == event.data


def test_the_first_event_names_the_originals_their_root_and_their_verdict(old: DataDir) -> None:
    chain = json.loads(old.hash_chain.read_text())
    before = {name: content for name, (_, _, content) in everything(old.root).items() if content is not None}
    migrate(old)
    data = imported(old)[0]["data"]
    assert {each["name"]: each["sha256"] for each in data["files"]} == {
        name: sha256(content).hexdigest() for name, content in before.items()
    }
    assert data["old_root"] == chain["last_hash"]
    assert data["old_merkle_root"] == chain["blocks"][0]["merkle_root"]
    assert data["chain"] == "holds"
    assert "3 of 3 events are covered" in data["verdict"]
    folder = old.imported / data["originals"]
    assert sha256((folder / "manifest.json").read_bytes()).hexdigest() == data["originals"]
    assert {
        path.relative_to(folder / "files").as_posix(): path.read_bytes()
        for path in (folder / "files").rglob("*")
        if path.is_file()
    } == before
    assert {path.stat().st_mode & 0o077 for path in (old.imported, *old.imported.rglob("*"))} == {0}


@pytest.mark.parametrize(
    "name", ["memory/quarantine/bad.json", "run/feeder.pid", "control/x", "memory/spool/y", "ä/ö ü"]
)
def test_files_in_folders_that_we_use_too_are_kept_as_well(old: DataDir, name: str) -> None:
    (old.root / name).parent.mkdir(parents=True)
    (old.root / name).write_text("theirs")
    before = everything(old.root)
    migrate(old)
    assert (old.imported / imported(old)[0]["data"]["originals"] / "files" / name).read_text() == "theirs"
    undo(old)
    # Locks are never deleted from a folder that was there.
    assert {each: told for each, told in everything(old.root).items() if not each.endswith(".lock")} == before


def test_what_the_old_programs_wrote_leaves_and_what_nobody_knows_stays(old: DataDir) -> None:
    report = migrate(old)
    names = set(everything(old.root))
    assert names.isdisjoint(("memory/events.jsonl", "memory/deltas.jsonl", "config.env", "health/feeder.json"))
    assert (old.root / "notes.xyz").read_bytes() == b"\x00\xff of unknown meaning"
    assert any("notes.xyz" in line for line in report.left)


def test_a_dry_run_tells_the_same_and_changes_nothing(old: DataDir) -> None:
    before = everything(old.root)
    told = migrate(old, dry_run=True)
    assert everything(old.root) == before
    done = migrate(old)
    assert (told.changed, told.left) == (done.changed, done.left)


def test_undoing_brings_back_every_byte(old: DataDir) -> None:
    (old.memory / "events.jsonl").chmod(0o640)
    before = everything(old.root)
    migrate(old)
    assert undo(old) == []
    assert everything(old.root) == before
    migrate(old)
    undo(old)
    assert everything(old.root) == before


@pytest.mark.parametrize("nested", ["memory", ".", "shared_data/memory", "a/b/c/memory"])
def test_another_folder_is_read_and_left_alone_however_deep_its_files_are(tmp_path: Path, nested: str) -> None:
    source = r11(tmp_path / "project", memory=nested)
    (source / ".git").mkdir()
    (source / ".git" / "config").write_text("[core]")
    before, data = everything(source), DataDir(tmp_path / "data")
    report = migrate(data, source)
    assert everything(source) == before
    assert [each["data"]["original"] for each in imported(data)[1:]] == list(EVENTS)
    assert imported(data)[0]["data"]["chain"] == "holds"
    assert ".git/ is a folder of programs; it stays where it is" in report.left
    undo(data)
    assert not data.root.exists()


def test_a_history_of_ours_is_continued_and_comes_back(tmp_path: Path) -> None:
    data = made(tmp_path / "data", 5)
    lines = data.events.read_bytes()
    before = everything(data.root)
    migrate(data, r11(tmp_path / "old"))
    assert data.events.read_bytes().startswith(lines)
    found = verify(data)
    assert (found.events, found.fault_count) == (9, 0)
    undo(data)
    assert everything(data.root) == before


def test_the_same_installation_is_taken_once(tmp_path: Path) -> None:
    data, source = DataDir(tmp_path / "data"), r11(tmp_path / "old")
    migrate(data, source)
    before = everything(data.root)
    with pytest.raises(Exception, match="has been imported already"):
        migrate(data, source)
    assert everything(data.root) == before
    undo(data)
    assert not data.root.exists()


def test_a_second_installation_follows_and_each_is_undone_by_itself(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    migrate(data, r11(tmp_path / "one"))
    first = everything(data.root)
    migrate(data, r11(tmp_path / "two", events=[{"timestamp": 5.0, "event_type": "other", "source": "x", "data": {}}]))
    assert verify(data).events == 6
    undo(data)
    assert everything(data.root) == first
    undo(data)
    assert not data.root.exists()


def test_a_place_that_was_made_for_an_earlier_record_and_not_used_goes_as_well(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    migrate(data, r11(tmp_path / "old"))
    (data.migration / "earlier-000001").mkdir()
    undo(data)
    assert not data.root.exists()


def test_nothing_to_do_changes_nothing(tmp_path: Path) -> None:
    data = made(tmp_path, 3)
    before = everything(data.root)
    assert migrate(data).does_nothing
    assert everything(data.root) == before


@pytest.mark.parametrize("service", ["memory", "trader", "supervisor"])
def test_a_running_service_is_named_and_nothing_changes(old: DataDir, service: str) -> None:
    old.run.mkdir()
    import subprocess
    import sys

    code = (
        "import sys; from pathlib import Path; from cq_tui.store.lock import ProcessLock; "
        f"lock = ProcessLock(Path(sys.argv[1]), {service!r}); lock.acquire(); print('ready', flush=True); input()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(old.lock_of(service))], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        with pytest.raises(LockHeld, match=service):
            migrate(old)
        assert not old.events.exists()
    finally:
        holder.communicate(b"\n")


def test_another_migration_that_was_faster_is_noticed(old: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its locks are free again, and the version that was read before them is outdated."""
    found = find_version(old)
    migrate(old)
    after = everything(old.root)
    told = iter([found])
    monkeypatch.setattr(run, "find_version", lambda data: next(told, None) or find_version(data))
    with pytest.raises(MigrationRefused, match="by another process meanwhile"):
        migrate(old)
    assert everything(old.root) == after


def test_locks_are_released(old: DataDir) -> None:
    migrate(old)
    lock = ProcessLock(old.lock_of("memory"), "memory")
    lock.acquire()
    lock.release()


def append_event(data: DataDir) -> None:
    with data.events.open("ab") as file:
        file.write(b"{}\n")


def write_log(data: DataDir) -> None:
    data.logs.mkdir()
    data.log_of("memory").write_text("{}")


def write_spool(data: DataDir) -> None:
    data.spool.mkdir()
    (data.spool / "memory.ndjson").write_text("{}")


@pytest.mark.parametrize("write", [append_event, write_log, write_spool])
def test_once_a_service_has_run_nothing_is_undone_and_the_reason_is_said(
    old: DataDir, write: Callable[[DataDir], None]
) -> None:
    migrate(old)
    write(old)
    before = everything(old.root)
    with pytest.raises(MigrationRefused, match=r"a service has run here since the migration: \S+ was written"):
        undo(old, even_if_changed=True)
    assert everything(old.root) == before


def test_settings_changed_since_are_named_before_they_are_lost(old: DataDir) -> None:
    before = everything(old.root)
    migrate(old)
    old.settings.write_text('{"LOG_LEVEL": "DEBUG"}')
    with pytest.raises(MigrationRefused, match=r"lost by undoing it: ssot/env\.json.*--yes"):
        undo(old)
    assert undo(old, even_if_changed=True) == ["ssot/env.json"]
    assert everything(old.root) == before


def test_there_is_nothing_to_undo_in_another_directory(tmp_path: Path) -> None:
    with pytest.raises(MigrationRefused, match="no migration to undo"):
        undo(DataDir(tmp_path))


# -- what may go wrong


def test_lines_that_are_no_events_are_kept_and_named(old: DataDir) -> None:
    whole = [
        json.dumps(EVENTS[0]).encode(),
        b"{broken",
        b"[1]",
        b"\xff\xfe\xfd",
        b"",
        b'"text"',
        b'{"timestamp": 1, "tor',
    ]
    (old.memory / "events.jsonl").write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(whole))
    content = (old.memory / "events.jsonl").read_bytes()
    report = migrate(old)
    assert [each["event_type"] for each in imported(old)] == ["history_imported", "imported_event"]
    assert imported(old)[0]["data"]["bad_lines"] == 5
    for number in (2, 3, 4, 6, 7):
        assert any(f"memory/events.jsonl line {number} " in line for line in report.left), report.left
    assert any("line 7 is no JSON, and its end is missing" in line for line in report.left)
    kept = old.imported / imported(old)[0]["data"]["originals"] / "files/memory/events.jsonl"
    assert kept.read_bytes() == content


def test_times_may_go_back_and_ours_do_not(old: DataDir) -> None:
    migrate(old)
    first, *events = imported(old)
    assert first["data"]["histories"][0]["times_back"] == 1
    times = [each["timestamp"] for each in events]
    assert times == sorted(times)
    assert [each["metadata"]["occurred_at"] for each in events] == [each["timestamp"] for each in EVENTS]


def test_what_readers_would_not_agree_on_is_kept_as_text(old: DataDir) -> None:
    lines = [
        '{"timestamp": NaN, "event_type": "a", "data": {"n": 123456789012345678901234567890}}',
        '{"timestamp": "2025-10-24T09:49:47+00:00", "event_type": "b", "event_type": "c"}',
        '{"timestamp": 1761299387315, "event_type": "d", "x": "\\ud800"}',
        '{"event_type": "e", "data": ' + '{"a":' * 200 + "1" + "}" * 200 + "}",
        '{"no": "type"}',
    ]
    (old.memory / "events.jsonl").write_text("\n".join(lines) + "\n")
    migrate(old)
    _, *events = imported(old)
    assert [each["data"].get("text") for each in events] == [*lines[:4], None]
    assert [each["data"]["original"] for each in events] == [None] * 4 + [{"no": "type"}]
    assert [each["data"]["event_type"] for each in events] == ["a", "c", "d", "e", "unknown"]
    assert events[1]["metadata"]["occurred_at"] == 1761299387.0
    assert events[2]["metadata"]["occurred_at"] == 1761299387.315
    assert verify(old).fault_count == 0


def test_a_line_too_long_for_an_event_is_named_by_its_hash(old: DataDir) -> None:
    line = json.dumps({"timestamp": 1.0, "event_type": "big", "data": {"x": "y" * 1_000_000}})
    (old.memory / "events.jsonl").write_text(line + "\n")
    report = migrate(old)
    assert any("events.jsonl line 1 is too long" in told for told in report.left)
    data = imported(old)[1]["data"]
    assert (data["original"], data.get("text")) == (None, None)
    assert data["sha256"] == sha256(line.encode()).hexdigest()
    assert verify(old).fault_count == 0


def test_latin_1_is_taken_as_text(old: DataDir) -> None:
    line = '{"timestamp": 1.0, "event_type": "a", "data": {"city": "Zürich"}}'
    (old.memory / "events.jsonl").write_bytes(line.encode("latin-1") + b"\n\xff\xfe{")
    migrate(old)
    data = imported(old)[1]["data"]
    assert (data["original"], data["text"], data["event_type"]) == (None, line, "a")
    assert data["sha256"] == sha256(line.encode("latin-1")).hexdigest()
    assert imported(old)[0]["data"]["bad_lines"] == 1


@pytest.mark.parametrize(
    "missing",
    [
        "memory/hash_chain.json",
        "memory/events.jsonl",
        "memory/deltas.jsonl",
        "config.env",
        "memory/snapshots/full_1761299387.json",
    ],
)
def test_files_may_be_missing(old: DataDir, missing: str) -> None:
    (old.root / missing).unlink()
    before = everything(old.root)
    migrate(old)
    assert verify(old).fault_count == 0
    assert imported(old)[0]["data"]["chain"] in ("holds", "absent")
    undo(old)
    assert everything(old.root) == before


def test_a_broken_chain_is_said_and_everything_is_taken_all_the_same(old: DataDir) -> None:
    chain = chain_over(EVENTS[:1], EVENTS[1:])
    chain["blocks"][1]["data_count"] = 99
    old.hash_chain.write_text(json.dumps(chain))
    migrate(old)
    data = imported(old)[0]["data"]
    assert (data["chain"], data["verdict"]) == ("broken", "block 2 does not match its hash")
    assert len(imported(old)) == 4


def test_links_and_pipes_are_named_and_not_followed(old: DataDir) -> None:
    import os

    (old.root / "link").symlink_to("/etc/passwd")
    os.mkfifo(old.root / "pipe")
    (old.root / "loop").symlink_to(old.root)
    report = migrate(old)
    told = "\n".join(report.left)
    assert all(f"{name} is " in told for name in ("link", "pipe", "loop"))
    assert "passwd" not in (old.imported / imported(old)[0]["data"]["originals"] / "manifest.json").read_text()


def test_a_history_that_lies_elsewhere_is_named_before_anything_changes(old: DataDir, tmp_path: Path) -> None:
    old.memory.rename(tmp_path / "elsewhere")
    old.memory.symlink_to(tmp_path / "elsewhere")
    before = everything(tmp_path / "elsewhere")
    with pytest.raises(MigrationRefused, match="memory is elsewhere"):
        migrate(old)
    assert everything(tmp_path / "elsewhere") == before
    assert not old.migration.exists()


def test_a_copy_that_was_damaged_undoes_nothing(old: DataDir) -> None:
    migrate(old)
    before = everything(old.root)
    copy = old.migration / "backup/memory/events.jsonl"
    content = copy.read_bytes()
    copy.write_bytes(content.replace(b"BTC", b"ETH"))
    with pytest.raises(MigrationRefused, match=r"events\.jsonl is missing or damaged"):
        undo(old)
    copy.write_bytes(content)
    assert {name: each[2] for name, each in everything(old.root).items()} == {n: e[2] for n, e in before.items()}
    undo(old)
    assert (old.memory / "events.jsonl").read_bytes() == content


def test_a_version_of_another_program_is_kept_and_replaced(old: DataDir) -> None:
    theirs = b'{"version": "R11.2"}'
    old.version.write_bytes(theirs)
    migrate(old)
    assert find_version(old).is_recorded
    assert [path.read_bytes() for path in old.imported.glob("*/files/version.json")] == [theirs]
    undo(old)
    assert old.version.read_bytes() == theirs


def test_names_that_are_no_unicode_are_kept(old: DataDir) -> None:
    import os

    with open(os.fsencode(old.root) + b"/\xff\xfe.json", "wb") as file:
        file.write(b"{}")
    before = everything(old.root)
    migrate(old)
    assert verify(old).fault_count == 0
    undo(old)
    assert everything(old.root) == before


def test_something_in_a_files_place_is_named_before_anything_changes(old: DataDir) -> None:
    (old.root / "ssot").write_text("a file")
    before = everything(old.root)
    with pytest.raises(MigrationRefused, match="ssot is no folder"):
        migrate(old)
    assert everything(old.root) == before


def test_a_folder_without_an_installation_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "photo.jpg").write_bytes(b"x")
    with pytest.raises(MigrationRefused, match="holds no files of another installation"):
        migrate(DataDir(tmp_path / "data"), tmp_path / "empty")
    with pytest.raises(MigrationRefused, match="is not a folder"):
        migrate(DataDir(tmp_path / "data"), tmp_path / "none")
    with pytest.raises(MigrationRefused, match="is a data directory of cq-tui itself"):
        migrate(DataDir(tmp_path / "data"), made(tmp_path / "ours", 2).root)


def test_a_newer_directory_is_refused(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    data.root.mkdir()
    data.version.write_text('{"data_version": "2.0"}')
    for source in (None, r11(tmp_path / "old")):
        with pytest.raises(MigrationRefused, match=r"data version 2\.0"):
            migrate(data, source)


def test_a_directory_whose_migration_was_interrupted_is_not_used(old: DataDir) -> None:
    migrate(old)
    staging = Staging(old)
    (staging.folder / "done.json").rename(staging.folder / "plan.json")
    with pytest.raises(DataVersionError, match="was interrupted"):
        prepare_data_directory(old)
    migrate(old)
    prepare_data_directory(old)


# -- settings


def test_settings_are_taken_where_that_is_safe(old: DataDir) -> None:
    migrate(old)
    values = json.loads(old.settings.read_text())
    assert values["LOG_LEVEL"] == "WARNING"
    assert values["SYMBOLS"] == ["ETHUSDT"]
    assert values["SIMULATION_MODE"] is True
    assert "BINANCE_API_KEY" not in values
    assert old.settings.stat().st_mode & 0o777 == 0o600


def test_live_settings_are_not_taken_over_silently(old: DataDir) -> None:
    (old.root / "config.env").write_text(
        ENV.replace("testnet", "live").replace("SIMULATION_MODE=true", "SIMULATION_MODE=false")
        + "LIVE_TRADING_ENABLED=true\nDISABLE_ORDER_GUARDRAILS=true\nBINANCE_API_KEY=k\n"
    )
    report = migrate(old)
    values = json.loads(old.settings.read_text())
    assert values.keys().isdisjoint(("TRADING_MODE", "LIVE_TRADING_ENABLED", "DISABLE_ORDER_GUARDRAILS"))
    told = {each["name"]: each["command"] for each in report.details["settings"]["not_taken"]}
    assert told["TRADING_MODE"] == "cq-tui mode live"
    assert told["DISABLE_ORDER_GUARDRAILS"] == "cq-tui config set DISABLE_ORDER_GUARDRAILS=true"


def test_live_settings_in_the_contracts_own_file_do_not_count_either(old: DataDir) -> None:
    old.settings.parent.mkdir()
    before = {"TRADING_MODE": "live", "LIVE_TRADING_ENABLED": True, "SIMULATION_MODE": False, "LOG_LEVEL": "ERROR"}
    old.settings.write_text(json.dumps(before))
    migrate(old)
    values = json.loads(old.settings.read_text())
    assert values["LOG_LEVEL"] == "ERROR"
    assert values.keys().isdisjoint(("TRADING_MODE", "LIVE_TRADING_ENABLED", "BINANCE_USE_TESTNET"))
    undo(old)
    assert json.loads(old.settings.read_text()) == before


def test_live_settings_alone_leave_nothing_behind(old: DataDir) -> None:
    (old.root / "config.env").unlink()
    old.settings.parent.mkdir()
    old.settings.write_text('{"TRADING_MODE": "live", "LIVE_TRADING_ENABLED": true, "SIMULATION_MODE": false}')
    migrate(old)
    assert json.loads(old.settings.read_text()) == {}


def test_a_directory_in_use_keeps_its_mode_and_its_account(tmp_path: Path) -> None:
    data, source = made(tmp_path / "data", 3), r11(tmp_path / "old")
    (source / "config.env").write_text(
        f"SIMULATION_MODE=false\nBINANCE_API_KEY={'k' * 64}\nLOG_LEVEL=ERROR\nDRY_RUN=0\n"
    )
    report = migrate(data, source)
    assert json.loads(data.settings.read_text()) == {"LOG_LEVEL": "ERROR"}
    told = {each["name"]: each["command"] for each in report.details["settings"]["not_taken"]}
    assert told == {"SIMULATION_MODE": "cq-tui mode", "BINANCE_API_KEY": "cq-tui config set BINANCE_API_KEY=-"}


def test_settings_that_are_there_stay(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    data.settings.write_text('{"LOG_LEVEL": "DEBUG", "MINE": 1}')
    report = migrate(data, r11(tmp_path / "old"))
    values = json.loads(data.settings.read_text())
    assert (values["LOG_LEVEL"], values["MINE"], values["SYMBOLS"]) == ("DEBUG", 1, ["ETHUSDT"])
    assert {each["name"] for each in report.details["settings"]["not_taken"]} >= {"LOG_LEVEL"}
