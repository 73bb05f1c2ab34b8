"""ASCII twins: of every sign, in as many cells."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

import cq_tui
from cq_tui.ascii_twins import ascii_twin, to_ascii
from cq_tui.ops.characters import printable
from cq_tui.ops.formatting import GLYPHS, format_bar, sparkline
from tests.ops.test_characters import CHARACTERS


def test_every_character_has_a_twin_of_its_width() -> None:
    for code in CHARACTERS:
        twin = ascii_twin(chr(code))
        assert twin.isascii(), hex(code)
        if chr(code) == printable(chr(code)):
            assert len(twin) == cell_len(chr(code)), hex(code)


@given(st.text(st.characters(codec=None)))
def test_sanitized_text_keeps_its_width(text: str) -> None:
    shown = printable(text)
    assert to_ascii(shown).isascii()
    assert len(to_ascii(shown)) == cell_len(shown)


def test_our_own_signs_are_told_apart() -> None:
    assert len({ascii_twin(glyph) for glyph in GLYPHS.values()}) == len(GLYPHS)
    assert to_ascii(sparkline([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])) == "_.-=+*%#"
    assert to_ascii(format_bar(0.5, 6)) == "###..."
    assert to_ascii("├ stop −1.2 × 3 → ▲ … └") == "+ stop -1.2 x 3 > ^ ~ +"
    assert to_ascii("⠉⣀⠒⡇⠀") == "'.-| "
    assert to_ascii("Ünïcode 中文 Привет") == "Unicode ???? ??????"


def test_every_sign_in_the_source_has_a_twin_that_says_something() -> None:
    sources = "".join(path.read_text() for path in Path(cq_tui.__file__).parent.rglob("*.py"))
    # Letters of other scripts are in names of symbols only.
    signs = {sign for sign in sources if not (sign.isascii() or sign.isalpha())}
    placeholders = {sign for sign in signs if ascii_twin(sign).strip("?") == ""}
    assert placeholders <= {"␡", "\xa0"}, "a new sign needs an entry in the table"
