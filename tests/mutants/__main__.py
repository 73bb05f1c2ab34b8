"""Shows which mutants of the trader its tests do not notice: ``python -m tests.mutants COUNT SEED [PATH …]``.

Each is one change at a random place in a copy of the tree. The tests that can reach it run until one fails.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

from tests.mutants.sites import Mutant, mutants_of

#: Processor seconds after which a mutant counts as hanging, which is noticed too; the most survivors, as a share.
_CPU_SECONDS, _MOST = 180, 0.15
_PYTEST = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-n", "0", "--tb=no", "-rfE", "-W", "ignore"]


def _tests(path: Path) -> list[str]:
    """The tests that can reach a file: those of its name first."""
    named = map(str, Path("tests", *path.parent.parts[1:]).rglob(f"test_{path.stem}.py"))
    if path.is_relative_to("cq_tui/services"):
        return [*named, "tests/services/trader", "-m", "not slow"]
    return [*named, "tests/trading/core", "tests/trading"]


def _failure(tree: Path, tests: list[str]) -> str:
    """The first test that fails; empty if none does."""
    environment = os.environ | {"PYTHONPATH": str(tree), "WORLD_SEEDS": "0-150"}
    command = ["sh", "-c", f'ulimit -t {_CPU_SECONDS}; exec "$@"', "sh", *_PYTEST, *tests]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return (failed or ["it hangs"])[0] if done.returncode else ""


def _try(tree: Path, mutant: Mutant) -> str:
    (tree / mutant.path).write_text(mutant.after())
    failure = _failure(tree, _tests(mutant.path))
    (tree / mutant.path).write_text(mutant.before)
    print(failure or "SURVIVED", mutant, flush=True)
    return failure


def main(count: int, seed: int, *paths: str) -> int:
    """Return 1 if more survive than may."""
    files = [Path(line) for line in subprocess.check_output(["git", "ls-files", *paths], text=True).splitlines()]
    chosen = Random(seed).sample([one for path in files if path.suffix == ".py" for one in mutants_of(path)], count)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(shutil.copytree(".", f"{folder}/tree", ignore=shutil.ignore_patterns(".*", "__pycache__")))
        if failed := _failure(tree, ["tests/trading", "tests/services/trader", "-m", "not slow"]):
            sys.exit(f"without any mutant: {failed}")
        noticed = sum(bool(_try(tree, mutant)) for mutant in chosen)
    print(f"seed {seed}: {noticed} of {count} noticed")
    return int(count - noticed > _MOST * count)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), *(sys.argv[3:] or ("cq_tui/trading", "cq_tui/services/trader"))))
