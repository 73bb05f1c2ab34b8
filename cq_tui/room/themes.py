"""The room's themes: one accent, three states, one color per mode; and which one a room opens with."""

from collections.abc import Collection

from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from cq_tui.ops.formatting import StatusLevel, sanitize

#: Variables of the stylesheet that other dark themes do not define.
DARK_VARIABLES: dict[str, str] = {
    "muted": "#8b95a1",
    "rule": "#3a424d",
    "cursor": "#24405e",
    "cursor-quiet": "#1c232c",
    "mode-simulation": "#2f6f73",
    "mode-paper": "#5b53a8",
    "mode-testnet": "#e0a526",
    "mode-live": "#c4262e",
    "mode-text": "#ffffff",
    "mode-testnet-text": "#1a1300",
}

#: Color of each level, as a style of the stylesheet.
LEVEL_COLORS: dict[StatusLevel, str] = {"good": "$success", "look": "$warning", "bad": "$error", "idle": "$muted"}

DARK = Theme(
    name="room-dark",
    primary="#6cb2f7",
    secondary="#6cb2f7",
    accent="#6cb2f7",
    success="#5cc98a",
    warning="#e8b13e",
    error="#ff6b6e",
    foreground="#d8dee6",
    background="#0f1317",
    surface="#0f1317",
    panel="#171d24",
    dark=True,
    variables={**DARK_VARIABLES, "scrollbar": "#3a424d", "scrollbar-background": "#0f1317"},
)

#: The same for other light themes.
LIGHT_VARIABLES: dict[str, str] = {
    **DARK_VARIABLES,
    "muted": "#66707a",
    "rule": "#c3c6c9",
    "cursor": "#cfe2f7",
    "cursor-quiet": "#efede7",
    "mode-simulation": "#2c7a7f",
    "mode-testnet": "#f0b429",
}

LIGHT = Theme(
    name="room-light",
    primary="#0b5cad",
    secondary="#0b5cad",
    accent="#0b5cad",
    success="#157a3f",
    warning="#945f00",
    error="#c01f26",
    foreground="#1d242c",
    background="#fbfaf7",
    surface="#fbfaf7",
    panel="#efede7",
    dark=False,
    variables={**LIGHT_VARIABLES, "scrollbar": "#c3c6c9", "scrollbar-background": "#fbfaf7"},
)


#: Black and white, for bad light and weak eyes: every color stands out by at least 7 to 1.
CONTRAST = Theme(
    name="room-contrast",
    primary="#6cd0ff",
    secondary="#6cd0ff",
    accent="#6cd0ff",
    success="#5cff9a",
    warning="#ffd84d",
    error="#ff9a9a",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1c1c1c",
    dark=True,
    variables={
        **DARK_VARIABLES, "muted": "#c8c8c8", "rule": "#9a9a9a", "cursor": "#003f7f", "cursor-quiet": "#303030",
        "mode-simulation": "#00524f", "mode-paper": "#3b2f9e", "mode-live": "#9e0008",
        "scrollbar": "#9a9a9a", "scrollbar-background": "#000000",
    },
)  # fmt: skip

#: The terminal's own sixteen colors, whatever a person has made of them.
ANSI = Theme(
    name="room-ansi",
    ansi=True,
    primary="ansi_bright_blue",
    secondary="ansi_bright_blue",
    accent="ansi_bright_blue",
    success="ansi_green",
    warning="ansi_yellow",
    error="ansi_red",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    dark=True,
    variables={
        # What Textual's own widgets ask for.
        **BUILTIN_THEMES["ansi-dark"].variables,
        "muted": "ansi_bright_black", "rule": "ansi_bright_black", "cursor": "ansi_blue",
        "cursor-quiet": "ansi_default", "mode-simulation": "ansi_cyan", "mode-paper": "ansi_magenta",
        "mode-testnet": "ansi_yellow", "mode-live": "ansi_red", "mode-text": "ansi_black",
        "mode-testnet-text": "ansi_black", "scrollbar": "ansi_bright_black", "scrollbar-background": "ansi_default",
    },
)  # fmt: skip

OWN_THEMES = (DARK, LIGHT, CONTRAST, ANSI)


def readable_variables(theme: Theme, variables: dict[str, str]) -> dict[str, str]:
    """Return a theme's variables with colors that can be told from its background.

    The accent and the states color words here. In many themes they are made for areas; for words Textual derives
    ``text-accent`` and so on from them. Bars differ a little from the background; lines, and keys that cannot act,
    by a third.
    """
    if theme.ansi or theme in OWN_THEMES:
        return variables
    words = {name: variables[f"text-{name}"] for name in ("accent", "success", "warning", "error")}
    foreground, background = Color.parse(variables["foreground"]), Color.parse(variables["background"])
    lines = {name: background.blend(foreground, share).hex for name, share in (("panel", 0.1), ("rule", 1 / 3))}
    return variables | words | lines


def theme_for(is_dark: bool) -> str:
    """Return the theme for a terminal with a dark or light background."""
    return (DARK if is_dark else LIGHT).name


def choose_theme(
    asked: str | None, wanted: str | None, remembered: str | None, available: Collection[str]
) -> tuple[str | None, str]:
    """Return the theme to open with, and a word about what could not be followed; None follows the terminal.

    ``asked`` is TEXTUAL_THEME: names separated by commas, of which the first that exists is used. ``wanted`` is what
    ui.toml says, ``remembered`` what was chosen in a room.
    """
    words = []
    if asked:
        for name in map(str.strip, asked.split(",")):
            if name in available:
                return name, ""
        words.append(f"TEXTUAL_THEME names no theme: {sanitize(asked, 40)}.")
    if wanted:
        if wanted in available:
            return wanted, " ".join(words)
        words.append(f"ui.toml: theme {sanitize(wanted, 40)} does not exist.")
    if remembered and remembered in available:
        return remembered, " ".join(words)
    if remembered:
        words.append(f"The remembered theme {sanitize(remembered, 40)} does not exist.")
    return None, " ".join(words)
