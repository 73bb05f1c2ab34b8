"""Places in a Python source where one small change makes a mutant: a wrong program that the tests should notice."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

#: What is put in the place of an operator or a function.
_SWAPS: dict[Any, Any] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Pow: ast.Mult,
    "min": "max", "max": "min", "any": "all", "all": "any",
}  # fmt: skip
_SKIPPED = (ast.Assert, ast.Import, ast.ImportFrom, ast.JoinedStr, ast.Raise)


class Mutant(NamedTuple):
    """A file in which the text of ``node`` is replaced by ``new``."""

    path: Path
    before: str
    node: ast.stmt | ast.expr
    new: str

    def after(self) -> str:
        """The file's text after the change."""
        node, lines = self.node, self.before.encode().splitlines(keepends=True)
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        head, tail = lines[first][: node.col_offset], lines[last][node.end_col_offset :]
        return b"".join([*lines[:first], head, self.new.encode(), tail, *lines[last + 1 :]]).decode()

    def __str__(self) -> str:
        return f"{self.path}:{self.node.lineno}: {ast.unparse(self.node)[:90]} → {self.new[:90]}"


def mutants_of(path: Path) -> list[Mutant]:
    """All mutants of a file, in a fixed order."""
    source = path.read_text()
    changes = (change for node in _code(ast.parse(source)) for change in _changes(node))
    return [Mutant(path, source, node, f"({new})" if isinstance(node, ast.expr) else new) for node, new in changes]


def _code(node: ast.AST) -> Iterator[Any]:
    """Whatever computes: no annotations, assertions, decorators, imports, texts."""
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            is_code = name not in ("annotation", "returns", "decorator_list", "bases")
            if isinstance(child, ast.AST) and is_code and not isinstance(child, _SKIPPED):
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
        case ast.Constant(value=bool(value)):
            yield node, repr(not value)
        case ast.Constant(value=int() | float() as value):
            yield node, repr(value * 2 if value else value + 1)
        case ast.Call(func=ast.Name(id="Decimal"), args=[ast.Constant(value=str())]):
            yield node, f"{ast.unparse(node)} * 2"
        case ast.Call(func=ast.Name(id=name)) if name in _SWAPS:
            yield node, ast.unparse(ast.Call(ast.Name(_SWAPS[name]), node.args, node.keywords))
        case ast.Call(args=[*before, first, second]) if ast.unparse(first) not in ("s", "self", ast.unparse(second)):
            yield node, ast.unparse(ast.Call(node.func, [*before, second, first], node.keywords))
        case ast.If(test=ast.Name() | ast.Attribute() | ast.Call()) | ast.IfExp(test=ast.Name() | ast.Attribute()):
            yield node.test, f"not {ast.unparse(node.test)}"
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Return(value=None) | ast.Continue() | ast.Break():
            yield node, "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield node, "pass"
