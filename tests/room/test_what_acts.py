"""One module of the room acts on anything outside it, so that a room that only views can refuse in one place."""

import ast
from pathlib import Path

import cq_tui.room

ROOM = Path(cq_tui.room.__file__).parent
#: What writes in the data directory, gives commands or starts processes.
ACTS = frozenset({
    "issue_command", "set_settings", "change_settings", "SettingsRecord", "write_desired_state", "write_document",
    "export_bundle", "stop_stack", "spawn", "spawn_service", "spawn_supervisor", "start_detached", "ProcessLock",
    "EventSpool", "EventQueue", "JournalWriter", "HistoryWriter", "prepare_data_directory", "Recorder", "Supervisor",
    "subprocess",
})  # fmt: skip
#: Before the room opens, and only without --view: folders are made and closed to others.
ALLOWED = {"controls.py": ACTS, "launch.py": {"prepare_data_directory"}}


def imported_names(path: Path) -> set[str]:
    """Every name that a module imports, wherever it does."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    return {alias.name.rpartition(".")[2] for node in nodes for alias in node.names}


def test_only_one_module_imports_what_acts() -> None:
    found = {str(path.relative_to(ROOM)): imported_names(path) & ACTS for path in ROOM.rglob("*.py")}
    assert {name: names for name, names in found.items() if names - ALLOWED.get(name, set())} == {}
    assert {"issue_command", "set_settings", "stop_stack", "spawn_supervisor", "export_bundle"} <= found["controls.py"]
