"""What the room tells the terminal beside its screen, and what the terminal says of its background."""

import pytest

from cq_tui.room.terminal.background import may_be_asked
from cq_tui.room.terminal.input_filter import InputFilter
from cq_tui.room.terminal.inputs import Background, Input, TypedText
from cq_tui.room.terminal.voice import News, bad_subject, notification_sequence, title_sequence


def fed(*pieces: bytes) -> list[Input]:
    keys = InputFilter(0.1)
    return [each for number, piece in enumerate(pieces) for each in keys.feed(piece, number * 0.01)]


@pytest.mark.parametrize(
    ("answer", "is_dark"),
    [
        (b"\x1b]11;rgb:0000/0000/0000\x1b\\", True), (b"\x1b]11;rgb:ffff/ffff/ffff\x07", False),
        (b"\x1b]11;rgb:1e/1e/2e\x1b\\", True), (b"\x1b]11;rgba:fb/fa/f7/ff\x1b\\", False),
        (b"\x1b]11;rgb:0/0/f\x07", True), (b"\x1b[?997;1n", True), (b"\x1b[?997;2n", False),
    ],
)  # fmt: skip
def test_the_background_is_read_whole_or_in_pieces(answer: bytes, is_dark: bool) -> None:
    assert fed(b"a", answer, b"b") == [TypedText("a"), Background(is_dark), TypedText("b")]
    assert fed(*(answer[n : n + 1] for n in range(len(answer)))) == [Background(is_dark)]


@pytest.mark.parametrize(
    "other",
    [
        b"\x1b]11;?\x1b\\", b"\x1b]11;red\x07", b"\x1b]10;rgb:0/0/0\x07", b"\x1b]11;" + b"x" * 99 + b"\x07",
        b"\x1b[?997;3n",
    ],
)  # fmt: skip
def test_anything_else_is_dropped_and_keys_work_afterwards(other: bytes) -> None:
    assert fed(other, b"q") == [TypedText("q")]


def test_terminals_that_would_print_it_are_not_asked() -> None:
    assert not may_be_asked("linux")
    assert may_be_asked("xterm-256color")


def test_a_title_is_only_text() -> None:
    assert title_sequence("LIVE HALTED · cq-tui") == "\x1b]2;LIVE HALTED · cq-tui\x1b\\"
    assert "\x07" not in title_sequence("a\x07b\x1b]2;x")[3:-2]
    assert title_sequence("a\x1bb").count("\x1b") == 2


def test_each_terminal_is_told_in_its_own_way() -> None:
    assert notification_sequence("down", {"TERM": "xterm-kitty"}) == "\x1b]9;down\x1b\\"
    assert notification_sequence("a;b", {"TERM": "foot"}) == "\x1b]777;notify;cq-tui;a,b\x1b\\"
    assert notification_sequence("down", {"TERM": "xterm-256color", "VTE_VERSION": "7600"}).startswith("\x1b]777;")
    assert notification_sequence("down", {"TERM": "tmux-256color", "TMUX": "x"}) == (
        "\x1bPtmux;\x1b\x1b]9;down\x1b\x1b\\\x1b\\"
    )
    assert notification_sequence("down", {"TERM": "linux"}) == ""
    assert notification_sequence("down", {"TERM": "screen", "STY": "1"}) == ""


def test_news_is_told_once_and_only_while_nobody_looks() -> None:
    news = News()
    assert news.fresh(["old"], is_focused=False) == [], "what a room opens with is on its screen"
    assert news.fresh(["old", "new"], is_focused=False) == ["new"]
    assert news.fresh(["old", "new"], is_focused=False) == []
    assert news.fresh(["old", "new", "seen"], is_focused=True) == []
    assert news.fresh(["old", "new", "seen"], is_focused=False) == []
    assert news.fresh([], is_focused=False) == []
    assert news.fresh(["old"], is_focused=False) == ["old"], "it is bad again"
    assert bad_subject("no report for 68 s") == bad_subject("no report for 169 s")
