"""Entries such as top:50:USDT: what they stand for, and who stays when ranks change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.settings import Settings
from cq_tui.contracts.symbol_choice import TopEntry, choose_top, expand_symbols, top_entry

RANKED = [f"S{number}" for number in range(100)]


def test_an_entry_is_read() -> None:
    assert top_entry("top:50:USDT") == TopEntry(50, "USDT")
    assert top_entry("BTCUSDT") is None


@pytest.mark.parametrize("entry", ["top:0:USDT", "top:1000:USDT", "top:5", "top:5:usdt", "top:x:USDT", "top:5:USDT:1"])
def test_wrong_entries_are_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="SYMBOLS"):
        Settings.model_validate({"SYMBOLS": ["BTCUSDT", entry]})


def test_settings_take_entries_among_names() -> None:
    assert Settings.model_validate({"SYMBOLS": "top:50:USDT, ADABTC"}).SYMBOLS == ["top:50:USDT", "ADABTC"]


def test_entries_are_replaced_and_each_name_is_there_once() -> None:
    chosen = {"top:2:USDT": ["BTCUSDT", "ETHUSDT"]}
    assert expand_symbols(["ETHUSDT", "top:2:USDT", "ADABTC"], chosen) == ["ETHUSDT", "BTCUSDT", "ADABTC"]
    assert expand_symbols(["top:2:BTC", "ADABTC"], chosen) == ["ADABTC"]


def test_a_new_entry_stands_for_what_was_chosen_with_its_quote_asset() -> None:
    chosen = {"top:2:USDT": ["BTCUSDT", "ETHUSDT"], "top:1:BTC": ["ETHBTC"]}
    assert expand_symbols(["top:3:USDT"], chosen) == ["BTCUSDT", "ETHUSDT"]


def test_two_that_change_ranks_do_not_take_turns() -> None:
    entry = TopEntry(10, "USDT")
    first = choose_top(entry, RANKED, ())
    assert first == RANKED[:10]
    # The last falls one rank behind, and stays; the first that was left out waits.
    changed = [*RANKED[:9], RANKED[10], RANKED[9], *RANKED[11:]]
    assert set(choose_top(entry, changed, first)) == set(first)
    # Far behind, it is replaced.
    fallen = [*RANKED[:9], *RANKED[10:30], RANKED[9], *RANKED[30:]]
    assert choose_top(entry, fallen, first) == [*RANKED[:9], RANKED[10]]


def test_fewer_than_asked_for_are_all() -> None:
    assert choose_top(TopEntry(10, "USDT"), RANKED[:4], RANKED[90:]) == RANKED[:4]


@given(st.integers(1, 40), st.permutations(RANKED), st.lists(st.sampled_from(RANKED), unique=True))
def test_as_many_as_asked_for_and_nobody_far_behind(size: int, ranked: list[str], before: list[str]) -> None:
    entry = TopEntry(size, "USDT")
    chosen = choose_top(entry, ranked, before)
    assert len(set(chosen)) == len(chosen) == size
    assert all(ranked.index(symbol) < entry.kept_rank for symbol in chosen)
    assert chosen == choose_top(entry, ranked, chosen)
