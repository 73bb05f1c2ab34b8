"""A market in virtual time: a few symbols whose prices and depth a test sets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.order_book import PriceLevel
from cq_tui.simulator.market.symbols import MarketSymbol
from cq_tui.simulator.market.ticks import TICK_MS, BackgroundTrade

#: Quantity offered at each price unless a test makes the book thinner, in quote units.
_DEPTH_NOTIONAL = 50_000
_LEVELS = 20


@dataclass(frozen=True, slots=True)
class WorldSymbol(MarketSymbol):
    """A symbol whose entry in exchangeInfo may be overridden: flags, order types, permissions."""

    overrides: dict[str, Any] = field(default_factory=dict, compare=False)

    def exchange_info(self, status: str = "TRADING") -> dict[str, Any]:
        """Return the symbol's entry in exchangeInfo."""
        return MarketSymbol.exchange_info(self, status) | self.overrides


def world_symbol(base: str, price: str, tick: str, step: str, quote: str = "USDT") -> WorldSymbol:
    """Return a symbol near ``price``."""
    return WorldSymbol(base, quote, float(price), Decimal(tick), Decimal(step))


COIN = world_symbol("COIN", "100", "0.01", "0.001")
GOLD = world_symbol("GOLD", "2000", "0.01", "0.0001")
DUST = world_symbol("DUST", "0.05", "0.00001", "1")
SYMBOLS = (COIN, GOLD, DUST)
#: Traded only where commissions are paid in it.
BNB = world_symbol("BNB", "600", "0.01", "0.001")


class Depth:
    """The background liquidity of one symbol: equal levels, one tick apart."""

    def __init__(self, symbol: WorldSymbol) -> None:
        self._symbol = symbol
        self.quantity = Decimal(0)
        self.count = 0
        self.restore()

    def restore(self) -> None:
        """Offer plenty again."""
        self.set(Decimal(_DEPTH_NOTIONAL / self._symbol.start_price), _LEVELS)

    def set(self, quantity: Decimal, count: int) -> None:
        """Offer ``quantity`` of the base asset at each of ``count`` prices on each side."""
        step = self._symbol.step_size
        self.quantity, self.count = max(quantity // step, Decimal(1)) * step, count

    @property
    def tick_size(self) -> Decimal:
        return self._symbol.tick_size

    def next_tick(self, consumed: Mapping[str, Mapping[Decimal, Decimal]]) -> None:
        """Do nothing: what was taken is back at the next tick."""

    def level(self, side: str, best: int, number: int) -> PriceLevel | None:
        price = best - number if side == "BUY" else best + number
        if number >= self.count or price <= 0:
            return None
        return PriceLevel(price * self._symbol.tick_size, self.quantity)

    def levels(self, side: str, best: int, count: int) -> list[PriceLevel]:
        found = (self.level(side, best, number) for number in range(count))
        return [level for level in found if level is not None]


@dataclass(slots=True)
class _Line:
    """One symbol's prices, in tick sizes."""

    bid: int
    spread: int
    last: int = 0
    trade: BackgroundTrade | None = None

    @property
    def ask(self) -> int:
        return self.bid + self.spread


class VirtualMarket:
    """What the engine and the exchange's account need of a market. Ticks are 250 ms, as in the simulator.

    Prices stand until they are moved; the last trade is at the bid or at the ask, by turns.
    """

    def __init__(self, tick: int, symbols: Sequence[WorldSymbol] = SYMBOLS) -> None:
        self.ended = False
        self.tick = tick
        self.symbols = tuple(symbols)
        self.column = {entry.symbol: number for number, entry in enumerate(symbols)}
        self.rules = {entry.symbol: SymbolRules.from_exchange_info(entry.exchange_info()) for entry in symbols}
        self.depth = {entry.symbol: Depth(entry) for entry in symbols}
        self.tape = self
        self._lines = {entry.symbol: _Line(round(entry.start_price / float(entry.tick_size)), 1) for entry in symbols}
        for line in self._lines.values():
            line.last = line.bid

    @property
    def time(self) -> int:
        """Unix ms of the current tick."""
        return self.tick * TICK_MS

    def advance(self, tick: int) -> None:
        """Go to a tick."""
        if tick <= self.tick:
            return
        self.tick = tick
        for line in self._lines.values():
            line.last = line.ask if tick % 2 else line.bid
            line.trade = None

    def move(self, symbol: str, bid: Decimal, spread: int = 1) -> None:
        """Set the best bid, and the spread in ticks. The last trade follows at the next tick."""
        entry, line = self.entry(symbol), self._lines[symbol]
        line.bid, line.spread = max(round(bid / entry.tick_size), 1), spread

    def trade(self, symbol: str, price: Decimal, quantity: Decimal, *, taker_bought: bool) -> None:
        """Let somebody trade at this tick: also orders of ours ahead of that price fill."""
        line = self._lines[symbol]
        line.trade = BackgroundTrade(price, quantity, taker_bought)
        line.last = round(price / self.entry(symbol).tick_size)

    def entry(self, symbol: str) -> WorldSymbol:
        """Return a symbol's entry."""
        return self.symbols[self.column[symbol]]

    def bid(self, symbol: str) -> Decimal:
        """Return the best bid without the account's orders."""
        return self._lines[symbol].bid * self.entry(symbol).tick_size

    def ask(self, symbol: str) -> Decimal:
        """Return the best ask without the account's orders."""
        return self._lines[symbol].ask * self.entry(symbol).tick_size

    # What the engine asks

    def last_price(self, symbol: str) -> Decimal:
        return self._lines[symbol].last * self.entry(symbol).tick_size

    def average_price(self, symbol: str) -> Decimal:
        return self.last_price(symbol)

    def best_ticks(self, symbol: str) -> tuple[int, int]:
        line = self._lines[symbol]
        return line.bid, line.ask

    def liquidity(self, symbol: str) -> Depth:
        return self.depth[symbol]

    def background_trade(self, symbol: str) -> BackgroundTrade | None:
        return self._lines[symbol].trade

    def market_trade_count(self, column: int, tick: int) -> int:
        return 0

    def add_fill(self, symbol: str, fill: Any) -> None:
        """Ignore a fill: nobody asks for the tape."""
