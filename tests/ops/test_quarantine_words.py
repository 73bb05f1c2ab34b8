"""What is quarantined, in words."""

from cq_tui.contracts.account import QuarantineState
from cq_tui.contracts.freshness import NO_END
from cq_tui.contracts.settings import Settings
from cq_tui.ops.quarantine_words import count_word, describe_causes, describe_count, describe_end, describe_reason


def test_by_count_it_has_a_probe_and_by_hand_an_end_or_none() -> None:
    counted = QuarantineState(symbol="A", reason="-2010", failures=3, since=0, until=60)
    assert (describe_reason(counted), count_word(counted)) == ("-2010", "failure")
    assert describe_end(counted).startswith("next probe at ")
    assert describe_count(counted) == "3 failures in a row"
    assert describe_count(counted.model_copy(update={"cause": "repairs", "failures": 1})) == "1 repair"
    stopped = counted.model_copy(update={"cause": "stops"})
    assert count_word(stopped) == "stop"
    by_hand = counted.model_copy(update={"cause": "hand", "person": "kim", "reason": "news"})
    assert describe_count(by_hand.model_copy(update={"failures": 0})) == "by hand"
    assert describe_end(by_hand.model_copy(update={"until": 86_460.0})).endswith("1970-01-02 00:01:00 UTC")
    assert describe_reason(by_hand) == "by kim: news"
    assert describe_end(by_hand).startswith("until ")
    assert describe_end(by_hand.model_copy(update={"until": NO_END})) == "until it is released"


def test_every_cause_is_named_with_the_limit_in_force() -> None:
    assert describe_causes(Settings(TRADER_QUARANTINE_FAILURES=1, TRADER_MAX_STRATEGY_STOPS=7)) == (
        "A symbol pauses after 1 failure or 10 losing stops in a row, or more than 5 repairs of its protection in "
        "60 s; a strategy after 7 losing stops in a row."
    )
