"""A market moved by hand for the engine, and recorded data if available."""

from decimal import Decimal

import pytest

from cq_tui.binance.filters import SymbolRules
from cq_tui.simulator.market.background_liquidity import GeneratedLiquidity
from cq_tui.simulator.market.symbols import MarketSymbol
from cq_tui.simulator.market.ticks import BackgroundTrade

#: History (ms) for tests that need few prices: generating them takes most of an exchange's start.
SHORT_HISTORY = 300_000
COIN = MarketSymbol("COIN", "USDT", 100.0, Decimal("0.01"), Decimal("0.001"), best_level_notional=10_000.0)


class HandMarket:
    """A market of COINUSDT whose prices a test sets."""

    def __init__(self, bid: str = "100.00", ask: str = "100.02", last: str = "100.01") -> None:
        self.ended = False
        self.tick = 0
        self._liquidity = GeneratedLiquidity(COIN)
        self.rules = {COIN.symbol: SymbolRules.from_exchange_info(COIN.exchange_info())}
        self.move(bid, ask, last)

    def move(self, bid: str, ask: str, last: str | None = None) -> None:
        self._last = Decimal(last or bid)
        self.tick += 1
        self._trade: BackgroundTrade | None = None
        self._best_ticks = int(Decimal(bid) / COIN.tick_size), int(Decimal(ask) / COIN.tick_size)

    def last_price(self, symbol: str) -> Decimal:
        return self._last

    def trade(self, price: str, quantity: str, *, taker_bought: bool) -> None:
        """Set the background trade of the current tick."""
        self._trade = BackgroundTrade(Decimal(price), Decimal(quantity), taker_bought)

    def background_trade(self, symbol: str) -> BackgroundTrade | None:
        return self._trade

    def average_price(self, symbol: str) -> Decimal:
        return self._last

    def best_ticks(self, symbol: str) -> tuple[int, int]:
        return self._best_ticks

    def liquidity(self, symbol: str) -> GeneratedLiquidity:
        return self._liquidity


@pytest.fixture
def market() -> HandMarket:
    return HandMarket()
