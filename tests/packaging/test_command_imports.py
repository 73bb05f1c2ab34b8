"""What commands import: those that users wait for load no library that they do not use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.lean_import import modules_left_out
from tests.cli.fake_service import service_that_answers

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


def test_a_flatten_that_the_trader_carries_out_does_not_wait_for_the_code_that_sells_without_it(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    with service_that_answers(data, "trader", lambda _: ("done", "no open position")):
        found = imported("flatten", "--data-dir", str(data.root))
    assert "cq_tui.ops.close_positions" in found
    assert not {"cq_tui.services.trader", "cq_tui.trading", "httpx", "websockets", "structlog"} & found


#: Libraries of each service beyond those of all.
OWN = {
    "exchange": {"websockets", "numpy", "uvicorn", "starlette", "click"},
    "memory": set(),
    "feeder": {"httpx", "websockets"},
    "ares": {"numpy", "talib"},
    "trader": {"httpx", "websockets"},
}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_imports_what_it_uses(name: str, tmp_path: Path) -> None:
    """Five start together, so what one loads in vain is loaded several times."""
    for installed in ("pandas", "polars"):
        (tmp_path / f"{installed}.py").write_text("raise ImportError('a library of the user that cannot be loaded')")
    code = f"import sys; from cq_tui.services.runner import load_service; load_service({name!r}); print(*sys.modules)"
    printed = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
        check=True, timeout=60,
    ).stdout  # fmt: skip
    heavy = {"rich", "pygments", "typer", "textual", "watchfiles"}.union(*OWN.values())
    assert set(printed.split()) & heavy == OWN[name]


def test_a_service_collects_garbage_again_once_it_has_loaded() -> None:
    code = (
        "import gc; gc.disable(); from cq_tui.services.runner import load_service; load_service('memory'); "
        "print(gc.isenabled(), gc.get_freeze_count() > 10_000)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "True True\n"


def test_a_service_starts_without_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = imported("service", "memory", "--data-dir", str(tmp_path / "file"))
    assert "cq_tui.services.foreground" in found
    assert not {"typer", "cq_tui.cli"} & found


def test_modules_are_left_out_only_for_a_while() -> None:
    with modules_left_out("tabnanny", "json"):
        import json  # noqa: F401 - it was imported before

        with pytest.raises(ModuleNotFoundError, match="tabnanny"):
            import tabnanny  # noqa: F401
    assert "tabnanny" not in sys.modules
