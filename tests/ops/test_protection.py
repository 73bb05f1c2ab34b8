"""The words for a position's protection, also for documents of earlier versions."""

from typing import Any

import pytest

from cq_tui.contracts.account import PositionState
from cq_tui.ops.protection import describe_protection


@pytest.mark.parametrize(
    ("fields", "words", "level"),
    [
        ({"protection": "working"}, "working", "idle"),
        ({"protection": "missing"}, "missing", "bad"),
        ({}, "unknown", "idle"),
        ({"state": "protected", "protection": "working"}, "protected", "idle"),
        ({"state": "exposed", "protection": "missing", "unprotected_since_ts": 97.0}, "no stop for 3.0 s", "bad"),
        ({"state": "opening", "protection": "pending", "unprotected_since_ts": 99.0}, "no stop for 1.0 s", "look"),
        ({"state": "opening", "protection": "pending"}, "being protected", "look"),
        ({"state": "closing", "reason": "time stop"}, "closing: time stop", "look"),
        ({"state": "unsellable", "reason": "below\x1b the lot"}, "cannot be sold: below␛ the lot", "bad"),
        ({"state": "of a later version"}, "of a later version", "idle"),
    ],
)
def test_protection_is_said_in_a_few_words(fields: dict[str, Any], words: str, level: str) -> None:
    known = {"symbol": "BTCUSDT", "size": 1.0, "entry_price": 1.0, "unrealized_pnl": 0.0, "opened_ts": 1.0}
    assert describe_protection(PositionState.model_validate(known | fields), 100.0) == (words, level)
