"""The tests of what changed: ``python -m tests.changed`` names them for ``make check``.

Changed is whatever differs from the merge base with the main branch, committed or not. Tests mirror the package:
``cq_tui/store/lock.py`` has ``tests/store/test_lock.py``, and belongs to ``tests/store``.
"""

import subprocess
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]
#: Fast ones, for a tree in which nothing that has tests changed.
CORE = ["tests/contracts", "tests/trading", "tests/strategies", "tests/binance", "tests/ops"]
#: Tests in another place than their subject, by the first part of its path.
ELSEWHERE = {
    "schemas": "tests/schemas",
    "shared_data": "tests/contracts",
    "pyproject.toml": "tests/packaging",
    "requirements": "tests/packaging",
    "Makefile": "tests/packaging",
    "docs": "tests/docs",
}
#: Pages generated from the whole package.
REFERENCE = PurePosixPath("tests/docs/test_reference.py")


def changed_files(root: Path) -> list[str]:
    """Return the paths that changed, new ones included; none outside a git repository."""
    for main in ("origin/HEAD", "origin/main", "main", "HEAD"):
        if base := _git(root, "merge-base", "HEAD", main):
            tracked = _git(root, "diff", "--name-only", "--no-renames", "-z", *base)
            return [*tracked, *_git(root, "ls-files", "--others", "--exclude-standard", "-z")]
    return []


def find_tests(changed: Iterable[str], root: Path) -> list[str]:
    """Return the test files of changed files, then their folders: what comes first is run first."""
    files, folders = [], []
    for path in map(PurePosixPath, changed):
        area, names = path.parts[0], path.parts[1:]
        if area == "tests" and path.match("test_*.py"):
            files.append(path)
        elif area == "tests" and len(names) > 1:
            folders.append(PurePosixPath("tests", names[0]))
        elif area == "cq_tui" and len(names) > 1:
            folder = PurePosixPath("tests", *names[:-1])
            files.append(folder / f"test_{path.name}")
            folders.append(next(each for each in (folder, *folder.parents) if (root / each).is_dir()))
        elif area in ELSEWHERE or area in ("cq_tui", "tests"):
            folders.append(PurePosixPath(ELSEWHERE.get(area, "tests/packaging")))
        if area == "cq_tui":
            folders.append(REFERENCE)
    named = dict.fromkeys(map(str, [*files, *folders]))
    return [path for path in named if path != "tests" and (root / path).exists()]


def _git(root: Path, *words: str) -> list[str]:
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True)
    return [name for name in done.stdout.replace("\n", "\0").split("\0") if name] if done.returncode == 0 else []


if __name__ == "__main__":
    print(*find_tests(changed_files(ROOT), ROOT) or CORE)
