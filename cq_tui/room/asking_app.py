"""How the room takes keys and asks: one key after another, one question at a time, no answer too early."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

from textual import events

from cq_tui.contracts.layout import DataDir
from cq_tui.room.answer_guard import AnswerGuard
from cq_tui.room.asking import Asking
from cq_tui.room.key_queue import ORDERED, KeyQueue
from cq_tui.room.screens.dialog import Dialog, ShowDialog
from cq_tui.room.screens.own_screen import OwnScreen
from cq_tui.room.styled_app import StyledApp
from cq_tui.room.ui_settings import UiSettings


class AskingApp(StyledApp):
    """``clock`` counts seconds and never goes back: how long a question has been visible, and the like."""

    def __init__(
        self,
        data: DataDir,
        *,
        ascii_only: bool = False,
        preferences: Path | None = None,
        ui: UiSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(data, ascii_only=ascii_only, preferences=preferences, ui=ui)
        self.keys = KeyQueue(self, super().on_event, self._admits, self._is_settled)
        self._asking = Asking()
        self.clock = clock

    def note_input(self) -> None:
        """Called for every key and click, before its turn comes."""

    async def on_event(self, event: events.Event) -> None:
        """Hand keys on one after another, everything else at once."""
        if isinstance(event, ORDERED) and not event.is_forwarded:
            self.note_input()
            await self.keys.offer(event)
        else:
            await super().on_event(event)

    @property
    def is_terminal_behind(self) -> bool:
        """Whether something was painted that the terminal has not taken yet."""
        return bool(getattr(self._driver, "is_behind", False))

    def _admits(self, event: events.Event) -> bool:
        stack = self.screen_stack
        # A room that ends has no screen left.
        if not stack or self._asking.swallows(event):
            return False
        return not isinstance(stack[-1], OwnScreen) or stack[-1].admits(event)

    def _is_settled(self) -> bool:
        stack = self.screen_stack
        return not stack or not isinstance(stack[-1], OwnScreen) or stack[-1].is_settled

    def action_command_palette(self) -> None:
        """Open the command palette, unless it is open."""
        from cq_tui.room.screens.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(AnswerGuard(self.clock)))

    def ask(self, work: Callable[[ShowDialog], Coroutine[Any, Any, None]], name: str, group: str) -> None:
        """Run work that opens a question, as a worker. Until the question is open, keys go nowhere."""
        if (request := self._asking.begin()) is None:
            return

        async def show_dialog(dialog: Dialog) -> str | None:
            self._asking.end(request)
            return await self.show_dialog(dialog, request.early)

        async def ask() -> None:
            try:
                await work(show_dialog)
            finally:
                self._asking.end(request)

        request.take_back = self.run_worker(ask(), name=name, group=group, exit_on_error=False).cancel

    async def show_dialog(self, dialog: Dialog, early: Iterable[str] = ()) -> str | None:
        """Return the answer to a question. ``early`` are the keys typed before it opened."""
        dialog.guard = AnswerGuard(self.clock, early)
        dialog.is_terminal_behind = lambda: self.is_terminal_behind
        # What was told before must not lie over the question.
        self.clear_notifications()
        try:
            return await self.push_screen_wait(dialog)
        except asyncio.CancelledError:
            # Nobody waits for the answer any more.
            dialog.close()
            raise
