"""The book: its levels, visible quantities, update ids, and how little it changes."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.simulator.engine.engine import Engine
from cq_tui.simulator.engine.limit_order_book import LimitOrderBook
from cq_tui.simulator.market.background_liquidity import MAX_LEVELS, GeneratedLiquidity
from cq_tui.simulator.market.symbols import KNOWN_SYMBOLS, MarketSymbol
from tests.simulator.conftest import HandMarket
from tests.simulator.engine.test_engine import engine_on, live, new

D = Decimal
SYMBOLS = st.sampled_from(list(KNOWN_SYMBOLS.values()))


def best_of(symbol: str) -> int:
    entry = KNOWN_SYMBOLS[symbol]
    return round(entry.start_price / float(entry.tick_size))


@given(SYMBOLS, st.integers(-2_000, 2_000), st.integers(1, 40))
def test_levels_are_sorted_on_the_grid_and_begin_at_the_best_prices(
    entry: MarketSymbol, moved: int, spread: int
) -> None:
    best = best_of(entry.symbol) + moved
    book = LimitOrderBook(GeneratedLiquidity(entry), best, best + spread)
    bids, asks = book.levels("bids"), book.levels("asks")
    assert (bids[0].price, asks[0].price) == (best * entry.tick_size, (best + spread) * entry.tick_size)
    assert len(bids) == len(asks) == MAX_LEVELS
    assert all(one.price > other.price for one, other in pairwise(bids))
    assert all(one.price < other.price for one, other in pairwise(asks))
    for level in (*bids, *asks):
        assert level.quantity > 0
        assert not level.price % entry.tick_size
        assert not level.quantity % entry.step_size


@given(SYMBOLS, st.integers(-2_000, 2_000), st.sampled_from([-1, 1]))
def test_a_best_price_that_moves_a_tick_changes_few_levels(entry: MarketSymbol, moved: int, tick: int) -> None:
    best = best_of(entry.symbol) + moved
    book = LimitOrderBook(GeneratedLiquidity(entry), best, best + 5)
    before = [set(book.levels(side)) for side in ("bids", "asks")]
    book.move_to_tick(best + tick, best + 5 + tick, 1)
    after = [set(book.levels(side)) for side in ("bids", "asks")]
    for old, new_levels in zip(before, after, strict=True):
        assert len(old ^ new_levels) <= 2 * MAX_LEVELS.bit_length() + 6


def test_an_unchanged_book_is_the_same_list_and_id_and_a_tick_is_a_new_id() -> None:
    book = LimitOrderBook(GeneratedLiquidity(KNOWN_SYMBOLS["BTCUSDT"]), 6_740_000, 6_740_001)
    shown, number = book.levels("bids"), book.update_id
    assert book.levels("bids") is shown
    assert book.levels("bids", 5) == shown[:5]
    book.move_to_tick(6_740_000, 6_740_001, 4)
    assert book.update_id == number + 4
    assert all(one is other for one, other in zip(book.levels("bids"), shown, strict=True))


# Own orders


def quantity_at(engine: Engine, side: str, price: str) -> Decimal:
    return next((level.quantity for level in engine.book("COINUSDT").levels(side) if level.price == D(price)), D(0))


def test_own_orders_join_background_levels_and_every_change_has_an_id(market: HandMarket) -> None:
    engine = engine_on(market, coin="5")
    book = engine.book("COINUSDT")
    background = quantity_at(engine, "bids", "99.50")
    seen = [book.update_id]
    order = live(engine, engine.place(new("BUY", "LIMIT", "2", price="99.50"), 5))
    seen.append(book.update_id)
    assert quantity_at(engine, "bids", "99.50") == background + 2
    engine.amend(order, D(1), "n", 6)
    seen.append(book.update_id)
    assert quantity_at(engine, "bids", "99.50") == background + 1
    engine.cancel(order, "x", 7)
    seen.append(book.update_id)
    assert quantity_at(engine, "bids", "99.50") == background
    assert seen == sorted(set(seen))
    engine.place(new("SELL", "LIMIT", "1", price="100.01"), 8)
    assert (book.best_ask, book.best_level("asks").quantity) == (D("100.01"), D(1))


def test_consumed_liquidity_is_hidden_until_the_next_tick(market: HandMarket) -> None:
    engine = engine_on(market)
    best = engine.book("COINUSDT").best_level("asks")
    engine.place(new("BUY", "MARKET", str(best.quantity)), 5)
    assert engine.book("COINUSDT").best_ask > best.price
    assert quantity_at(engine, "asks", str(best.price)) == 0
    market.move("100.00", "100.02")
    assert engine.book("COINUSDT").best_level("asks") == best


def test_an_iceberg_shows_one_part_and_each_part_joins_the_back_of_the_queue(market: HandMarket) -> None:
    engine = engine_on(market, usdt="100000")
    background = quantity_at(engine, "bids", "99.50")
    engine.place(new("BUY", "LIMIT", "9", price="99.50", iceberg_quantity="2"), 5)
    engine.place(new("BUY", "LIMIT", "3", price="99.50"), 5)
    assert quantity_at(engine, "bids", "99.50") == background + 5
    market.move("99.48", "99.50")
    trades = [(r.order.order_id, r.trade.quantity) for r in engine.on_tick(6).reports if r.trade]
    assert trades[:4] == [(1, D(2)), (2, D(3)), (1, D(2)), (1, D(2))]


def test_a_better_bid_fills_before_an_earlier_one(market: HandMarket) -> None:
    engine = engine_on(market)
    for price in ("99.40", "99.50", "99.45"):
        engine.place(new("BUY", "LIMIT", "1", price=price), 5)
    market.move("99.30", "99.40")
    fills = [r.order.order_id for r in engine.on_tick(6).reports if r.trade]
    assert fills == [2, 3, 1]


def test_own_orders_at_better_prices_fill_before_a_background_trade(market: HandMarket) -> None:
    engine = engine_on(market, coin="5")
    for side, price in (("BUY", "100.01"), ("BUY", "100.00"), ("SELL", "100.03")):
        engine.place(new(side, "LIMIT", "1", price=price), 5)
    market.move("100.00", "100.03", "100.00")
    market.trade("100.00", "0.4", taker_bought=False)
    [report] = engine.on_tick(6).reports
    assert (report.order.order_id, report.order.executed, report.order.quote_executed) == (1, D("0.4"), D("40.004"))
    market.move("100.01", "100.04", "100.04")
    market.trade("100.04", "3", taker_bought=True)
    fills = [(r.order.order_id, r.order.status) for r in engine.on_tick(7).reports]
    assert fills == [(3, "FILLED")]


@pytest.mark.parametrize(("quantity", "status"), [("500", "PARTIALLY_FILLED"), ("2", "FILLED")])
def test_fills_by_background_prices_never_leave_the_book_crossed(
    market: HandMarket, quantity: str, status: str
) -> None:
    engine = engine_on(market, usdt="100000")
    order = live(engine, engine.place(new("BUY", "LIMIT", quantity, price="99.50"), 5))
    market.move("99.47", "99.49")
    engine.on_tick(6)
    book = engine.book("COINUSDT")
    assert order.status == status
    assert book.best_bid < book.best_ask


def test_a_book_continues_from_another_state_with_a_higher_id(market: HandMarket) -> None:
    engine = engine_on(market)
    engine.place(new("BUY", "LIMIT", "1", price="100.01"), 5)
    book = engine.book("COINUSDT")
    number = book.update_id
    engine.restore(engine.state.empty_copy())
    assert book.update_id > number
    assert book.best_bid == D("100.00")
