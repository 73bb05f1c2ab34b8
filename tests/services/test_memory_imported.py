"""Memory on an imported history: it verifies, signs and continues it; undoing the import is refused from then on."""

from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.migrate.exclusive import MigrationRefused
from cq_tui.ops.migrate.run import migrate
from cq_tui.ops.migrate.undoing import undo
from cq_tui.ops.verify import verify_history
from cq_tui.store.data_directory import DataVersionError, prepare_data_directory
from tests.ops.migrate.installations import everything, imported, r11
from tests.services.memory_process import faults, ready
from tests.services.processes import data_directory, running
from tests.services.waiting import until


async def test_memory_signs_an_imported_history_and_the_import_is_for_good(tmp_path: Path) -> None:
    data = DataDir(r11(tmp_path / "old"))
    with pytest.raises(DataVersionError):
        prepare_data_directory(data)
    migrate(data)
    lines = data.events.read_bytes()
    async with running("memory", data) as memory:
        await ready(memory)
        assert faults(memory) == ""
        await until(lambda: memory.health["anchored_count"] >= 4)
        assert memory.health["integrity_ok"] is True
    assert data.events.read_bytes().startswith(lines)
    report = verify_history(data)
    assert (report.faults, report.missing) == ([], 0)
    assert report.anchor is not None
    assert report.anchor.checkpoint.size >= len(imported(data)) - 1
    before = {name: each for name, each in everything(data.root).items() if not name.startswith("run")}
    with pytest.raises(MigrationRefused, match="a service has run here since the migration"):
        undo(data, even_if_changed=True)
    assert {name: each for name, each in everything(data.root).items() if not name.startswith("run")} == before


async def test_a_signed_history_stays_whole_when_another_one_is_added(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: memory.health["anchored_count"] >= 1)
        await memory.stop()
    signed, lines = verify_history(data).anchor, data.events.read_bytes()
    assert signed is not None
    migrate(data, r11(tmp_path / "old"))
    assert data.events.read_bytes().startswith(lines)
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: memory.health["anchored_count"] >= signed.checkpoint.size + 4)
        assert faults(memory) == ""
        await memory.stop()
    report = verify_history(data)
    assert (report.faults, report.missing) == ([], 0)
