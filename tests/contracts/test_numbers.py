"""One conversion from float to Decimal, and no second one in the sources."""

import re
from decimal import Decimal
from pathlib import Path

import cq_tui
from cq_tui.contracts import numbers
from cq_tui.contracts.numbers import to_decimal

_BY_HAND = re.compile(r"Decimal\((?:str|repr|float)\(|Decimal\.from_float|Decimal\(f\"\{[\w.]+\}\"\)")


def test_a_float_becomes_the_shortest_decimal_that_reads_back() -> None:
    assert to_decimal(0.1) == Decimal("0.1")
    assert to_decimal(3) == Decimal("3")


def test_nothing_else_converts_floats() -> None:
    sources = Path(cq_tui.__file__).parent.rglob("*.py")
    assert [path for path in sources if _BY_HAND.search(path.read_text())] == [Path(numbers.__file__)]
