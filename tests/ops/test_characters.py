"""What is shown of untrusted text: only characters of one width, whatever counts it."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from cq_tui.ops.characters import printable
from cq_tui.ops.formatting import sanitize

#: Of each kind that terminals disagree about; also used in a real terminal.
DISPUTED = {
    "Hangul filler": "\u3164",
    "Hangul initial filler": "\u115f",
    "Hangul vowel filler": "\u1160",
    "halfwidth filler": "\uffa0",
    "tag": "\U000e0041",
    "joined emoji": "\U0001f469\u200d\U0001f680",
    "emoji style": "\u2764\ufe0f",
    "text style": "\u231a\ufe0e",
    "skin tone": "\U0001f44d\U0001f3fd",
    "flag": "\U0001f1e9\U0001f1ea",
    "keycap": "1\ufe0f\u20e3",
    "combining mark": "q\u0301\u0302",
    "enclosing mark": "a\u20dd",
    "direction": "\u202eabc\u2066",
    "soft hyphen": "\xad",
    "zero width space": "\u200b",
    "line separator": "\u2028",
    "private use": "\ue000\U0010fffd",
    "unassigned": "\u0378\U000e1000",
    "lone surrogate": "\ud800\udcff",
    "trigram": "\u2630",
    "hexagram": "\u4dc0",
    "number on black": "\u3248",
    "control": "\x1b[2J\x00\x7f\x9b",
    "wide space": "\u3000\u2003",
}


#: All characters but those of planes that are private or have none yet.
CHARACTERS = [*range(0x32000), *range(0xE0000, 0xE0200), sys.maxunicode]


def width_by_unicode(text: str) -> int:
    """Cells by the standard's own table, each character alone."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


ANY_TEXT = st.text(st.characters(codec=None), max_size=80)
DISPUTED_TEXT = st.lists(st.sampled_from([*DISPUTED.values(), "e", "中"])).map("".join)


@given(ANY_TEXT | DISPUTED_TEXT)
def test_any_text_has_one_width(text: str) -> None:
    shown = sanitize(text)
    assert cell_len(shown) == width_by_unicode(shown) == sum(map(cell_len, shown))
    assert shown.replace("\xa0", " ").isprintable()
    assert sanitize(shown) == shown


def test_every_character_has_one_width() -> None:
    """Also those that Hypothesis does not try."""
    shown = {each for code in CHARACTERS for each in printable(chr(code))}
    assert {each for each in shown if cell_len(each) != width_by_unicode(each)} == set()
    assert not {unicodedata.category(each)[0] for each in shown} & {"M", "C"}


@pytest.mark.parametrize("text", DISPUTED.values(), ids=DISPUTED)
def test_what_is_disputed_is_replaced(text: str) -> None:
    assert sanitize(text) != text
    assert len(sanitize(text)) == len(text), "nothing hides"


def test_ordinary_text_of_every_script_is_kept() -> None:
    for text in ("naïve – 100 €", "Ελλάδα", "Привет", "שלום", "中文 한국어 日本", "▲ ● ✖ … − ·", "😀"):
        assert sanitize(text) == text
    assert sanitize("e\u0301 \u1112\u1161\u11ab") == "é 한", "composed where there is one character for it"
