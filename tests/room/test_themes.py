"""Colors: readable in both themes, and distinct in a 16-color terminal."""

from pathlib import Path

import pytest
from rich.color import Color, ColorSystem
from textual.theme import BUILTIN_THEMES, Theme

from cq_tui.contracts.layout import DataDir
from cq_tui.room.app import RoomApp
from cq_tui.room.themes import DARK, LIGHT, OWN_THEMES
from tests.room.conftest import MakeRoom, wait_for_text, wait_until_loaded
from tests.room.stage import Stage


def color(theme: Theme, name: str) -> str:
    value = theme.variables.get(name) or getattr(theme, name)
    assert isinstance(value, str)
    return value


def luminance(value: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = (part / 255 for part in Color.parse(value).get_truecolor())
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio, WCAG 2.2."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
@pytest.mark.parametrize("name", ["foreground", "muted", "accent", "success", "warning", "error"])
def test_text_can_be_read_on_the_background(theme: Theme, name: str) -> None:
    assert contrast(color(theme, name), color(theme, "background")) >= 4.5


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
@pytest.mark.parametrize("mode", ["simulation", "paper", "testnet", "live"])
def test_mode_names_can_be_read_on_their_blocks(theme: Theme, mode: str) -> None:
    text = color(theme, "mode-testnet-text" if mode == "testnet" else "mode-text")
    assert contrast(text, color(theme, f"mode-{mode}")) >= 4.5


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_levels_are_distinct_in_sixteen_colors(theme: Theme) -> None:
    names = ("success", "warning", "error", "background")
    numbers = [Color.parse(color(theme, name)).downgrade(ColorSystem.STANDARD).number for name in names]
    assert len(set(numbers)) == len(names)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_live_looks_like_no_other_mode_in_sixteen_colors(theme: Theme) -> None:
    modes = [f"mode-{mode}" for mode in ("simulation", "paper", "testnet", "live")]
    numbers = [Color.parse(color(theme, name)).downgrade(ColorSystem.STANDARD).number for name in modes]
    assert numbers.count(numbers[-1]) == 1


#: Themes with the terminal's own colors have no contrast to compute.
OTHERS = sorted(name for name, theme in BUILTIN_THEMES.items() if not theme.ansi)


def test_words_can_be_read_in_every_theme(tmp_path: Path) -> None:
    app = RoomApp(DataDir(tmp_path))
    for name in OTHERS:
        app.theme = name
        colors = app.get_css_variables()
        words = ("foreground", "muted", "accent", "success", "warning", "error")
        worst = {word: contrast(colors[word][:7], colors["background"]) for word in words}
        assert min(worst.values()) >= 3, (name, worst)
        assert contrast(colors["foreground"][:7], colors["cursor"]) >= 3, name
        for ground in ("background", "panel"):
            assert contrast(colors["rule"][:7], colors[ground][:7]) >= 1.25, name


@pytest.mark.parametrize("theme", [theme.name for theme in OWN_THEMES[2:]])
async def test_each_own_theme_shows_the_room_and_its_questions(stage: Stage, make_room: MakeRoom, theme: str) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(120, 35)) as pilot:
        await wait_until_loaded(pilot)
        app.theme = theme
        await wait_for_text(pilot, "67,412.10")
        for keys, words in ((("n",), "Enter by hand"), (("question_mark",), "keys and icons"), (("colon",), "Search")):
            await pilot.press(*keys)
            await wait_for_text(pilot, words)
            await pilot.press("escape")
