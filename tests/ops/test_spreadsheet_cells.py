"""Words of a CSV are no formulas, whatever column they are in; numbers stay numbers."""

import pytest

from cq_tui.ops.spreadsheet_cells import Cell, harmless


@pytest.mark.parametrize("word", ["=1+1", "+A1", "-A1", "@SUM(A1)", "-1+cmd", "--1", "-", "-1e5=", "=\x1b[31m"])
def test_a_word_that_begins_like_a_formula_is_quoted(word: str) -> None:
    cell = harmless({"Received Currency": word})["Received Currency"]
    assert isinstance(cell, str)
    assert cell.startswith(f"'{word[0]}")
    assert cell.isprintable()


@pytest.mark.parametrize(
    "cell", ["-0.5", "-12", "1.5", "BTC", "live", "2026-11-01 00:00:00 UTC", "", None, 7, -7, -0.5]
)
def test_everything_else_stays(cell: Cell) -> None:
    assert harmless({"any": cell}) == {"any": cell}
