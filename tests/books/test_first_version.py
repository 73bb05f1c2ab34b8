"""Events of 0.1.0 as facts: positions begin and end, and what is not of that version is refused."""

from typing import Any

import pytest

from cq_tui.books.first_version import FirstVersion
from cq_tui.books.ledger import Ledger
from cq_tui.books.round_trips import round_trips
from tests.books.samples import START, D

ENTRY: dict[str, Any] = {
    "symbol": "SOLUSDT", "side": "BUY", "order_type": "MARKET", "client_order_id": "cq-entry-a", "size": 0.588,
    "leg": "entry", "signal_key": "trend:SOLUSDT:1s:1:BUY",
}  # fmt: skip
BOUGHT: dict[str, Any] = {
    "symbol": "SOLUSDT", "side": "BUY", "size": 0.588, "price": 170.153, "order_id": "1", "status": "FILLED",
    "commission": 0.000588, "commission_asset": "SOL", "client_order_id": "cq-entry-a", "trade_id": "7",
}  # fmt: skip
SOLD = BOUGHT | {
    "side": "SELL", "size": 0.587, "price": 180.0, "order_id": "2", "commission": 0.1, "commission_asset": "USDT",
    "client_order_id": "cq-stop-b", "trade_id": "8",
}  # fmt: skip


def kept(*events: tuple[str, dict[str, Any]]) -> Ledger:
    ledger, first = Ledger(), FirstVersion()
    for ms, (event_type, data) in enumerate(events, START):
        for fact in first.facts(event_type, data, ms):
            ledger.take(fact, ms)
    return ledger


def test_a_position_is_followed_to_its_end_though_what_sold_it_was_not_announced() -> None:
    ledger = kept(("order_submitted", ENTRY), ("order_executed", BOUGHT), ("order_executed", SOLD))
    [trip] = round_trips(ledger)
    assert (trip.strategy, trip.is_open, trip.sold) == ("trend", False, D("0.587"))
    assert ledger.fills[0].commission == D("0.000588")
    assert ledger.lots["SOLUSDT"].quantity == D("0.588") - D("0.000588") - D("0.587")


@pytest.mark.parametrize(
    "wrong",
    [{"side": 5}, {"side": "HOLD"}, {"status": "EATEN"}, {"symbol": "WHATEVER"}, {"trade_id": None}, {"size": "x"}],
)
def test_what_is_not_of_that_version_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((KeyError, ValueError, TypeError)):
        kept(("order_submitted", ENTRY), ("order_executed", BOUGHT | wrong))
