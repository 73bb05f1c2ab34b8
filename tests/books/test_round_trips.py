"""Round trips: one position each, whole from its entry to its exit."""

from cq_tui.books.ledger import keep_ledger
from cq_tui.books.round_trips import round_trips
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from tests.books.samples import START, Account, D, five_trades


def test_five_positions_by_hand() -> None:
    trips = round_trips(keep_ledger(five_trades().facts))
    assert [(one.symbol, one.strategy, one.net, one.gross, one.exit_reason, one.is_open) for one in trips] == [
        ("BTCUSDT", "trend", D(20), D(20), "target", False),
        ("ETHUSDT", "trend", D(-10), D(-10), "stop", False),
        ("BTCUSDT", "bands", D("9.8"), D(10), "time stop", False),
        ("BTCUSDT", "trend", D(0), D(0), "signal", False),
        ("ETHUSDT", "trend", D(0), D(0), "", True),
    ]
    assert [one.duration_ms for one in trips] == [60_000, 120_000, 600_000, 60_000, 0]
    assert [one.share for one in trips][:2] == [0.2, -0.1]


def test_partial_fills_and_several_exits_are_one_position() -> None:
    account = Account().open()
    key = account.buy("BTCUSDT", "1", "100", START)
    account.buy("BTCUSDT", "3", "200", START + 1, key=key)
    account.sell(key, "1", "200", START + 2, leg=Leg.TARGET, ends=False)
    account.sell(key, "3", "100", START + 3, leg=Leg.STOP)
    [trip] = round_trips(keep_ledger(account.facts))
    assert (trip.quantity, trip.entry_price, trip.exit_price) == (D(4), D(175), D(125))
    assert (trip.net, trip.exit_reason) == (D(-200), "stop")


def test_a_part_that_its_strategy_sells_and_the_rest_are_one_position() -> None:
    account = Account().open()
    key = account.buy("BTCUSDT", "3", "100", START)
    account.tell(f.PartExitWanted("BTCUSDT", "part", D(2), "SELL signal of trend for 0.333 of it", START + 1))
    account.sell(key, "1", "120", START + 2, ends=False)
    account.sell(key, "2", "130", START + 3, leg=Leg.TARGET)
    ledger = keep_ledger(account.facts)
    [trip] = round_trips(ledger)
    assert (trip.net, trip.exit_reason) == (D(80), "target")
    assert [fill.exit_reason for fill in ledger.fills] == ["", "signal", "target"]


def test_what_a_person_protected_and_then_lost_is_a_position_of_no_strategy() -> None:
    account = Account().open()
    account.adopt("BTCUSDT", "1", "100", START)
    account.tell(f.HoldingAccepted("BTCUSDT", D(1), "ada", "gone", START + 5))
    [trip] = round_trips(keep_ledger(account.facts))
    assert (trip.strategy, trip.entry_price, trip.net, trip.exit_reason) == ("", D(100), D(-100), "lost")


def test_a_position_that_was_sold_remains_whole_when_its_orders_are_forgotten() -> None:
    account = Account().open()
    for number in range(45):
        key = account.buy("BTCUSDT", "1", "100", START + number * 10)
        account.sell(key, "1", "101", START + number * 10 + 5, reason=f"flatten, requested by {number}")
    trips = round_trips(keep_ledger(account.facts))
    assert {(one.net, one.strategy, one.exit_reason) for one in trips} == {(D(1), "trend", "flatten")}
    assert len(trips) == 45
