"""How the room looks: its themes, of which the chosen one is remembered, and ASCII instead of signs."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.filter import LineFilter

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.formatting import sanitize
from cq_tui.room.endable_app import EndableApp
from cq_tui.room.preferences import PreferencesError, read_theme, remember
from cq_tui.room.themes import (
    DARK,
    DARK_VARIABLES,
    LIGHT_VARIABLES,
    OWN_THEMES,
    choose_theme,
    readable_variables,
    theme_for,
)
from cq_tui.room.ui_settings import NAME, UiSettings, write_template

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from cq_tui.room.ascii_filter import AsciiFilter


class StyledApp(EndableApp):
    """With ``ascii_only`` every sign has its ASCII twin. The theme is remembered in ``preferences``, if given."""

    def __init__(
        self, data: DataDir, *, ascii_only: bool = False, preferences: Path | None = None, ui: UiSettings | None = None
    ) -> None:
        super().__init__(data)
        #: What ui.toml says.
        self.ui = ui or UiSettings()
        self._ascii_filters = _ascii_filters() if ascii_only else []
        self._preferences = preferences
        self._remembering = asyncio.Lock()
        for theme in OWN_THEMES:
            self.register_theme(theme)
        #: What a user should know about the theme; empty when all is well.
        chosen, self.theme_notice = self._first_theme()
        #: Whether the theme follows the terminal's background: nobody has chosen one.
        self.follows_background = chosen is None
        self._known_theme = chosen or DARK.name
        self.theme = self._known_theme
        self._styled_with = self.get_css_variables()
        self.stylesheet.set_variables(self._styled_with)

    def _first_theme(self) -> tuple[str | None, str]:
        asked, remembered, problem = os.environ.get("TEXTUAL_THEME"), None, ""
        if self._preferences is not None:
            try:
                remembered = read_theme(self._preferences)
            except PreferencesError as error:
                problem = sanitize(str(error))
        theme, words = choose_theme(asked, self.ui.theme, remembered, self.available_themes)
        return theme, f"{problem} {words}".strip()

    def watch_theme(self, theme: str) -> None:
        """Remember a theme that was chosen."""
        if theme == self._known_theme:
            return
        self._known_theme, self.follows_background = theme, False
        if self._preferences is not None:
            work = self._remember_theme(self._preferences)
            self.run_worker(work, name="theme", group="theme", exit_on_error=False)

    def note_background(self, is_dark: bool) -> None:
        """Follow the terminal's background, unless a theme was chosen."""
        if self.follows_background:
            # Known before it is set: it was not chosen by anybody, so it is not remembered.
            self._known_theme = theme_for(is_dark)
            self.theme = self._known_theme

    async def write_ui_template(self) -> None:
        """Write a first ui.toml, and say where it is."""
        if self._preferences is None:
            self._tell("This user has no home directory, so there is no place for ui.toml", "warning")
            return
        path = self._preferences.with_name(NAME)
        try:
            is_new = await asyncio.to_thread(write_template, path)
        except OSError as error:
            self._tell(f"{path}: {error.strerror}", "error")
            return
        words = "is written: every default as a comment. It counts when a room opens" if is_new else "is there already"
        self._tell(f"{path} {words}", "information")

    def _tell(self, text: str, severity: "SeverityLevel") -> None:
        self.notify(sanitize(text), severity=severity, timeout=8, markup=False)

    async def _remember(self, preferences: Path, name: str, value: object) -> None:
        try:
            await asyncio.to_thread(remember, preferences, name, value)
        except PreferencesError as error:
            self._tell(str(error), "warning")

    async def remember_pins(self, pins: tuple[str, ...]) -> None:
        """Remember which symbols are pinned, unless ui.toml says so."""
        if self._preferences is None or self.ui.pins:
            return
        async with self._remembering:
            await self._remember(self._preferences, "pins", pins)

    async def _remember_theme(self, preferences: Path) -> None:
        # One after another, and always the current one: the last choice is the one that stays.
        async with self._remembering:
            await self._remember(preferences, "theme", self.theme)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the room's own colors, for themes that do not define them."""
        return DARK_VARIABLES if self.current_theme.dark else LIGHT_VARIABLES

    def get_css_variables(self) -> dict[str, str]:
        """Return the colors of the stylesheet and of styled text."""
        self.theme_variables = readable_variables(self.current_theme, super().get_css_variables())
        return self.theme_variables

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return Textual's filters, then ours: what they make of a line is painted."""
        return [*super().get_line_filters(), *self._ascii_filters]

    def get_key_display(self, binding: Binding) -> str:
        """Return the key as Textual shows it, ``enter`` by name; in ASCII, arrows and the like, too."""
        shown = super().get_key_display(binding).replace("⏎", "enter")
        return shown.translate(self._ascii_filters[0].key_names) if self._ascii_filters else shown

    def refresh_css(self, animate: bool = True) -> None:
        """Parse the stylesheet again if colors changed: Textual also asks for it when it has just been parsed."""
        if (variables := self.get_css_variables()) != self._styled_with:
            self._styled_with = variables
            super().refresh_css(animate)


def _ascii_filters() -> list["AsciiFilter"]:
    # Imported only where it is used: most terminals show every sign.
    from cq_tui.room.ascii_filter import AsciiFilter

    return [AsciiFilter()]
