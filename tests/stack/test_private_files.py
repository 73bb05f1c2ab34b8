"""Nothing that the stack writes can be read by others, without a umask and whatever an older version left."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from tests.stack.running import Stack, until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

#: Files of an older version that are opened again, readable by everyone.
OLD_FILES = ["logs/supervisor.log", "logs/feeder.log", "logs/feeder.out", "logs/feeder.crash", "run/feeder.lock"]


@pytest.fixture
def umask() -> Iterator[None]:
    """Without a umask: what another one would close is open here, too."""
    before = os.umask(0o000)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.usefixtures("umask")
def test_no_file_is_open_to_others(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "data", CQ_CONFIG_DIR=str(tmp_path / "config"))
    leave_old_files(stack.data)
    try:
        stack.up()
        until(stack.data.checkpoints.exists, 60, "a checkpoint")
        for words in (["config", "set", "LOG_LEVEL=DEBUG"], ["bundle"], ["status"], ["flatten"]):
            assert stack.run(*words).returncode in (0, 1), words
        stack.kill("feeder")
        until(lambda: stack.states()["feeder"]["restarts"] == 1 and stack.all_ready(), 60, "feeder restarted")
        stack.run("down")
    finally:
        stack.end()
    assert open_to_others(tmp_path / "data") == {}
    assert open_to_others(tmp_path / "config") == {}


def leave_old_files(data: DataDir) -> None:
    for name in OLD_FILES:
        path = data.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o666)


def open_to_others(folder: Path) -> dict[str, str]:
    """The files and folders that others can use, with their modes."""
    paths = [folder, *folder.rglob("*")]
    modes = {str(path.relative_to(folder)): path.lstat().st_mode & 0o777 for path in paths}
    return {name: f"{mode:o}" for name, mode in modes.items() if mode & 0o077}
