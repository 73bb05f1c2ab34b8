"""The built wheel is all that a user needs beside its dependencies: ``pipx install``, ``uvx``, ``pip install``."""

import platform
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from cq_tui import __version__
from tests.packaging.conftest import ROOT, Installed

VERSION = f"cq-tui {__version__} (Python {platform.python_version()})\n"


def test_it_holds_every_file_of_the_package_and_no_other(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
        metadata = {name.partition(".dist-info/")[2] for name in wheel.namelist()} - {""}
    files = (path for path in (ROOT / "cq_tui").rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert held == {str(path.relative_to(ROOT)) for path in files}
    assert {"cq_tui/py.typed", "cq_tui/room/room.tcss"} <= held
    assert metadata == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def test_the_package_comes_from_the_wheel(installed: Installed, tmp_path: Path) -> None:
    where = "import cq_tui, importlib.metadata; print(cq_tui.__file__, importlib.metadata.version('cq-tui'))"
    file, version = installed.run(installed.python, "-c", where, cwd=tmp_path).split()
    assert Path(file).is_relative_to(installed.python.parents[1])
    assert version == __version__


def test_schemas_are_imported_from_the_wheel(installed: Installed, tmp_path: Path) -> None:
    script = (
        "import sys\nfrom cq_tui.schemas import feeder_health_schema, load_index, load_schema\n"
        "print(len([load_schema(each['kind'])['title'] for each in load_index()['schemas']]))\n"
        "print(feeder_health_schema['$id'], 'pydantic' in sys.modules)"
    )
    count, about = installed.run(installed.python, "-c", script, cwd=tmp_path).splitlines()
    assert int(count) == len(list((ROOT / "schemas").glob("*.schema.json"))) > 60
    assert about == "urn:cq-tui:schema:health_feeder False"


def test_commands_run_in_an_empty_folder(installed: Installed, tmp_path: Path) -> None:
    assert installed.run(installed.command, "--version", cwd=tmp_path) == VERSION
    assert installed.run(installed.python, "-m", "cq_tui", "--version", cwd=tmp_path) == VERSION
    assert "Usage: cq-tui" in installed.run(installed.command, "--help", cwd=tmp_path)
    assert "SIMULATION_MODE             true" in installed.run(installed.command, "config", "show", cwd=tmp_path)
    assert "SIMULATION" in installed.run(installed.command, "status", cwd=tmp_path, code=2)
    assert not list(tmp_path.iterdir())


@pytest.mark.stack
def test_the_stack_starts_in_simulation_and_stops(installed: Installed, tmp_path: Path) -> None:
    with (tmp_path / "up.txt").open("w") as output:
        up = subprocess.Popen(
            [installed.command, "up"], stdout=output, stderr=output, cwd=tmp_path, env=installed.environment
        )
    try:
        deadline = time.monotonic() + 80
        while "all services are ready" not in (printed := (tmp_path / "up.txt").read_text()):
            assert up.poll() is None, printed
            assert time.monotonic() < deadline, printed
            time.sleep(0.05)
        assert (tmp_path / "shared_data" / "health" / "trader.json").is_file()
        status = (installed.command, "status")
        while subprocess.run(status, capture_output=True, cwd=tmp_path, env=installed.environment).returncode != 0:
            assert time.monotonic() < deadline
        assert "SIMULATION  ok" in installed.run(*status, cwd=tmp_path)
    finally:
        installed.run(installed.command, "down", cwd=tmp_path)
        assert up.wait(30) == 0


def test_users_get_types(installed: Installed, tmp_path: Path) -> None:
    script = tmp_path / "user.py"
    script.write_text(
        "from cq_tui.contracts.layout import DataDir\n"
        "reveal_type(DataDir.resolve(None).events)\n"
        "number: int = DataDir.resolve(None).root\n"
    )
    mypy = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path)]
    command = [*mypy, "--python-executable", str(installed.python), str(script)]
    checked = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=110)
    assert 'Revealed type is "pathlib.Path"' in checked.stdout, checked.stdout + checked.stderr
    assert 'expression has type "Path", variable has type "int"' in checked.stdout
    assert "Found 1 error in 1 file" in checked.stdout
