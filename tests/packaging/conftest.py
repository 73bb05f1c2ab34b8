"""The wheel as users get it: built from this tree, installed outside it, run with an environment of its own."""

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Installed:
    """A virtual environment with the wheel, and a home folder without settings."""

    wheel: Path
    python: Path
    home: Path

    @property
    def command(self) -> Path:
        return self.python.with_name("cq-tui")

    def run(self, *command: str | Path, cwd: Path, code: int = 0, timeout: float = 90.0) -> str:
        """Run a command with almost no environment, and return what it printed."""
        done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=self.environment, timeout=timeout)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": os.defpath, "SYMBOLS": "BTCUSDT,ETHUSDT"}


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "flit_core.wheel", "--outdir", folder, ROOT], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "venv"
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "install", "--no-index", "--no-deps", wheel], check=True)
    # The dependencies are those of the running environment: no registry is needed. A .pth file names them behind the
    # wheel's own files, and .pth files in there, such as that of an editable installation, are not read.
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text("\n".join(path for path in sys.path if "site-packages" in path))
    (folder / "home").mkdir()
    return Installed(wheel, python, folder / "home")
