"""A modal question that names its consequence; the safe answer has the focus."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from cq_tui.ops.formatting import sanitize
from cq_tui.room.answer_guard import AnswerGuard
from cq_tui.room.key_queue import key_name
from cq_tui.room.panes.status_bar import mode_block
from cq_tui.room.screens.own_screen import OwnModal

if TYPE_CHECKING:
    from cq_tui.contracts.mode import Mode


#: Seconds between looks whether the terminal has taken the question.
_LOOK = 0.05


@dataclass(frozen=True, slots=True)
class DialogAnswer:
    """One answer. ``key`` chooses it at once and must differ from the key that opened the dialog."""

    name: str
    label: str
    key: str
    danger: bool = False


NO = DialogAnswer("no", "no", "n")


class Choice(Widget, can_focus=True):
    """A button for one answer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "choose", "choose", show=False, id="dialog.choose", tooltip="Choose the focused answer")
    ]

    class Chosen(Message):
        """This answer was chosen."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, answer: DialogAnswer) -> None:
        super().__init__(id=f"answer-{answer.name}", classes="-danger" if answer.danger else "")
        self.answer = answer

    def render(self) -> Content:
        """Return key and label."""
        return Content(f"{self.answer.key} {self.answer.label}")

    def action_choose(self) -> None:
        """Choose this answer."""
        self.post_message(self.Chosen(self.answer.name))

    def on_click(self) -> None:
        """Choose this answer."""
        self.action_choose()


class Dialog(OwnModal[str]):
    """Returns the name of the chosen answer. The first answer is the safe one: it has the focus, and esc chooses it.

    No other answer counts before the question has been visible for a moment, whichever way it is given.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "refuse", "no", show=False, id="dialog.no", tooltip="Choose the safe answer"),
        Binding("left,up,shift+tab", "app.focus_previous", show=False, id="dialog.previous", tooltip="Previous answer"),
        Binding("right,down,tab", "app.focus_next", show=False, id="dialog.next", tooltip="Next answer"),
    ]

    def __init__(
        self,
        question: str,
        reasons: Sequence[str],
        answers: Sequence[DialogAnswer],
        mode: "Mode | None",
        *,
        danger: bool = False,
        is_list: bool = False,
    ) -> None:
        """``is_list``: the answers stand below each other, since there may be many."""
        super().__init__(classes=" ".join(("-danger" if danger else "", "-list" if is_list else "")))
        self._question = question
        self._reasons = tuple(reasons)
        self._answers = tuple(answers)
        self._mode = mode
        self.guard = AnswerGuard()
        #: Whether the terminal has not taken yet what was painted.
        self.is_terminal_behind: Callable[[], bool] = lambda: False
        # Held, since keys may come before it is mounted.
        self._box = VerticalScroll(id="box", can_focus=False)
        self._choices = [Choice(answer) for answer in answers]
        for answer in answers:
            self._bindings.bind(answer.key, f"give('{answer.name}')", answer.label, show=False)

    def compose(self) -> ComposeResult:
        """Yield mode, question, reasons and answers."""
        with self._box:
            if self._mode is not None:
                block = mode_block(self._mode)
                yield Static(Content.styled(block.text, block.style), id="block")
            yield Static(sanitize(self._question), id="question", markup=False)
            if self._reasons:
                yield Static("\n".join(map(sanitize, self._reasons)), id="reasons", markup=False)
            yield from self.compose_more()
            with Container(id="foot"):
                yield from self.compose_foot()
                with Container(id="choices"):
                    yield from self._choices

    def compose_more(self) -> ComposeResult:
        """Yield what stands between reasons and answers: nothing."""
        yield from ()

    def compose_foot(self) -> ComposeResult:
        """Yield what stays above the answers, however long the rest is: nothing."""
        yield from ()

    def on_mount(self) -> None:
        """Focus the safe answer; answers count from the paint on, so that a stopped terminal does not count."""
        self.first_focus().focus()
        self._show_early()
        self.call_after_refresh(self._wait_for_terminal)

    def first_focus(self) -> Widget:
        """Return what has the focus first: the safe answer."""
        return self._choices[0]

    def _wait_for_terminal(self) -> None:
        if self.is_terminal_behind():
            self.set_timer(_LOOK, self._wait_for_terminal)
        else:
            self.guard.mark_painted()

    def admits(self, event: events.Event) -> bool:
        """Let through only escape before the question can have been read: it changes nothing."""
        if not super().admits(event):
            return False
        if self.guard.is_over or (isinstance(event, events.Key) and event.key == "escape"):
            return True
        if isinstance(event, (events.Key, events.MouseDown)):
            self._is_too_early(key_name(event))
        return False

    def on_choice_chosen(self, event: Choice.Chosen) -> None:
        """Return the chosen answer."""
        self.action_give(event.name)

    def action_give(self, name: str) -> None:
        """Return an answer, unless it comes too early."""
        if not self._is_too_early("click"):
            self.close(name)

    def action_refuse(self) -> None:
        """Return the safe answer."""
        self.close(self._answers[0].name)

    def _is_too_early(self, key: str) -> bool:
        refused = self.guard.refuses(key)
        if refused:
            self._show_early()
        return refused

    def _show_early(self) -> None:
        # In the border, where the smallest terminal has room for it.
        self._box.border_subtitle = Content(self.guard.notice)


#: Opens a question and returns the answer.
ShowDialog = Callable[[Dialog], Coroutine[Any, Any, str | None]]


def notice_dialog(title: str, reasons: Sequence[str], mode: "Mode | None") -> Dialog:
    """Return a dialog that only informs: why something is refused, and what to do."""
    return Dialog(title, reasons, [DialogAnswer("ok", "ok", "o")], mode)
