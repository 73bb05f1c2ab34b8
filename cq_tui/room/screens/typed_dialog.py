"""A question that only typed words answer with yes: no key alone is enough."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import events
from textual.content import Content

from cq_tui.room.screens.dialog import Dialog, DialogAnswer

if TYPE_CHECKING:
    from cq_tui.contracts.mode import Mode

#: The answer once the words were typed.
TYPED = "typed"


class TypedDialog(Dialog):
    """Returns ``typed`` once the words were typed, which have no spaces; escape and enter say no."""

    def __init__(self, question: str, reasons: Sequence[str], words: str, mode: "Mode | None") -> None:
        reasons = [*reasons, f'Type "{words}" to go on.']
        super().__init__(question, reasons, [DialogAnswer("no", "no", "escape")], mode, danger=True)
        self._words = words
        self._typed = ""

    def on_key(self, event: events.Key) -> None:
        """Take one more character, or take back the last one."""
        if event.key == "backspace":
            self._typed = self._typed[:-1]
        elif event.character is not None and event.is_printable:
            self._typed = (self._typed + event.character)[-len(self._words) :]
        else:
            return
        event.stop()
        self._box.border_title = Content(self._typed)
        if self._typed == self._words:
            self.close(TYPED)
