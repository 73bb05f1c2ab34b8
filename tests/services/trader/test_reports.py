"""What the trader reports of itself and of the account, from the core as the world's lives leave it."""

from typing import Any

import pytest

from cq_tui.contracts.account import AccountState
from cq_tui.services.trader.account_document import account_state
from cq_tui.services.trader.trader_health import unprotected_times
from cq_tui.trading.core.core import Core
from tests.trading.world.scenarios import PLANS
from tests.trading.world.shrink import run

#: Lives whose end has an open position, none, coins of others, and a position that cannot be sold.
LIVES = {
    "nothing happens": {},
    "bought, and sold at its target": {},
    "coins adopted, then sold": {},
    "foreign coins and orders beside ours": {},
    "the exchange cancels the protection": {"state": "protected", "protection": "working"},
    "the minimum notional rises above what is held": {},
}


def core_after(name: str) -> Core:
    process = run(PLANS[name]).process
    assert process is not None
    return process.core


@pytest.mark.parametrize("name", LIVES)
def test_the_money_of_the_account_document_adds_up(name: str) -> None:
    core = core_after(name)
    state = account_state(core, "simulation", 1.0)
    assert AccountState.model_validate_json(state.model_dump_json()) == state
    assert state.equity_start is not None
    assert state.unrealized_pnl is not None
    assert state.equity - state.equity_start == pytest.approx(state.realized_pnl + state.unrealized_pnl, abs=1e-6)
    own = sum(position.size * 0 + position.cost for position in state.positions.values() if position.cost)
    own += sum(left.cost for left in (state.remainders or {}).values())
    money = core.book.money
    assert money is not None
    assert float(money.quote) + own - state.equity_start == pytest.approx(state.realized_pnl, abs=1e-6)
    assert set(state.positions) <= set(state.held_symbols or ())
    assert (state.account, state.owner) == (core.book.account, core.book.owner)
    for field, value in LIVES[name].items():
        [position] = state.positions.values()
        assert getattr(position, field) == value


def test_what_is_not_ours_is_shown_beside_and_never_counted() -> None:
    state = account_state(core_after("foreign coins and orders beside ours"), "simulation", 1.0)
    assert state.foreign_coins
    assert all(asset != state.quote_asset for asset in state.foreign_coins)
    known = {order.client_order_id for order in state.orders}
    assert not any(name in line for name in known for line in state.foreign_orders or ())


def test_naked_times_are_reported_by_kind() -> None:
    core = core_after("bought at market, then protected")
    times: dict[str, Any] = unprotected_times(core.book.naked)
    assert times["entry_oco"].count == 1
    assert times["entry_oco"].p50_ms <= times["entry_oco"].p99_ms <= times["entry_oco"].max_ms
    assert unprotected_times(core_after("nothing happens").book.naked) == {}
