"""Limits on losses in words; what holds is an alert."""

from typing import Any

import pytest

from cq_tui.contracts.account import AccountState
from cq_tui.ops.loss_words import loss_alerts

HALT = "daily loss 10.5% of 1,000.00, limit 10.0%"


@pytest.mark.parametrize(
    ("tier", "alerts"),
    [
        (None, []),
        ("warn", [("look", f"{HALT} · a warning")]),
        ("reduce", [("bad", f"{HALT} · nothing is opened")]),
        ("halt", [("bad", f"{HALT} · everything is closed, nothing is opened")]),
        ("of a later\x1b version", [("bad", f"{HALT} · of a later␛ version")]),
    ],
)
def test_what_holds_is_an_alert(tier: str | None, alerts: list[tuple[str, str]]) -> None:
    limit: dict[str, Any] = {"lost": 105.0, "base": 1000.0, "limit": 0.1, "tier": tier}
    plain = {
        "timestamp": 1.0,
        "mode": "testnet",
        "equity": 1.0,
        "available_balance": 1.0,
        "loss_limits": {"daily_loss": limit},
    }
    assert [*loss_alerts(AccountState.model_validate(plain))] == alerts
    assert [*loss_alerts(None)] == []
