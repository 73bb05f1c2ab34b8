"""Facts of an account as a trader records them: opened, bought, sold, adopted, given up."""

from dataclasses import dataclass, field
from decimal import Decimal

from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.order import OrderRecord, TradeFill
from cq_tui.trading.core.plan import ADOPTED, Plan
from cq_tui.trading.money.exact import ZERO
from cq_tui.trading.order_life import OrderStatus
from cq_tui.trading.position_life import PositionState

D = Decimal
DAY = 86_400_000
#: 2026-11-01T00:00:00Z.
START = 1_793_491_200_000


@dataclass(slots=True)
class Account:
    """One account; its book makes each fact complete, as the trader's core does."""

    book: Book = field(default_factory=Book)
    facts: list[f.Fact] = field(default_factory=list)
    _number: int = 0

    def tell(self, fact: f.Fact) -> None:
        self.book.apply(fact)
        self.facts.append(fact)

    def open(self, quantity: str = "10000", ms: int = START) -> "Account":
        self.tell(f.AccountOpened("USDT", D(quantity), ms))
        return self

    def order(self, symbol: str, leg: Leg, quantity: str, ms: int, key: str, strategy: str = "trend") -> str:
        self._number += 1
        name, is_entry = f"order{self._number}", leg is Leg.ENTRY
        side = "BUY" if is_entry else "SELL"
        record = OrderRecord(name, symbol, side, "MARKET", leg, key, D(quantity), ms)  # type: ignore[arg-type]
        plan = Plan(key, strategy, "1m", D(1)) if is_entry else None
        self.tell(f.OrderIntended(record, symbol.removesuffix("USDT"), "USDT", plan))
        self.tell(f.OrderSent(name, ms))
        return name

    def fill(
        self, name: str, quantity: str, price: str, ms: int, fee: str = "0", asset: str = "USDT",
        *, fee_price: str | None = None, own: str = "0",
    ) -> None:  # fmt: skip
        order = self.book.orders[name]
        self._number += 1
        trade = TradeFill(self._number, D(price), D(quantity), D(fee), asset, ms)
        value = None if fee_price is None else D(fee_price)
        before = self.book.money.realized if self.book.money else ZERO
        fact = f.OrderFilled(name, int(name.removeprefix("order")), trade, OrderStatus.FILLED, value, D(own))
        if order.side == "BUY" and order.symbol not in self.book.positions:
            states = PositionState.CLOSED, PositionState.OPENING
            self.tell(f.PositionMoved(order.symbol, order.signal_key, *states, ms))
        self.tell(fact)
        after = self.book.money.realized if self.book.money else ZERO
        if order.side == "SELL":
            self.facts[-1] = f.OrderFilled(
                name, fact.order_id, trade, fact.status, value, D(own), realized=after - before
            )

    def buy(self, symbol: str, quantity: str, price: str, ms: int, fee: str = "0", asset: str = "USDT",
            *, key: str = "", strategy: str = "trend", **more: str) -> str:  # fmt: skip
        key = key or f"{strategy}:{symbol}:1m:{ms}:BUY"
        self.fill(self.order(symbol, Leg.ENTRY, quantity, ms, key, strategy), quantity, price, ms, fee, asset, **more)
        return key

    def sell(self, key: str, quantity: str, price: str, ms: int, fee: str = "0", asset: str = "USDT",
             *, leg: Leg = Leg.EXIT, reason: str = "", ends: bool = True, **more: str) -> None:  # fmt: skip
        symbol = next(symbol for symbol, one in self.book.positions.items() if one.plan.signal_key == key)
        if reason:
            self.tell(f.ExitWanted(symbol, reason, ms))
        self.fill(self.order(symbol, leg, quantity, ms, key), quantity, price, ms, fee, asset, **more)
        if ends:
            self.tell(f.PositionMoved(symbol, key, PositionState.CLOSING, PositionState.CLOSED, ms))

    def adopt(self, symbol: str, quantity: str, price: str, ms: int) -> str:
        key = f"{ADOPTED}{symbol}:{ms}"
        plan = Plan(key, "", "1m", D(1))
        base = symbol.removesuffix("USDT")
        self.tell(f.PositionAdopted(symbol, base, "USDT", D(quantity), D(price), plan, ms, "ada", "mine"))
        return key


def five_trades() -> Account:
    """Four positions closed and one open, on four days: +20, -10, +9.8, 0, after commissions of 0.2."""
    account = Account().open("1000")
    first = account.buy("BTCUSDT", "1", "100", START + 1_000)
    account.sell(first, "1", "120", START + 61_000, leg=Leg.TARGET)
    second = account.buy("ETHUSDT", "2", "50", START + DAY)
    account.sell(second, "2", "45", START + DAY + 120_000, leg=Leg.STOP)
    third = account.buy("BTCUSDT", "1", "100", START + 2 * DAY, "0.1", strategy="bands")
    account.sell(third, "1", "110", START + 2 * DAY + 600_000, "0.1", reason="time stop")
    fourth = account.buy("BTCUSDT", "1", "90", START + 3 * DAY)
    account.sell(fourth, "1", "90", START + 3 * DAY + 60_000, reason="SELL signal of trend")
    account.buy("ETHUSDT", "1", "40", START + 3 * DAY + 120_000)
    return account
