"""The trader's core: idle ticks, and inputs of whole order lives, a CPU second."""

import gc
import time
from collections.abc import Callable, Iterator
from decimal import Decimal

from benchmarks.report import Row
from cq_tui.binance.cancel_replace import CancelReplaceResult
from cq_tui.binance.commission import CommissionRates, SideRates
from cq_tui.binance.exchange_info import ExchangeInfo
from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.order_lists import NewOtoco
from cq_tui.binance.types import AccountInfo, Balance, Fill, Order, OrderList
from cq_tui.binance.user_events import AccountPosition, ExecutionReport, UserEvent
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.effects import (
    Effect,
    FetchAccount,
    FetchCommission,
    FetchOpenOrders,
    FetchRules,
    FetchTrades,
    PlaceList,
    QueryOrder,
    Record,
    ReplaceOrder,
)
from cq_tui.trading.core.inputs import (
    Answered,
    HealthSeen,
    Input,
    OwnerSeen,
    Quote,
    QuotesSeen,
    Reported,
    SettingsSeen,
    SignalSeen,
    Started,
    StreamUp,
    Tick,
)
from cq_tui.trading.core.moment import Moment
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.entry_context import HealthReport
from cq_tui.trading.signals import TradeSignal

D = Decimal
_SYMBOLS = tuple(f"C{number}USDT" for number in range(100))
_IDLE_BAR, _LIFE_BAR = 200_000, 10_000
_BALANCE = D(1_000_000)
_PRICE, _FEE = D(100), D("0.001")
_RATES, _NO_RATES = SideRates(_FEE, _FEE, D(0), D(0)), SideRates(D(0), D(0), D(0), D(0))


def measure(*, quick: bool) -> Iterator[Row]:
    """Measure both."""
    # As a service does when it has loaded: the search for garbage leaves out what is there.
    gc.collect()
    gc.freeze()
    lives = Lives()
    idle = max(lives.idle_ticks_a_second(50_000 if quick else 400_000) for _ in range(3))
    yield Row("core: idle ticks, 100 symbols", f"{idle:,.0f}/CPU s", "-", "-", f">= {_IDLE_BAR:,}", idle >= _IDLE_BAR)
    rounds = [(_loops_a_second(), lives.inputs_a_second(20 if quick else 100)) for _ in range(6)]
    loops, rate = max(loop for loop, _ in rounds), max(rate for _, rate in rounds)
    yield Row(
        "core: inputs of order lives",
        f"{rate:,.0f}/CPU s",
        f"plain loop {loops / 1e6:.1f} million/CPU s",
        f"{loops / rate:,.0f} loops an input",
        f">= {_LIFE_BAR:,}",
        rate >= _LIFE_BAR,
    )


def _loops_a_second() -> float:
    """Return how fast this machine is now: passes of a plain loop in a CPU second."""
    count, total = 200_000, 0
    began = time.process_time()
    for number in range(count):
        total += number & 7
    return count / (time.process_time() - began)


class Lives:
    """A core whose requests are answered at once, with everything filled. ``record`` gets what it records."""

    def __init__(self, record: Callable[[Record, Book], None] = lambda _, __: None) -> None:
        self._record = record
        self._core = Core(Book("simulated:1", "bench"))
        self._time = 1_700_000_000.0
        self._inputs = 0
        self._spent = 0.0
        self._order_ids = 0
        self._cancel_id = ""
        self._totals = {"USDT": _BALANCE}
        self._give(OwnerSeen("bench"))
        self._give(SettingsSeen(TraderSettings(symbols=_SYMBOLS, cooldown=0.0, max_positions=1_000)))
        self._give(StreamUp())
        self._refresh()
        for name in _SYMBOLS:
            # As if read: a hundred symbols take a hundred seconds.
            self._core.situation.lane(name).commission = _FEE

    def _refresh(self) -> None:
        well = HealthReport("ok", self._time)
        self._give(HealthSeen(well, well, well))
        quote = Quote(_PRICE, _PRICE, _PRICE, self._time)
        self._give(QuotesSeen(dict.fromkeys(_SYMBOLS, quote)))

    def idle_ticks_a_second(self, count: int) -> float:
        """Return how many ticks without anything due pass in a CPU second."""
        tick, moment, step = Tick(), Moment(self._time, self._core.next_due - 1), self._core.step
        began = time.process_time()
        for _ in range(count):
            step(tick, moment)
        return count / (time.process_time() - began)

    def inputs_a_second(self, lives: int) -> float:
        """Return how many inputs of entries by list and exits by replacement pass in a CPU second."""
        self._inputs, self._spent = 0, 0.0
        for number in range(lives):
            self._time += 1.0
            self._refresh()
            symbol = _SYMBOLS[number % len(_SYMBOLS)]
            for side in ("BUY", "SELL"):
                stop, target = (D(98), D(104)) if side == "BUY" else (D(104), D(98))
                closed = int(self._time * 1000) - 1
                signal = TradeSignal(symbol, side, _PRICE, stop, target, 0.5, "bench", "1s", closed)
                self._give(SignalSeen(signal))
                self._time += 0.01
        if self._core.book.positions:
            raise ValueError(f"positions left open: {sorted(self._core.book.positions)}")
        return self._inputs / self._spent

    def _give(self, event: Input) -> None:
        waiting = [event]
        while waiting:
            moment = Moment(self._time, self._time)
            event = waiting.pop(0)
            began = time.process_time_ns()
            effects = self._core.step(event, moment)
            self._spent += (time.process_time_ns() - began) / 1e9
            self._inputs += 1
            for effect in effects:
                waiting += self._answer(effect)

    def _answer(self, effect: Effect) -> list[Input]:
        if isinstance(effect, Record):
            self._record(effect, self._core.book)
            return []
        value: object
        match effect:
            case FetchRules():
                value = ExchangeInfo(int(self._time * 1000), (), {name: _rules(name) for name in effect.symbols}, {})
            case FetchAccount():
                value = AccountInfo(True, _FEE, _FEE, int(self._time * 1000), self._balances())
            case FetchOpenOrders() | FetchTrades():
                value = ()
            case FetchCommission():
                value = CommissionRates(effect.symbol, _RATES, _NO_RATES, _NO_RATES)
            case PlaceList(order_list=NewOtoco() as entry):
                value = self._bought(entry)
            case QueryOrder():
                known = self._core.book.orders[effect.client_order_id or ""]
                value = self._order(known.client_order_id, known.symbol, "SELL", known.quantity, "NEW")
            case ReplaceOrder():
                value = self._sold(effect)
            case _:
                return []
        return [Started(effect.number), *self._reports(value), Answered(effect.number, value)]  # type: ignore[arg-type]

    def _reports(self, value: object) -> list[Input]:
        """Return what the account stream says meanwhile."""
        orders: tuple[Order, ...] = ()
        match value:
            case OrderList():
                orders = value.reports
            case CancelReplaceResult(canceled=OrderList() as canceled, placed=Order() as placed):
                orders = *canceled.reports, placed
        events: list[UserEvent] = []
        for order in orders:
            status = "NEW" if order.status in ("FILLED", "PENDING_NEW") else order.status
            # A cancel is told with the id of its request.
            asked = self._cancel_id if status == "CANCELED" else order.client_order_id
            events.append(_report(order, status, None, asked))
            events += [_report(order, order.status, fill, asked) for fill in order.fills]
            self._settle(order)
        if orders:
            now = int(self._time * 1000)
            events.append(AccountPosition(now, now, tuple(self._balances().values())))
        return [Reported(event) for event in events]

    def _balances(self) -> dict[str, Balance]:
        return {asset: Balance(asset, total, D(0)) for asset, total in self._totals.items()}

    def _settle(self, order: Order) -> None:
        """Move the balances by what was filled: the exchange tells them as they are after a trade."""
        base, sign = order.symbol[:-4], 1 if order.side == "BUY" else -1
        for fill in order.fills:
            self._totals[base] = self._totals.get(base, D(0)) + sign * fill.quantity
            self._totals["USDT"] -= sign * fill.quantity * fill.price
            self._totals[fill.commission_asset] -= fill.commission

    def _bought(self, entry: NewOtoco) -> OrderList:
        working, quantity = entry.working, entry.working.quantity
        assert quantity is not None
        buy = self._order(working.client_order_id, working.symbol, "BUY", quantity, "FILLED", base=working.symbol[:-4])
        legs = [
            self._order(leg.client_order_id, working.symbol, "SELL", entry.pending_quantity, "PENDING_NEW")
            for leg in (entry.below, entry.above)
        ]
        return OrderList(1, entry.list_client_order_id, working.symbol, "OTO", "", "EXECUTING", 0, (), (buy, *legs))

    def _sold(self, request: ReplaceOrder) -> object:
        new, book = request.replace.new, self._core.book
        assert new.quantity is not None
        stop, self._cancel_id = book.orders[request.replace.canceled_client_order_id], request.replace.cancel_id or ""
        legs = [
            order for order in book.orders_of(new.symbol) if order.list_client_order_id == stop.list_client_order_id
        ]
        canceled = tuple(
            self._order(leg.client_order_id, new.symbol, "SELL", leg.quantity, "CANCELED")
            for leg in legs
            if leg.side == "SELL"
        )
        name = stop.list_client_order_id or ""
        ended = OrderList(1, name, new.symbol, "OTO", "", "ALL_DONE", 0, (), canceled)
        sale = self._order(new.client_order_id, new.symbol, "SELL", new.quantity, "FILLED", base="USDT")
        return CancelReplaceResult("SUCCESS", "SUCCESS", ended, sale)

    def _order(
        self, name: str, symbol: str, side: str, quantity: Decimal, status: str, base: str | None = None
    ) -> Order:
        known = self._core.book.orders[name]
        if known.order_id is not None:
            order_id = known.order_id
        else:
            self._order_ids += 1
            order_id = self._order_ids
        fee = quantity * _FEE * (_PRICE if base == "USDT" else 1)
        fills = () if base is None else (Fill(order_id, _PRICE, quantity, fee, base),)
        done = D(0) if base is None else quantity
        now = int(self._time * 1000)
        return Order(
            symbol, order_id, 1, name, side, known.order_type, status, "GTC", known.price or D(0), D(0), quantity, done,
            done * _PRICE, now, fills=fills,
        )  # fmt: skip


def _report(order: Order, status: str, fill: Fill | None, asked: str) -> ExecutionReport:
    zero, kind = D(0), "TRADE" if fill is not None else status
    return ExecutionReport(
        symbol=order.symbol, order_id=order.order_id, order_list_id=1, client_order_id=order.client_order_id,
        request_id=asked, side=order.side, type=order.type, execution_type=kind, status=status, reject_reason="NONE",
        expiry_reason="", price=order.price, stop_price=order.stop_price, quantity=order.quantity,
        executed_quantity=zero if fill is None else fill.quantity, quote_quantity=zero,
        last_quantity=zero if fill is None else fill.quantity, last_price=zero if fill is None else fill.price,
        last_quote_quantity=zero, commission=zero if fill is None else fill.commission,
        commission_asset="" if fill is None else fill.commission_asset,
        trade_id=-1 if fill is None else fill.trade_id, execution_id=0, is_maker=False,
        transaction_time=order.time, event_time=order.time,
    )  # fmt: skip


def _rules(symbol: str) -> SymbolRules:
    return SymbolRules(
        symbol=symbol, status="TRADING", base_asset=symbol[:-4], quote_asset="USDT", base_precision=8,
        quote_precision=8, tick_size=D("0.01"), step_size=D("0.001"), min_quantity=D("0.001"), min_notional=D(5),
        order_types=frozenset({"LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS"}),
    )  # fmt: skip
