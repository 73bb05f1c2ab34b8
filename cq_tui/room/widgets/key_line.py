"""The footer with the key bindings; bindings that do not fit are dropped before the last two."""

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from cq_tui.room.messages import ActionRefused

#: From this width on, the text at the right end comes before the keys that have room elsewhere only.
_NOTE_FROM = 150


class KeyLine(Widget):
    """Shows as many bindings as fit. The last two (help, quit) always stay. A click runs the binding's action."""

    #: Text at the right end, shown if all keys leave room for it.
    side_note: reactive[str] = reactive("", init=False)

    def __init__(self, binding_ids: list[str]) -> None:
        super().__init__()
        self._binding_ids = binding_ids
        #: Bindings that come first: those of the active pane.
        self.first_ids: tuple[str, ...] = ()
        self._ends: list[tuple[int, str]] = []
        self._shown: list[tuple[Binding, bool]] = []

    def update_keys(self) -> None:
        """Repaint if a key became able to act, or unable."""
        if self.is_attached and self._bindings_now() != self._shown:
            self.refresh()

    def _bindings_now(self) -> list[tuple[Binding, bool]]:
        active = self.screen.active_bindings.values()
        by_id = {key.binding.id: (key.binding, key.enabled) for key in active if key.binding.id}
        return [by_id[name] for name in dict.fromkeys((*self.first_ids, *self._binding_ids)) if name in by_id]

    def render(self) -> Content:
        """Return the footer's content."""
        self._shown = self._bindings_now()
        entries = self._fitting_entries(self._shown)
        self._ends.clear()
        end = 0
        for binding, _ in entries:
            end += self._entry_width(binding)
            self._ends.append((end, binding.action))
        room = self.size.width - end - len(self.side_note) - 1
        aside = [Content.styled(f"{' ' * room}{self.side_note}", "$muted")] if self.side_note and room > 0 else []
        return Content("").join([*(self._entry(*entry) for entry in entries), *aside])

    def on_click(self, event: events.Click) -> None:
        """Run the action of the key under the pointer."""
        for end, action in self._ends:
            if event.x < end:
                self.call_later(self._run, action)
                return

    async def _run(self, action: str) -> None:
        if not await self.app.run_action(action, self.screen):
            self.post_message(ActionRefused(action))

    def _fitting_entries(self, entries: list[tuple[Binding, bool]]) -> list[tuple[Binding, bool]]:
        last = entries[-2:]
        space = self.size.width - sum(self._entry_width(binding) for binding, _ in last)
        if self.size.width >= _NOTE_FROM:
            space -= len(self.side_note) + 1
        shown = []
        for entry in entries[:-2]:
            space -= self._entry_width(entry[0])
            if space < 0:
                break
            shown.append(entry)
        return shown + last

    def _entry_width(self, binding: Binding) -> int:
        return len(self.app.get_key_display(binding)) + len(binding.description) + 3

    def _entry(self, binding: Binding, enabled: bool) -> Content:
        key_style, text_style = ("$accent bold", "$muted") if enabled else ("$rule", "$rule")
        key = self.app.get_key_display(binding)
        return Content.assemble((f" {key}", key_style), (f" {binding.description} ", text_style))
