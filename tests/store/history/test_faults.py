"""Faults in words: a whole one for whoever accepts it, a short one to be read, and one name for both."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from cq_tui.store.history.faults import HistoryFault, fault_id, headline_of

HASH = "0123456789abcdef" * 4


def test_the_short_form_leaves_out_what_differs() -> None:
    for expected, found in product((None, HASH), repeat=2):
        fault = HistoryFault("event_chain.ndjson", "was changed (by hand)", 8, expected, found)
        assert headline_of(str(fault)) == fault.headline == "event_chain.ndjson at index 8: was changed (by hand)"


@given(st.text(), st.none() | st.integers(min_value=0))
def test_text_without_expected_or_found_stays_unchanged(reason: str, index: int | None) -> None:
    text = str(HistoryFault("spool", reason.replace("(expected", "").replace("(found", ""), index))
    assert headline_of(text) == text


def test_the_name_is_that_of_the_whole_text() -> None:
    fault = HistoryFault("event_chain.ndjson", "was changed", 8, HASH, HASH[::-1])
    assert fault_id(str(fault)) == "818872a1"
    assert fault_id(str(fault)) != fault_id(fault.headline)
