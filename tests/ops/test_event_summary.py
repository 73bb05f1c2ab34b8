"""Events summarized in a line."""

from cq_tui.ops.event_summary import summarize_event
from cq_tui.store.reading.event import HistoryEvent


def test_events_are_summarized() -> None:
    def words(event_type: str, **data: object) -> str:
        return summarize_event(HistoryEvent("e", 1.0, event_type, "x", data))

    assert words("config_changed", key="PAPER_MODE", old_value=False, new_value=True) == "PAPER_MODE: false → true"
    assert words("health_status_changed", service="feeder", old_status="ok", new_status="error", reason="silent") == (
        "feeder ok → error: silent"
    )
    assert (
        words("order_executed", symbol="A", side="BUY", size=0.5, price=1.0, status="FILLED") == "A BUY 0.5 @ 1 filled"
    )
    assert words("made_up", answer=42, note="\x1b[2J") == "answer 42  note ␛[2J"
