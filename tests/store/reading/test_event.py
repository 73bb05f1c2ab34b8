"""One event as readers see it."""

from cq_tui.store.reading.event import parse_event


def test_a_producer_s_own_time_is_shown() -> None:
    event = parse_event(b'{"event_id":"e","timestamp":5,"event_type":"t","source":"s","metadata":{"occurred_at":4.5}}')
    assert event is not None
    assert event.happened_at == 4.5
    assert event.timestamp == 5
