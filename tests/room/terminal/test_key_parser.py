"""Inputs become Textual's events, and nothing that a terminal sends by itself becomes a key."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events

from cq_tui.room.terminal.driver import KeyParser
from cq_tui.room.terminal.input_filter import InputFilter
from cq_tui.room.terminal.inputs import AltKey, EscapeKey, EscapeSequence, Input, PastedText, TypedText


def keys(*inputs: Input, parser: KeyParser | None = None) -> list[str]:
    found = (parser or KeyParser()).messages(inputs)
    return [event.key for event in found if isinstance(event, events.Key)]


@pytest.mark.parametrize(
    ("given_input", "expected"),
    [
        (TypedText("qH/\r\t"), ["q", "H", "slash", "enter", "tab"]),
        (EscapeKey(), ["escape"]),
        (EscapeSequence("\x1b[A"), ["up"]),
        (EscapeSequence("\x1bOP"), ["f1"]),
        (EscapeSequence("\x1b[Z"), ["shift+tab"]),
        (EscapeSequence("\x1b[121;5u"), ["ctrl+y"]),
        (AltKey("\x1bq"), ["alt+q"]),
        (AltKey("\x1bH"), ["alt+shift+h"]),
        (AltKey("\x1bb"), ["ctrl+left"]),
    ],
)
def test_keys(given_input: Input, expected: list[str]) -> None:
    assert keys(given_input) == expected


def test_a_paste_is_one_event_and_an_escape_key_no_text() -> None:
    (paste,) = KeyParser().messages([PastedText("Hey guy")])
    assert isinstance(paste, events.Paste)
    assert paste.text == "Hey guy"
    (escape,) = KeyParser().messages([EscapeKey()])
    assert isinstance(escape, events.Key)
    assert not escape.is_printable


def test_the_mouse_keeps_its_place_between_sequences() -> None:
    parser = KeyParser()
    list(parser.messages([EscapeSequence("\x1b[<35;10;5M"), AltKey("\x1bq"), EscapeKey()]))
    (move,) = parser.messages([EscapeSequence("\x1b[<35;12;6M")])
    assert isinstance(move, events.MouseMove)
    assert (move.delta_x, move.delta_y) == (2, 1)


PARAMETERS = st.text("0123456789;:", max_size=14).flatmap(lambda text: st.sampled_from([text, f"<{text}", f"?{text}"]))


@given(PARAMETERS, st.sampled_from([bytes([code]) for code in range(0x40, 0x7F) if chr(code) not in "u"]))
def test_no_control_sequence_types_a_character(parameters: str, final: bytes) -> None:
    sequence = b"\x1b[" + parameters.encode() + final
    parser = KeyParser()
    found = list(parser.messages(InputFilter(0.1).feed(sequence, 0.0)))
    if not re.fullmatch(rb"\x1b\[27;\d+;\d+~", sequence):
        assert not [event for event in found if isinstance(event, events.Key) and event.is_printable]
    assert keys(TypedText("q"), parser=parser) == ["q"]


NUMBERS = st.integers(0, 99_999_999).map(str)


@given(st.lists(NUMBERS | st.lists(NUMBERS, max_size=3).map(":".join), max_size=3), st.sampled_from("u~"))
def test_numbers_out_of_range_harm_nothing(numbers: list[str], final: str) -> None:
    parser, sequence = KeyParser(), ";".join(numbers) + final
    # What the filter would drop as well.
    list(parser.messages([EscapeSequence(f"\x1b[{sequence}")]))
    list(parser.messages(InputFilter(0.1).feed(f"\x1b[{sequence}".encode(), 0.0)))
    assert keys(TypedText("q"), EscapeSequence("\x1b[A"), parser=parser) == ["q", "up"]


@given(st.lists(st.binary(max_size=30) | st.sampled_from([b"\x1b", b"\x1b[", b"\x1b[27;", b"\x1b[48;"]), max_size=6))
def test_any_bytes_leave_the_parser_working(reads: list[bytes]) -> None:
    parser, terminal = KeyParser(), InputFilter(0.1)
    for number, data in enumerate(reads):
        list(parser.messages(terminal.feed(data, number * 0.05)))
    list(parser.messages(terminal.expire(60.0)))
    list(parser.messages(terminal.expire(120.0)))
    assert keys(*terminal.feed(b"q\x1b[A", 180.0), parser=parser) == ["q", "up"]
