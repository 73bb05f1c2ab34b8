"""Versions 1.0 to 1.2 whose chain is in our form: every line stays where it is, and is nobody's event of today."""

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from cq_tui.cli import app
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.backup.make import make_backup
from cq_tui.ops.backup.restore import restore_backup
from cq_tui.ops.migrate.run import migrate
from cq_tui.ops.migrate.undoing import undo
from cq_tui.ops.status import read_status
from cq_tui.ops.verify import verify_history
from cq_tui.room.event_tail import EventTail
from cq_tui.services.trader.trader_state import TraderState, restore_state
from cq_tui.store.data_directory import DataVersionError, prepare_data_directory, require_usable_version
from cq_tui.store.data_version import find_version
from cq_tui.store.recorded_positions import recorded_positions
from cq_tui.store.spools.last_merged import last_merged_seq
from cq_tui.store.spools.own_events import read_own_events
from tests.ops.migrate.earlier_versions import VERSIONS, earlier
from tests.ops.migrate.installations import everything, imported
from tests.ops.validate.folders import rules_of, validated


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))
    return str(request.param)


@pytest.fixture
def data(tmp_path: Path, version: str) -> DataDir:
    return earlier(tmp_path / "data", version)


def told(data: DataDir, *words: str) -> tuple[int, str]:
    """Run a command; a traceback fails the test."""
    result = CliRunner().invoke(app, ["--data-dir", str(data.root), *words], catch_exceptions=False)
    return result.exit_code, result.output


def test_it_is_valid_and_only_its_version_is_told(data: DataDir, version: str) -> None:
    report = validated(data.root)
    assert report.data_version == version
    assert rules_of(report) == {str(data.root): {"version.older"}}
    with pytest.raises(DataVersionError, match="cq-tui migrate"):
        require_usable_version(data)
    assert verify_history(data).fault_count == 0
    for words in (("status",), ("events",), ("verify",)):
        assert told(data, *words)[0] in (0, 1, 2)


def test_a_dry_run_says_that_no_line_is_rewritten_and_changes_nothing(data: DataDir, version: str) -> None:
    before = everything(data.root)
    report = migrate(data, dry_run=True)
    assert report.changed == ["version.json says 1.3"]
    assert "the history: every line and block of it is verified, and stays as it stands" in report.left
    assert any("no line is rewritten" in each for each in report.left) is (version == "1.0")
    assert everything(data.root) == before
    code, said = told(data, "migrate", "--dry-run")
    assert (code, "version.json says 1.3" in said, "new lines" in said) == (0, True, False)


def test_only_the_version_document_is_new_and_undoing_takes_it_away(data: DataDir) -> None:
    before = everything(data.root)
    migrate(data)
    after = everything(data.root)
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert {name for name in changed if not name.startswith(("migration", "run"))} == {"version.json"}
    assert find_version(data).version == "1.3"
    assert migrate(data).does_nothing
    assert rules_of(validated(data.root)) == {}
    undo(data)
    assert everything(data.root) == before


def test_without_the_version_document_it_is_told_anew(data: DataDir) -> None:
    migrate(data)
    prepare_data_directory(data)
    data.version.unlink()
    assert find_version(data).version == "1.3", "services have run here"
    prepare_data_directory(data)
    assert find_version(data).is_recorded


def test_its_events_are_no_books_no_positions_and_no_signals_of_ours(data: DataDir) -> None:
    migrate(data)
    prepare_data_directory(data)
    own = read_own_events(data, "trader")
    assert (list(own), own.missing, own.problems) == ([], [], [])
    assert restore_state(data).to_plain() == TraderState().to_plain()
    assert recorded_positions(data) == []
    assert [last_merged_seq(data.events, name) for name in ("trader", "ares", "memory")] == [0, 0, 0]


def test_readers_show_them_as_they_stand(data: DataDir) -> None:
    migrate(data)
    count = len(imported(data))
    tail = EventTail(data.events, data.root)
    tail.refresh()
    assert (len(tail.events), tail.unreadable_count) == (count, 0)
    assert tail.events[1].text_field("symbol") == "BTCUSDT"
    code, said = told(data, "events", "--type", "order_executed", "--json")
    stored = [each for each in imported(data) if each["event_type"] == "order_executed"]
    assert code == 0
    assert [orjson.loads(each)["event_id"] for each in said.splitlines()] == [each["event_id"] for each in stored]
    assert read_status(data).to_json()["data_version"] == "1.3"
    # Nobody has signed it yet.
    code, said = told(data, "verify")
    assert (code, f"intact: {count} events" in said) == (1, True)
    assert told(data, "bundle")[0] == 0


def test_a_backup_holds_every_byte_and_is_put_in_place(data: DataDir, tmp_path: Path) -> None:
    migrate(data)
    prepare_data_directory(data)
    backup = make_backup(data, tmp_path)
    assert backup.fault is None
    target = DataDir(tmp_path / "elsewhere")
    assert restore_backup(target, backup.path).history.faults == ()
    assert target.events.read_bytes() == data.events.read_bytes()
    assert find_version(target).version == "1.3"
    assert verify_history(target).fault_count == 0


def test_a_damaged_one_is_kept_and_imported_and_its_damage_is_told(data: DataDir) -> None:
    content = data.events.read_bytes()
    data.events.write_bytes(content.replace(b"high_latency", b"low_latency!", 1))
    assert rules_of(validated(data.root))["memory/hash_chain.json"] == {"chain.fault"}
    report = migrate(data)
    first = imported(data)[0]["data"]
    assert first["chain"] == "broken"
    assert first["verdict"].startswith("by the rules of cq-tui it is damaged, faults: 1, the first: event_chain.ndjson")
    assert any("get new lines" in each for each in report.changed)
    assert rules_of(validated(data.root)) == {}
    undo(data)
    assert data.events.read_bytes() == content.replace(b"high_latency", b"low_latency!", 1)
