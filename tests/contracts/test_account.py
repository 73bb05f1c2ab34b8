"""The account document: what a position has gained has one meaning."""

import pytest

from cq_tui.contracts.account import PositionState


@pytest.mark.parametrize(
    ("cost", "bid", "profit"),
    [
        (100.1, 110.0, 9.9),  # commissions of the entry are part of the cost
        (100.1, 0.0, 5.0),  # no bid: as the trader wrote it
        (None, 110.0, 5.0),  # written by an older trader
    ],
)
def test_a_position_at_a_newer_bid(cost: float | None, bid: float, profit: float) -> None:
    position = PositionState(
        symbol="BTCUSDT", size=1.0, entry_price=100.0, unrealized_pnl=5.0, cost=cost, opened_ts=1.0
    )
    assert position.unrealized_at(bid) == pytest.approx(profit)
