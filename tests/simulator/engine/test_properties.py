"""Whatever is placed, amended and canceled while the market moves, assets and priorities are kept."""

from collections import Counter
from decimal import Decimal
from typing import Any

import orjson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cq_tui.simulator.engine.engine import Engine
from cq_tui.simulator.engine.ledger_codec import decode_event, encode_event
from cq_tui.simulator.engine.orders import ZERO, EngineOrder, NewOrder, NewOrderList
from cq_tui.simulator.engine.outcome import Outcome
from cq_tui.simulator.engine.snapshot import restore_part, snapshot_parts
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.simulator.errors import RequestRejected
from tests.simulator.conftest import COIN, HandMarket

ASSETS = {"COINUSDT": ("COIN", "USDT")}
FUNDS = {"USDT": Decimal(5_000), "COIN": Decimal(60)}

sides = st.sampled_from(["BUY", "SELL"])
modes = st.sampled_from(["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"])
prices = st.integers(9_700, 10_300).map(lambda ticks: Decimal(ticks) / 100)
#: Mostly small, sometimes more than background liquidity at one price.
quantities = st.one_of(st.integers(60, 4_000), st.integers(4_000, 60_000)).map(lambda steps: Decimal(steps) / 1_000)
offsets = st.integers(1, 300).map(lambda ticks: Decimal(ticks) / 100)
STOPS = st.sampled_from(["STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"])


def same(one: ExchangeState, other: ExchangeState) -> bool:
    names = (
        "orders", "open_orders", "lists", "open_lists", "trades", "prevented", "amendments", "execution_id",
        "update_time",
    )  # fmt: skip
    counts = ("fill_counts", "match_counts", "last_order_ids")
    return (
        all(getattr(one, name) == getattr(other, name) for name in names)
        and all(+Counter(getattr(one, name)) == +Counter(getattr(other, name)) for name in counts)
        and {name: held for name, held in one.balances.items() if held.free or held.locked}
        == {name: held for name, held in other.balances.items() if held.free or held.locked}
        and queues(one) == queues(other)
    )


def queues(state: ExchangeState) -> dict[str, list[tuple[Decimal, list[int]]]]:
    return {
        side: [(price, [order.order_id for order in own.orders_at(price)]) for price in own.prices()]
        for side, own in state.resting[COIN.symbol].sides.items()
    }


class Account(RuleBasedStateMachine):
    """One account with its market and ledger."""

    def __init__(self) -> None:
        super().__init__()
        self.market = HandMarket()
        self.engine = Engine(ExchangeState(ASSETS), self.market, lambda symbol: 0)
        self.replayed = ExchangeState(ASSETS)
        self.now = 1
        self.made = 0
        self.shown: tuple[int, Any] = (0, None)
        for asset, amount in FUNDS.items():
            self.replay(self.engine.deposit(asset, amount, self.now))

    @property
    def state(self) -> ExchangeState:
        return self.engine.state

    def replay(self, outcome: Outcome) -> Outcome:
        for event in outcome.ledger_events:
            line = orjson.dumps(encode_event(event))
            self.replayed.apply(decode_event(orjson.loads(line)))
        numbers = [report.execution_id for report in outcome.reports]
        assert len(set(numbers)) == len(numbers)
        return outcome

    def new(self, side: str, order_type: str, quantity: Decimal | None, **fields: Any) -> NewOrder:
        self.made += 1
        return NewOrder(COIN.symbol, side, order_type, f"c{self.made}", quantity=quantity, **fields)

    def attempt(self, call: Any, *arguments: Any) -> Outcome | None:
        """Run a command; check that a rejection changed nothing."""
        self.now += 1
        before = self.state.execution_id
        try:
            return self.replay(call(*arguments, self.now))
        except RequestRejected as error:
            refusal = error
        assert refusal.code in (-1013, -2010, -2038)
        assert self.state.execution_id == before
        return None

    @rule(bid=prices, spread=st.integers(1, 40), traded=quantities, bought=st.booleans())
    def move(self, bid: Decimal, spread: int, traded: Decimal, bought: bool) -> None:
        ask = bid + Decimal(spread) / 100
        self.market.move(str(bid), str(ask), str(bid))
        self.market.trade(str(ask if bought else bid), str(traded), taker_bought=bought)
        self.tick()

    @rule(ticks=st.integers(-3, 3))
    def drift(self, ticks: int) -> None:
        bid = self.market.last_price(COIN.symbol).quantize(Decimal("0.01")) + Decimal(ticks) / 100
        self.market.move(str(bid), str(bid + Decimal("0.02")), str(bid))
        self.tick()

    def tick(self) -> None:
        self.now += 1
        before = [order for order in self.state.open_orders.values() if order.is_working]
        outcome = self.replay(self.engine.on_tick(self.now))
        filled = {r.order.order_id for r in outcome.reports if r.trade is not None and r.trade.is_maker}
        for waiting in before:
            if waiting.is_open and not waiting.iceberg_quantity and waiting.order_id not in filled:
                assert not any(goes_before(waiting, self.order(number)) for number in filled)

    def order(self, order_id: int) -> EngineOrder:
        return self.state.orders[COIN.symbol, order_id]

    @rule(side=sides, quantity=quantities, mode=modes)
    def place_market(self, side: str, quantity: Decimal, mode: str) -> None:
        self.attempt(self.engine.place, self.new(side, "MARKET", quantity, stp_mode=mode))

    @rule(side=sides, amount=st.integers(6, 4_000), mode=modes)
    def place_for_quote(self, side: str, amount: int, mode: str) -> None:
        new = self.new(side, "MARKET", None, quote_quantity=Decimal(amount), stp_mode=mode)
        outcome = self.attempt(self.engine.place, new)
        assert outcome is None or outcome.orders[0].quote_executed <= amount or side == "SELL"

    @rule(side=sides, price=prices, quantity=quantities, life=st.sampled_from(["GTC", "GTC", "IOC", "FOK"]), mode=modes)
    def place_limit(self, side: str, price: Decimal, quantity: Decimal, life: str, mode: str) -> None:
        new = self.new(side, "LIMIT", quantity, price=price, time_in_force=life, stp_mode=mode)
        outcome = self.attempt(self.engine.place, new)
        if outcome is not None and life == "FOK":
            assert outcome.orders[0].executed in (ZERO, quantity)
        if outcome is not None and life != "GTC":
            assert not outcome.orders[0].is_open

    @rule(
        side=sides, quantity=quantities, other=quantities, parts=st.integers(0, 4), mode=modes, at_market=st.booleans()
    )
    def trade_with_oneself(
        self, side: str, quantity: Decimal, other: Decimal, parts: int, mode: str, at_market: bool
    ) -> None:
        """Place an order ahead of background, and take it from the other side."""
        book = self.engine.book(COIN.symbol)
        price = book.best_bid + COIN.tick_size if side == "BUY" else book.best_ask - COIN.tick_size
        shown = max((quantity / parts).quantize(COIN.step_size), COIN.step_size) if parts else None
        self.attempt(self.engine.place, self.new(side, "LIMIT_MAKER", quantity, price=price, iceberg_quantity=shown))
        opposite = "SELL" if side == "BUY" else "BUY"
        if at_market:
            taker = self.new(opposite, "MARKET", other, stp_mode=mode)
        else:
            taker = self.new(opposite, "LIMIT", other, price=price, stp_mode=mode)
        self.attempt(self.engine.place, taker)

    @rule(side=sides, price=prices, quantity=quantities, parts=st.integers(1, 9), maker=st.booleans(), mode=modes)
    def place_iceberg(self, side: str, price: Decimal, quantity: Decimal, parts: int, maker: bool, mode: str) -> None:
        shown = max((quantity / parts).quantize(COIN.step_size), COIN.step_size)
        order_type = "LIMIT_MAKER" if maker else "LIMIT"
        new = self.new(side, order_type, quantity, price=price, iceberg_quantity=min(shown, quantity), stp_mode=mode)
        self.attempt(self.engine.place, new)

    @rule(side=sides, kind=STOPS, stop=prices, price=prices, delta=st.one_of(st.none(), st.integers(10, 200)))
    def place_stop(self, side: str, kind: str, stop: Decimal, price: Decimal, delta: int | None) -> None:
        limit = price if kind.endswith("LIMIT") else None
        stop_price = None if delta is not None and delta % 2 else stop
        new = self.new(side, kind, Decimal(2), price=limit, stop_price=stop_price, trailing_delta=delta)
        self.attempt(self.engine.place, new)

    def alternatives(self, side: str, offset: Decimal, quantity: Decimal | None) -> tuple[NewOrder, NewOrder]:
        last = self.market.last_price(COIN.symbol)
        toward = offset if side == "SELL" else -offset
        limit = self.new(side, "LIMIT_MAKER", quantity, price=last + toward)
        stop = self.new(side, "STOP_LOSS_LIMIT", quantity, stop_price=last - toward, price=last - 2 * toward)
        return (limit, stop) if side == "SELL" else (stop, limit)

    @rule(side=sides, offset=offsets, quantity=quantities)
    def place_oco(self, side: str, offset: Decimal, quantity: Decimal) -> None:
        legs = self.alternatives(side, offset, quantity)
        self.attempt(self.engine.place_list, NewOrderList("OCO", COIN.symbol, f"l{self.made}", None, legs))

    @rule(
        kind=st.sampled_from(["OTO", "OTOCO", "OPO", "OPOCO"]), side=sides, price=prices, offset=offsets,
        quantity=quantities, pending=st.sampled_from(["LIMIT", "MARKET", "LIMIT_MAKER", "STOP_LOSS"]),
        life=st.sampled_from(["GTC", "GTC", "IOC"]),
    )  # fmt: skip
    def place_dependent(
        self, kind: str, side: str, price: Decimal, offset: Decimal, quantity: Decimal, pending: str, life: str
    ) -> None:
        pays = kind.startswith("OP")
        side = "BUY" if pays else side
        other = "SELL" if side == "BUY" else "BUY"
        working = self.new(side, "LIMIT", quantity, price=price, time_in_force=life)
        later = None if pays else quantity
        legs: tuple[NewOrder, ...]
        if kind.endswith("OCO"):
            legs = self.alternatives(other, offset, later)
        else:
            fields = {"STOP_LOSS": {"stop_price": price}, "MARKET": {}}.get(pending, {"price": price})
            legs = (self.new(other, pending, later, **fields),)
        self.attempt(self.engine.place_list, NewOrderList(kind, COIN.symbol, f"l{self.made}", working, legs))

    @rule(which=st.integers(0, 30))
    def cancel(self, which: int) -> None:
        orders = list(self.state.open_orders.values())
        if which < len(orders):
            self.now += 1
            self.replay(self.engine.cancel(orders[which], "x", self.now))

    @rule(which=st.integers(0, 30), part=st.integers(1, 99))
    def amend(self, which: int, part: int) -> None:
        orders = list(self.state.open_orders.values())
        if which < len(orders):
            order = orders[which]
            quantity = (order.quantity * part / 100).quantize(COIN.step_size)
            self.made += 1
            rank = [waiting.order_id for waiting in self.queue_of(order)]
            outcome = self.attempt(self.engine.amend, order, quantity, f"c{self.made}")
            if outcome is not None:
                assert order.quantity == quantity
                assert [waiting.order_id for waiting in self.queue_of(order)] == rank

    def queue_of(self, order: EngineOrder) -> list[EngineOrder]:
        return list(self.state.resting[COIN.symbol].sides[order.side].orders_at(order.price))

    @invariant()
    def no_satoshi_is_lost(self) -> None:
        held = {asset: balance.free + balance.locked for asset, balance in self.state.balances.items()}
        wanted = dict(FUNDS)
        for trade in self.state.trades:
            sign = 1 if trade.is_buyer else -1
            wanted["COIN"] += sign * trade.quantity
            wanted["USDT"] -= sign * trade.quote
            wanted[trade.commission_asset] -= trade.commission
        assert {asset: held[asset] for asset in wanted} == wanted

    @invariant()
    def locks_are_those_of_the_open_orders(self) -> None:
        for asset, balance in self.state.balances.items():
            assert balance.free >= 0
            assert balance.locked >= 0
            owned = [o.locked for o in self.state.open_orders.values() if self.state.spending_asset(o) == asset]
            assert sum(owned) == balance.locked
        for order in self.state.open_orders.values():
            if order.is_working and order.list_id < 0:
                assert order.locked == order.remaining * (order.price if order.side == "BUY" else 1)

    @invariant()
    def no_order_exceeds_its_quantity_or_limit(self) -> None:
        for order in self.state.orders.values():
            assert 0 <= order.filled_or_prevented <= order.quantity or order.is_pending
            assert order.is_open == ((order.symbol, order.order_id) in self.state.open_orders)
        for trade in self.state.trades:
            limit = self.order(trade.order_id).price
            if limit:
                assert trade.price <= limit if trade.is_buyer else trade.price >= limit

    @invariant()
    def lists_end_with_their_orders(self) -> None:
        for entry in self.state.lists.values():
            orders = self.state.orders_of(entry)
            assert entry.done == (not any(order.is_open for order in orders))
            traded = [order for order in orders if order.order_id in entry.oco_ids and order.executed]
            assert len(traded) <= 1

    @invariant()
    def the_book_is_in_order(self) -> None:
        book = self.engine.book(COIN.symbol)
        bids, asks = book.levels("bids", 60), book.levels("asks", 60)
        assert [level.price for level in bids] == sorted({level.price for level in bids}, reverse=True)
        assert [level.price for level in asks] == sorted({level.price for level in asks})
        assert bids[0].price < asks[0].price
        assert (book.best_level("bids"), book.best_level("asks")) == (bids[0], asks[0])
        assert all(level.quantity > 0 for level in (*bids, *asks))
        assert book.update_id >= self.shown[0]
        if self.shown[1] != (bids, asks):
            assert book.update_id > self.shown[0] or self.shown[1] is None
        self.shown = (book.update_id, (bids, asks))

    @invariant()
    def the_ledger_rebuilds_the_same_state(self) -> None:
        assert same(self.replayed, self.state)

    def teardown(self) -> None:
        again = ExchangeState(ASSETS)
        for part in orjson.loads(orjson.dumps(snapshot_parts(self.state))):
            restore_part(again, part)
        assert same(again, self.state)


def goes_before(one: EngineOrder, other: EngineOrder) -> bool:
    """Whether one order must fill before the other."""
    if one.side != other.side or not other.price or (one.price == other.price and other.iceberg_quantity):
        return False
    if one.price != other.price:
        return one.price > other.price if one.side == "BUY" else one.price < other.price
    return one.priority < other.priority


TestAccount = Account.TestCase
TestAccount.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
