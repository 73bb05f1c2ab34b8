"""A question whose answer may come with a reason: one line, which nobody has to type."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from cq_tui.room.screens.dialog import Dialog, DialogAnswer

if TYPE_CHECKING:
    from cq_tui.contracts.mode import Mode

#: As long as a reason may be that is recorded.
_MOST_CHARACTERS = 500
_ASIDE = "w say why (optional)"
_TYPING = "why: enter keeps it, esc drops it"


class ReasonInput(Input):
    """The reason. Its keys lead back to the answers, so that typing alone answers nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "drop", "drop", show=False, id="dialog.drop_reason", tooltip="Drop the reason")
    ]

    def __init__(self) -> None:
        super().__init__(placeholder=_ASIDE, max_length=_MOST_CHARACTERS, compact=True, id="why")
        # The keys that lead from answer to answer pass it by: in it, a letter is no answer.
        self.can_focus = False

    def explain(self) -> None:
        """Take the keys."""
        self.can_focus = True
        self.focus()

    def on_click(self) -> None:
        """Take the keys."""
        self.explain()

    def action_drop(self) -> None:
        """Drop the reason and return to the answers."""
        self.value = ""
        self.post_message(self.Submitted(self, ""))

    def on_focus(self) -> None:
        """Say what its keys do."""
        self.placeholder = _TYPING

    def on_blur(self) -> None:
        """Say how to come back."""
        self.placeholder, self.can_focus = _ASIDE, False


class ReasonedDialog(Dialog):
    """Asks as any dialog does; ``w`` goes to the line for a reason, enter from there to the first answer that acts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "explain", "why", show=False, id="dialog.why", tooltip="Say why; it is recorded")
    ]

    def __init__(
        self,
        question: str,
        reasons: Sequence[str],
        answers: Sequence[DialogAnswer],
        mode: "Mode | None",
        *,
        danger: bool = False,
    ) -> None:
        super().__init__(question, reasons, answers, mode, danger=danger)
        self._why = ReasonInput()

    @property
    def why(self) -> str | None:
        """The reason that was typed, as it may be recorded; None if there is none."""
        return "".join(filter(str.isprintable, self._why.value)).strip() or None

    def compose_more(self) -> ComposeResult:
        """Yield the line for the reason."""
        yield self._why

    def action_explain(self) -> None:
        """Go to the line for the reason."""
        self._why.explain()

    @on(Input.Submitted)
    def _return_to_answers(self, event: Input.Submitted) -> None:
        # Without a reason the safe answer has the focus again.
        self._choices[1 if self.why else 0].focus()
