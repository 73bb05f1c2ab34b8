"""From bytes to keys, wherever reads cut them: other encodings, mouse events, pastes, what nobody understands."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS, IGNORE_SEQUENCE

from cq_tui.room.terminal.input_filter import PATIENCE, InputFilter
from cq_tui.room.terminal.inputs import AltKey, EscapeKey, EscapeSequence, Input, PastedText, TypedText
from cq_tui.room.terminal.paste import MAX_BYTES
from cq_tui.room.terminal.paste import PATIENCE as PASTE_PATIENCE

DELAY = 0.1
START, END = b"\x1b[200~", b"\x1b[201~"
ESCAPE = EscapeKey()
UP = EscapeSequence("\x1b[A")

#: What terminals send that is no key: answers, reports that nobody asked for, other terminals' mouse events.
MEANINGLESS = [
    b"\x1b[?62;22;52c",
    b"\x1b[>0;276;0c",
    b"\x1b[0n",
    b"\x1b[8;24;80t",
    b"\x1b[32;12;5M",
    b"\x1b[121~",
    b"\x1b[121A",
    b"\x1b[99999999u",
    b"\x1b[55296u",
    b"\x1b[97;2:1u",
    b"\x1b[97;1;10u",
    b"\x1b[48;0;0;0;0t",
    b"\x1b[48;60000;60000;1;1t",
    b"\x1b[" + b"1;" * 200 + b"H",
    b"\x1b[" + b"9" * 5000 + b"u",
    b"\x1bO1;5H",
    b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\",
    b"\x1b]52;c;SEh5\x07",
    b"\x1bP1$r0m\x1b\\",
    b"\x1bP>|terminal(1.0)\x1b\\",
    b"\x1b_Gi=31;OK\x1b\\",
    b"\x1b^guyH\x1b\\",
    b"\x1b[M !!",
    b"\x1b[M\xff\xff\xff",
    b"\x1b[MyHq",
    b"\x1b[M\x1b\x1b\x1b",
    b"\x1b[M\r\n\x03",
    b"\x1b[[y",
]


class Line:
    """A filter and its clock; between reads, time passes, and what is due expires."""

    def __init__(self) -> None:
        self.filter = InputFilter(DELAY)
        self.now = 100.0
        self.found: list[Input] = []

    def read(self, *reads: bytes, pause: float = 0.0) -> "Line":
        for data in reads:
            self.found += self.filter.feed(data, self.now)
            self.wait(pause)
        return self

    def wait(self, seconds: float) -> "Line":
        end = self.now + seconds
        while (deadline := self.filter.deadline) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.found += self.filter.expire(self.now)
        self.now = end
        return self

    def silence(self) -> list[Input]:
        """Wait until nothing is unfinished, and return all that was found, with typed text joined."""
        self.wait(60)
        assert self.filter.deadline is None
        return joined(self.found)


def joined(found: list[Input]) -> list[Input]:
    out: list[Input] = []
    for each in found:
        if out and isinstance(each, TypedText) and isinstance(out[-1], TypedText):
            out[-1] = TypedText(out[-1].text + each.text)
        else:
            out.append(each)
    return out


def inputs(*reads: bytes, pause: float = 0.0) -> list[Input]:
    return Line().read(*reads, pause=pause).silence()


def cuts(data: bytes) -> list[tuple[bytes, bytes]]:
    return [(data[:at], data[at:]) for at in range(1, len(data))]


@pytest.mark.parametrize(
    ("sent", "typed"),
    [
        (b"caf\xe9q", "cafq"),
        (b"\xe2\x82q", "q"),
        (b"\xf0\x9f\x98", ""),
        (b"\xc0\xafq", "q"),
        (b"\xed\xa0\x80q", "q"),
        (b"\xff\xfeq\x80", "q"),
        (b"\xc2\x9bq", "q"),
        ("größe 比特币 😀".encode(), "größe 比特币 😀"),
    ],
)
def test_what_is_no_utf_8_is_dropped_and_only_that(sent: bytes, typed: str) -> None:
    expected = [TypedText(typed)] if typed else []
    assert inputs(sent) == expected
    assert all(inputs(*cut, pause=0.5) == expected for cut in cuts(sent))
    assert inputs(sent, b"\x1b[A") == [*expected, UP]


@pytest.mark.parametrize("sent", MEANINGLESS, ids=repr)
def test_a_sequence_that_means_nothing_is_dropped_whole(sent: bytes) -> None:
    key = TypedText("q")
    assert inputs(sent) == []
    assert inputs(b"q" + sent + b"q") == [TypedText("qq")]
    for cut in cuts(sent)[:100]:
        # After a long pause behind its first byte, that was the escape key; the rest is known for what it is.
        early = [ESCAPE] if len(cut[0]) == 1 else []
        if not early or cut[1][:1] == b"[":
            assert inputs(*cut, b"q", pause=0.5) == [*early, key], cut
        assert inputs(*cut, b"q", pause=0.05) == [key], cut
    single = [sent[at : at + 1] for at in range(len(sent))]
    assert inputs(*single, b"q", pause=0.0) == [key]


@pytest.mark.parametrize(
    "sent", [each for each in ANSI_SEQUENCES_KEYS if each.startswith(("\x1b[", "\x1bO"))], ids=repr
)
def test_every_key_that_textual_knows_passes(sent: str) -> None:
    expected = [EscapeSequence(sent), TypedText("q")]
    if ANSI_SEQUENCES_KEYS[sent] is IGNORE_SEQUENCE:
        assert inputs(sent.encode() + b"q") in (expected, [TypedText("q")])
        return
    assert inputs(sent.encode() + b"q") == expected
    assert all(inputs(*cut, pause=0.3) == expected for cut in cuts(sent.encode() + b"q")[1:-1])


@pytest.mark.parametrize(
    "sent",
    [
        "\x1b[121u",
        "\x1b[121;5u",
        "\x1b[121;2;89u",
        "\x1b[27u",
        "\x1b[57376u",
        "\x1b[1;3D",
        "\x1b[3;5~",
        "\x1b[P",
        "\x1b[27;5;105~",
        "\x1b[<0;10;20M",
        "\x1b[<35;300;80m",
        "\x1b[?2026;2$y",
        "\x1b[?2048;1$y",
        "\x1b[48;45;160;900;1600t",
        "\x1b[I",
        "\x1b[O",
        "\x1b[12;40R",
    ],
)
def test_keys_and_reports_of_newer_terminals_pass(sent: str) -> None:
    assert inputs(sent.encode()) == [EscapeSequence(sent)]


def test_escape_alone_is_the_escape_key_after_its_delay() -> None:
    line = Line().read(b"\x1b")
    assert line.wait(DELAY / 2).found == []
    assert line.wait(DELAY).found == [ESCAPE]
    assert inputs(b"\x1b\x1b") == [ESCAPE, ESCAPE]
    assert inputs(b"\x1b", b"q", pause=0.2) == [ESCAPE, TypedText("q")]
    assert inputs(b"\x1b", b"[", pause=0.2) == [ESCAPE, TypedText("[")]
    # A busy machine reads late: what was typed long after is no part of it.
    late = Line().read(b"\x1b")
    late.now += 3
    assert late.read(b"q").silence() == [ESCAPE, TypedText("q")]


def test_alt_with_a_key() -> None:
    assert inputs(b"\x1bqy") == [AltKey("\x1bq"), TypedText("y")]
    assert inputs(b"\x1b", b"q", pause=0.05) == [AltKey("\x1bq")]
    for introducer in (b"\x1b[", b"\x1bO", b"\x1b]", b"\x1bP"):
        assert inputs(introducer) == [AltKey(introducer.decode())]
    assert inputs(b"\x1b[\r") == [AltKey("\x1b["), TypedText("\r")]


def test_keys_are_heard_again_after_a_sequence_that_never_ends() -> None:
    for start in (b"\x1b]0;title", b"\x1bPq", b"\x1b[12", b"\x1b[M ", b"\x1b[" + b"1" * 100, b"\x1bO1"):
        line = Line().read(start)
        assert line.wait(PATIENCE).read(b"y").silence() == [TypedText("y")], start
        # Typing does not prolong it.
        line = Line().read(start)
        for _ in range(8):
            line.read(b"3", pause=PATIENCE / 6)
        assert isinstance(line.silence()[-1], TypedText), start


CONTENTS = {
    b"plain text": "plain text",
    b"price 12 \x1b]q": "price 12 ]q",
    b"Hey guy y\r\nyes\ry": "Hey guy y\nyes\ny",
    b"a\x1b[200~b": "ab",
    b"\x1b": "",
    b"end\x1b": "end",
    b"\x1b[201": "[201",
    b"nul\x00bell\x07\x9b31~caf\xe9": "nulbell\ufffd31~caf\ufffd",
    "比特币\u009b31m".encode(): "比特币31m",
    b"": "",
    # A terminal that does not take the marker out of what was copied.
    b"a" + END + b"y": "ay",
    b"a" + END + b"y" + START + b"b": "ayb",
}


@pytest.mark.parametrize("content", CONTENTS, ids=repr)
def test_a_paste_is_one_event_whatever_is_in_it(content: bytes) -> None:
    sent = START + content + END
    expected = [PastedText(CONTENTS[content])]
    assert inputs(sent) == expected
    assert inputs(sent + b"q") == [*expected, TypedText("q")]
    for cut in cuts(sent):
        early = [ESCAPE] if len(cut[0]) == 1 else []
        pause = 0.5 if END not in cut[0] else 0.01
        assert inputs(*cut, pause=pause) == early * (pause > DELAY) + expected, cut
    single = [sent[at : at + 1] for at in range(len(sent))]
    assert inputs(*single) == expected


def test_a_paste_of_a_megabyte() -> None:
    content = "0123456789abcdé\n".encode() * 65_536
    sent = START + content + END
    reads = [sent[at : at + 4096] for at in range(0, len(sent), 4096)]
    assert inputs(*reads, pause=0.005) == [PastedText(content.decode())]
    huge = [START, *[b"x" * 65_536] * 64, END]
    assert inputs(*huge) == [PastedText("x" * MAX_BYTES)]


def test_a_paste_that_never_ends_is_given_up() -> None:
    line = Line().read(START + b"Hey guy")
    assert line.wait(PASTE_PATIENCE).read(b"q").silence() == [TypedText("q")]
    # Typing does not prolong it; a slow line does.
    line = Line().read(START + b"Hey guy")
    for _ in range(20):
        line.read(b"q", pause=PASTE_PATIENCE / 10)
    assert line.silence() == [TypedText("q" * 10)]
    slow = Line().read(START)
    for _ in range(200):
        slow.read(b"q", pause=0.09)
    assert slow.read(END).silence() == [PastedText("q" * 200)]


def test_what_follows_a_paste_waits_only_a_moment() -> None:
    line = Line().read(START + b"a" + END)
    for _ in range(50):
        line.read(b"j", pause=0.02)
    assert joined(line.found)[0] == PastedText("a")
    assert line.silence() == [PastedText("a"), TypedText("j" * 50)]


@given(
    st.lists(st.binary(max_size=12) | st.sampled_from([b"\x1b", b"\x1b[", START, END, b"\x1b]", b"\x1b[M"]), max_size=8)
)
def test_any_bytes_are_taken_and_keys_work_afterwards(reads: list[bytes]) -> None:
    line = Line().read(*reads, pause=0.05)
    line.silence()
    line.found.clear()
    assert line.read(b"q", b"\x1b[A", b"\x1b").silence() == [TypedText("q"), UP, ESCAPE]


@given(st.binary(max_size=40), st.lists(st.integers(0, 40), max_size=5))
def test_cuts_change_nothing(data: bytes, places: list[int]) -> None:
    edges = [0, *sorted(places), len(data)]
    parts = [data[a:b] for a, b in itertools.pairwise(edges) if a < b]
    assert inputs(*parts) == inputs(data)


@given(st.text(st.characters(blacklist_categories=("Cc", "Cs")), max_size=20))
def test_every_text_passes_unchanged(text: str) -> None:
    assert inputs(text.encode()) == ([TypedText(text)] if text else [])
