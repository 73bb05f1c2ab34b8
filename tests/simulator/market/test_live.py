"""Paper trading: the simulated exchange fills orders at quotes that come from outside."""

import pytest

from cq_tui.simulator.market.live import LivePrices, LiveQuote, QuotesMissing
from cq_tui.simulator.market.market import Market
from cq_tui.simulator.market.ticks import TICK_MS, TICKS_PER_SECOND

NOW = 1_700_000_000_000


def test_the_market_stands_where_the_real_quotes_are() -> None:
    quotes = {"BTCUSDT": LiveQuote(64_000.1, 64_000.4, 64_000.2), "DOGEUSDT": LiveQuote(0.2101, 0.2103, 0.2102)}
    source = LivePrices(("BTCUSDT", "DOGEUSDT"), lambda: quotes, NOW)
    market = Market(source, NOW // TICK_MS)
    assert market.quote("BTCUSDT").bid == pytest.approx(64_000.1, abs=0.2)
    assert market.quote("DOGEUSDT").ask == pytest.approx(0.2103, rel=1e-4)

    quotes["BTCUSDT"] = LiveQuote(65_000.0, 65_000.5, 65_000.5)
    market.advance(NOW // TICK_MS + 2 * TICKS_PER_SECOND)
    assert market.quote("BTCUSDT").ask == pytest.approx(65_000.5, abs=0.2)
    assert not market.over


def test_a_symbol_whose_quote_stops_keeps_the_last_one_without_trades() -> None:
    quotes = {"BTCUSDT": LiveQuote(64_000.1, 64_000.4, 64_000.2)}
    source = LivePrices(("BTCUSDT",), lambda: quotes, NOW)
    first = source.next_block()
    quotes.clear()
    second = source.next_block()
    assert (second.bid == first.bid).all()
    assert not second.quantity.any()
    assert second.start == first.end


def test_a_symbol_without_any_quote_is_named() -> None:
    with pytest.raises(QuotesMissing, match="ETHUSDT"):
        LivePrices(("BTCUSDT", "ETHUSDT"), lambda: {"BTCUSDT": LiveQuote(1.0, 2.0, 1.5)}, NOW)
