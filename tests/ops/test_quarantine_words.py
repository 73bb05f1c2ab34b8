"""What is quarantined, in words."""

from cq_tui.contracts.account import QuarantineState
from cq_tui.contracts.freshness import NO_END
from cq_tui.ops.quarantine_words import count_word, describe_end, describe_reason


def test_by_count_it_has_a_probe_and_by_hand_an_end_or_none() -> None:
    counted = QuarantineState(symbol="A", reason="-2010", failures=3, since=0, until=60)
    assert (describe_reason(counted), count_word(counted)) == ("-2010", "failure")
    assert describe_end(counted).startswith("next probe at ")
    stopped = counted.model_copy(update={"cause": "stops"})
    assert count_word(stopped) == "stop"
    by_hand = counted.model_copy(update={"cause": "hand", "person": "kim", "reason": "news"})
    assert describe_reason(by_hand) == "by kim: news"
    assert describe_end(by_hand).startswith("until ")
    assert describe_end(by_hand.model_copy(update={"until": NO_END})) == "until it is released"
