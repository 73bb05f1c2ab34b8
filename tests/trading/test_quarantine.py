"""Quarantine: three failures in a row, a timed probe, a release by hand, and survival of a restart."""

import json

from hypothesis import given
from hypothesis import strategies as st

from cq_tui.trading.quarantine import Quarantine


def quarantined() -> Quarantine:
    book = Quarantine()
    assert book.record_failure("BTCUSDT", "-1013 NOTIONAL", 100.0) is None
    assert book.record_failure("BTCUSDT", "-1013 NOTIONAL", 101.0) is None
    entry = book.record_failure("BTCUSDT", "-2010", 102.0)
    assert entry is not None
    assert (entry.failures, entry.since, entry.until, entry.reason) == (3, 102.0, 1002.0, "-2010")
    return book


def test_three_failures_in_a_row_quarantine_one_symbol() -> None:
    book = quarantined()
    assert "BTCUSDT" in book
    assert book.block_reason("BTCUSDT", 402.0) == "3 failures in a row, last: -2010; probe in 10 min"
    assert book.block_reason("ETHUSDT", 402.0) is None
    assert [entry.symbol for entry in book] == ["BTCUSDT"]


def test_a_success_resets_the_count() -> None:
    book = Quarantine()
    for _ in range(5):
        book.record_failure("BTCUSDT", "x", 1.0)
        book.record_failure("BTCUSDT", "x", 1.0)
        assert book.record_success("BTCUSDT") is None
    assert "BTCUSDT" not in book


def test_one_probe_is_allowed_after_the_wait() -> None:
    book = quarantined()
    assert book.block_reason("BTCUSDT", 1001.9) is not None
    assert book.block_reason("BTCUSDT", 1002.0) is None
    book.record_entry("BTCUSDT", 1003.0)
    assert book.block_reason("BTCUSDT", 1003.0) == "a probe is pending"


def test_a_successful_probe_releases() -> None:
    book = quarantined()
    book.record_entry("BTCUSDT", 1003.0)
    released = book.record_success("BTCUSDT")
    assert released is not None
    assert "BTCUSDT" not in book
    assert book.record_failure("BTCUSDT", "x", 1004.0) is None


def test_a_failed_probe_restarts_the_wait() -> None:
    book = quarantined()
    book.record_entry("BTCUSDT", 1003.0)
    entry = book.record_failure("BTCUSDT", "-2010", 1004.0)
    assert entry is not None
    assert (entry.since, entry.until, entry.failures, entry.probing) == (102.0, 1904.0, 4, False)


def test_an_exit_in_quarantine_neither_releases_nor_prolongs_it() -> None:
    book = quarantined()
    assert book.record_failure("BTCUSDT", "exit refused", 200.0) is None
    assert book.record_success("BTCUSDT") is None
    entry = book.get("BTCUSDT")
    assert entry is not None
    assert entry.until == 1002.0


def test_a_person_can_release_and_the_count_starts_again() -> None:
    book = quarantined()
    assert book.release("BTCUSDT") is not None
    assert book.release("BTCUSDT") is None
    assert book.record_failure("BTCUSDT", "x", 300.0) is None


def test_a_symbol_can_be_quarantined_at_once() -> None:
    book = Quarantine(seconds=60.0)
    entry = book.impose("BTCUSDT", "outcome of an order unknown after 10 queries", 10.0)
    assert (entry.failures, entry.until) == (1, 70.0)
    assert entry.to_state().model_dump(exclude={"extra"})["symbol"] == "BTCUSDT"


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["failed", "succeeded", "release", "sent", "impose"]),
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
                book.record_failure(symbol, "x", now)
            case "succeeded":
                book.record_success(symbol)
            case "release":
                book.release(symbol)
            case "sent":
                book.record_entry(symbol, now)
            case _:
                book.impose(symbol, "x", now)
    again = Quarantine.from_dict(json.loads(json.dumps(book.to_dict())))
    assert [entry.symbol for entry in again] == [entry.symbol for entry in book]
    for entry in again:
        before = book.get(entry.symbol)
        assert before is not None
        assert (entry.until, entry.failures, entry.probing) == (before.until, before.failures, False)
    assert again.to_dict()["counts"] == book.to_dict()["counts"]


def test_a_probe_without_a_result_is_repeated() -> None:
    book = Quarantine(failures=1, seconds=10)
    book.record_failure("BTCUSDT", "refused", 0.0)
    book.record_entry("BTCUSDT", 20.0)
    assert book.block_reason("BTCUSDT", 20.0) == "a probe is pending"
    book.reset_probe("BTCUSDT")
    assert book.block_reason("BTCUSDT", 20.0) is None
    book.reset_probe("ETHUSDT")
    assert "ETHUSDT" not in book
