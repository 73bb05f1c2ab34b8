"""Commission by role, side and kind; paid in BNB where that is switched on; and what an OPO then sells."""

from dataclasses import replace
from decimal import Decimal

import pytest

from cq_tui.binance.commission import CommissionRates, SideRates
from cq_tui.simulator.engine.engine import Engine
from cq_tui.simulator.engine.ledger_codec import decode_event, encode_event
from cq_tui.simulator.engine.orders import NewOrder, NewOrderList, Trade
from cq_tui.simulator.engine.outcome import Outcome
from cq_tui.simulator.engine.snapshot import restore_part, snapshot_parts
from cq_tui.simulator.engine.state import ExchangeState
from tests.simulator.conftest import COIN, HandMarket
from tests.simulator.engine.test_engine import held, new, sell_oco

D = Decimal
NOTHING = SideRates()
KINDS = (
    SideRates(D("0.001"), D("0.002"), D("0.0001"), D("0.0002")),
    SideRates(D("0.01"), D("0.02"), D("0.003"), D("0.004")),
    SideRates(D("0.1"), D("0.2"), D("0.03"), D("0.04")),
)
#: HandMarket gives every symbol one price: 1 BNB is worth 100.01.
BNB_PRICE = D("100.01")


def engine_on(market: HandMarket, rates: CommissionRates, bnb: str = "0", coin: str = "0") -> Engine:
    assets = {"COINUSDT": ("COIN", "USDT"), "BNBUSDT": ("BNB", "USDT")}
    engine = Engine(ExchangeState(assets), market, lambda symbol: 0)
    for asset, quantity in (("USDT", "10000"), ("BNB", bnb), ("COIN", coin)):
        engine.deposit(asset, D(quantity), 1)
    engine.set_commission(rates, 2)
    return engine


def with_discount(discount: str = "0.75", standard: SideRates = KINDS[0]) -> CommissionRates:
    return CommissionRates("", standard, NOTHING, NOTHING, True, "BNB", D(discount))


def trade_of(outcome: Outcome) -> Trade:
    trade = outcome.reports[-1].trade
    assert trade is not None
    return trade


def test_a_taker_pays_all_kinds_of_its_role_and_side(market: HandMarket) -> None:
    engine = engine_on(market, CommissionRates("", *KINDS), coin="5")
    trade = trade_of(engine.place(new("BUY", "MARKET", "1"), 5))
    assert (trade.commission, trade.commission_asset) == (D("0.2551"), "COIN")
    trade = trade_of(engine.place(new("SELL", "MARKET", "1"), 6))
    assert (trade.commission, trade.commission_asset) == (D("100") * D("0.2662"), "USDT")


def test_a_maker_pays_the_makers_rates(market: HandMarket) -> None:
    engine = engine_on(market, CommissionRates("", *KINDS))
    engine.place(new("BUY", "LIMIT", "1", price="99"), 5)
    market.move("98.90", "98.95", "98.95")
    trade = engine.on_tick(6).reports[0].trade
    assert trade is not None
    assert (trade.is_maker, trade.commission) == (True, D("0.1441"))


def test_the_rates_of_a_symbol_win_over_those_of_all(market: HandMarket) -> None:
    engine = engine_on(market, CommissionRates("", *KINDS))
    engine.set_commission(CommissionRates("COINUSDT", NOTHING, NOTHING, NOTHING), 3)
    assert trade_of(engine.place(new("BUY", "MARKET", "1"), 5)).commission == 0


@pytest.mark.parametrize(("quantity", "asset"), [("1", "USDT"), ("0.5", "BNB")])
def test_bnb_that_an_order_sells_pays_no_commission(market: HandMarket, quantity: str, asset: str) -> None:
    market.rules["BNBUSDT"] = replace(market.rules[COIN.symbol], symbol="BNBUSDT", base_asset="BNB")
    engine = engine_on(market, with_discount(), bnb="1")
    sale = new("SELL", "MARKET", quantity)._replace(symbol="BNBUSDT")
    assert trade_of(engine.place(sale, 5)).commission_asset == asset
    assert engine.state.balances["BNB"].free >= 0


def test_the_discount_is_of_the_standard_part_and_paid_in_bnb(market: HandMarket) -> None:
    rates = CommissionRates("", KINDS[0], NOTHING, SideRates(taker=D("0.0004")), True, "BNB", D("0.75"))
    engine = engine_on(market, rates, bnb="1")
    outcome = engine.place(new("BUY", "MARKET", "2"), 5)
    trade = trade_of(outcome)
    expected = (2 * trade.price / BNB_PRICE * (D("0.0021") * D("0.75") + D("0.0004"))).quantize(D("0.00000001"))
    assert (trade.commission, trade.commission_asset) == (expected, "BNB")
    assert held(engine, "COIN") == (2, 0), "nothing is taken from what was received"
    assert held(engine, "BNB") == (1 - expected, 0)
    assert outcome.assets == {"COIN", "USDT", "BNB"}


def test_without_enough_bnb_all_of_it_is_taken_from_what_was_received(market: HandMarket) -> None:
    engine = engine_on(market, with_discount(), bnb="0.00001")
    trade = trade_of(engine.place(new("BUY", "MARKET", "2"), 5))
    assert (trade.commission, trade.commission_asset) == (D("0.0042"), "COIN")
    assert held(engine, "BNB") == (D("0.00001"), 0)


def dependent(symbol: str = COIN.symbol) -> NewOrderList:
    working = NewOrder(symbol, "BUY", "LIMIT", "w", quantity=D(2), price=D(101), time_in_force="FOK")
    target = NewOrder(symbol, "SELL", "LIMIT_MAKER", "t", quantity=None, price=D(110))
    stop = NewOrder(symbol, "SELL", "STOP_LOSS", "s", quantity=None, stop_price=D(90))
    return NewOrderList("OPOCO", symbol, "list", working, (target, stop))


@pytest.mark.parametrize(
    ("bnb", "coin", "sold"),
    [
        ("1", "0", "2"),  # paid in BNB: all that was received
        ("0", "1", "2"),  # from the free balance
        ("0", "0", "1.995"),  # from what was received, in whole steps
    ],
)
def test_what_an_opoco_sells(market: HandMarket, bnb: str, coin: str, sold: str) -> None:
    engine = engine_on(market, with_discount(), bnb=bnb, coin=coin)
    engine.place_list(dependent(), 5)
    assert {order.quantity for order in engine.state.open_orders.values()} == {D(sold)}


def test_an_opoco_of_bnb_never_sells_its_commission(market: HandMarket) -> None:
    """Even if other BNB is free: the exchange's FAQ makes this exception."""
    market.rules["BNBUSDT"] = market.rules[COIN.symbol]
    engine = engine_on(market, CommissionRates("", SideRates(taker=D("0.002")), NOTHING, NOTHING), bnb="1")
    engine.place_list(dependent("BNBUSDT"), 5)
    assert {order.quantity for order in engine.state.open_orders.values()} == {D("1.996")}


def test_a_withdrawal_takes_only_what_is_free(market: HandMarket) -> None:
    engine = engine_on(market, with_discount(), coin="2")
    engine.place(new("SELL", "LIMIT", "1.5", price="120"), 5)
    with pytest.raises(ValueError, match=r"1 COIN cannot be withdrawn: 0.5 are free"):
        engine.deposit("COIN", D(-1), 6)
    outcome = engine.deposit("COIN", D("-0.5"), 6)
    assert outcome.balance_changes == [("COIN", D("-0.5"))]
    assert held(engine, "COIN") == (0, D("1.5"))


def test_a_reset_venue_forgets_all_but_its_ids(market: HandMarket) -> None:
    engine = engine_on(market, with_discount(), coin="2")
    state = engine.state
    engine.place(new("BUY", "MARKET", "1"), 5)
    engine.place(new("BUY", "LIMIT", "1", price="99"), 5)
    sell_oco(engine)
    last_order, last_list, fills = dict(state.last_order_ids), state.last_list_id, dict(state.fill_counts)
    engine.wipe({"USDT": D(500)}, 6)
    for records in (state.orders, state.open_orders, state.lists, state.open_lists, state.trades):
        assert not records
    assert (held(engine, "USDT"), held(engine, "COIN")) == ((500, 0), (0, 0))
    assert state.open_orders_of(COIN.symbol) == []
    assert (state.last_order_ids, state.last_list_id, state.fill_counts) == (last_order, last_list, fills)
    assert engine.book(COIN.symbol).best_bid == D("100.00")
    engine.place(new("BUY", "LIMIT", "1", price="99"), 7)
    assert state.last_order_ids[COIN.symbol] == last_order[COIN.symbol] + 1


def test_rates_and_a_reset_are_rebuilt_from_events_and_from_a_snapshot(market: HandMarket) -> None:
    engine = engine_on(market, with_discount(), coin="2")
    assets, events = engine.state.assets, []
    for outcome in (
        engine.deposit("COIN", D(-1), 3),
        engine.set_commission(CommissionRates("COINUSDT", *KINDS), 4),
        engine.wipe({"USDT": D(500)}, 5),
        engine.place(new("BUY", "MARKET", "1"), 6),
    ):
        events += outcome.ledger_events
    before = engine_on(market, with_discount(), coin="2").state
    for event in events:
        before.apply(decode_event(encode_event(event)))
    restored = ExchangeState(assets)
    for part in snapshot_parts(engine.state):
        restore_part(restored, part)
    for other in (before, restored):
        assert other.balances == engine.state.balances
        assert other.orders == engine.state.orders
        assert other.commissions == engine.state.commissions
        assert other.commission_rates("COINUSDT").tax.taker == D("0.2")
