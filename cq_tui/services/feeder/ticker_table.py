"""The latest ticker of every symbol, as written to ``market/tickers.json``."""

from collections.abc import Iterable

from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.market_events import BookTickerUpdate, KlineUpdate, MiniTickerUpdate
from cq_tui.binance.types import BookTicker, Ticker24h
from cq_tui.contracts.tickers import Ticker


class TickerTable:
    """Tickers by symbol; ``dirty`` until they are written."""

    def __init__(self, rules: Iterable[SymbolRules]) -> None:
        self._decimals = {rule.symbol: price_decimals(rule) for rule in rules}
        self._open_prices: dict[str, float] = {}
        self.tickers: dict[str, Ticker] = {}
        self.dirty = False

    @property
    def symbols(self) -> tuple[str, ...]:
        """The listed symbols."""
        return tuple(self._decimals)

    def set_rules(self, rules: SymbolRules) -> None:
        """List a symbol, or apply its changed tick size."""
        decimals = self._decimals[rules.symbol] = price_decimals(rules)
        ticker = self.tickers.get(rules.symbol)
        if ticker is not None and ticker.decimals != decimals:
            self.tickers[rules.symbol] = ticker._replace(decimals=decimals)
            self.dirty = True

    def recall(self, symbol: str, ticker: Ticker) -> None:
        """List a symbol that does not trade now, with its last known ticker."""
        self._decimals[symbol] = ticker.decimals
        self.tickers[symbol] = ticker
        self.dirty = True

    def forget(self, symbol: str) -> None:
        """List a symbol no longer."""
        self._decimals.pop(symbol, None)
        self._open_prices.pop(symbol, None)
        self.dirty = self.tickers.pop(symbol, None) is not None or self.dirty

    @property
    def last_update(self) -> float:
        """Time of the newest message (Unix seconds); 0.0 before the first."""
        return max((ticker.timestamp for ticker in self.tickers.values()), default=0.0)

    def load_snapshot(self, day: Iterable[Ticker24h], books: Iterable[BookTicker], now: float) -> None:
        """Fill the table from REST, so that it is complete before the first stream messages."""
        book_of = {book.symbol: book for book in books}
        for ticker in day:
            book = book_of.get(ticker.symbol)
            price = float(ticker.last_price)
            grown = 1 + float(ticker.change_percent) / 100
            self._open_prices[ticker.symbol] = price / grown if grown > 0 else 0.0
            self.tickers[ticker.symbol] = Ticker(
                price=price,
                change_percent=_change_percent(price, self._open_prices[ticker.symbol]),
                bid=float(book.bid_price) if book else price,
                ask=float(book.ask_price) if book else price,
                volume=float(ticker.volume),
                timestamp=now,
                decimals=self._decimals.get(ticker.symbol, 8),
            )
        self.dirty = True

    def apply_update(self, update: BookTickerUpdate | MiniTickerUpdate | KlineUpdate, now: float) -> None:
        """Apply a stream message, received at ``now``."""
        ticker = self.tickers.get(update.symbol)
        if ticker is None:
            return
        if isinstance(update, BookTickerUpdate):
            changed = ticker._replace(bid=float(update.bid_price), ask=float(update.ask_price), timestamp=now)
        elif isinstance(update, MiniTickerUpdate):
            opened = self._open_prices[update.symbol] = float(update.open_price)
            price = float(update.last_price)
            changed = ticker._replace(
                price=price, change_percent=_change_percent(price, opened), volume=float(update.volume), timestamp=now
            )
        else:
            price = update.kline.close
            change = _change_percent(price, self._open_prices.get(update.symbol, price))
            changed = ticker._replace(price=price, change_percent=change, timestamp=now)
        self.tickers[update.symbol] = changed
        self.dirty = True


def _change_percent(price: float, opened: float) -> float:
    return round((price / opened - 1) * 100, 4) if opened > 0 else 0.0


def price_decimals(rules: SymbolRules) -> int:
    """Return the decimals of a symbol's tick size."""
    exponent = rules.tick_size.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) and rules.tick_size else 8
