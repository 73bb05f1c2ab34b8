"""The systemd unit on the page on operating: systemd takes it, and so does our command line."""

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from cq_tui.cli import app

PAGE = Path(__file__).parents[2] / "docs" / "operating.md"


def unit() -> str:
    (found,) = re.findall(r"```ini\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(found)


def test_it_runs_a_command_of_ours_and_keeps_the_services_when_it_dies() -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their case
    parser.read_string(unit())
    service = parser["Service"]
    program, command, *options = shlex.split(service["ExecStart"])
    assert program.endswith("/cq-tui")
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    commands[command].make_context(command, options)
    assert service["KillMode"] == "process"
    assert service["Restart"] == "always"
    # Asked to end: by `cq-tui down`, for example.
    assert service["RestartPreventExitStatus"] == "0"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_it(tmp_path: Path) -> None:
    path = tmp_path / "cq-tui.service"
    path.write_text(unit().replace("%h/.local/bin/cq-tui", sys.executable))
    command = ["systemd-analyze", "--user", "--man=no", "verify", str(path)]
    environment = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
