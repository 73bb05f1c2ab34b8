"""Shows which mutants of the trader its tests do not notice: ``python -m tests.mutants COUNT SEED [PATH …]``.

Each is one change at a random place in a copy of the tree. The tests that can reach it run until one fails.
"""

import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

#: A mutant that takes so many processor seconds hangs, which is noticed too. The most survivors, as a share.
_SECONDS, _MOST = 180, 0.15
_COMMAND = ["sh", "-c", f'ulimit -t {_SECONDS}; exec "$@"', "sh", sys.executable, "-B", "-m", "pytest", "-xqn0"]
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


def _tests(path: Path) -> list[str]:
    """The tests that can reach a file: those of its name first."""
    named = map(str, Path("tests", *path.parent.parts[1:]).rglob(f"test_{path.stem}.py"))
    if path.is_relative_to("cq_tui/services"):
        return [*named, "tests/services/trader", "-m", "not slow"]
    return [*named, "tests/trading/core", "tests/trading"]


def _pass(tree: Path, tests: list[str]) -> bool:
    environment = os.environ | {"PYTHONPATH": str(tree), "WORLD_SEEDS": "0-150"}
    return not subprocess.call([*_COMMAND, *tests], cwd=tree, env=environment, stdout=subprocess.DEVNULL)


def _survives(tree: Path, mutant: Mutant) -> bool:
    (tree / mutant.path).write_bytes(mutant.after())
    survives = _pass(tree, _tests(mutant.path))
    (tree / mutant.path).write_text(mutant.before)
    place, change = f"{mutant.path}:{mutant.node.lineno}", f"{ast.unparse(mutant.node)[:90]} → {mutant.new[:90]}"
    print("SURVIVED" if survives else "noticed ", place, change, flush=True)
    return survives


def main(count: int, seed: int, *paths: str) -> int:
    """Return 1 if more survive than may."""
    files = [Path(line) for line in subprocess.check_output(["git", "ls-files", *paths], text=True).splitlines()]
    chosen = Random(seed).sample([one for path in files if path.suffix == ".py" for one in mutants_of(path)], count)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(shutil.copytree(".", f"{folder}/tree", ignore=shutil.ignore_patterns(".*", "__pycache__")))
        if not _pass(tree, ["tests/trading", "tests/services/trader", "-m", "not slow"]):
            sys.exit("tests fail without any mutant")
        survivors = sum(_survives(tree, mutant) for mutant in chosen)
    print(f"seed {seed}: {count - survivors} of {count} noticed")
    return int(survivors > _MOST * count)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), *(sys.argv[3:] or ("cq_tui/trading", "cq_tui/services/trader"))))
