"""The question which one of several is meant: each has a digit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cq_tui.room.screens.dialog import NO, Dialog, DialogAnswer

if TYPE_CHECKING:
    from cq_tui.contracts.mode import Mode

#: As many as there are digits.
MOST = 9
_PREFIX = "choice-"


def choice_question(question: str, labels: Sequence[str], mode: "Mode | None", reasons: Sequence[str] = ()) -> Dialog:
    """Return the question; those beyond the ninth cannot be chosen."""
    answers = [DialogAnswer(f"{_PREFIX}{index}", label, str(index + 1)) for index, label in enumerate(labels[:MOST])]
    return Dialog(question, reasons, [NO, *answers], mode, is_list=True)


def chosen_index(answer: str | None) -> int | None:
    """Return which one an answer means; None for none."""
    return int(answer.removeprefix(_PREFIX)) if answer is not None and answer.startswith(_PREFIX) else None
