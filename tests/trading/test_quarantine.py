"""Quarantine: counted failures, a timed probe, a release by hand, and survival of a restart."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.freshness import NO_END
from cq_tui.trading.quarantine import Cause, Quarantine


def quarantined() -> Quarantine:
    book = Quarantine()
    assert [book.count_failure("BTCUSDT") for _ in range(3)] == [1, 2, 3]
    book.put("BTCUSDT", "-2010", 3, 102.0, 1002.0)
    return book


def test_a_quarantined_symbol_says_why_and_for_how_long() -> None:
    book = quarantined()
    assert "BTCUSDT" in book
    assert book.block_reason("BTCUSDT", 402.0) == "3 failures in a row, last: -2010; probe in 10 min"
    assert book.block_reason("ETHUSDT", 402.0) is None
    [entry] = book
    assert (entry.symbol, entry.to_state().failures, entry.to_state().until) == ("BTCUSDT", 3, 1002.0)


def test_failures_are_counted_by_symbol_until_they_are_forgotten() -> None:
    book = quarantined()
    assert (book.failures_of("BTCUSDT"), book.failures_of("ETHUSDT")) == (3, 0)
    book.forget_failures("BTCUSDT")
    assert book.failures_of("BTCUSDT") == 0
    assert "BTCUSDT" in book


def test_one_probe_is_allowed_after_the_wait() -> None:
    book = quarantined()
    assert book.block_reason("BTCUSDT", 1001.9) is not None
    assert book.block_reason("BTCUSDT", 1002.0) is None
    book.record_entry("BTCUSDT", 1003.0)
    assert book.block_reason("BTCUSDT", 1003.0) == "a probe is pending"


def test_a_quarantine_without_end_ends_with_the_calendar() -> None:
    book = Quarantine()
    book.put("BTCUSDT", "-2010", 3, 102.0, 1e308)
    [entry] = book
    assert entry.until == NO_END


def test_an_entry_before_the_wait_is_over_is_no_probe() -> None:
    book = quarantined()
    book.record_entry("BTCUSDT", 1001.9)
    entry = book.get("BTCUSDT")
    assert entry is not None
    assert not entry.probing


def test_a_person_can_release_and_the_count_starts_again() -> None:
    book = quarantined()
    assert book.release("BTCUSDT") is not None
    assert book.release("BTCUSDT") is None
    assert book.failures_of("BTCUSDT") == 0


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["failed", "forgotten", "release", "sent", "put", "by hand", "time over"]),
        st.sampled_from(["A", "B"]),
        st.integers(0, 2000),
    ),
    max_size=30,
)


@given(STEPS)
def test_quarantine_survives_a_restart(steps: list[tuple[str, str, int]]) -> None:
    book = Quarantine()
    for what, symbol, now in steps:
        match what:
            case "failed":
                book.count_failure(symbol)
            case "forgotten":
                book.forget_failures(symbol)
            case "release":
                book.release(symbol)
            case "sent":
                book.record_entry(symbol, now)
            case "by hand":
                book.put(symbol, "y", 0, now, now + 60.0, Cause.HAND, "ada")
            case "time over":
                book.release(symbol, Cause.HAND)
            case _:
                book.put(symbol, "x", 3, now, now + 900.0)
    again = Quarantine.from_dict(json.loads(json.dumps(book.to_dict())))
    assert [*again] == [replace(entry, probing=False) for entry in book]
    assert again.by_hand == book.by_hand
    for symbol in ("A", "B"):
        before = book.get(symbol)
        assert again.get(symbol) == (None if before is None else replace(before, probing=False))
    assert again.to_dict()["counts"] == book.to_dict()["counts"]


def test_a_state_of_earlier_versions_has_what_a_person_wants_in_its_place() -> None:
    book = Quarantine()
    book.put("BTCUSDT", "news", 0, 102.0, 1002.0, Cause.HAND, "ada")
    plain = book.to_dict()
    again = Quarantine.from_dict({**plain, "held": plain.pop("by_hand")})
    assert again == book
    assert again.block_reason("BTCUSDT", 402.0) == "by ada: news; ends in 10 min"


def test_a_probe_without_a_result_is_repeated() -> None:
    book = quarantined()
    book.record_entry("BTCUSDT", 1020.0)
    assert book.block_reason("BTCUSDT", 1020.0) == "a probe is pending"
    book.reset_probe("BTCUSDT")
    assert book.block_reason("BTCUSDT", 1020.0) is None
    book.reset_probe("ETHUSDT")
    assert "ETHUSDT" not in book
