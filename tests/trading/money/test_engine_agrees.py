"""The matching engine as judge: after any orders, the book's quote and coins are the account's balances."""

from itertools import islice
from typing import Any

from hypothesis import given, settings

from cq_tui.simulator.engine.engine import Engine
from cq_tui.simulator.engine.orders import Trade
from cq_tui.simulator.errors import RequestRejected
from cq_tui.trading.money.account_money import identity_fault, open_money, value_account
from cq_tui.trading.money.exact import subtract
from cq_tui.trading.money.fees import fee_of
from cq_tui.trading.money.holding import Booking, Holding, buy, sell
from tests.simulator.conftest import HandMarket
from tests.simulator.engine.test_conservation import act, steps
from tests.simulator.engine.test_engine import engine_on
from tests.trading.money.naive_ledger import Done
from tests.trading.samples import D


def _book(holding: Holding, trade: Trade) -> Booking:
    fee = fee_of(holding.base, holding.quote, trade.commission, trade.commission_asset)
    change = buy if trade.is_buyer else sell
    return change(holding, Done(trade.price, trade.quantity, trade.quote), fee)


@settings(deadline=None)
@given(steps)
def test_every_trade_of_the_engine_is_booked_to_the_last_digit(taken: list[tuple[str, Any, int]]) -> None:
    market = HandMarket()
    engine: Engine = engine_on(market, usdt="5000", coin="0")
    money, holding, booked = open_money("USDT", D(5_000), day=0), Holding("COINUSDT", "COIN", "USDT"), 0
    for now, step in enumerate(taken, 2):
        try:
            act(engine, market, step, now)
        except RequestRejected:
            continue
        for trade in islice(engine.state.trades, booked, None):
            booking = _book(holding, trade)
            assert booking.excess == 0
            money, holding = money.book(booking), booking.holding
        booked = len(engine.state.trades)
        balances = {asset: balance.free + balance.locked for asset, balance in engine.state.balances.items()}
        assert (money.quote, holding.quantity) == (balances["USDT"], balances["COIN"])
        assert identity_fault(money, [holding]) is None
        value = value_account(money, [holding], {"COINUSDT": market.last_price("")})
        assert value.equity == balances["USDT"] + balances["COIN"] * market.last_price("")
        assert subtract(value.equity, D(5_000)) == money.realized + value.unrealized
