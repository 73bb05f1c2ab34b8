"""Paper trading: orders match against another exchange's book and trades."""

from decimal import Decimal
from typing import Any

import pytest

from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.order_book import PriceLevel
from cq_tui.simulator.engine.engine import Engine
from cq_tui.simulator.engine.orders import NewOrder
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.market.live_prices import LivePrices, LiveTrade
from cq_tui.simulator.market.market import Market
from cq_tui.simulator.market.symbols import KNOWN_SYMBOLS
from cq_tui.simulator.market.ticks import TICK_MS, TICKS_PER_SECOND

NOW = 1_700_000_000_000
BTC = "BTCUSDT"
D = Decimal


class Elsewhere:
    """Another exchange, whose book and trades a test sets."""

    def __init__(self) -> None:
        self.books = {
            "BUY": [PriceLevel(D("64000.10"), D("0.4")), PriceLevel(D("63999.00"), D("2"))],
            "SELL": [
                PriceLevel(D("64000.40"), D("0.3")),
                PriceLevel(D("64001.00"), D("0.5")),
                PriceLevel(D("64010.00"), D("5")),
            ],
        }
        self.trades: list[LiveTrade] = []

    def rules(self, symbol: str) -> SymbolRules:
        return SymbolRules.from_exchange_info(KNOWN_SYMBOLS[symbol].exchange_info())

    def status(self, symbol: str) -> str:
        return "TRADING"

    def last_price(self, symbol: str) -> D:
        return D("64000.20")

    def drain_trades(self, symbol: str) -> list[LiveTrade]:
        taken, self.trades = self.trades, []
        return taken

    def levels(self, symbol: str, side: str, most: int) -> list[PriceLevel]:
        return self.books[side][:most]

    def traded(self, *trades: tuple[str, str, bool]) -> None:
        self.trades += [LiveTrade(D(price), D(quantity), bought) for price, quantity, bought in trades]


class Paper:
    """The simulated exchange on live prices."""

    def __init__(self) -> None:
        self.real = Elsewhere()
        self.market = Market(LivePrices((BTC,), self.real, NOW), NOW // TICK_MS)
        self.engine = Engine(ExchangeState({BTC: ("BTC", "USDT")}), self.market, lambda symbol: 0)
        for asset, amount in (("USDT", 1_000_000), ("BTC", 10)):
            self.engine.deposit(asset, D(amount), NOW)
        self._ids = 0

    def place(self, side: str, kind: str, quantity: str, price: str | None = None) -> Any:
        self._ids += 1
        new = NewOrder(BTC, side, kind, f"c{self._ids}", quantity=D(quantity), price=D(price) if price else None)
        return self.engine.place(new, NOW)

    def tick(self, count: int = 1) -> list[tuple[D, D]]:
        """Advance, and return the account's trades."""
        fills: list[tuple[D, D]] = []
        for _ in range(count):
            self.market.advance(self.market.tick + 1)
            reports = self.engine.on_tick(NOW).reports
            fills += [(report.trade.price, report.trade.quantity) for report in reports if report.trade]
        return fills

    def second(self) -> list[tuple[D, D]]:
        """Advance through the next second."""
        fills = []
        while True:
            fills += self.tick()
            if self.market.tick % TICKS_PER_SECOND == TICKS_PER_SECOND - 1:
                return fills


@pytest.fixture
def paper() -> Paper:
    return Paper()


def fills_of(outcome: Any) -> list[tuple[D, D]]:
    return [(report.trade.price, report.trade.quantity) for report in outcome.reports if report.trade]


def test_a_market_order_takes_from_the_live_book(paper: Paper) -> None:
    outcome = paper.place("BUY", "MARKET", "1")
    assert fills_of(outcome) == [(D("64000.40"), D("0.3")), (D("64001.00"), D("0.5")), (D("64010.00"), D("0.2"))]
    # Consumed quantity is still offered there, but stays consumed until it changes.
    for _ in range(3):
        assert fills_of(paper.place("BUY", "MARKET", "0.1")) == [(D("64010.00"), D("0.1"))]
        paper.tick()
    paper.real.books["SELL"][1] = PriceLevel(D("64001.00"), D("0.6"))
    paper.tick()
    assert fills_of(paper.place("BUY", "MARKET", "0.1")) == [(D("64001.00"), D("0.1"))]


def test_more_than_the_live_book_holds_expires(paper: Paper) -> None:
    outcome = paper.place("BUY", "MARKET", "7")
    assert (outcome.orders[0].status, outcome.orders[0].executed) == ("EXPIRED", D("5.8"))


def test_the_book_follows_the_live_one_within_a_second(paper: Paper) -> None:
    resting = paper.place("BUY", "LIMIT", "0.5", "63990.00").orders[0]
    assert paper.tick() == []
    paper.real.books["SELL"].insert(0, PriceLevel(D("63989.00"), D("0.2")))
    assert paper.tick() == [(D("63990.00"), D("0.2"))]
    assert paper.engine.state.orders[BTC, resting.order_id].executed == D("0.2")
    assert paper.engine.book(BTC).best_ask == D("64000.40")
    assert paper.tick(9) == []
    paper.real.books["SELL"][0] = PriceLevel(D("63989.00"), D("0.1"))
    assert paper.tick() == [(D("63990.00"), D("0.1"))]


def test_live_trades_through_an_order_fill_it_by_their_quantity(paper: Paper) -> None:
    paper.place("BUY", "LIMIT", "0.5", "64000.20")
    paper.real.traded(("64000.10", "0.15", False), ("64000.40", "9", True))
    assert sum(quantity for _, quantity in paper.second() + paper.second()) == D("0.15")


def test_a_second_shows_the_live_trades_as_one_bar(paper: Paper) -> None:
    trades = [
        ("64005", "1", True),
        ("64001", "2", False),
        ("64003", "1", True),
        ("64009", "4", True),
        ("64006", "2", False),
    ]
    paper.real.traded(*trades)
    paper.second()
    paper.second()
    paper.second()
    bars = paper.market.klines(BTC, "1s", 10)
    (bar,) = [bar for bar in bars if bar["volume"]]
    assert (bar["open"], bar["high"], bar["low"], bar["close"]) == (64005, 64009, 64001, 64006)
    assert bar["volume"] == pytest.approx(10)
    assert bars[-1]["close"] == 64006


def test_an_unknown_book_offers_nothing(paper: Paper) -> None:
    paper.real.books = {"BUY": [], "SELL": []}
    paper.tick()
    assert paper.place("SELL", "MARKET", "1").orders[0].status == "EXPIRED"
    paper.place("BUY", "LIMIT", "0.5", "64000.20")
    assert paper.tick(8) == []
    new = NewOrder(BTC, "BUY", "MARKET", "quote", quote_quantity=D(100))
    with pytest.raises(RequestRejected, match="liquidity"):
        paper.engine.place(new, NOW)
    paper.real.books["SELL"] = [PriceLevel(D("64000.00"), D("3"))]
    assert paper.tick() == [(D("64000.20"), D("0.5"))]


def test_symbols_trade_by_the_live_rules(paper: Paper) -> None:
    rules, real = paper.market.rules[BTC], paper.real.rules(BTC)
    assert (rules.tick_size, rules.step_size) == (real.tick_size, real.step_size)
