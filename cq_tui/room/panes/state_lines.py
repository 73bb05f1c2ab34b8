"""The room's first two lines over every other screen: mode, health and money are never hidden."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container

from cq_tui.room.panes.money_line import MoneyLine
from cq_tui.room.panes.status_bar import StatusBar

if TYPE_CHECKING:
    from cq_tui.room.state import RoomState


class StateLines(Container):
    """Updated each second, also while the room beneath is not."""

    def __init__(self, state: "RoomState", now: Callable[[], float], *, view_only: bool) -> None:
        super().__init__()
        self._now = now
        self._bar, self._money = StatusBar(view_only=view_only), MoneyLine()
        self._bar.attach(state)
        self._money.attach(state)

    @property
    def frozen_at(self) -> float | None:
        """Unix time at which the display was frozen."""
        return self._bar.frozen_at

    @frozen_at.setter
    def frozen_at(self, moment: float | None) -> None:
        self._bar.frozen_at = moment

    def compose(self) -> ComposeResult:
        """Yield the two lines."""
        yield self._bar
        yield self._money

    def on_mount(self) -> None:
        """Show them and keep them up to date."""
        self.update()
        self.set_interval(1.0, self.update)

    def update(self) -> None:
        """Show what changed."""
        now = self._now()
        self._bar.update_status(now)
        self._money.update_money(now)
