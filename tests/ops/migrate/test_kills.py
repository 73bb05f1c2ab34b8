"""SIGKILL at every step that touches files: nothing is lost, nothing half migrated is used, and going on works."""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.migrate.exclusive import MigrationRefused
from cq_tui.ops.migrate.plan import DONE, PLAN, UNDOING, Staging
from cq_tui.ops.migrate.run import migrate
from cq_tui.ops.migrate.undoing import undo
from cq_tui.store.data_directory import DataVersionError, require_usable_version
from cq_tui.store.data_version import find_version
from cq_tui.store.history.verification import verify
from tests.ops.migrate.earlier_versions import earlier
from tests.ops.migrate.installations import everything, imported, r11

#: What the interpreter reports before it changes or opens a file.
_STEPS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate", "os.chmod", "os.utime")
#: Kills of each kind; with CQ_HEAVY_TESTS at every step.
KILLS = 1_000_000 if os.environ.get("CQ_HEAVY_TESTS") else 4


def killed_at(step: int, act: Callable[[], object]) -> bool:
    """Do something in a process of its own, which kills itself before the given step; return whether it did."""
    process = os.fork()
    if process == 0:
        _die_at(step, act)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    return os.WIFSIGNALED(status)


def _die_at(step: int, act: Callable[[], object]) -> None:
    left = step

    def count(event: str, _: object) -> None:
        nonlocal left
        if event in _STEPS:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    try:
        act()
    except BaseException:  # noqa: BLE001 - the parent sees the code
        os._exit(1)
    os._exit(0)


def steps_of(act: Callable[[], object]) -> int:
    """How many steps something takes, counted in a process of its own."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        steps = 0

        def count(event: str, _: object) -> None:
            nonlocal steps
            steps += event in _STEPS

        sys.addaudithook(count)
        act()
        os.write(writing, str(steps).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        steps = int(told.read())
    os.wait()
    return steps


def spread(steps: int) -> list[int]:
    """Return the steps to kill at: all, or some that lie evenly, and as many in the last fifth, where files move."""
    late, count = steps * 4 // 5, min(KILLS, steps)
    parts = [(0, steps), (late, steps - late)]
    return sorted({start + 1 + number * length // count for start, length in parts for number in range(count)})


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """An installation. One like it is migrated first: no step is the import of a module then."""
    warm = DataDir(r11(tmp_path / "warm"))
    migrate(warm)
    undo(warm)
    return r11(tmp_path / "model")


def copy_of(model: Path, number: int) -> DataDir:
    target = model.parent / f"copy-{number}"
    shutil.copytree(model, target)
    return DataDir(target)


def own_files(data: DataDir) -> dict[str, tuple[int, int, bytes | None]]:
    """What is there beside locks and the migration's own folder."""
    return {
        name: each for name, each in everything(data.root).items() if name.split("/")[0] not in ("migration", "run")
    }


def assert_whole_or_refused(data: DataDir, before: dict[str, tuple[int, int, bytes | None]]) -> None:
    """Either nothing has changed, or everything has, or no service would use what is there."""
    state = Staging(data).state()
    if state is None:
        assert own_files(data) == before
    elif state == DONE:
        assert verify(data).fault_count == 0
        assert find_version(data).version == "1.3"
        return
    with pytest.raises(DataVersionError, match="interrupted" if state in (PLAN, UNDOING) else "R11"):
        require_usable_version(data)


def test_a_migration_that_is_killed_at_any_step_can_be_run_again_and_undone(model: Path) -> None:
    sample = copy_of(model, 0)
    states = set()
    for step in spread(steps_of(lambda: migrate(sample))):
        data = copy_of(model, step)
        assert killed_at(step, lambda data=data: migrate(data))  # type: ignore[misc]
        states.add(Staging(data).state())
        assert_whole_or_refused(data, own_files(DataDir(model)))
        migrate(data)
        assert (verify(data).events, verify(data).fault_count, len(imported(data))) == (4, 0, 4)
        assert not (data.migration / "staged").exists()
        undo(data)
        # The locks of the killed process stay.
        assert own_files(data) == own_files(DataDir(model))
    assert {None, PLAN} <= states


def test_a_history_that_stays_is_never_touched_however_its_migration_is_killed(tmp_path: Path) -> None:
    model = earlier(tmp_path / "model", "1.0").root
    sample = copy_of(model, 0)
    history = {name: each for name, each in own_files(sample).items() if name.startswith("memory/")}
    for step in spread(steps_of(lambda: migrate(sample))):
        data = copy_of(model, step)
        assert killed_at(step, lambda data=data: migrate(data))  # type: ignore[misc]
        for _ in range(2):
            assert history.items() <= own_files(data).items()
            migrate(data)
        assert find_version(data).version == "1.3"
        undo(data)
        assert own_files(data) == own_files(DataDir(model))


def test_a_migration_that_is_killed_can_be_taken_back_at_once(model: Path) -> None:
    sample = copy_of(model, 0)
    steps = steps_of(lambda: migrate(sample))
    for step in spread(steps):
        data = copy_of(model, step)
        assert killed_at(step, lambda data=data: migrate(data))  # type: ignore[misc]
        with suppress(MigrationRefused):
            undo(data)
        assert own_files(data) == own_files(DataDir(model))
        assert Staging(data).state() is None


def test_undoing_that_is_killed_at_any_step_can_be_run_again(model: Path) -> None:
    sample = copy_of(model, 0)
    migrate(sample)
    for step in spread(steps_of(lambda: undo(sample))):
        data = copy_of(model, step)
        before = everything(data.root)
        migrate(data)
        assert killed_at(step, lambda data=data: undo(data))  # type: ignore[misc]
        assert_whole_or_refused(data, own_files(DataDir(model)))
        with suppress(MigrationRefused):
            undo(data)
        assert own_files(data) == {name: each for name, each in before.items() if not name.startswith("run")}


def test_a_second_migration_that_is_killed_leaves_the_first_one_to_undo(model: Path) -> None:
    other = r11(model.parent / "other", events=[{"timestamp": 5.0, "event_type": "x", "source": "y", "data": {}}])
    sample = copy_of(model, 0)
    migrate(sample)
    for step in spread(steps_of(lambda: migrate(sample, other))):
        data = copy_of(model, step)
        before = everything(data.root)
        migrate(data)
        once = own_files(data)
        assert killed_at(step, lambda data=data: migrate(data, other))  # type: ignore[misc]
        if Staging(data).state() == PLAN or own_files(data) != once:
            # In its last steps it is done already.
            undo(data)
        assert own_files(data) == once
        undo(data)
        assert everything(data.root) == before
