"""What a command needs besides the account: prices, books, rules, phases and trade ids."""

from decimal import Decimal
from typing import Protocol

from cq_tui.binance.account_filters import AccountRules
from cq_tui.binance.filters import SymbolRules
from cq_tui.simulator.engine.limit_order_book import LimitOrderBook
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.simulator.market.ticks import BackgroundTrade


class EngineView(Protocol):
    """The engine as commands see it, at the current tick."""

    state: ExchangeState
    account_rules: AccountRules | None

    @property
    def market_ended(self) -> bool:
        """Whether the market has run out of prices."""

    def rules(self, symbol: str) -> SymbolRules:
        """Trading rules of a symbol."""

    def phase(self, symbol: str) -> str:
        """Trading phase of a symbol: TRADING, HALT, BREAK, END_OF_DAY or CANCEL_ONLY."""

    def book(self, symbol: str) -> LimitOrderBook:
        """The symbol's book."""

    def last_price(self, symbol: str) -> Decimal:
        """Price of the last trade."""

    def reference_price(self, symbol: str) -> Decimal:
        """Price that filters compare with."""

    def background_trade(self, symbol: str) -> BackgroundTrade | None:
        """The background trade of this tick, if any."""

    def next_trade_id(self, symbol: str) -> int:
        """Id of the next trade."""
