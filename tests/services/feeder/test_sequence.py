"""Release of closed klines: in order, once, and with no gap that the exchange's history could fill."""

from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.market import Kline
from cq_tui.services.feeder.sequence import MAX_EMPTY_REPAIRS, KlineSequence
from tests.services.scripted_market import bar

STEP = 1_000
START = 1_700_000_000_000

#: What happens in one step: a bar closes (or the exchange has a hole), is told or not, twice or once; and a repair
#: is made or not, by a history that lags by so many bars.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["told", "told twice", "untold", "hole"]),
        st.sampled_from([None, 0, 1, 2]),
    ),
    min_size=1,
    max_size=60,
)


def offered(sequence: KlineSequence, event: str, kline: Kline) -> list[Kline]:
    times = {"told": 1, "told twice": 2}.get(event, 0)
    return [released for _ in range(times) for released in sequence.offer(kline)]


@given(STEPS)
def test_released_klines_increase_and_miss_nothing_that_the_history_has(steps: list[tuple[str, int | None]]) -> None:
    sequence = KlineSequence(STEP)
    exchange: list[Kline] = []
    released: list[Kline] = []
    lagging = 0
    for index, (event, lag) in enumerate([*steps, ("untold", 0), ("told", 0)]):
        if event != "hole":
            kline = bar(START + index * STEP, 100.0 + index)
            exchange.append(kline)
            released += offered(sequence, event, kline)
        if lag is not None:
            # A history that stays behind for good is another test.
            lagging = lagging + 1 if lag else 0
            known = exchange[: len(exchange) - (lag if lagging < MAX_EMPTY_REPAIRS - 1 else 0)]
            lagging = lagging % (MAX_EMPTY_REPAIRS - 1)
            start = sequence.repair_from or START
            released += sequence.repair([kline for kline in known if kline.open_time >= start])
    assert released == exchange
    assert not sequence.has_gap


def test_everything_is_held_before_the_first_repair() -> None:
    sequence = KlineSequence(STEP)
    assert sequence.repair_from is None
    assert sequence.offer(bar(START, 1.5)) == []
    assert sequence.has_gap
    assert sequence.repair([bar(START - STEP, 1.5), bar(START, 1.5)]) == [bar(START - STEP, 1.5), bar(START, 1.5)]


def test_a_kline_that_only_the_stream_had_keeps_its_place() -> None:
    bars = [bar(START + index * STEP, 1.5 + index) for index in range(6)]
    for missing in range(5):
        sequence = KlineSequence(STEP)
        for told in (bars[missing], bars[4], bars[5]):
            sequence.offer(told)
        assert sequence.repair([bar for bar in bars[:5] if bar != bars[missing]]) == bars
        assert sequence.repair_from == START + 6 * STEP


def test_what_was_released_before_is_not_released_again() -> None:
    sequence = KlineSequence(STEP, START)
    bars = [bar(START + index * STEP, 1.5) for index in range(3)]
    assert sequence.repair(bars) == bars[1:]
    assert sequence.repair([*bars, bars[1]]) == []


def test_a_gap_is_accepted_if_the_history_continues_after_it() -> None:
    sequence = KlineSequence(STEP, START)
    later = bar(START + 3 * STEP, 1.5)
    assert sequence.offer(later) == []
    assert sequence.repair([]) == [], "the history may only be late"
    assert sequence.repair([later]) == [later]
    assert sequence.repair_from == START + 4 * STEP


def test_a_lagging_backfill_delays_klines_only_for_a_limited_time() -> None:
    sequence = KlineSequence(STEP, START)
    later = bar(START + 3 * STEP, 1.5)
    sequence.offer(later)
    for _ in range(MAX_EMPTY_REPAIRS - 1):
        assert sequence.repair([]) == []
    assert sequence.repair([]) == [later]


def test_patience_counts_only_repairs_that_find_nothing() -> None:
    sequence = KlineSequence(STEP, START)
    far = bar(START + 40 * STEP, 1.5)
    sequence.offer(far)
    for index in range(1, 3 * MAX_EMPTY_REPAIRS):
        found = bar(START + index * STEP, 1.5)
        assert sequence.repair([found]) == [found], "the history comes nearer: the hole is none"
    assert sequence.has_gap


def test_after_being_forgotten_the_end_is_looked_up_anew() -> None:
    sequence = KlineSequence(STEP, START)
    sequence.reset()
    assert sequence.repair_from is None
    assert sequence.offer(bar(START + STEP, 1.5)) == []
    assert sequence.has_gap
