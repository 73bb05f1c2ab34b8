"""The feed of symbols in words: what is left out is named as that, and never as something to wait for."""

from cq_tui.contracts.health import SymbolState
from cq_tui.ops.symbol_words import describe_feed, describe_state, symbol_lines

NOW = 1785594127.0


def state(word: str, ago: float) -> SymbolState:
    return SymbolState(state=word, since=NOW - ago)


def test_what_is_fed_as_it_should_be_needs_no_words() -> None:
    states = {"A": state("trading", 9), "B": state("filling", 2), "C": state("starting", 90)}
    assert [describe_feed(each, NOW) for each in states.values()] == ["", "", ""]
    assert symbol_lines(states, NOW) == []


def test_symbols_are_named_by_state_with_how_long() -> None:
    states = {"A": state("trading", 9), "B": state("filling", 12), "C": state("silent", 34), "D": state("halted", 600)}
    assert describe_feed(states["B"], NOW) == "klines are being fetched for 12 s"
    assert describe_feed(states["C"], NOW) == "silent: no message for 34 s"
    assert describe_feed(states["D"], NOW) == "", "why it is excluded is said already"
    assert describe_state(states["D"]) == "halted since 2026-08-01 14:12:07 UTC"
    assert symbol_lines(states, NOW) == [
        "1 of 4 symbols trading",
        "  filling         B 12 s",
        "  silent          C 34 s",
        "  halted          D 10 min",
    ]


def test_many_symbols_of_one_state_are_counted_and_foreign_text_is_harmless() -> None:
    states = {f"S{i}\x1b[31m": state("unlisted", 5) for i in range(8)}
    assert symbol_lines(states, NOW) == [
        "0 of 8 symbols trading",
        "  unlisted        " + ", ".join(f"S{i}␛[31m 5.0 s" for i in range(5)) + " and 3 more",
    ]
