"""Each bar that is missed is named."""

from typing import Any

import pytest

from cq_tui.contracts.drills import DrillFigures
from cq_tui.ops.drills.judging import missed_bars

GOOD: dict[str, Any] = {
    "orders": 4, "fills": 2, "naked_seconds": 0.1, "most_naked_seconds": 5.0, "equity": "9999.9",
    "equity_difference": "0", "profit_difference": "0", "events": 60, "faults": 0,
}  # fmt: skip


def test_nothing_is_missed() -> None:
    assert missed_bars(DrillFigures.model_validate(GOOD)) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"naked_seconds": 5.01}, "without a stop for 5.01 s"),
        ({"equity_difference": "-0.00001"}, "the equity differs"),
        ({"profit_difference": "0.1"}, "the profit differs"),
        ({"faults": 1}, "1 faults in the history, 0 expected"),
        ({"expected_faults": 1}, "0 faults in the history, 1 expected"),
        ({"fills": 0}, "nothing was traded"),
    ],
)
def test_a_missed_bar_is_named(changes: dict[str, Any], problem: str) -> None:
    (found,) = missed_bars(DrillFigures.model_validate(GOOD | changes))
    assert problem in found
