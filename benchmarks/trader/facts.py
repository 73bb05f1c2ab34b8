"""What a trader that buys and sells in a hundred symbols records: the core's own facts as events."""

from collections import deque
from collections.abc import Iterator
from itertools import count

from benchmarks.memory.sample_events import START
from benchmarks.trader.core_speed import Lives
from cq_tui.store.history.event_line import NewEvent
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.codec import to_event
from cq_tui.trading.core.effects import Record


def facts() -> Iterator[NewEvent]:
    """Yield the events of whole order lives without end."""
    recorded, numbers = deque[NewEvent](), count(1)

    def record(effect: Record, book: Book) -> None:
        for fact in effect.facts:
            body = to_event(fact, book.orders)
            seq = next(numbers)
            recorded.append(
                NewEvent(body.event_type, "trader", body.data, "trader", seq, START, {"account": book.account})
            )

    lives = Lives(record)
    while True:
        while recorded:
            yield recorded.popleft()
        lives.inputs_a_second(100)
