"""Shows which mutants of the trader its tests do not notice: ``python -m tests.mutants COUNT SEED [PATH …]``.

Each is one change at a random place in a copy of the tree. The test files that call the changed function run until a
test fails, those of its name first, then the quickest; tests with whole processes, whose calls are not seen, come last.
A mutant is noticed by a test that fails with it, twice, and passes without it: what a busy machine makes fail counts
for nothing. Each of two copies, for two processors, takes the next mutant.
"""

import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from random import Random
from typing import Any, NamedTuple

#: A mutant that takes so many processor seconds hangs, which is noticed too. The most survivors, as a share.
_SECONDS, _MOST = 300, 0.15
_PYTEST = ["-m", "pytest", "-n", "0", "--no-header", "--no-summary"]
_COMMAND = ["sh", "-c", f'ulimit -t {_SECONDS}; exec "$@"', "sh", sys.executable, *_PYTEST]
_NOTHING_COLLECTED, _WRONG_USE = 5, 4
_COPIES = 2
_SECOND = count(1)
#: What is put in the place of an operator or a function.
_SWAPS: dict[Any, Any] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Pow: ast.Mult,
    "min": "max", "max": "min", "any": "all", "all": "any",
}  # fmt: skip


class Mutant(NamedTuple):
    """A file in which the text of ``node`` is replaced by ``new``."""

    path: Path
    before: str
    node: Any
    new: str

    def after(self) -> bytes:
        """The file's content after the change."""
        node, lines = self.node, self.before.encode().splitlines(keepends=True)
        first, last = lines[node.lineno - 1][: node.col_offset], lines[node.end_lineno - 1][node.end_col_offset :]
        return b"".join([*lines[: node.lineno - 1], first, self.new.encode(), last, *lines[node.end_lineno :]])


def mutants_of(path: Path) -> list[Mutant]:
    """All mutants of a file, in a fixed order."""
    source = path.read_text()
    changes = (change for node in _code(ast.parse(source)) for change in _changes(node))
    return [Mutant(path, source, node, f"({new})" if isinstance(node, ast.expr) else new) for node, new in changes]


def _code(node: ast.AST) -> Iterator[Any]:
    """Whatever computes: no annotations, assertions, decorators, imports, texts."""
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            is_skipped = isinstance(child, ast.Assert | ast.Import | ast.ImportFrom | ast.JoinedStr | ast.Raise)
            if isinstance(child, ast.AST) and not (is_skipped or name in ("annotation", "returns", "decorator_list")):
                yield child
                yield from _code(child)


def _changes(node: Any) -> Iterator[tuple[Any, str]]:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=right):
            yield node, ast.unparse(ast.Compare(left, [_SWAPS[type(op)]()], right))
        case ast.BoolOp(op=op, values=values):
            yield node, ast.unparse(ast.BoolOp(_SWAPS[type(op)](), values))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _SWAPS:
            yield node, ast.unparse(ast.BinOp(left, _SWAPS[type(op)](), right))
        case ast.UnaryOp(op=ast.Not()):
            yield node, ast.unparse(node.operand)
        case ast.Constant(value=bool() | int() | float() as value):
            yield node, repr(not value if isinstance(value, bool) else value * 2 or 1)
        case ast.Call(func=ast.Name(id="Decimal"), args=[ast.Constant(value=str())]):
            yield node, f"{ast.unparse(node)} * 2"
        case ast.Call(func=ast.Name(id=name), args=values, keywords=named) if name in _SWAPS:
            yield node, ast.unparse(ast.Call(ast.Name(_SWAPS[name]), values, named))
        case ast.Call(args=[*before, first, second]) if ast.unparse(first) not in ("s", "self", ast.unparse(second)):
            yield node, ast.unparse(ast.Call(node.func, [*before, second, first], node.keywords))
        case ast.If(test=ast.Name() | ast.Attribute() | ast.Call()) | ast.IfExp(test=ast.Name() | ast.Attribute()):
            yield node.test, f"not {ast.unparse(node.test)}"
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Return(value=None) | ast.Continue() | ast.Break():
            yield node, "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield node, "pass"


class Reach:
    """Which test files call a function, as a run without any mutant shows. Tests that fail there are left out."""

    def __init__(self, trees: list[Path]) -> None:
        """Run all tests. Exit if none can."""
        with ThreadPoolExecutor(len(trees)) as workers:
            told = list(workers.map(_tell, trees, [["tests/trading"], ["tests/services/trader", "-m", "not stack"]]))
        #: Tests that are known to fail, or to pass, without any mutant; what is found to is added.
        self.failing = {name for part in told for name in part["failed"]}
        self.passing = {name for part in told for name in part["passed"]}
        for one in self.failing:
            print(f"fails without any mutant: {one}", flush=True)
        #: By function, ``path:line``: test files, the quickest first.
        self._files: dict[str, list[str]] = defaultdict(list)
        files = {name: seconds_and_functions for part in told for name, seconds_and_functions in part["files"].items()}
        for name, (_, functions) in sorted(files.items(), key=lambda item: item[1][0]):
            for function in functions:
                self._files[function].append(name)

    def stages(self, mutant: Mutant) -> list[list[str]]:
        """Arguments for pytest, one run after another."""
        path = mutant.path
        functions = [f"{path}:{line}" for line in _functions(mutant)] or [
            function for function in self._files if function.startswith(f"{path}:")
        ]
        # A file without functions of its own, such as one of dataclasses, may matter to every test.
        functions = functions or [*self._files]
        calling = list(dict.fromkeys(name for function in functions for name in self._files[function]))
        named = [name for name in calling if name.endswith(f"/test_{path.stem}.py")]
        others = [name for name in calling if name not in named]
        stages = [[*names, "-m", "not stack"] for names in (named, others) if names]
        if path.is_relative_to("cq_tui/services"):
            stages.append(["tests/services/trader", "-m", "stack and not slow"])
        return stages


def _functions(mutant: Mutant) -> list[int]:
    """The first line of the innermost function around a mutant; none if it runs when its module is imported."""
    around: list[ast.FunctionDef | ast.AsyncFunctionDef] = []
    for node in ast.walk(ast.parse(mutant.before)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            is_around = node.body[0].lineno <= mutant.node.lineno <= (node.end_lineno or 0)
            around += [node] if is_around else []
    if not around:
        return []
    innermost = max(around, key=lambda node: node.lineno)
    return [min([innermost.lineno, *(decorator.lineno for decorator in innermost.decorator_list)])]


def _tell(tree: Path, tests: list[str]) -> dict[str, Any]:
    """Return what the plugin tells of a run without any mutant."""
    code, told = _run(tree, tests, CQ_REACH_CALLS="1")
    return told or sys.exit(f"pytest does not come to an end with {tests}: {code}")


class Trial:
    """A mutant in a copy of the tree, and the tests that may notice it."""

    def __init__(self, tree: Path, mutant: Mutant, reach: Reach) -> None:
        """Nothing runs yet."""
        self._tree, self._mutant, self._reach = tree, mutant, reach
        #: Tests that failed by accident.
        self._left_out: set[str] = set()
        #: The test that noticed it.
        self.by = ""

    def is_noticed(self, tests: list[str]) -> bool:
        """Whether a test fails with the mutant and passes without it, and that is no accident."""
        while True:
            self._change()
            left_out = (f"--deselect={name}" for name in self._reach.failing | self._left_out)
            code, told = _run(self._tree, ["--exitfirst", *tests, *left_out])
            if code in (0, _NOTHING_COLLECTED):
                return False
            failed = told.get("failed", [])
            # Where no test is named, none could be collected, or one hung.
            self.by = failed[0] if failed else f"exit code {code}"
            if not failed or (self._fails_again(failed[0]) and self._passes_without(failed[0])):
                return True
            print(f"fails by accident, or without any mutant: {failed[0]}", flush=True)
            self._left_out.add(failed[0])

    def _fails_again(self, test: str) -> bool:
        return _run(self._tree, [test])[0] != 0

    def _passes_without(self, test: str) -> bool:
        if test not in self._reach.passing:
            self.restore()
            # One that only the mutant brings is not known there.
            passes = _run(self._tree, [test])[0] in (0, _WRONG_USE)
            (self._reach.passing if passes else self._reach.failing).add(test)
        return test in self._reach.passing

    def _change(self) -> None:
        file = self._tree / self._mutant.path
        file.write_bytes(self._mutant.after())
        # Compiled code is taken for that of a file of the same size and second: no two mutants have one.
        second = next(_SECOND)
        os.utime(file, (second, second))

    def restore(self) -> None:
        """Take the mutant away."""
        (self._tree / self._mutant.path).write_text(self._mutant.before)


def _run(tree: Path, arguments: list[str], **more: str) -> tuple[int, dict[str, Any]]:
    """Run pytest; return its exit code, and what the plugin tells: nothing if it did not come to its end."""
    told = tree / "reach.json"
    told.unlink(missing_ok=True)
    always = {"PYTHONPATH": str(tree), "WORLD_SEEDS": "0-150", "PYTHONDONTWRITEBYTECODE": "", "CQ_REACH": str(told)}
    command = [*_COMMAND, "-p", "tests.mutants.reach", *arguments]
    code = subprocess.call(command, cwd=tree, env=os.environ | always | more, stdout=subprocess.DEVNULL)
    return code, json.loads(told.read_text()) if told.exists() else {}


def _survives(tree: Path, mutant: Mutant, reach: Reach) -> bool:
    began, trial = time.monotonic(), Trial(tree, mutant, reach)
    survives = not any(trial.is_noticed(tests) for tests in reach.stages(mutant))
    trial.restore()
    place, change = f"{mutant.path}:{mutant.node.lineno}", f"{ast.unparse(mutant.node)[:90]} → {mutant.new[:90]}"
    outcome, took = "SURVIVED" if survives else "noticed", f"{time.monotonic() - began:.0f} s"
    by = "" if survives else f" by {trial.by}"
    print(f"{outcome:8} {took:>6} {place} {change}{by}", flush=True)
    return survives


def main(number: int, seed: int, *paths: str) -> int:
    """Return 1 if more survive than may."""
    files = [Path(line) for line in subprocess.check_output(["git", "ls-files", *paths], text=True).splitlines()]
    chosen = Random(seed).sample([one for path in files if path.suffix == ".py" for one in mutants_of(path)], number)
    ignored = shutil.ignore_patterns(".*", "__pycache__")
    trees = SimpleQueue[Path]()

    def try_out(mutant: Mutant) -> bool:
        tree = trees.get()
        try:
            return _survives(tree, mutant, reach)
        finally:
            trees.put(tree)

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(_COPIES) as workers:
        for name in map(str, range(_COPIES)):
            trees.put(Path(shutil.copytree(".", Path(folder, name), ignore=ignored)))
        reach = Reach(sorted(Path(folder).iterdir()))
        survivors = sum(workers.map(try_out, chosen))
    print(f"seed {seed}: {number - survivors} of {number} noticed")
    return int(survivors > _MOST * number)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), *(sys.argv[3:] or ("cq_tui/trading", "cq_tui/services/trader"))))
