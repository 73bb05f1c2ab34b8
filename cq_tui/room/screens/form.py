"""A question with fields to fill in; what is typed is judged at each key, and nothing acts until it is right."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from cq_tui.ops.formatting import sanitize
from cq_tui.room.screens.dialog import Dialog, DialogAnswer

if TYPE_CHECKING:
    from cq_tui.contracts.mode import Mode

#: Longest value of a field.
_MOST_CHARACTERS = 4_000


class FormField(NamedTuple):
    """One field. A secret one never shows what is typed."""

    name: str
    label: str
    value: str = ""
    #: Shown while it is empty: an example, or what an empty one means.
    hint: str = ""
    is_secret: bool = False


class FormVerdict(NamedTuple):
    """What is wrong with the values, or else what will follow from them; one line each."""

    problem: str = ""
    preview: tuple[str, ...] = ()


Judge = Callable[[Mapping[str, str]], FormVerdict]


class FormInput(Input):
    """One value. Escape leaves the form."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", show=False, id="form.previous", tooltip="Previous field"),
        Binding("down", "app.focus_next", show=False, id="form.next", tooltip="Next field"),
    ]

    def on_mount(self) -> None:
        """Keep still: a cursor that blinks is sent over SSH twice a second."""
        self.cursor_blink = False


class FormDialog(Dialog):
    """Returns the name of the answer; ``values`` has what was typed. The first field has the focus, not an answer."""

    def __init__(
        self,
        question: str,
        reasons: Sequence[str],
        fields: Sequence[FormField],
        answers: Sequence[DialogAnswer],
        mode: "Mode | None",
        judge: Judge,
        *,
        danger: bool = False,
    ) -> None:
        """``judge`` must be quick: it is called at each key."""
        super().__init__(question, reasons, answers, mode, danger=danger)
        self._fields = tuple(fields)
        self._judge = judge
        self._inputs = {
            field.name: FormInput(
                field.value, field.hint, password=field.is_secret, max_length=_MOST_CHARACTERS, compact=True,
                id=f"field-{field.name}",
            )
            for field in fields
        }  # fmt: skip
        self._verdict = Static(id="verdict", markup=False)

    @property
    def values(self) -> dict[str, str]:
        """What was typed, by the names of the fields."""
        return {name: entry.value.strip() for name, entry in self._inputs.items()}

    def compose_more(self) -> ComposeResult:
        """Yield the fields."""
        width = max(len(field.label) for field in self._fields) + 2
        for field in self._fields:
            with Horizontal(classes="field"):
                label = Static(f"{field.label:<{width}}", markup=False)
                label.styles.width = width
                yield label
                yield self._inputs[field.name]

    def compose_foot(self) -> ComposeResult:
        """Yield what the values come to."""
        yield self._verdict

    def first_focus(self) -> Widget:
        """Return the first field: what it holds is not sent before an answer is chosen."""
        return next(iter(self._inputs.values()))

    def on_mount(self) -> None:
        """Show what the values come to."""
        self._show_verdict()

    def action_give(self, name: str) -> None:
        """Return an answer; one that acts only if nothing is wrong."""
        if name != self._answers[0].name and self._judge(self.values).problem:
            self._show_verdict()
            return
        super().action_give(name)

    @on(Input.Changed)
    def _value_changed(self) -> None:
        self._show_verdict()

    @on(Input.Submitted)
    def _field_done(self, event: Input.Submitted) -> None:
        """Go to the next field; from the last one to the answer, once nothing is wrong."""
        if event.input is not list(self._inputs.values())[-1]:
            self.focus_next()
        elif not self._judge(self.values).problem:
            self._choices[-1].focus()

    def _show_verdict(self) -> None:
        verdict = self._judge(self.values)
        if verdict.problem:
            self._verdict.update(Content.styled(sanitize(verdict.problem), "$warning"))
        else:
            self._verdict.update(Content("\n".join(map(sanitize, verdict.preview))))
        for choice in self._choices[1:]:
            choice.set_class(bool(verdict.problem), "-off")
