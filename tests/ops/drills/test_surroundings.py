"""Nothing of the user reaches a drill, and a killed drill leaves nothing behind."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from cq_tui.ops.drills.surroundings import private_environment, private_folder
from tests.small_disk import small_disk

#: A drill that starts two processes and hangs.
_HANGS = """
import subprocess, sys, time
from cq_tui.ops.drills.surroundings import private_folder
with private_folder() as folder:
    (folder / "data").mkdir()
    for number in range(2):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", str(folder / "data")],
                         start_new_session=True)
    print(folder, flush=True)
    time.sleep(600)
"""


def test_no_setting_of_the_user_is_kept(tmp_path: Path) -> None:
    users = {
        "PATH": "/bin", "HOME": "/home/a", "LANG": "en_US.UTF-8", "PYTHONPATH": "/src",
        "BINANCE_API_KEY": "k", "BINANCE_ANYTHING": "x", "TRADER_ORDER_QUOTE": "7", "CQ_DATA_DIR": "/data",
        "CQ_CONFIG_DIR": "/users", "SYMBOLS": "BTCUSDT", "TRADING_STATE": "halted", "SIMULATION_MODE": "true",
        "HTTPS_PROXY": "http://proxy", "no_proxy": "*",
    }  # fmt: skip
    assert private_environment(tmp_path, users) == {
        "PATH": "/bin", "HOME": "/home/a", "LANG": "en_US.UTF-8", "PYTHONPATH": "/src", "CQ_CONFIG_DIR": str(tmp_path),
    }  # fmt: skip


def test_where_there_is_no_room_no_drill_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with small_disk(tmp_path, 4):
        with pytest.raises(OSError, match="a drill needs 32, here or in another TMPDIR"), private_folder():
            pass
        assert not list(tmp_path.iterdir())


def test_a_killed_drill_leaves_no_process_and_no_folder() -> None:
    with subprocess.Popen([sys.executable, "-c", _HANGS], stdout=subprocess.PIPE, text=True) as drill:
        try:
            assert drill.stdout is not None
            folder = Path(drill.stdout.readline().strip())
            # With the warden; each first bears its parent's name.
            _wait(lambda: len(_named(folder)) == 3, "not all began")
        finally:
            drill.kill()
    _wait(lambda: not folder.exists() and not _named(folder), "something is left")


def _wait(condition: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, otherwise
        time.sleep(0.05)


def _named(folder: Path) -> list[psutil.Process]:
    """Processes whose command line names the folder."""
    return [
        process for process in psutil.process_iter(["cmdline", "status"])
        if any(word.startswith(str(folder)) for word in process.info["cmdline"] or [])
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]  # fmt: skip
