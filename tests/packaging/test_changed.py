"""What ``make check`` runs: the tests of what changed, in that order, and none that would start too late."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.changed import CORE, ELSEWHERE, changed_files, find_tests
from tests.packaging.conftest import ROOT


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ([], []),
        (["README.md", "benchmarks/clock.py", "cq_tui/room/app.py/gone"], ["tests/room"]),
        (["cq_tui/store/lock.py"], ["tests/store/test_lock.py", "tests/store"]),
        (["cq_tui/store/history/scrub.py", "cq_tui/store/lock.py"], ["tests/store/test_lock.py", "tests/store"]),
        (["cq_tui/store/proofs/proofs.py"], ["tests/store/proofs"]),
        (["tests/store/test_lock.py", "tests/store/test_gone.py"], ["tests/store/test_lock.py"]),
        (["tests/room/__snapshots__/wide.svg", "tests/room/stage.py"], ["tests/room"]),
        (["cq_tui/trading/sizing.py"], []),
        (["pyproject.toml", "requirements/run.txt", "cq_tui/__main__.py", "tests/conftest.py"], ["tests/packaging"]),
    ],
)
def test_tests_mirror_the_package(changed: list[str], expected: list[str], tmp_path: Path) -> None:
    for folder in ("tests/store/proofs", "tests/room", "tests/packaging"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "tests/store/test_lock.py").touch()
    assert find_tests(changed, tmp_path) == expected


def test_what_it_names_is_there() -> None:
    assert all((ROOT / path).is_dir() for path in [*CORE, *ELSEWHERE.values()])
    assert all((ROOT / path).exists() for path in ELSEWHERE)


def test_changes_are_counted_from_the_merge_base(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        author = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost"]
        subprocess.run(["git", *author, *words], cwd=tmp_path, check=True, capture_output=True)

    def commit(name: str) -> None:
        (tmp_path / name).write_text("one")
        git("add", name)
        git("commit", "-m", name)

    assert changed_files(tmp_path) == []
    git("init", "--initial-branch", "main")
    commit("old")
    assert changed_files(tmp_path) == []
    git("switch", "--create", "work")
    commit("committed")
    git("switch", "main")
    commit("of others")
    git("switch", "work")
    (tmp_path / "old").write_text("two")
    (tmp_path / "new one").touch()
    assert changed_files(tmp_path) == ["committed", "old", "new one"]


def test_no_test_starts_after_the_budget() -> None:
    command = [sys.executable, "-m", "pytest", "-n", "1", "--budget=0", "tests/trading/test_sizing.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stdout
    assert " tests did not start within --budget" in done.stdout
    assert " passed" not in done.stdout
