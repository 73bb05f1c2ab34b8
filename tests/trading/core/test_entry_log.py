"""How often was traded: by minute and by day, also where the exchange's clock is set back."""

from hypothesis import given
from hypothesis import strategies as st

from cq_tui.trading.core.book import Book
from cq_tui.trading.core.book_snapshot import book_from_plain, book_to_plain
from cq_tui.trading.core.entry_log import EntryLog
from tests.trading.core.test_book import MS, PLAN, intended, order

DAY_MS = 86_400_000
MIDNIGHT = MS - MS % DAY_MS


def test_an_entry_counts_for_a_minute_and_until_midnight() -> None:
    log = EntryLog.of((MIDNIGHT + 5_000, MIDNIGHT + 30_000))
    assert [log.within_minute(MIDNIGHT + ms) for ms in (30_000, 64_999, 65_000, 89_999, 90_000)] == [2, 2, 1, 1, 0]
    assert [log.on_day(MIDNIGHT + ms) for ms in (30_000, DAY_MS - 1, DAY_MS)] == [2, 2, 0]
    log.add(MIDNIGHT + DAY_MS)
    assert (log.on_day(MIDNIGHT + DAY_MS), log.within_minute(MIDNIGHT + DAY_MS)) == (1, 1)


def test_a_clock_that_is_set_back_frees_no_entry_of_the_day() -> None:
    log = EntryLog.of((MIDNIGHT, MIDNIGHT + 1_000))
    log.add(MIDNIGHT - 30_000)
    assert log.on_day(MIDNIGHT) == log.on_day(MIDNIGHT - 30_000) == 3
    assert log.within_minute(MIDNIGHT - 30_000) == 3
    log.add(MIDNIGHT - 2 * DAY_MS)
    assert log.within_minute(MIDNIGHT - 2 * DAY_MS) == 1, "what is days ahead tells nothing of this minute"
    assert log.on_day(MIDNIGHT) == 4


@given(st.lists(st.integers(0, 3 * DAY_MS), max_size=40))
def test_the_counts_are_those_of_all_entries(times: list[int]) -> None:
    ordered = sorted(times)
    log = EntryLog.of(times)
    for now in (ordered[-1], ordered[-1] + 59_999) if ordered else ():
        assert log.within_minute(now) == sum(1 for one in times if now - one < 60_000)
        assert log.on_day(now) == sum(1 for one in times if one // DAY_MS == now // DAY_MS)


def test_entries_are_counted_by_intents_with_a_plan_and_survive_a_restart() -> None:
    book = Book("simulated:1", "owner")
    intended(book, order("e"), PLAN)
    assert book.entries == EntryLog([MS], MS // DAY_MS, 1)
    plain = book_to_plain(book)
    assert book_from_plain(plain).entries == book.entries
    del plain["entries"]
    assert book_from_plain(plain).entries == book.entries, "of an older snapshot, by the orders that it has"
