"""The Makefile: each Python that is named has an environment of its own."""

import os
import subprocess
import sys

import pytest

from tests.packaging.conftest import ROOT


@pytest.mark.parametrize(
    ("python", "environment"),
    [("python3", ".venv"), (sys.executable, f".venv-{sys.version_info.major}.{sys.version_info.minor}")],
)
def test_each_python_has_an_environment(python: str, environment: str) -> None:
    clean = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    command = ["make", "--dry-run", "lint", f"PYTHON={python}"]
    done = subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, check=True)
    assert f"\n{environment}/bin/ruff check ." in f"\n{done.stdout}"
