"""What commands import: those that users wait for load no library that they do not use."""

import subprocess
import sys
from pathlib import Path

import pytest

#: Runs the command line, then names the modules that it imported, beside what the interpreter itself had imported.
PROBE = """
import sys
before = set(sys.modules)
from cq_tui.__main__ import main
try:
    main()
except SystemExit:
    print("\\nimported", *set(sys.modules) - before)
"""
NEVER = {"textual", "cq_tui.simulator", "cq_tui.services", "numpy", "talib", "httpx", "websockets", "starlette"}
LIGHT = NEVER | {"asyncio", "pydantic", "rich", "cryptography", "psutil", "structlog", "cq_tui.store", "cq_tui.ops"}


def imported(*words: str) -> set[str]:
    command = [sys.executable, "-c", PROBE, *words]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return set(printed.rpartition("\nimported ")[2].split())


@pytest.mark.parametrize(
    ("words", "unwanted", "most"),
    [
        (["--version"], LIGHT, 180),
        (["--help"], LIGHT, 180),
        (["status"], NEVER, 400),
        (["config", "show"], NEVER, 400),
        (["events"], NEVER, 400),
    ],
)
def test_a_command_imports_what_it_uses(words: list[str], unwanted: set[str], most: int, tmp_path: Path) -> None:
    """Modules are counted, not milliseconds, which depend on the machine."""
    found = imported(*words, "--data-dir", str(tmp_path)) if unwanted is NEVER else imported(*words)
    assert "cq_tui.cli" in found
    assert not unwanted & found
    assert len(found) <= most
