"""``cq-tui migrate``: its words, its JSON and its exit codes; and a stack that runs on what it made."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.data_directory import prepare_data_directory
from tests.cli.conftest import CommandResult
from tests.ops.migrate.installations import everything, r11

Cq = Callable[..., CommandResult]


@pytest.fixture
def old(data: DataDir) -> DataDir:
    r11(data.root)
    return data


def test_a_dry_run_says_what_would_change_and_changes_nothing(cq: Cq, old: DataDir) -> None:
    before = everything(old.root)
    told = cq("migrate", "--dry-run", code=0).out
    assert "data version R11" in told
    assert "would change:" in told
    assert "memory/events.jsonl: events (3) get new lines" in told
    assert "setting BINANCE_API_KEY not taken over" in told
    assert "no settings here: RISK_PROFILE" in told
    assert told.endswith("nothing was changed\n")
    assert everything(old.root) == before


def test_a_migration_names_originals_and_the_way_back(cq: Cq, old: DataDir) -> None:
    told = cq("migrate", code=0).out
    assert f"originals (9): {old.imported}" in told
    assert f"copy of what was there: {old.migration / 'backup'}" in told
    assert f"`cq-tui migrate --undo --data-dir {old.root}`" in told
    assert "nothing to do, data version 1.3" in cq("migrate", code=0).out
    assert "order_executed of trader, another installation" in cq("events", code=0).out
    cq("verify", code=1)


def test_json_tells_programs_the_same(cq: Cq, old: DataDir, tmp_path: Path) -> None:
    dry = json.loads(cq("migrate", "--dry-run", "--json", code=0).out)
    done = json.loads(cq("migrate", "--json", code=0).out)
    assert (dry["dry_run"], done["dry_run"]) == (True, False)
    assert dry["changed"] == done["changed"]
    assert done["histories"][0]["chain"] == "holds"
    assert (done["version_before"], done["version_after"]) == ("R11", "1.3")
    assert {each["name"] for each in done["originals"]["files"]} >= {"memory/events.jsonl", "notes.xyz"}
    assert json.loads(cq("migrate", "--undo", "--json", code=0).out) == {"undone": True, "lost": []}


def test_undoing_says_what_is_back_or_why_not(cq: Cq, old: DataDir) -> None:
    before = everything(old.root)
    cq("migrate", code=0)
    assert "undone" in cq("migrate", "--undo", code=0).out
    assert everything(old.root) == before
    assert "there is no migration to undo" in cq("migrate", "--undo", code=4).err
    cq("migrate", code=0)
    prepare_data_directory(old)
    old.health_of("memory").write_text("{}")
    assert "a service has run here since the migration: health/memory.json" in cq("migrate", "--undo", code=4).err


def test_a_setting_changed_since_needs_a_yes(cq: Cq, old: DataDir) -> None:
    cq("migrate", code=0)
    cq("config", "set", "LOG_LEVEL=DEBUG", code=0)
    assert "lost by undoing it" in cq("migrate", "--undo", code=4).err
    assert "ssot/env.json had changed since" in cq("migrate", "--undo", "--yes", code=0).out


def test_from_another_folder(cq: Cq, data: DataDir, tmp_path: Path) -> None:
    source = r11(tmp_path / "coin quant")
    assert f"files from {source}" in cq("migrate", "--from", str(source), code=0).out
    assert data.events.exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["migrate"], 4, "does not exist"),
        (["migrate", "--undo", "--dry-run"], 2, "it stands alone"),
        (["migrate", "--from", "/nonexistent"], 4, "is not a folder"),
    ],
)
def test_what_cannot_be_done_is_refused(cq: Cq, data: DataDir, words: list[str], code: int, said: str) -> None:
    assert said in cq(*words, code=code).err
    assert not data.root.exists()


@pytest.mark.parametrize("content", [b"", b"\x00" * 3000, b"\xff\xfe{\x00}\x00\n\x00", b"[" * 100_000, b"{}" * 1000])
@pytest.mark.parametrize("name", ["memory/events.jsonl", "memory/hash_chain.json", "config.env", "ssot/env.json"])
def test_whatever_a_file_holds_there_is_a_report(cq: Cq, old: DataDir, name: str, content: bytes) -> None:
    (old.root / name).parent.mkdir(exist_ok=True)
    (old.root / name).write_bytes(content)
    before = everything(old.root)
    cq("migrate", code=0)
    cq("migrate", "--undo", code=0)
    assert everything(old.root) == before
