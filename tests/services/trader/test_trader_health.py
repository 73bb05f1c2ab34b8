"""What the trader says of itself: able, waiting or in trouble, with the reason first."""

from types import SimpleNamespace
from typing import cast

from cq_tui.contracts.health import TraderHealth
from cq_tui.services.trader.account_session import AccountSession
from cq_tui.services.trader.trader_health import trader_health
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.moment import Moment
from tests.trading.core.desk import Desk, market_desk


def session_of(desk: Desk, *, ready: bool = True) -> AccountSession:
    """All that the report asks of a session."""
    found = SimpleNamespace(
        core=desk.core if ready else None, moment=lambda: Moment(desk.now, desk.now), clock_offset_ms=12.34,
        bars=SimpleNamespace(problems={}), notices=[], account="simulated:1",
    )  # fmt: skip
    return cast(AccountSession, found)


def report(desk: Desk, *problems: str) -> TraderHealth:
    return trader_health(session_of(desk), "nothing", None, problems, desk.now)


def test_all_is_well() -> None:
    desk = market_desk()
    desk.protected()
    desk.fresh()
    health = report(desk)
    assert (health.status, health.reason, health.ready, health.blocked_by) == ("ok", None, True, None)
    assert (health.orders_count, health.fills_count, health.open_orders, health.active_positions) == (3, 1, 2, 1)
    assert (health.account_balance_ok, health.ares_health_ok) == (True, True)
    assert (health.account, health.owner, health.clock_offset_ms) == ("simulated:1", "owner", 12.3)
    assert health.unprotected is not None
    assert list(health.unprotected) == ["entry_oco"]
    assert (health.unsellable, health.doubts, health.notices) == (None, None, None)
    assert health.last_order_time == desk.now


def test_what_blocks_entries_is_said() -> None:
    desk = market_desk()
    desk.now += 40.0
    desk.quote("40000")
    health = report(desk, "the history lags")
    assert health.status == "degraded"
    assert health.blocked_by is not None
    assert len(health.blocked_by) == 3, "ARES, feeder and memory"
    assert health.reason == f"{health.blocked_by[0]}; the history lags"
    assert not health.ares_health_ok


def test_an_exchange_that_does_not_answer_is_an_error_and_said_first() -> None:
    desk = market_desk()
    desk.lose(desk.buy())
    health = report(desk)
    assert health.status == "error"
    assert (health.reason or "").startswith("exchange: timed out; ")


def test_what_cannot_be_sold_and_what_is_in_doubt_is_named() -> None:
    desk = market_desk().protected()
    desk.core.situation.symbol_rules["BTCUSDT"] = desk.rules["BTCUSDT"].__class__(
        **{name: getattr(desk.rules["BTCUSDT"], name) for name in desk.rules["BTCUSDT"].__slots__}
        | {"market_min_quantity": 1 + desk.rules["BTCUSDT"].min_quantity}
    )
    desk.sell()
    desk.core.situation.doubt("", "venue_wiped", "its past is gone")
    health = report(desk)
    assert list(health.unsellable or {}) == ["BTCUSDT"]
    assert health.doubts == {"account": ["its past is gone"]}


def test_a_trader_that_waits_says_for_what() -> None:
    desk = Desk()
    health = trader_health(session_of(desk), "orders and balances of the account", None, ["the disk is full"], 5.0)
    assert (health.status, health.ready) == ("degraded", False)
    assert health.reason == "waiting for orders and balances of the account; the disk is full"
    assert health.blocked_by == ["waiting for orders and balances of the account"]
    assert (health.account, health.owner, health.last_update_ts) == ("simulated:1", "owner", 5.0)
    assert (health.orders_count, health.active_positions, health.open_orders) == (0, 0, 0)


def test_a_book_that_is_known_while_the_trader_waits_is_counted() -> None:
    desk = market_desk().protected()
    desk.core.situation.is_reconciled = False
    desk.tell(i.Tick())
    health = trader_health(session_of(desk), "the exchange", None, [], desk.now)
    assert (health.orders_count, health.fills_count, health.open_orders, health.active_positions) == (3, 1, 2, 1)


def test_a_mode_without_keys_is_ready_to_say_so() -> None:
    health = trader_health(None, "keys", "live needs keys", [], 5.0)
    assert (health.ready, health.reason, health.blocked_by) == (True, "live needs keys", ["live needs keys"])
    assert (health.account, health.owner) == (None, None)
