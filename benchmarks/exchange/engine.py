"""Matching engine throughput: limit orders placed and canceled, and market orders, including ledger writes."""

import tempfile
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

from benchmarks.report import Row, middle
from cq_tui.simulator.engine.engine import Engine
from cq_tui.simulator.engine.ledger import Ledger
from cq_tui.simulator.engine.orders import NewOrder
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.simulator.market.market import Market
from cq_tui.simulator.market.market_start import start_random_walk
from cq_tui.simulator.market.symbols import market_symbol
from cq_tui.simulator.market.ticks import TICK_MS

SYMBOL = "BTCUSDT"
#: Resting orders on the book during the measurement.
RESTING = 100
BAR = 2_000
_NOW = 1_780_000_000_000
_ROUNDS = 5


class EngineAccount:
    """An account with a ledger on a generated market that does not move."""

    def __init__(self, folder: Path) -> None:
        self.state = ExchangeState({SYMBOL: ("BTC", "USDT")})
        self.ledger = Ledger(folder / "ledger.ndjson", self.state)
        source = start_random_walk((market_symbol(SYMBOL),), 7, [], _NOW, 0)
        self.engine = Engine(self.state, Market(source, _NOW // TICK_MS), lambda symbol: 0)
        self._made = 0
        for asset in ("USDT", "BTC"):
            self.ledger.record(self.engine.deposit(asset, Decimal(10**9), _NOW).ledger_events, _NOW)
        self._far = self.engine.book(SYMBOL).best_bid - 500
        for _ in range(RESTING):
            self._place("LIMIT", self._far - self._made)

    def _place(self, kind: str, price: Decimal | None = None) -> int:
        self._made += 1
        new = NewOrder(SYMBOL, "BUY", kind, f"c{self._made}", quantity=Decimal("0.001"), price=price)
        outcome = self.engine.place(new, _NOW)
        self.ledger.record(outcome.ledger_events, _NOW)
        return outcome.orders[0].order_id

    def place_and_cancel(self) -> None:
        """Place a resting limit order and cancel it."""
        order = self.state.orders[SYMBOL, self._place("LIMIT", self._far)]
        self.ledger.record(self.engine.cancel(order, "x", _NOW).ledger_events, _NOW)

    def buy_at_market(self) -> None:
        """Buy at market."""
        self._place("MARKET")


def _rate_of(act: Callable[[], None], times: int) -> float:
    """Return how often per second ``act`` runs."""
    started = time.perf_counter()
    for _ in range(times):
        act()
    return times / (time.perf_counter() - started)


def measure(*, quick: bool) -> Iterator[Row]:
    """Measure orders per second in one process."""
    times = 200 if quick else 2_000
    with tempfile.TemporaryDirectory() as folder:
        account = EngineAccount(Path(folder))
        for what, act, orders in (
            ("engine: limit orders placed and canceled", account.place_and_cancel, 1),
            ("engine: market orders filled", account.buy_at_market, 1),
        ):
            rate = middle([_rate_of(act, times) * orders for _ in range(_ROUNDS)])
            yield Row(what, f"{rate:,.0f}/s", "-", f"{1e6 / rate:.0f} µs each", f">= {BAR:,}/s", rate >= BAR)
        account.ledger.close()
