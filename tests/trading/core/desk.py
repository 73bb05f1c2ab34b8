"""A core with a scripted account: reads are answered at once, changes wait for the test."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

from cq_tui.binance.commission import CommissionRates, SideRates
from cq_tui.binance.exchange_info import ExchangeInfo
from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.order_lists import NewOco
from cq_tui.binance.types import AccountInfo, AccountTrade, Balance, BookTicker, Fill, Order, OrderList
from cq_tui.binance.user_events import ExecutionReport, UnknownUserEvent
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import effects as e
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.moment import Moment
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.position import Position
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.entry_context import HealthReport
from tests.trading.samples import NOW, RULES, SELL, SIGNAL

D = Decimal
SYMBOL = "BTCUSDT"
OWNER = "owner"
#: All that a symbol can allow; without lists for entries, an entry is a market order and then an OCO.
LISTS = replace(RULES, order_types=RULES.order_types | {"LIMIT", "STOP_LOSS"})
MARKET = replace(RULES, oto_allowed=False, opo_allowed=False)
_Request = TypeVar("_Request", bound=e.Request)
_Fact = TypeVar("_Fact", bound=f.Fact)


class Desk:
    """One core on one account. ``now`` is by both clocks."""

    def __init__(self, *rules: SymbolRules, settings: TraderSettings | None = None, book: Book | None = None) -> None:
        self.now = NOW
        self.rules = {one.symbol: one for one in rules or (LISTS,)}
        self.settings = settings or TraderSettings(symbols=tuple(self.rules))
        self.core = Core(book or Book("simulated:1", OWNER))
        self.balances: dict[str, Balance] = {}
        self.open_orders: tuple[Order, ...] = ()
        self.trades: tuple[AccountTrade, ...] = ()
        #: The exchange's best bids; 40,000 where none is set.
        self.bids: dict[str, Decimal] = {}
        self.hold("USDT", "1000")
        #: Requests without an answer, and all facts.
        self.waiting: list[e.Request] = []
        self.facts: list[f.Fact] = []
        #: Kinds of reads that the test answers itself.
        self.unread: tuple[type[e.Request], ...] = ()
        self._last_order_id = 100

    # Time and inputs

    def tell(self, event: i.Input, after: float = 0.0) -> list[e.Effect]:
        """Step the core, ``after`` seconds later, and answer its reads; return the effects of this one step."""
        self.now += after
        effects = self.core.step(event, Moment(self.now, self.now))
        assert self.core.next_due >= self.now, "a step leaves nothing that was due before"
        for effect in effects:
            if isinstance(effect, e.Record):
                self.facts += effect.facts
            else:
                self.waiting.append(effect)
        self._read()
        return effects

    def tick(self, after: float = 0.0) -> None:
        """Let time pass."""
        self.tell(i.Tick(), after)

    def look(self) -> None:
        """Make the core look at the account: an event that it does not understand does that."""
        self.tell(i.Reported(UnknownUserEvent("somethingNew")))

    def _read(self) -> None:
        for request in list(self.waiting):
            is_read = request in self.waiting and not isinstance(request, self.unread)
            if is_read and (value := self._value(request)) is not None:
                self.answer(request, value)

    def _value(self, request: e.Request) -> i.Answer | None:
        match request:
            case e.FetchRules():
                return ExchangeInfo(0, (), {one: self.rules[one] for one in request.symbols if one in self.rules}, {})
            case e.FetchCommission():
                rates = SideRates(D("0.001"), D("0.001"))
                return CommissionRates(request.symbol, rates, SideRates(), SideRates())
            case e.FetchBookTicker():
                bid = self.bids.get(request.symbol, D(40000))
                return BookTicker(request.symbol, bid, D(1), bid, D(1))
            case e.FetchOpenOrders():
                return self.open_orders
            case e.FetchAccount():
                return self.account()
            case e.FetchTrades():
                return tuple(one for one in self.trades if request.order_id in (None, one.order_id))
            case e.QueryOrder(urgency=e.Urgency.ROUTINE, client_order_id=str(name)):
                return self.shown(self.core.book.orders[name], "NEW")
        return None

    def account(self) -> AccountInfo:
        """The account as the exchange shows it now."""
        return AccountInfo(True, D("0.001"), D("0.001"), int(self.now * 1000), dict(self.balances))

    def ready(self) -> "Desk":
        """Start: settings, owner, stream, reconciliation, health, and a quote."""
        self.tell(i.SettingsSeen(self.settings))
        self.tell(i.OwnerSeen(OWNER))
        self.tell(i.StreamUp())
        self.fresh()
        self.tick(2.0)
        self.tick(2.0)
        assert self.core.is_ready
        return self

    def fresh(self, bid: str = "40000") -> None:
        """Health of now, and a quote of now."""
        good = HealthReport("ok", self.now)
        self.tell(i.HealthSeen(good, good, good))
        self.quote(bid)

    def quote(self, bid: str, symbol: str = SYMBOL) -> None:
        """A quote with a narrow spread."""
        price = D(bid)
        self.tell(i.QuotesSeen({symbol: i.Quote(price, price + D("0.01"), price, self.now)}))

    # Requests

    def sent(self, kind: type[_Request]) -> list[_Request]:
        """The requests of a kind without an answer."""
        return [one for one in self.waiting if isinstance(one, kind)]

    def one(self, kind: type[_Request]) -> _Request:
        """The only request of a kind without an answer."""
        [found] = self.sent(kind)
        return found

    def noted(self, kind: type[_Fact]) -> list[_Fact]:
        """The facts of a kind, oldest first."""
        return [one for one in self.facts if isinstance(one, kind)]

    def answer(self, request: e.Request, value: i.Answer) -> None:
        """Answer a request."""
        self.waiting.remove(request)
        if isinstance(request, e.CHANGES):
            self.tell(i.Started(request.number))
        self.tell(i.Answered(request.number, value))

    def refuse(self, request: e.Request, code: int | None, text: str = "no", *, about_symbol: bool = True) -> None:
        """Refuse a request."""
        self.waiting.remove(request)
        self.tell(i.Refused(request.number, code, text, about_symbol))

    def lose(self, request: e.Request, *, started: bool = True) -> None:
        """Let the outcome of a request be unknown."""
        self.waiting.remove(request)
        if started:
            self.tell(i.Started(request.number))
        self.tell(i.OutcomeUnknown(request.number, "timed out"))

    def withhold(self, request: e.Request, retry_after: float = 1.0) -> None:
        """Say that a request was never sent."""
        self.waiting.remove(request)
        self.tell(i.NotSent(request.number, "no budget", retry_after))

    # Orders at the exchange

    def hold(self, asset: str, free: str, locked: str = "0") -> None:
        """Set a balance."""
        self.balances[asset] = Balance(asset, D(free), D(locked))

    def order_id(self) -> int:
        """The next id of the exchange."""
        self._last_order_id += 1
        return self._last_order_id

    def shown(self, order: OrderRecord, status: str, executed: str = "0", **changes: object) -> Order:
        """An order of the book as the exchange shows it."""
        plain: dict[str, object] = {
            "symbol": order.symbol, "order_id": order.order_id or self.order_id(), "order_list_id": -1,
            "client_order_id": order.client_order_id, "side": order.side, "type": order.order_type, "status": status,
            "time_in_force": "GTC", "price": order.price or D(0), "stop_price": order.stop_price or D(0),
            "quantity": order.quantity, "executed_quantity": D(executed), "quote_quantity": None,
            "time": int(self.now * 1000),
        }  # fmt: skip
        return Order(**(plain | changes))  # type: ignore[arg-type]

    def filled(self, order: OrderRecord, price: str = "40000", trade_id: int | None = None) -> Order:
        """An order filled by one trade, as its placement's answer shows it."""
        quantity = order.quantity
        fill = Fill(trade_id or self.order_id(), D(price), quantity, D(0), "USDT")
        return self.shown(order, "FILLED", str(quantity), fills=(fill,))

    def report(self, order: OrderRecord, status: str, **changes: object) -> None:
        """A report of the account stream without a trade."""
        plain: dict[str, object] = {
            "symbol": order.symbol, "order_id": order.order_id or self.order_id(), "order_list_id": -1,
            "client_order_id": order.client_order_id, "request_id": "", "side": order.side, "type": order.order_type,
            "execution_type": "NEW", "status": status, "reject_reason": "NONE", "expiry_reason": "",
            "price": order.price or D(0),
            "stop_price": D(0), "quantity": order.quantity, "executed_quantity": D(0), "quote_quantity": D(0),
            "last_quantity": D(0), "last_price": D(0), "commission": D(0), "commission_asset": "", "trade_id": -1,
            "execution_id": 1, "is_maker": False, "transaction_time": int(self.now * 1000),
            "event_time": int(self.now * 1000),
        }  # fmt: skip
        self.tell(i.Reported(ExecutionReport(**(plain | changes))))  # type: ignore[arg-type]

    def trade(self, order: OrderRecord, quantity: str, price: str, trade_id: int, status: str = "FILLED") -> None:
        """A report of a trade."""
        self.report(
            order, status, execution_type="TRADE", last_quantity=D(quantity), last_price=D(price), trade_id=trade_id,
            executed_quantity=order.executed + D(quantity), commission_asset="USDT",
        )  # fmt: skip

    # The book

    def orders(self, leg: Leg | None = None, symbol: str = SYMBOL) -> list[OrderRecord]:
        """The orders of the book."""
        return [one for one in self.core.book.orders_of(symbol) if leg in (None, one.leg)]

    def position(self, symbol: str = SYMBOL) -> Position:
        """The position of a symbol."""
        return self.core.book.positions[symbol]

    def position_or_none(self, symbol: str = SYMBOL) -> Position | None:
        """The position of a symbol; None if there is none."""
        return self.core.book.positions.get(symbol)

    # Whole steps

    def buy(self, **changes: object) -> e.Request:
        """A BUY signal that is taken; return its request."""
        closed = int(self.now * 1000) - 1
        self.fresh()
        self.tell(i.SignalSeen(replace(SIGNAL, bar_close_time=closed, **changes)))  # type: ignore[arg-type]
        assert not self.noted(f.SignalDenied), self.noted(f.SignalDenied)
        return self.sent(e.CHANGES[0])[0] if self.sent(e.PlaceOrder) else self.one(e.PlaceList)

    def sell(self) -> None:
        """A SELL signal."""
        self.tell(i.SignalSeen(replace(SELL, bar_close_time=int(self.now * 1000) - 1)))

    def bought(self, **changes: object) -> "Desk":
        """Buy at market, filled at once; its OCO is sent and not answered."""
        request = self.buy(**changes)
        entry = self.orders(Leg.ENTRY)[-1]
        base = self.rules[entry.symbol].base_asset
        self.hold(base, str(entry.quantity))
        self.hold("USDT", str(D(1000) - entry.quantity * 40000))
        self.answer(request, self.filled(entry))
        return self

    def list_answer(self, request: e.PlaceList, *reports: Order) -> OrderList:
        """The answer to a list."""
        name = request.order_list.list_client_order_id
        return OrderList(7, name, request.symbol, "OCO", "EXEC_STARTED", "EXECUTING", 0, (), reports)

    def list_answer_of(self, order: OrderRecord) -> OrderList:
        """The answer to a cancel of the list of an order."""
        name = order.list_client_order_id or ""
        return OrderList(7, name, order.symbol, "OCO", "ALL_DONE", "ALL_DONE", 0, ())

    def protect(self) -> tuple[OrderRecord, OrderRecord]:
        """Answer an OCO with both legs working; return stop and target."""
        request = self.one(e.PlaceList)
        assert isinstance(request.order_list, NewOco)
        stop, target = (self.core.book.orders[one] for one in _leg_ids(request.order_list))
        self.answer(request, self.list_answer(request, self.shown(stop, "NEW"), self.shown(target, "NEW")))
        for one in (stop, target):
            self.report(self.core.book.orders[one.client_order_id], "NEW")
        return self.now_known(stop), self.now_known(target)

    def now_known(self, order: OrderRecord) -> OrderRecord:
        """An order as the book knows it now."""
        return self.core.book.orders[order.client_order_id]

    def protected(self, **changes: object) -> "Desk":
        """Buy, and have the position protected."""
        self.bought(**changes)
        self.protect()
        return self


def _leg_ids(oco: NewOco) -> Iterable[str]:
    return oco.below.client_order_id, oco.above.client_order_id


def market_desk(settings: TraderSettings | None = None, **rules: object) -> Desk:
    """A desk, ready, at which an entry is a market order and then an OCO."""
    return Desk(replace(MARKET, **rules), settings=settings).ready()  # type: ignore[arg-type]


def list_desk(**rules: object) -> Desk:
    """A desk, ready, at which an entry is a list."""
    return Desk(replace(LISTS, **rules)).ready()  # type: ignore[arg-type]


def amounts(**values: str) -> Mapping[str, Decimal]:
    """Numbers of a command."""
    return {name: Decimal(value) for name, value in values.items()}
