"""The base of all our screens that open over the room: they may be closed at any moment."""

from typing import ClassVar, TypeVar

from textual import events
from textual.screen import ModalScreen, Screen

ResultT = TypeVar("ResultT")


class OwnScreen(Screen[ResultT]):
    """Use ``close`` in place of ``dismiss``, and look at ``stays_open`` in whatever finishes later.

    Textual's ``dismiss`` takes away whatever screen is on top, fails when it is called twice, and before the screen
    is mounted it leaves handlers that find their widgets gone. ``close`` takes away this screen, once, when it can.
    """

    #: Whether mode, health and money stand above its content.
    has_state_lines: ClassVar[bool] = True

    _wanted_result: tuple[ResultT | None] | None = None
    _is_dismissed = False

    @property
    def stays_open(self) -> bool:
        """Whether the screen is there and stays."""
        return self._wanted_result is None and self.is_attached

    def admits(self, event: events.Event) -> bool:
        """Whether an input may reach this screen, which is on top."""
        return self._wanted_result is None

    @property
    def is_settled(self) -> bool:
        """Whether work that a key began in this screen is done, so that the next key may come."""
        return True

    def close(self, result: ResultT | None = None) -> None:
        """Close with a result. The first one counts."""
        if self._wanted_result is None:
            self._wanted_result = (result,)
            self._dismiss_if_possible()

    def _dismiss_if_possible(self) -> None:
        if self._wanted_result is not None and not self._is_dismissed and self.is_mounted and self.is_current:
            self._is_dismissed = True
            self.dismiss(self._wanted_result[0])

    def on_mount(self) -> None:
        """Show the room's state; close now if that was wanted earlier."""
        make_lines = getattr(self.app, "make_state_lines", None)
        if self.has_state_lines and make_lines is not None and (lines := make_lines()) is not None:
            self.add_class("-stated")
            self.mount(lines, before=0)
        self.call_later(self._dismiss_if_possible)

    def on_screen_resume(self) -> None:
        """Close now if that was wanted while another screen was on top."""
        self.call_later(self._dismiss_if_possible)

    async def on_event(self, event: events.Event) -> None:
        """Drop timers and inputs that come after the end: the widgets may be gone already."""
        if self._is_dismissed and isinstance(event, (events.Timer, events.InputEvent, events.Paste, events.Resize)):
            return
        await super().on_event(event)


class OwnModal(ModalScreen[ResultT], OwnScreen[ResultT]):
    """The same for a box over the room. (ModalScreen comes first: Textual takes styles from the first base only.)"""
