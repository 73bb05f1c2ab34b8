"""The ticker table: complete from the start, each message applied to its ticker."""

from dataclasses import replace
from decimal import Decimal

import orjson

from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.market_events import BookTickerUpdate, KlineUpdate, MiniTickerUpdate, parse_stream_message
from cq_tui.binance.types import parse_book_ticker, parse_ticker_24h
from cq_tui.services.feeder.ticker_table import TickerTable, price_decimals
from tests.binance.samples import BOOK_TICKER, TICKER_24H, book_ticker_event, kline_event, mini_ticker_event
from tests.services.scripted_market import symbol_info

RULES = SymbolRules.from_exchange_info(symbol_info("BTCUSDT"))


def message(event: dict[str, object]) -> BookTickerUpdate | MiniTickerUpdate | KlineUpdate:
    parsed = parse_stream_message(orjson.dumps(event))
    assert isinstance(parsed, (BookTickerUpdate, MiniTickerUpdate, KlineUpdate))
    return parsed


def started(**changes: str) -> TickerTable:
    table = TickerTable([RULES])
    table.load_snapshot([parse_ticker_24h(TICKER_24H | changes)], [parse_book_ticker(BOOK_TICKER)], 50.0)
    return table


def test_the_table_is_complete_before_the_first_stream_message() -> None:
    table = started()
    ticker = table.tickers["BTCUSDT"]
    assert (ticker.price, ticker.bid, ticker.ask, ticker.decimals) == (61837.63, 61837.63, 61837.64, 2)
    assert ticker.change_percent == -1.25
    assert (table.last_update, table.dirty, table.symbols) == (50.0, True, ("BTCUSDT",))


def test_each_message_updates_its_own_fields() -> None:
    table = started()
    table.apply_update(message(book_ticker_event()), 51.0)
    assert (table.tickers["BTCUSDT"].bid, table.tickers["BTCUSDT"].price) == (25.3519, 61837.63)
    table.apply_update(message(mini_ticker_event()), 52.0)
    assert (table.tickers["BTCUSDT"].price, table.tickers["BTCUSDT"].change_percent) == (0.0025, 150.0)
    table.apply_update(message(kline_event()), 53.0)
    assert (table.tickers["BTCUSDT"].price, table.last_update) == (0.0020, 53.0)


def test_an_unknown_symbol_is_ignored() -> None:
    table = started()
    table.apply_update(message(book_ticker_event("OTHERUSDT")), 60.0)
    assert table.last_update == 50.0


def test_a_price_that_fell_to_nothing_has_no_opening_price() -> None:
    table = started(lastPrice="0.00000000", priceChangePercent="-100.000")
    assert table.tickers["BTCUSDT"].change_percent == 0.0


def test_a_changed_tick_size_is_shown_at_once() -> None:
    table = started()
    table.dirty = False
    table.set_rules(RULES)
    assert not table.dirty
    table.set_rules(replace(RULES, tick_size=Decimal("0.1")))
    assert (table.tickers["BTCUSDT"].decimals, table.dirty) == (1, True)


def test_a_forgotten_symbol_has_no_ticker() -> None:
    table = started()
    table.dirty = False
    table.forget("OTHERUSDT")
    assert not table.dirty
    table.forget("BTCUSDT")
    assert (table.tickers, table.symbols, table.dirty) == ({}, (), True)
    table.apply_update(message(book_ticker_event()), 60.0)
    assert table.tickers == {}


def test_decimals_are_those_of_the_tick_size() -> None:
    assert price_decimals(RULES) == 2
    assert price_decimals(replace(RULES, tick_size=Decimal("1.00"))) == 0
    assert price_decimals(replace(RULES, tick_size=Decimal(0))) == 8
