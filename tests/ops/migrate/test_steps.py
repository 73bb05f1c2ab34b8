"""Each step from one version to the next, by itself."""

import json
from pathlib import Path
from typing import Any

import pytest

from cq_tui.contracts.data_version import MEANINGS
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.migrate.importing import read_histories
from cq_tui.ops.migrate.originals import find_files, hash_file
from cq_tui.ops.migrate.run import migrate
from cq_tui.ops.migrate.steps import (
    STEPS,
    Migration,
    add_metadata,
    adopt_history,
    complete_health,
    import_r11,
    steps_from,
)
from cq_tui.ops.migrate.undoing import undo
from cq_tui.store.data_version import find_version
from cq_tui.store.history.verification import verify
from tests.ops.migrate.installations import everything, imported, r11
from tests.store.history.histories import made

EVENT = {
    "event_id": "evt_1640995200_001",
    "timestamp": 1640995200.0,
    "event_type": "order_executed",
    "source": "trader",
    "data": {"symbol": "BTCUSDT", "side": "BUY", "size": 0.001, "price": 45000.0, "order_id": "1", "status": "FILLED"},
}
FEEDER = {"service": "feeder", "status": "ok", "ws_connected": True, "rest_api_ok": True, "symbols_count": 3}


def contract(folder: Path, *events: dict[str, Any], health: dict[str, Any] | None = None) -> DataDir:
    """A data directory as another program would write it that follows the contract."""
    data = DataDir(folder)
    data.memory.mkdir(parents=True)
    data.events.write_text("".join(json.dumps(each) + "\n" for each in events))
    blocks: list[dict[str, Any]] = [{"index": 0, "data": "Genesis Block", "previous_hash": "0", "hash": "aa"}]
    for index, each in enumerate(events, 1):
        block = {"index": index, "data": {"event_id": each["event_id"]}, "previous_hash": blocks[-1]["hash"]}
        blocks.append(block | {"timestamp": each["timestamp"], "hash": f"{index:04x}"})
    chain = {"chain": blocks, "merkle_root": "ff", "chain_length": len(blocks), "integrity_verified": True}
    data.hash_chain.write_text(json.dumps(chain))
    if health is not None:
        data.health.mkdir()
        data.health_of("feeder").write_text(json.dumps(health))
    return data


def prepared(data: DataDir, *, in_place: bool = True) -> Migration:
    found = find_files(data.root)
    hashes = {file.name: hash_file(file) for file in found.files}
    return Migration(data, None, found, read_histories(found, hashes), in_place)


def test_every_version_leads_to_the_current_one() -> None:
    assert [*STEPS, "1.3"] == list(MEANINGS)
    assert steps_from("1.0") == [add_metadata, complete_health, adopt_history]
    assert steps_from("R11") == [import_r11]
    assert steps_from("1.3") == []


def test_1_0_events_without_metadata_are_valid_as_they_stand(tmp_path: Path) -> None:
    data = contract(tmp_path, EVENT, EVENT | {"metadata": {}})
    before = everything(data.root)
    migration = prepared(data)
    add_metadata(migration)
    assert migration.left == ["1 events without metadata: valid as they stand, no line is rewritten"]
    assert (migration.changed, migration.removes, everything(data.root)) == ([], set(), before)


def test_1_1_health_documents_are_completed_by_their_services(tmp_path: Path) -> None:
    data = contract(tmp_path, EVENT | {"metadata": {}}, health={"service": "feeder", "status": "ok"})
    migration = prepared(data)
    complete_health(migration)
    assert migration.left == ["health/feeder.json lacks ws_connected: each service writes its own anew when it starts"]


def test_1_2_a_history_that_verifies_stays_as_it_stands(tmp_path: Path) -> None:
    migration = prepared(made(tmp_path, 5))
    adopt_history(migration)
    assert not migration.is_imported
    assert migration.left == ["the history: every line and block of it is verified, and stays as it stands"]


def test_1_2_another_history_is_imported(tmp_path: Path) -> None:
    migration = prepared(contract(tmp_path, EVENT | {"metadata": {}}))
    adopt_history(migration)
    assert migration.is_imported
    assert migration.removes >= {"memory/event_chain.ndjson", "memory/hash_chain.json"}
    assert "how their hashes are made is not known" in migration.changed[0]


def test_r11_everything_that_its_programs_wrote_leaves(tmp_path: Path) -> None:
    data = DataDir(r11(tmp_path / "old"))
    migration = prepared(data)
    import_r11(migration)
    kept = {path.relative_to(data.root).as_posix() for path in data.root.rglob("*") if path.is_file()}
    assert kept - migration.removes == {"notes.xyz"}


@pytest.mark.parametrize(
    ("version", "event", "health"),
    [
        ("1.0", EVENT, None),
        ("1.1", EVENT | {"metadata": {"strategy": "s"}}, {"service": "feeder", "status": "ok"}),
        ("1.2", EVENT | {"metadata": {"strategy": "s"}}, FEEDER),
    ],
)
def test_each_version_is_brought_along_and_back(
    tmp_path: Path, version: str, event: dict[str, Any], health: dict[str, Any] | None
) -> None:
    data = contract(tmp_path, event, health=health)
    before = everything(data.root)
    assert find_version(data).version == version
    assert migrate(data).before == version
    first, second = imported(data)
    assert (first["data"]["layout"], first["data"]["old_root"], first["data"]["chain"]) == (version, "0001", "unproved")
    assert second["data"]["original"] == event
    assert (verify(data).events, verify(data).fault_count) == (2, 0)
    undo(data)
    assert everything(data.root) == before


def test_our_own_lines_stay_byte_for_byte_under_another_version_document(tmp_path: Path) -> None:
    data = made(tmp_path, 5)
    data.version.write_text('{"data_version": "1.2"}')
    before = everything(data.root)
    report = migrate(data)
    after = everything(data.root)
    assert {name for name in before if before[name] != after[name]} == {"version.json"}
    assert report.changed == ["version.json says 1.3"]
    undo(data)
    assert everything(data.root) == before
