"""A core with one symbol, fed by hand: what a test says of the exchange, the core is told."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

from cq_tui.binance.exchange_info import ExchangeInfo
from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.types import AccountInfo, Balance, Fill, Order, OrderList
from cq_tui.binance.user_events import ExecutionReport
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.effects import Effect, FetchAccount, FetchOpenOrders, FetchRules, PlaceList, Request
from cq_tui.trading.core.inputs import (
    Answered,
    HealthSeen,
    Input,
    OwnerSeen,
    Quote,
    QuotesSeen,
    Refused,
    Reported,
    SettingsSeen,
    SignalSeen,
    Started,
    StreamUp,
    Tick,
)
from cq_tui.trading.core.moment import Moment
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.entry_context import HealthReport
from cq_tui.trading.signals import TradeSignal
from tests.trading.samples import RULES

D, ZERO = Decimal, Decimal(0)
SYMBOL, START = "BTCUSDT", 1_700_000_000.0
ALLOWING = replace(
    RULES,
    tick_size=D("0.01"),
    order_types=frozenset({"LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"}),
)
Kind = TypeVar("Kind", bound=Request)


class CoreStage:
    """A reconciled core at a price of 100, with 10,000 USDT. ``sent`` are its requests without an answer yet."""

    def __init__(self, *, symbols: tuple[str, ...] = (SYMBOL,), rules_at_once: bool = True, **rules: Any) -> None:
        self.core = Core(Book("simulated:1", "owner"))
        self.now = START
        self.sent: list[Request] = []
        self._ids = iter(range(1, 10_000))
        self.rules = replace(ALLOWING, **rules)
        self.give(OwnerSeen("owner"))
        self.give(SettingsSeen(TraderSettings(symbols=symbols, cooldown=0.0)))
        self.quote(D(100))
        self.give(StreamUp())
        self.reconcile(rules=rules_at_once)
        if rules_at_once:
            self.core.situation.lane(SYMBOL).commission = D("0.001")

    def rules_of(self, symbol: str) -> SymbolRules:
        """Return the rules of another symbol."""
        return replace(self.rules, symbol=symbol, base_asset=symbol.removesuffix("USDT"))

    def reconcile(self, *, rules: bool = True, **balances: Decimal) -> None:
        """Answer what is asked about the account as a whole; of the rules only if they may come now."""
        held = {"USDT": D(10_000), "BTC": self.core.book.quantity(SYMBOL)} | balances
        account = {asset: Balance(asset, amount, D(0)) for asset, amount in held.items()}
        for request in list(self.sent):
            if isinstance(request, FetchRules) and rules:
                self.answer(request, ExchangeInfo(0, (), {SYMBOL: self.rules}, {}))
            elif isinstance(request, FetchOpenOrders):
                self.answer(request, ())
            elif isinstance(request, FetchAccount):
                self.answer(request, AccountInfo(True, D("0.001"), D("0.001"), self.ms, account))

    @property
    def ms(self) -> int:
        """Now, in the exchange's milliseconds."""
        return int(self.now * 1000)

    def give(self, event: Input) -> Sequence[Effect]:
        """Tell the core something; return what it wants done."""
        effects = self.core.step(event, Moment(self.now, self.now))
        self.sent += [effect for effect in effects if isinstance(effect, Request)]
        return effects

    def wait(self, seconds: float) -> Sequence[Effect]:
        """Let time pass, with fresh quotes and health."""
        self.now += seconds
        self.quote(self.price)
        return self.give(Tick())

    def quote(self, price: Decimal) -> None:
        """Have fresh prices and health."""
        self.price = price
        well = HealthReport("ok", self.now)
        self.give(HealthSeen(well, well, well))
        self.give(QuotesSeen({SYMBOL: Quote(price, price, price, self.now)}))

    def one(self, kind: type[Kind]) -> Kind:
        """Return the only request of this kind without an answer."""
        [found] = [request for request in self.sent if isinstance(request, kind)]
        return found

    def all(self, kind: type[Kind]) -> list[Kind]:
        """Return the requests of this kind without an answer."""
        return [request for request in self.sent if isinstance(request, kind)]

    def answer(self, request: Request, value: Any) -> None:
        """Answer a request."""
        self.sent.remove(request)
        self.give(Started(request.number))
        self.give(Answered(request.number, value))

    def refuse(self, request: Request, code: int, message: str) -> None:
        """Refuse a request."""
        self.sent.remove(request)
        self.give(Refused(request.number, code, message))

    # Orders

    def signal(self, side: Any = "BUY", **changes: Any) -> TradeSignal:
        """Give a signal at the current price."""
        stop, target = (D(98), D(104)) if side == "BUY" else (D(104), D(98))
        plain: dict[str, Any] = {
            "symbol": SYMBOL, "side": side, "entry_price": self.price, "stop_loss": stop, "take_profit": target,
            "confidence": 0.5, "strategy": "sample", "frame": "1s", "bar_close_time": self.ms - 1,
        }  # fmt: skip
        signal = TradeSignal(**(plain | changes))
        self.give(SignalSeen(signal))
        return signal

    def record(self, leg: str) -> OrderRecord:
        """Return the newest order of a leg."""
        return [order for order in self.core.book.orders.values() if order.leg == leg][-1]

    def order(self, name: str, status: str, fills: tuple[Fill, ...] = ()) -> Order:
        """Return an order of the book as the exchange shows it."""
        known = self.core.book.orders[name]
        order_id = known.order_id if known.order_id is not None else next(self._ids)
        done = sum((fill.quantity for fill in fills), D(0))
        return Order(
            SYMBOL, order_id, 1, name, known.side, known.order_type, status, "GTC", known.price or D(0),
            known.stop_price or D(0), known.quantity, done, None, self.ms, fills=fills,
        )  # fmt: skip

    def fill(self, quantity: Decimal, asset: str = "BTC", commission: Decimal = ZERO) -> Fill:
        """Return a trade at the current price."""
        return Fill(next(self._ids), self.price, quantity, commission, asset)

    def report(self, leg: str, status: str, reason: str = "", fill: Fill | None = None) -> None:
        """Report an order on the account stream."""
        known, zero = self.record(leg), D(0)
        order = self.order(known.client_order_id, status)
        self.give(
            Reported(
                ExecutionReport(
                    symbol=SYMBOL, order_id=order.order_id, order_list_id=1, client_order_id=known.client_order_id,
                    request_id="", side=known.side, type=known.order_type,
                    execution_type="TRADE" if fill is not None else status, status=status, reject_reason="NONE",
                    expiry_reason=reason, price=order.price, stop_price=order.stop_price, quantity=known.quantity,
                    executed_quantity=zero if fill is None else known.executed + fill.quantity, quote_quantity=zero,
                    last_quantity=zero if fill is None else fill.quantity,
                    last_price=zero if fill is None else fill.price,
                    last_quote_quantity=zero, commission=zero if fill is None else fill.commission,
                    commission_asset="" if fill is None else fill.commission_asset,
                    trade_id=-1 if fill is None else fill.trade_id, execution_id=0, is_maker=False,
                    transaction_time=self.ms, event_time=self.ms,
                )
            )
        )  # fmt: skip

    def enter(self) -> None:
        """Have a position, bought by a list and protected."""
        self.signal()
        placed = self.one(PlaceList)
        # It is bought after the balances were read.
        self.now += 0.001
        entry, stop, target = (self.record(leg) for leg in ("entry", "stop", "target"))
        fill = self.fill(entry.quantity, commission=entry.quantity * D("0.001"))
        orders = (
            self.order(entry.client_order_id, "FILLED", (fill,)),
            self.order(stop.client_order_id, "PENDING_NEW"),
            self.order(target.client_order_id, "PENDING_NEW"),
        )
        name = entry.list_client_order_id or ""
        self.answer(placed, OrderList(1, name, SYMBOL, "OTO", "", "EXECUTING", self.ms, (), orders))
        self.report("stop", "NEW")
        self.report("target", "NEW")
